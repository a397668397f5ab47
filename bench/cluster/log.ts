/**
 * What the log of a cluster costs, on this runtime: `log.ts ENGINE CLIENT [SECONDS] [TOPICS]`, where ENGINE
 * is redis or nats. One process appends and reads. Prints one line of JSON.
 */

import { connect } from "@nats-io/transport-node";
import { readFileSync } from "node:fs";
import process from "node:process";
import type { Broker } from "../../mod.ts";
import { natsBroker } from "../../nats.ts";
import { redisBroker } from "../../redis.ts";
import { NatsServer, RedisServer } from "../../tests/helpers/engines.ts";
import { REDIS_CLIENTS } from "../../tests/helpers/redis_clients.ts";
import { openLog } from "./open_log.ts";

const [engine = "redis", client = "node-redis", seconds = "3", topics = "50"] = process.argv
  .slice(2);
const MESSAGE = "x".repeat(200);
const UNDER_WAY = 1000;

await using server = engine === "nats"
  ? await NatsServer.run()
  : await RedisServer.run("--appendonly", "no");
const connection = engine === "nats" ? await connect({ servers: server.url }) : undefined;
const broker: Broker = connection === undefined
  ? redisBroker({ open: () => REDIS_CLIENTS[client]!(server.url) })
  : natsBroker({ connection });

const log = await openLog(broker);

/** The engine's CPU time, in µs. */
function engineCpu(): number {
  const fields = readFileSync(`/proc/${server.pid}/stat`, "utf8").split(
    ") ",
  )[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

/** Publishes for some seconds with so many under way. */
async function flood(underWay: number, ms: number) {
  let sent = 0;
  const began = performance.now();
  const cpu = process.cpuUsage();
  const engineBefore = engineCpu();
  const one = async () => {
    while (performance.now() - began < ms) {
      sent++;
      await log.publish(
        "publish",
        `t${sent % Number(topics)}`,
        MESSAGE,
        undefined,
      );
    }
  };
  await Promise.all(Array.from({ length: underWay }, one));
  const took = performance.now() - began;
  const { user, system } = process.cpuUsage(cpu);
  return {
    perSecond: Math.round(sent / took * 1000),
    cpu: Number(((user + system) / sent).toFixed(2)),
    engineCpu: Number(((engineCpu() - engineBefore) / sent).toFixed(2)),
  };
}

await flood(UNDER_WAY, 1000); // warm up
const ms = Number(seconds) * 1000;
const result = {
  runtime: "Bun" in globalThis ? "bun" : "deno",
  engine,
  client,
  many: await flood(UNDER_WAY, ms),
  one: await flood(1, ms),
};
console.log(JSON.stringify(result));
await log.close();
await broker.close();
await server[Symbol.asyncDispose]();
process.exit(0);

/**
 * What the log of a cluster costs, on this runtime: `log.ts ENGINE CLIENT [SECONDS] [TOPICS]`, where ENGINE
 * is redis or nats. One process appends and reads. Prints one line of JSON.
 */

import { connect } from "@nats-io/transport-node";
import { readFileSync } from "node:fs";
import process from "node:process";
import { createClient } from "@redis/client";
import { Redis } from "ioredis";
import { Log } from "../../cluster/log.ts";
import { systemClock } from "../../heartbeat.ts";
import type { Broker } from "../../mod.ts";
import { natsBroker } from "../../nats.ts";
import { redisBroker } from "../../redis.ts";
import { NatsServer, RedisServer } from "../../tests/helpers/engines.ts";
import { REDIS_CLIENTS } from "../../tests/helpers/redis_clients.ts";

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

let heard: (sentAt: number) => void = () => {};
const ready = Promise.withResolvers<void>();
const log = new Log<undefined, undefined>(broker, "bench", systemClock, {
  message(message) {
    if (message.kind === "message") heard(performance.now());
  },
  entry() {},
  ready: () => ready.resolve(),
  lost: (why) => console.error(`lost: ${why}`),
  state() {},
  fault: (error) => console.error(error.message),
});
log.open();
await ready.promise;

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

/** Publishes so many a second, each when it is due, and notes how long each takes to come back. */
async function paced(
  perSecond: number,
  ms: number,
  publish: (text: string) => void,
) {
  const times: number[] = [];
  const due: number[] = [];
  heard = (at) => times.push(at - due[times.length]!);
  const began = performance.now();
  const total = perSecond * ms / 1000;
  await new Promise<void>((resolve) => {
    const tick = () => {
      while (
        due.length < total &&
        performance.now() >= began + due.length * 1000 / perSecond
      ) {
        due.push(performance.now());
        publish(MESSAGE);
      }
      if (due.length < total) setTimeout(tick, 1);
      else setTimeout(resolve, 500);
    };
    tick();
  });
  heard = () => {};
  times.sort((a, b) => a - b);
  const at = (part: number) => Number(times[Math.floor(times.length * part)]?.toFixed(2));
  return { heard: times.length, of: total, p50: at(0.5), p99: at(0.99) };
}

/** The same client's pub/sub. */
async function pubSub(): Promise<((text: string) => void) | undefined> {
  if (connection !== undefined) {
    connection.subscribe("bench", { callback: () => heard(performance.now()) });
    await connection.flush();
    return (text) => connection.publish("bench", text);
  }
  if (client === "node-redis") {
    const [publisher, subscriber] = [
      createClient({ url: server.url }),
      createClient({ url: server.url }),
    ];
    for (const one of [publisher, subscriber]) one.on("error", () => {}); // Redis ends first
    await Promise.all([publisher.connect(), subscriber.connect()]);
    await subscriber.subscribe("bench", () => heard(performance.now()));
    return (text) => void publisher.publish("bench", text);
  }
  if (client === "ioredis") {
    const [publisher, subscriber] = [
      new Redis(server.url),
      new Redis(server.url),
    ];
    for (const one of [publisher, subscriber]) one.on("error", () => {});
    await subscriber.subscribe("bench");
    subscriber.on("message", () => heard(performance.now()));
    return (text) => void publisher.publish("bench", text);
  }
  return undefined;
}

await flood(UNDER_WAY, 1000); // warm up
const ms = Number(seconds) * 1000;
const result = {
  runtime: "Bun" in globalThis ? "bun" : "deno",
  engine,
  client,
  many: await flood(UNDER_WAY, ms),
  one: await flood(1, ms),
  log: await paced(
    500,
    ms,
    (text) => void log.publish("publish", "t", text, undefined),
  ),
  pubSub: await pubSub().then((publish) => publish && paced(500, ms, publish)),
};
console.log(JSON.stringify(result));
await log.close();
await broker.close();
await server[Symbol.asyncDispose]();
process.exit(0);

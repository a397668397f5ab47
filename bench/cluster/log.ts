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

/** How long a slice is in which one way is measured before the next one has its turn, in ms. */
const SLICE_MS = 200;

type Publish = (text: string) => void;

/** Publishes so many a second for a slice, each when it is due, and notes how long each takes to come back. */
async function paced(perSecond: number, publish: Publish, times: number[]): Promise<void> {
  const total = perSecond * SLICE_MS / 1000;
  const due: number[] = [];
  let [back, sent] = [0, false];
  const done = Promise.withResolvers<void>();
  heard = (at) => {
    times.push(at - due[back++]!);
    if (sent && back === due.length) done.resolve();
  };
  const began = performance.now();
  const tick = () => {
    while (due.length < total && performance.now() >= began + due.length * 1000 / perSecond) {
      due.push(performance.now());
      sent = due.length === total;
      publish(MESSAGE);
    }
    if (!sent) setTimeout(tick, 1);
  };
  tick();
  await done.promise;
  heard = () => {};
}

/**
 * The log and pub/sub by turns, so that what else the machine does befalls both. Of the percentiles of all
 * slices it is the one in the middle that counts: a machine that stands still for a moment spoils one slice.
 */
async function beside(perSecond: number, ms: number, ways: Record<string, Publish | undefined>) {
  const all = Object.entries(ways).flatMap(([name, publish]) =>
    publish === undefined ? [] : [{ name, publish, slices: [] as number[][] }]
  );
  for (const end = performance.now() + ms * all.length; performance.now() < end; all.reverse()) {
    for (const { publish, slices } of all) {
      const times: number[] = [];
      await paced(perSecond, publish, times);
      slices.push(times.sort((a, b) => a - b));
    }
  }
  return Object.fromEntries(all.map(({ name, slices }) => {
    const at = (part: number) => {
      const each = slices.map((times) => times[Math.floor(times.length * part)]!);
      return Number(each.sort((a, b) => a - b)[each.length >> 1]!.toFixed(2));
    };
    return [name, { slices: slices.length, p50: at(0.5), p98: at(0.98) }];
  }));
}

/** The same client's pub/sub. */
async function pubSub(): Promise<Publish | undefined> {
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
  const Own = (globalThis as { Bun?: { RedisClient: new (url: string) => OwnClient } }).Bun
    ?.RedisClient;
  if (client !== "Bun's own" || Own === undefined) return undefined;
  const [publisher, subscriber] = [new Own(server.url), new Own(server.url)];
  await subscriber.subscribe("bench", () => heard(performance.now()));
  return (text) => void publisher.publish("bench", text);
}

/** What is used of Bun's own client. */
interface OwnClient {
  publish(channel: string, text: string): Promise<unknown>;
  subscribe(channel: string, listener: () => void): Promise<unknown>;
}

await flood(UNDER_WAY, 1000); // warm up
const ms = Number(seconds) * 1000;
const result = {
  runtime: "Bun" in globalThis ? "bun" : "deno",
  engine,
  client,
  many: await flood(UNDER_WAY, ms),
  one: await flood(1, ms),
  ...await beside(500, ms, {
    log: (text) => void log.publish("publish", "t", text, undefined),
    pubSub: await pubSub(),
  }),
};
console.log(JSON.stringify(result));
await log.close();
await broker.close();
await server[Symbol.asyncDispose]();
process.exit(0);

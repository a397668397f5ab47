/**
 * How long messages take through the log and through the same client's pub/sub, by turns:
 * `latency.ts ENGINE CLIENT [ROUNDS] [RATE]`, where ENGINE is redis or nats. One process publishes and hears.
 * Prints one line of JSON: of each percentile of a round, in ms, the quartiles over the rounds.
 */

import { connect } from "@nats-io/transport-node";
import process from "node:process";
import { createClient } from "@redis/client";
import { Redis } from "ioredis";
import { natsBroker } from "../../nats.ts";
import { redisBroker } from "../../redis.ts";
import { NatsServer, RedisServer } from "../../tests/helpers/engines.ts";
import { REDIS_CLIENTS } from "../../tests/helpers/redis_clients.ts";
import { openLog } from "./open_log.ts";

const [engine = "redis", client = "node-redis", rounds = "20", rate = "500"] = process.argv
  .slice(2);
const MESSAGE = "x".repeat(200);

/** A round has so many slices of each way, by turns, so that what else the machine does befalls both. */
const SLICES = 20;
const SLICE_MS = 250;
/** Rounds that are not counted. */
const WARM_UP = 2;
const PARTS = { p50: 0.5, p95: 0.95, p99: 0.99, "p99.9": 0.999 };

await using server = engine === "nats"
  ? await NatsServer.run()
  : await RedisServer.run("--appendonly", "no");
const connection = engine === "nats" ? await connect({ servers: server.url }) : undefined;

let heard: (at: number) => void = () => {};

type Publish = (text: string) => void;

const ways: Record<string, Publish | undefined> = {
  log: await theLog(),
  pubSub: await pubSub(),
};
const all = Object.entries(ways).flatMap(([name, publish]) =>
  publish === undefined ? [] : [{ name, publish, rounds: [] as number[][] }]
);
for (const { publish } of all) await warmUp(publish);
for (let round = -WARM_UP; round < Number(rounds); round++) {
  const times = new Map(all.map(({ name }) => [name, [] as number[]]));
  for (let slice = 0; slice < SLICES; slice++, all.reverse()) {
    for (const { name, publish } of all) await paced(publish, times.get(name)!);
  }
  if (round < 0) continue;
  for (const way of all) {
    const sorted = times.get(way.name)!.sort((a, b) => a - b);
    way.rounds.push(
      Object.values(PARTS).map((part) => sorted[Math.floor(sorted.length * part)]!),
    );
  }
}
console.log(JSON.stringify({
  runtime: "Bun" in globalThis ? "bun" : "deno",
  engine,
  client,
  rounds: Number(rounds),
  ...Object.fromEntries(all.map((way) => [
    way.name,
    Object.fromEntries(
      Object.keys(PARTS).map((
        name,
        at,
      ) => [name, quartiles(way.rounds.map((one) => one[at]!))]),
    ),
  ])),
}));
process.exit(0);

function quartiles(values: number[]): number[] {
  const sorted = values.sort((a, b) => a - b);
  return [0.25, 0.5, 0.75].map((part) =>
    Number(sorted[Math.floor(sorted.length * part)]!.toFixed(3))
  );
}

/** As many messages as a server has after some minutes: until then a runtime goes on compiling. */
async function warmUp(publish: Publish): Promise<void> {
  for (let n = 0; n < 30_000; n++) {
    const back = Promise.withResolvers<void>();
    heard = () => back.resolve();
    publish(MESSAGE);
    await back.promise;
  }
}

/** Publishes for a slice, each message when it is due, and notes how long each takes to come back. */
async function paced(publish: Publish, times: number[]): Promise<void> {
  const total = Number(rate) * SLICE_MS / 1000;
  const sentAt: number[] = [];
  let back = 0;
  const done = Promise.withResolvers<void>();
  heard = (at) => {
    times.push(at - sentAt[back++]!);
    if (back >= total) done.resolve();
  };
  const began = performance.now();
  const tick = () => {
    while (
      sentAt.length < total &&
      performance.now() >= began + sentAt.length * 1000 / Number(rate)
    ) {
      sentAt.push(performance.now());
      publish(MESSAGE);
    }
    if (sentAt.length < total) setTimeout(tick, 1);
  };
  tick();
  await done.promise;
  heard = () => {};
}

async function theLog(): Promise<Publish> {
  const broker = connection === undefined
    ? redisBroker({ open: () => REDIS_CLIENTS[client]!(server.url) })
    : natsBroker({ connection });
  const log = await openLog(broker, () => heard(performance.now()));
  return (text) => void log.publish("publish", "t", text, undefined);
}

/** The same client's pub/sub. */
async function pubSub(): Promise<Publish | undefined> {
  if (connection !== undefined) {
    connection.subscribe("bench", { callback: () => heard(performance.now()) });
    await connection.flush();
    return (text) => connection.publish("bench", text);
  }
  if (client === "node-redis") {
    const options = { url: server.url, commandOptions: { timeout: 0 } };
    const [publisher, subscriber] = [
      createClient(options),
      createClient(options),
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
  const Own = (globalThis as { Bun?: { RedisClient: new (url: string) => OwnClient } })
    .Bun
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

/**
 * How long messages take through the log, through the same client's pub/sub, and on Redis by XADD and XREAD alone ("bare"),
 * by turns:
 * `latency.ts ENGINE CLIENT [ROUNDS] [RATE]`, where ENGINE is redis or nats. One process publishes; it hears
 * what it publishes ("here"), and so does another, which does nothing else ("elsewhere"). Prints one line of JSON:
 * of each percentile of a round, in ms, the quartiles over the rounds.
 */

import { connect } from "@nats-io/transport-node";
import { spawn } from "node:child_process";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { createClient } from "@redis/client";
import { Redis } from "ioredis";
import { readReply } from "../../cluster/brokers/redis_rows.ts";
import { natsBroker } from "../../nats.ts";
import { redisBroker } from "../../redis.ts";
import { NatsServer, RedisServer } from "../../tests/helpers/engines.ts";
import { connectTo, REDIS_CLIENTS } from "../../tests/helpers/redis_clients.ts";
import { openLog } from "./open_log.ts";

const [engine = "redis", client = "node-redis", rounds = "20", rate = "500", other] = process.argv
  .slice(2);

/** A round has so many slices of each way, by turns, so that what else the machine does befalls both. */
const SLICES = 20;
const SLICE_MS = 250;
const PER_SLICE = Math.round(Number(rate) * SLICE_MS / 1000);
/** Rounds that are not counted. */
const WARM_UP = 2;
/** As many messages as a server has after some minutes: until then a runtime goes on compiling. */
const WARM_UP_MESSAGES = 30_000;
const PARTS = { p50: 0.5, p95: 0.95, p99: 0.99, "p99.9": 0.999 };

/** How long each message took to be heard, in ms. */
class Times {
  all: number[] = [];
  heard: () => void = () => {};

  note(text: string): void {
    this.all.push(now() - Number.parseFloat(text));
    this.heard();
  }

  /** Waits until there are so many; starts anew. */
  async take(count: number): Promise<number[]> {
    while (this.all.length < count) {
      await new Promise<void>((resolve) => this.heard = resolve);
    }
    return this.all.splice(0);
  }
}

/** Publishes, and hears. */
interface Way {
  publish: (text: string) => void;
  times: Times;
}

if (other === undefined) await measure(); // its engine has ended with it
else await hear(other);
process.exit(0);

/** Milliseconds; the same in all processes of one machine. */
function now(): number {
  return performance.timeOrigin + performance.now();
}

/** A message of 200 characters, which says when it was published. */
function message(): string {
  return String(now()).padEnd(200, " x");
}

async function measure(): Promise<void> {
  await using server = engine === "nats"
    ? await NatsServer.run()
    : await RedisServer.run("--appendonly", "no");
  const ways = Object.entries(await open(server.url));
  const child = spawn(process.execPath, [
    ...("Bun" in globalThis ? [] : ["run", "-A", "--import-map", "tests/std/import_map.json"]),
    ...[fileURLToPath(import.meta.url), engine, client, rounds, rate, server.url],
  ], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  await lines.next(); // it listens
  const results = ["here", "elsewhere"].flatMap((where) =>
    ways.map(([name]) => ({ where, name, rounds: [] as number[][] }))
  );
  for (const [, { publish, times }] of ways) {
    for (let n = 1; n <= WARM_UP_MESSAGES; n++) {
      publish(message());
      while (times.all.length < n) await new Promise<void>((resolve) => times.heard = resolve);
    }
  }
  for (let round = -WARM_UP - 1; round < Number(rounds); round++) {
    const isPaced = round >= -WARM_UP;
    for (let slice = 0; isPaced && slice < SLICES; slice++, ways.reverse()) {
      for (const [, { publish, times }] of ways) await paced(publish, times);
    }
    const count = isPaced ? SLICES * PER_SLICE : WARM_UP_MESSAGES;
    child.stdin.write(`${count}\n`);
    const { value } = await lines.next();
    const elsewhere: Record<string, number[]> = JSON.parse(value!);
    for (const [name, { times }] of ways) {
      const both = { here: await times.take(count), elsewhere: elsewhere[name]! };
      for (const [where, all] of Object.entries(both)) {
        const sorted = all.sort((a, b) => a - b);
        const parts = Object.values(PARTS).map((part) => sorted[Math.floor(sorted.length * part)]!);
        const result = results.find((one) => one.name === name && one.where === where)!;
        if (round >= 0) result.rounds.push(parts);
      }
    }
  }
  child.kill("SIGKILL");
  const runtime = "Bun" in globalThis ? "bun" : "deno";
  const report: Record<string, unknown> = { runtime, engine, client, rounds: Number(rounds) };
  for (const { where, name, rounds } of results.sort((a, b) => a.name < b.name ? -1 : 1)) {
    const parts = Object.keys(PARTS).map((part, at) => [
      part,
      quartiles(rounds.map((one) => one[at]!)),
    ]);
    report[`${name} ${where}`] = Object.fromEntries(parts);
  }
  console.log(JSON.stringify(report));
}

/** The other process: tells what it has heard, when it is asked for so many of each way. */
async function hear(url: string): Promise<void> {
  const ways = Object.entries(await open(url));
  console.log("it listens");
  for await (const count of createInterface(process.stdin)) {
    const all = ways.map(async ([name, { times }]) => [name, await times.take(Number(count))]);
    console.log(JSON.stringify(Object.fromEntries(await Promise.all(all))));
  }
}

function quartiles(values: number[]): number[] {
  const sorted = values.sort((a, b) => a - b);
  return [0.25, 0.5, 0.75].map((part) =>
    Number(sorted[Math.floor(sorted.length * part)]!.toFixed(3))
  );
}

/** Publishes for a slice, each message when it is due, and waits until they have come back. */
async function paced(publish: Way["publish"], times: Times): Promise<void> {
  const until = times.all.length + PER_SLICE;
  const done = Promise.withResolvers<void>();
  times.heard = () => times.all.length >= until && done.resolve();
  const began = performance.now();
  let sent = 0;
  const tick = () => {
    for (; sent < PER_SLICE && performance.now() >= began + sent * 1000 / Number(rate); sent++) {
      publish(message());
    }
    if (sent < PER_SLICE) setTimeout(tick, 1);
  };
  tick();
  await done.promise;
}

/** The log, the same client's pub/sub, and a stream of Redis. */
async function open(url: string): Promise<Record<string, Way>> {
  const [logTimes, times, bareTimes] = [new Times(), new Times(), new Times()];
  const connection = engine === "nats" ? await connect({ servers: url }) : undefined;
  const broker = connection === undefined
    ? redisBroker({ open: () => REDIS_CLIENTS[client]!(url) })
    : natsBroker({ connection });
  const log = await openLog(broker, (text) => logTimes.note(text));
  return {
    log: { publish: (text) => void log.publish("publish", "t", text, undefined), times: logTimes },
    pubSub: { publish: await pubSub(url, connection, (text) => times.note(text)), times },
    ...(connection === undefined && {
      bare: { publish: bare(url, (text) => bareTimes.note(text)), times: bareTimes },
    }),
  };
}

/** What the log asks of Redis, asked by the same client. */
function bare(url: string, heard: (text: string) => void): Way["publish"] {
  const [writer, reader] = [1, 2].map(() => connectTo(url, REDIS_CLIENTS[client]));
  const read = async () => {
    for (let last = "$";;) {
      const args = ["COUNT", "1000", "BLOCK", "1000", "STREAMS", "bare", last];
      for (const { id, text } of readReply(await reader!.send("XREAD", args))) {
        last = id;
        heard(text);
      }
    }
  };
  read().catch(() => {}); // Redis ends first
  return (text) => void writer!.send("XADD", ["bare", "MAXLEN", "~", "100000", "*", "e", text]);
}

async function pubSub(
  url: string,
  connection: Awaited<ReturnType<typeof connect>> | undefined,
  heard: (text: string) => void,
): Promise<Way["publish"]> {
  if (connection !== undefined) {
    connection.subscribe("bench", { callback: (_, message) => heard(message.string()) });
    await connection.flush();
    return (text) => connection.publish("bench", text);
  }
  if (client === "node-redis") {
    const options = { url, commandOptions: { timeout: 0 } };
    const [publisher, subscriber] = [createClient(options), createClient(options)];
    for (const one of [publisher, subscriber]) one.on("error", () => {}); // Redis ends first
    await Promise.all([publisher.connect(), subscriber.connect()]);
    await subscriber.subscribe("bench", heard);
    return (text) => void publisher.publish("bench", text);
  }
  if (client === "ioredis") {
    const [publisher, subscriber] = [new Redis(url), new Redis(url)];
    for (const one of [publisher, subscriber]) one.on("error", () => {});
    await subscriber.subscribe("bench");
    subscriber.on("message", (_, text) => heard(text));
    return (text) => void publisher.publish("bench", text);
  }
  const { Bun } = globalThis as { Bun?: { RedisClient: new (url: string) => OwnClient } };
  const [publisher, subscriber] = [new Bun!.RedisClient(url), new Bun!.RedisClient(url)];
  await subscriber.subscribe("bench", heard);
  return (text) => void publisher.publish("bench", text);
}

/** What is used of Bun's own client. */
interface OwnClient {
  publish(channel: string, text: string): Promise<unknown>;
  subscribe(channel: string, listener: (text: string) => void): Promise<unknown>;
}

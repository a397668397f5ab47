/** When a log in Redis is read at once, and when several entries are read together. */

import { assert, assertEquals } from "@std/assert";
import { deadline } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { RedisReading } from "../../cluster/brokers/redis_reading.ts";
import type { Row } from "../../cluster/brokers/redis_rows.ts";
import { RedisStream } from "../../cluster/brokers/redis_stream.ts";
import { redisBroker } from "../../redis.ts";
import { insist } from "../helpers/broker_contract.ts";
import { RedisServer } from "../helpers/engines.ts";
import { LogReader } from "../helpers/log_reader.ts";
import { CLIENT, connectTo } from "../helpers/redis_clients.ts";

/** A broker that notes what becomes of its commands. */
function watched(url: string) {
  /** After how many answers to an append, and to a read, nothing was being read. */
  const pauses = { append: 0, read: 0 };
  let reading = 0;
  // A runtime may have several answers at hand before it goes on with any.
  const look = (what: keyof typeof pauses) => setTimeout(() => reading === 0 && pauses[what]++, 0);
  const broker = redisBroker({
    open() {
      const connection = connectTo(url);
      return {
        async send(command, args) {
          if (command === "XADD") {
            const reply = await connection.send(command, args);
            look("append");
            return reply;
          }
          reading++;
          try {
            return await connection.send(command, args);
          } finally {
            reading--;
            look("read");
          }
        },
        close: () => connection.close(),
      };
    },
  });
  return { broker, pauses };
}

/** Appends one entry after the other until the signal aborts. */
async function flood(url: string, signal: AbortSignal): Promise<void> {
  const broker = redisBroker({ open: () => CLIENT(url) });
  await using _reader = new LogReader(broker);
  while (!signal.aborted) await broker.append("of another");
  await broker.close();
}

describe("appending to a log in Redis", () => {
  it("waits until it is known that the stream is the one that is read", async () => {
    await using redis = await RedisServer.run();
    const mayRead = Promise.withResolvers<void>();
    let opened = 0;
    const broker = redisBroker({
      async open() {
        if (opened++ === 0) await mayRead.promise;
        return CLIENT(redis.url);
      },
    });
    await using reader = new LogReader(broker);
    const appending = insist(broker, "a");
    const other = redisBroker({ open: () => CLIENT(redis.url) });
    await using _other = await new LogReader(other).whenReady();
    assertEquals(opened, 1, "what appends has not even connected");
    mayRead.resolve();
    await appending;
    await reader.told("a");
    await Promise.all([broker.close(), other.close()]);
  });
});

describe("reading a log in Redis", () => {
  for (const others of [0, 2]) {
    it(`waits for nothing else where this node appends, beside ${others} others`, async () => {
      await using redis = await RedisServer.run();
      const { broker, pauses } = watched(redis.url);
      await using reader = await new LogReader(broker).whenReady();
      const ending = new AbortController();
      const floods = Array.from({ length: others }, () => flood(redis.url, ending.signal));
      for (let n = 0; n < 200; n++) {
        const told = new Promise<void>((resolve) => {
          reader.entry = (_, entry) => entry === `${n}` && resolve();
        });
        await Promise.all([broker.append(`${n}`), told]);
      }
      const { append } = pauses;
      ending.abort();
      await Promise.all(floods);
      assertEquals(append, 0);
      await broker.close();
    });
  }

  it("is put off while there is nothing of this node's own, and until there is", async () => {
    await using redis = await RedisServer.run();
    const connection = connectTo(redis.url);
    const stream = new RedisStream("k", () => connection, 1_000_000);
    const before = await stream.newest(connection);
    const gathers = (cursor: Row) =>
      deadline(Promise.resolve(stream.gather(60_000, cursor)), 20_000);

    redis.freeze(); // the append is under way
    const appending = stream.append(connection, "a");
    await gathers(before);
    redis.thaw();
    await appending;
    await gathers(before); // it is there, and was not read
    const cursor = await stream.newest(connection);
    assertEquals(cursor.text, "a");
    let isOver = false;
    const gathering = gathers(cursor).finally(() => isOver = true);
    await stream.newest(connection);
    assertEquals(isOver, false);
    await stream.append(connection, "b");
    await gathering;
    stream.rest();
    connection.close();
  });

  it("ends at once that is put off, with its reader", async () => {
    await using redis = await RedisServer.run();
    const connection = connectTo(redis.url);
    const stream = new RedisStream("k", () => CLIENT(redis.url), 1_000_000);
    const ending = new AbortController();
    const ready = Promise.withResolvers<void>();
    const reader = { entry() {}, ready: ready.resolve, lost() {}, state() {} };
    const reading = new RedisReading(stream, reader, ending.signal);
    const run = reading.run();
    await ready.promise;
    const gathering = stream.gather(60_000, await stream.newest(connection));
    ending.abort();
    await deadline(Promise.all([gathering, run]), 20_000);
    stream.rest();
    connection.close();
  });

  it("waits for more where others append in quick succession", async () => {
    await using redis = await RedisServer.run();
    const { broker, pauses } = watched(redis.url);
    await using reader = await new LogReader(broker).whenReady();
    const other = redisBroker({ open: () => CLIENT(redis.url) });
    await using _other = await new LogReader(other).whenReady();
    let appended = 0;
    // A busy machine may be slow for a while.
    for (const end = performance.now() + 60_000; performance.now() < end && pauses.read < 10;) {
      await other.append(`${appended++}`);
    }
    assert(pauses.read >= 10, `${appended} appended: ${JSON.stringify(pauses)}`);
    await reader.told(`${appended - 1}`);
    assertEquals(reader.entries, Array.from({ length: appended }, (_, n) => `${n}`));
    await Promise.all([broker.close(), other.close()]);
  });
});

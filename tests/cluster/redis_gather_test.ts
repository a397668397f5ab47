/** When a log in Redis is read at once, and when several entries are read together. */

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { redisBroker } from "../../redis.ts";
import { RedisServer } from "../helpers/engines.ts";
import { LogReader } from "../helpers/log_reader.ts";
import { HERE } from "../helpers/programs.ts";
import { REDIS_CLIENTS } from "../helpers/redis_clients.ts";

const CLIENT = REDIS_CLIENTS[HERE === "bun" ? "Bun's own" : "node-redis"]!;

/** A broker that notes what becomes of its commands. */
function watched(url: string) {
  /** After how many answers to an append, and to a read, nothing was being read. */
  const pauses = { append: 0, read: 0 };
  let reading = 0;
  // A runtime may have several answers at hand before it goes on with any.
  const look = (what: keyof typeof pauses) => setTimeout(() => reading === 0 && pauses[what]++, 0);
  const broker = redisBroker({
    async open() {
      const connection = await CLIENT(url);
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

  it("waits for more where others append in quick succession", async () => {
    await using redis = await RedisServer.run();
    const { broker, pauses } = watched(redis.url);
    await using reader = await new LogReader(broker).whenReady();
    const other = redisBroker({ open: () => CLIENT(redis.url) });
    await using _other = await new LogReader(other).whenReady();
    let appended = 0;
    // A busy machine may be slow for a while.
    for (const end = performance.now() + 20_000; performance.now() < end && pauses.read < 10;) {
      await other.append(`${appended++}`);
    }
    assert(pauses.read >= 10, `${appended} appended: ${JSON.stringify(pauses)}`);
    await reader.told(`${appended - 1}`);
    assertEquals(reader.entries, Array.from({ length: appended }, (_, n) => `${n}`));
    await Promise.all([broker.close(), other.close()]);
  });
});

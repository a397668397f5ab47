/** What a reader of a log in Redis makes of a stream that has changed while it waited. The server is in memory. */

import { assertEquals, assertGreater, assertMatch, assertRejects } from "@std/assert";
import { delay } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { redisBroker } from "../../redis.ts";
import { LogReader } from "../helpers/log_reader.ts";
import { until } from "../helpers/until.ts";
import { redisLog } from "../helpers/scripted_log.ts";
import { ScriptedRedis, type StreamRow } from "../helpers/scripted_redis.ts";

/** How long a read waits until what it read last is compared again, in ms: more than that. */
const IDLE_MS = 60;

/** A stream with three entries, all of which are read. */
async function world() {
  const log = await redisLog();
  const { broker, reader, redis } = log;
  for (const entry of ["a", "b", "c"]) await broker.append(entry);
  await reader.told("c");
  await until("it waits", () => redis.isRead);
  reader.log.length = 0;
  return log;
}

/** The newest row, with another text or at another place. */
const withText = ([id, [name]]: StreamRow, text: string): StreamRow => [id, [name, text]];
const moved = ([id, fields]: StreamRow, by: number): StreamRow => {
  const [ms, offset] = id.split("-").map(Number) as [number, number];
  return [`${ms}-${offset + by}`, fields];
};

describe("a stream of Redis that is another after a while in which nothing came", () => {
  const forked = (...entries: string[]) => ["<lost: forked>", ...entries];
  const cases: [name: string, change: (rows: StreamRow[]) => StreamRow[], told: string[]][] = [
    ["is not, where nothing has changed", (rows) => rows, ["next"]],
    ["has another newest entry in the same place", (rows) => [
      ...[...rows.slice(0, -1), withText(rows.at(-1)!, "other")],
    ], forked("a", "b", "other", "next")],
    ["has lost its newest entry", (rows) => rows.slice(0, -1), forked("a", "b", "next")],
    ["has lost all but its beginning", (rows) => rows.slice(0, 1), forked("next")],
    ["has lost all", () => [], ["<lost: gone>", "next"]],
    ["has another entry in the middle alone, which nobody reads again", (rows) => [
      ...[rows[0]!, withText(rows[1]!, "other"), ...rows.slice(2)],
    ], ["next"]],
    ["has lost its oldest entries, as it was trimmed", (rows) => rows.slice(-1), ["next"]],
    ["has another epoch with nothing of the one before", (rows) => [
      [`${Number(rows[0]![0].split("-")[0]) + 1}-0`, ["epoch", "gone"]],
    ], ["<lost: gone>", "next"]],
    ["has one more, which is read", (rows) => [
      ...[...rows, withText(moved(rows.at(-1)!, 1), "more")],
    ], ["more", "next"]],
    ["has one more behind a gap", (rows) => [
      ...[...rows, withText(moved(rows.at(-1)!, 3), "more")],
    ], ["<lost: trimmed>", "more", "next"]],
  ];
  for (const [name, change, told] of cases) {
    it(name, async () => {
      const { redis, broker, reader, end } = await world();
      await delay(IDLE_MS);
      redis.rows = change([...redis.rows]);
      redis.wake();
      // The next that is appended, once it was looked: nothing is lost on the way.
      await until("it has looked", () => redis.isRead && told.length - 1 <= reader.log.length);
      await broker.append("next");
      await reader.told("next");
      assertEquals([reader.log, reader.states], [told, [true]]);
      // An epoch is begun by who finds a fork, and by nobody else.
      const forks = redis.rows.filter(([, [kind, why]]) => kind === "epoch" && why === "forked");
      assertEquals(forks.length, told.includes("<lost: forked>") ? 1 : 0);
      // After a fork the epoch that was is told once more, and the next one follows it.
      if (!told.includes("<lost: forked>")) assertEquals(reader.unsaid, undefined);
      await end();
    });
  }
});

describe("how long a stream of Redis may be", () => {
  /** The limit that the last append has named. */
  const limitOf = (redis: ScriptedRedis) => {
    const command = redis.asked.findLast((asked) => asked.startsWith("XADD NOMKSTREAM"))!;
    return Number(/MAXLEN ~ (\d+) /.exec(command)![1]);
  };
  /** The limits that appends of entries of these sizes name, each of which is read before the next. */
  const limitsOf = async (maxBytes: number | undefined, sizes: number[], fill = ".") => {
    const { redis, broker, reader, end } = await redisLog({}, { maxBytes });
    const limits: number[] = [];
    for (const [n, size] of sizes.entries()) {
      const entry = `${n}`.padEnd(size, fill);
      await broker.append(entry);
      await reader.told(entry);
      limits.push(limitOf(redis));
    }
    await end();
    return limits;
  };

  it("is by bytes, of which a character may have three, of long entries more or less", async () => {
    for (const [characters, least, most] of [[300, 1000, 1003], [30_000, 11, 12]] as const) {
      const limits = await limitsOf(1_000_000, [characters, characters, characters], "中");
      const limit = limits.at(-1)!;
      assertEquals(limit >= least && limit <= most, true, `${limit}`);
    }
  });

  const cases: [maxBytes: number | undefined, characters: number, before: number, after: number][] =
    [
      [undefined, 924, 59_705, 65_536],
      [100_000, 900, 88, 100],
      [100_000, 400, 88, 200],
      [10_000, 20_000, 8, 1],
      [1, 900, 1, 1],
    ];
  for (const [maxBytes, characters, before, after] of cases) {
    it(`is ${maxBytes ?? "64 MiB"} by entries of ${characters} characters, and one at the least`, async () => {
      const limits = await limitsOf(maxBytes, [characters, characters, characters]);
      assertEquals([limits[0], limits.at(-1)], [before, after]);
    });
  }

  it("is by the last 256 entries alone", async () => {
    const sizes = [...Array<number>(260).fill(9900), ...Array<number>(257).fill(900)];
    const limits = await limitsOf(100_000, sizes);
    assertEquals([limits[259], limits.at(-1)], [10, 100]);
  });

  it("is by the last 256 entries alone, of characters with three bytes as well", async () => {
    const limits = await limitsOf(1_000_000, Array<number>(300).fill(300), "中");
    const limit = limits.at(-1)!;
    assertEquals(limit >= 1000 && limit <= 1010, true, `${limit}`);
  });
});

describe("the connections of a log in Redis that is closed", () => {
  for (const reads of [true, false]) {
    it(`are closed with it, though an append has no answer: ${reads ? "read" : "not read"}`, async () => {
      const redis = new ScriptedRedis();
      const open = () => {
        const { send, close } = redis.open();
        return {
          send: (command: string, args: string[]) =>
            command === "XADD" && args.includes("NOMKSTREAM")
              ? send("XREAD", [
                ...args.slice(0, 1),
                "COUNT",
                "1",
                "BLOCK",
                "9000",
                "",
                "9999999999999-0",
              ])
              : send(command, args),
          close,
        };
      };
      const broker = redisBroker({ open });
      const reader = reads ? await new LogReader(broker).whenReady() : undefined;
      const append = broker.append("a").then(() => "in", () => "failed");
      await until("it is under way", () => redis.connections === (reads ? 2 : 1));
      await delay(5);
      const closed = broker.close();
      redis.wake();
      await closed;
      assertEquals(redis.connections, 0);
      await reader?.end();
      assertEquals(await append, "failed");
    });
  }
});

it("a log in Redis is closed when those who read it have ended, however long a client takes to let go", async () => {
  const redis = new ScriptedRedis();
  let hasLetGo = false;
  const open = () => {
    const { send, close } = redis.open();
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => {});
    const letGo = () => {
      hasLetGo = true;
      reject(new Error("closed"));
    };
    return {
      send: (command: string, args: string[]) =>
        command === "XREAD" ? promise : send(command, args),
      close: () => {
        close();
        setTimeout(letGo, 20);
      },
    };
  };
  const broker = redisBroker({ open });
  const reader = new LogReader(broker);
  await until("it is read", () => reader.states.length === 1);
  await broker.close();
  assertEquals(hasLetGo, true);
  await reader.ended;
});

describe("a key of Redis that another shares", () => {
  it("is that of the page unless told otherwise", async () => {
    const keys = new Set<string>();
    const redis = new ScriptedRedis();
    const open = () => {
      const { send, close } = redis.open();
      return {
        send(command: string, args: string[]) {
          keys.add(command === "XREAD" ? args.at(-2)! : args[0]!);
          return send(command, args);
        },
        close,
      };
    };
    for (const [key, expected] of [[undefined, "netkit:log"], ["mine", "mine"]] as const) {
      const broker = redisBroker({ open, key });
      keys.clear();
      await broker.append("a");
      await new LogReader(broker).whenReady().then((reader) => {
        const ended = reader.end();
        redis.wake();
        return ended;
      });
      await broker.close();
      assertEquals([...keys], [expected]);
    }
  });
});

describe("a stream of Redis", () => {
  it("is read in smaller parts where a large one does not come in time", async () => {
    const redis = new ScriptedRedis();
    const names = Array.from({ length: 400 }, (_, n) => `${n}`);
    redis.rows = names.map((
      name,
      n,
    ) => [`1000-${n}`, n === 0 ? ["epoch", "gone"] : ["e1000", name]]);
    const asked: number[] = [];
    const { open } = redis;
    const broker = redisBroker({
      open: () => {
        const { send, close } = open();
        const slow = async (args: string[]) => {
          const count = Number(args[1]);
          const { rows } = redis;
          asked.push(count);
          const [, offset] = args.at(-1)!.split("-").map(Number);
          const part = rows.slice(args.at(-1) === "0-0" ? 0 : offset! + 1).slice(0, count);
          if (part.length === 0) return await send("XREAD", args);
          await delay(10 * part.length); // 4 s for all of it
          return [["netkit:log", part]];
        };
        return {
          send: (command, args) => command === "XREAD" ? slow(args) : send(command, args),
          close,
        };
      },
    });
    const reader = await new LogReader(broker).whenReady();
    assertEquals(reader.entries, names.slice(1));
    assertEquals(reader.causes[0], "no answer to XREAD within 3000 ms");
    assertEquals(asked.slice(0, 2), [1000, 125]);
    // What comes quickly may be more again.
    const least = Math.min(...asked);
    for (let n = 0; n < 100 && asked.at(-1)! <= least; n++) await broker.append(`more ${n}`);
    assertGreater(asked.at(-1)!, least);
    await reader.end();
    await broker.close();
  });

  it("has taken nothing where the answer is no id, but an error, say", async () => {
    const { redis, broker, reader, end } = await redisLog();
    const answers: unknown[] = [new Error("OOM command not allowed"), undefined, "OK"];
    const { open } = redis;
    for (const answer of answers) {
      const other = redisBroker({
        open: () => {
          const connection = open();
          const send = async (command: string, args: string[]) =>
            command === "XADD" ? answer : await connection.send(command, args);
          return { send, close: () => connection.close() };
        },
      });
      const error = await assertRejects(() => other.append("a"), Error, "no id");
      assertMatch(error.message, /OOM|undefined|OK/);
      await other.close();
    }
    await broker.append("b");
    await reader.told("b");
    assertEquals(redis.entries, ["b"]);
    await end();
  });
});

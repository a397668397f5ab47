/** What a log in Redis asks of a server, and what it makes of its answers. The server is in memory. */

import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { isBefore, readId, readRows, type Row } from "../../cluster/brokers/redis_rows.ts";
import { RedisStream } from "../../cluster/brokers/redis_stream.ts";
import { redisBroker } from "../../redis.ts";
import type { LogReader } from "../helpers/log_reader.ts";
import { until } from "../helpers/until.ts";
import { redisLog } from "../helpers/scripted_log.ts";
import { ScriptedRedis, type StreamRow } from "../helpers/scripted_redis.ts";

/** The places that were told: how far behind the first, and what. */
const toldOf = ({ positions, entries }: LogReader) =>
  positions.map(({ epoch, offset }, at) => `${epoch}-${offset} ${entries[at]}`);

describe("a stream of Redis", () => {
  it("is begun where there is none, appended to, and read on from what was read", async () => {
    const { redis, broker, reader, end } = await redisLog();
    await broker.append("a");
    await reader.told("a");
    await until("it waits", () => redis.isRead);
    const [[id]] = redis.rows as [StreamRow];
    const epoch = id.slice(0, -2);
    assertMatch(id, /^\d{13}-0$/);
    assertEquals(Math.abs(Number(epoch) - Date.now()) < 60_000, true);
    const block = "1000 BLOCK 1000 STREAMS";
    // On a busy machine reading takes long enough for the last row to be looked at again.
    assertEquals(redis.asked.filter((asked) => !asked.startsWith("XRANGE")), [
      "XREVRANGE + - COUNT 1",
      `XADD ${epoch}-0 epoch gone`,
      "XREVRANGE + - COUNT 1",
      `XREAD ${block} netkit:log 0-0`,
      `XREAD ${block} netkit:log ${epoch}-0`,
      `XADD NOMKSTREAM MAXLEN ~ 59705 ${epoch}-* e${epoch} a`,
      `XREAD ${block} netkit:log ${epoch}-1`,
    ]);
    await end();
  });

  it("is read by its places, also by who comes later", async () => {
    const { redis, broker, reader, end } = await redisLog({
      rows: [
        ["1000-0", ["epoch", "gone"]],
        ["1000-1", ["e1000", "a"]],
        ["1000-2", ["e1000", "b"]],
      ],
    });
    assertEquals([reader.log, reader.states], [["a", "b", "<ready>"], [true]]);
    await broker.append("c");
    await reader.told("c");
    assertEquals(toldOf(reader), ["1000-1 a", "1000-2 b", "1000-3 c"]);
    assertEquals(redis.rows.at(-1), ["1000-3", ["e1000", "c"]]);
    await end();
  });

  it("goes on in its epoch behind what is not ours, which is told at the place before", async () => {
    const { redis, broker, reader, end } = await redisLog({
      rows: [
        ["1000-0", ["epoch", "gone"]],
        ["1000-1", ["e1000", "a"]],
        ["5000-0", ["hello", "stranger"]],
      ],
    });
    await broker.append("b");
    await reader.told("b");
    assertEquals(redis.rows.slice(-2), [
      ["5001-1", ["on1000", "5000-0"]],
      ["5001-2", ["e1000", "b"]],
    ]);
    assertEquals(toldOf(reader), ["1000-1 a", "1000-1 stranger", "1000-2 b"]);
    // Among our numbers.
    redis.rows.push(["5001-3", ["a", "stranger again"]]);
    redis.wake();
    await broker.append("c");
    await reader.told("c");
    assertEquals(redis.rows.at(-1), ["5001-4", ["e1000", "c"]]);
    assertEquals(toldOf(reader).slice(-2), ["1000-2 stranger again", "1000-4 c"]);
    assertEquals(reader.lostReasons, []);
    redis.rows.push(["5001-5", ["a", "stranger"]], ["5001-9", ["e1000", "far"]]);
    redis.wake();
    await reader.told("far", 5000);
    assertEquals(reader.lostReasons, ["trimmed"], "what lay between is not known");
    await end();
  });

  it("is read from where its epoch goes on, if no more of it is kept", async () => {
    const { reader, end } = await redisLog({
      rows: [
        ["5001-1", ["on1000", "5000-0"]],
        ["5001-2", ["e1000", "b"]],
      ],
    });
    assertEquals([toldOf(reader), reader.lostReasons], [["1000-2 b"], []]);
    await end();
  });

  it("is not told on to who leaves in the middle", async () => {
    const redis = new ScriptedRedis();
    redis.rows = [["1000-0", ["epoch", "gone"]], ["1000-1", ["e1000", "a"]], ["1000-2", [
      "e1000",
      "b",
    ]]];
    const leaving = new AbortController();
    const told: string[] = [];
    const entry = (_: unknown, text: string) => {
      told.push(text);
      leaving.abort();
    };
    const broker = redisBroker({ open: redis.open });
    await broker.read({ entry, ready() {}, lost() {}, state() {} }, leaving.signal);
    assertEquals(told, ["a"]);
    await broker.close();
  });

  it("does not go on at a place that names another row than the one before it", async () => {
    const { redis, broker, reader, end } = await redisLog({
      rows: [
        ["1000-0", ["epoch", "gone"]],
        ["1000-1", ["e1000", "a"]],
        ["2000-0", ["hello", "stranger"]],
        ["3000-9", ["on1000", "1000-0"]],
      ],
    });
    await broker.append("b");
    await reader.told("b");
    assertEquals(redis.rows.slice(-2), [
      ["3001-1", ["on1000", "3000-9"]],
      ["3001-2", ["e1000", "b"]],
    ]);
    assertEquals([toldOf(reader).at(-1), reader.lostReasons], ["1000-2 b", []]);
    await end();
  });

  it("begins an epoch above a stream in which nothing is ours", async () => {
    const far = Date.now() + 1e9;
    const { redis, broker, reader, end } = await redisLog({
      rows: [[`${far}-0`, ["hello", "stranger"]]],
    });
    await broker.append("a");
    await reader.told("a");
    assertEquals(redis.rows.slice(1), [
      [`${far + 1}-0`, ["epoch", "forked"]],
      [`${far + 1}-1`, [`e${far + 1}`, "a"]],
    ]);
    await end();
  });

  it("is found behind so much that is not ours", async () => {
    for (const count of [1, 2, 5, 30, 900]) {
      const strangers = Array.from(
        { length: count },
        (_, n): StreamRow => [`${2000 + n}-0`, ["hello", `${n}`]],
      );
      const { redis, broker, end } = await redisLog({
        rows: [
          ["1000-0", ["epoch", "gone"]],
          ["1000-1", ["e1000", "a"]],
          ...strangers,
        ],
      });
      redis.asked.length = 0;
      await broker.append("b");
      assertEquals(redis.rows.slice(-2), [
        [`${2000 + count}-1`, ["on1000", `${1999 + count}-0`]],
        [`${2000 + count}-2`, ["e1000", "b"]],
      ]);
      await end();
    }
  });

  it("is another where another node has begun it, for the reason that it gives", async () => {
    const { redis, broker, reader, end } = await redisLog({
      rows: [["1000-0", ["epoch", "gone"]]],
    });
    await broker.append("a");
    await reader.told("a");
    const begun = [[2000, "forked", "forked"], [3000, "odd", "trimmed"], [
      4000,
      "gone",
      "gone",
    ]] as const;
    for (const [ms, why, told] of begun) {
      redis.rows.push([`${ms}-0`, ["epoch", why]]);
      redis.wake();
      await reader.whenLost(told);
      await broker.append(why);
      await reader.told(why);
      assertEquals(redis.rows.at(-1), [`${ms}-1`, [`e${ms}`, why]]);
    }
    const log = begun.flatMap(([, why, told]) => [`<lost: ${told}>`, why]);
    assertEquals(reader.log, ["<ready>", "a", ...log]);
    // Two that find none is the same said twice; that one has ended is something else.
    for (const [ms, why] of [[5000, "gone"], [6000, "gone"], [7000, "forked"]] as const) {
      redis.rows.push([`${ms}-0`, ["epoch", why]]);
    }
    redis.wake();
    await broker.append("end");
    await reader.told("end");
    assertEquals(reader.log.slice(-3), ["<lost: gone>", "<lost: forked>", "end"]);
    await end();
  });

  it("is gone where an append finds none, and is begun anew by who reads", async () => {
    const { redis, broker, reader, end } = await redisLog();
    await broker.append("a");
    await reader.told("a");
    redis.rows = [];
    await assertRejects(() => broker.append("b"), Error, "the stream netkit:log is gone");
    await broker.append("b");
    await reader.told("b");
    assertEquals(reader.log, ["<ready>", "a", "<lost: gone>", "b"]);
    assertEquals(redis.entries, ["b"]);
    assertEquals([reader.states, reader.causes], [[true, false, true], ["closed"]], "at once");
    await end();
  });

  it("is not appended to where the server refuses what stands before that, and it is said why", async () => {
    const { redis, broker, end } = await redisLog({
      rows: [
        ["1000-0", ["epoch", "gone"]],
        ["5000-0", ["hello", "stranger"]],
      ],
    });
    const faults = ["OOM command not allowed"];
    redis.fault = (asked) => asked.includes(" on1000 ") ? faults.shift() : undefined;
    await assertRejects(() => broker.append("a"), Error, "OOM command not allowed");
    assertEquals(redis.entries, []);
    await broker.append("a");
    assertEquals(redis.entries, ["a"]);
    await end();
  });

  const FORMS: Record<string, ScriptedRedis["form"]> = {
    "pairs": (key, rows) => [[key, rows]],
    "one pair": (key, rows) => [key, rows],
    "an object": (key, rows) => ({ [key]: rows }),
    "a map": (key, rows) => new Map([[key, rows]]),
  };
  for (const [what, form] of Object.entries(FORMS)) {
    it(`is read by a client that answers with ${what}`, async () => {
      const { broker, reader, end } = await redisLog({ form });
      for (const text of ["a", "b"]) await broker.append(text);
      await reader.told("b");
      assertEquals([reader.log, reader.states], [["<ready>", "a", "b"], [true]]);
      await end();
    });
  }

  it("is not read by one that answers with no rows, and that is said", async () => {
    const { redis, reader, end } = await redisLog();
    redis.form = () => [["netkit:log", "OK"]];
    redis.rows.push([`${Number(redis.rows[0]![0].slice(0, -2)) + 1}-0`, ["hello", "x"]]);
    redis.wake();
    await until("that is so", () => reader.causes.length > 0);
    assertEquals(reader.causes, ['no rows: "OK"']);
    await end();
  });
});

describe("what a node has appended to Redis", () => {
  it("is told by the answer, one at a time, and once", async () => {
    const { redis, broker, reader, end } = await redisLog();
    await until("it waits", () => redis.isRead);
    redis.isHeld = true;
    await broker.append("a");
    assertEquals(reader.entries, ["a"]);
    await broker.append("b");
    assertEquals(reader.entries, ["a"]);
    redis.release();
    await reader.told("b");
    assertEquals([reader.entries, reader.unsaid], [["a", "b"], undefined]);
    assertEquals(reader.positions.map(({ offset }) => offset), [1, 2]);
    await end();
  });

  it("is told in its place where another's lies between", async () => {
    const { redis, broker, reader, end } = await redisLog();
    await until("it waits", () => redis.isRead);
    redis.isHeld = true;
    const epoch = redis.rows[0]![0].slice(0, -2);
    redis.rows.push([`${epoch}-1`, [`e${epoch}`, "other's"]]);
    await broker.append("own");
    assertEquals(reader.entries, []);
    redis.release();
    await reader.told("own");
    assertEquals([reader.entries, reader.unsaid], [["other's", "own"], undefined]);
    await end();
  });

  it("is said to be lost where another comes in its place", async () => {
    const { redis, broker, reader, end } = await redisLog();
    await until("it waits", () => redis.isRead);
    redis.isHeld = true;
    await broker.append("a");
    const epoch = redis.rows[0]![0].slice(0, -2);
    redis.rows[1] = [`${epoch}-1`, [`e${epoch}`, "other"]];
    redis.release();
    await reader.told("other");
    assertEquals(reader.log, ["<ready>", "a", "<lost: forked>", "other"]);
    await end();
  });
});

describe("a place in a stream of Redis", () => {
  for (
    const [one, other, is] of [
      ["1-0", "1-1", true],
      ["1-1", "1-1", false],
      ["1-2", "1-1", false],
      ["1-9", "2-0", true],
      ["2-0", "1-9", false],
    ] as const
  ) {
    it(`at ${one} is ${is ? "" : "not "}before ${other}`, () => {
      assertEquals(isBefore(readId(one), readId(other)), is);
    });
  }
});

describe("reading a stream of Redis that is put off for a while", () => {
  const row = (id: string): Row => readRows([[id, ["e1000", "x"]]])[0]!;

  it("is so where nothing of this node's own is to be read, and until there is", async () => {
    const redis = new ScriptedRedis();
    redis.rows = [["1000-0", ["epoch", "gone"]]];
    const stream = new RedisStream("log", redis.open, 1000);
    const connection = redis.open();
    const isPutOff = (id: string) => {
      const waiting = stream.gather(60_000, row(id));
      stream.hurry();
      return waiting?.then(() => true) ?? false;
    };
    assertEquals(await isPutOff("1000-0"), true);
    const waiting = stream.gather(60_000, row("1000-0"));
    const appended = stream.append(connection, "a");
    await waiting; // which the append has ended
    const during = [await isPutOff("1000-0"), await isPutOff("9000-0")];
    const { id } = (await appended)!;
    assertEquals([id, during], ["1000-1", [false, false]]);
    assertEquals([await isPutOff("1000-0"), await isPutOff("1000-1")], [false, true]);
    const began = performance.now();
    await stream.gather(20, row("1000-1"));
    assertEquals(performance.now() - began > 15, true);
    stream.rest();
    connection.close();
  });
});

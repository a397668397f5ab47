/** How an epoch of a log in an engine ends and another begins, and what a reader is told of it. The engine is in memory. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { delay } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { Reading } from "../../cluster/brokers/reading.ts";
import { readReply } from "../../cluster/brokers/redis_rows.ts";
import { redisBroker, type RedisClient } from "../../redis.ts";
import { LogReader } from "../helpers/log_reader.ts";
import { until } from "../helpers/until.ts";
import { natsLog, redisLog } from "../helpers/scripted_log.ts";
import { ScriptedNats } from "../helpers/scripted_nats.ts";
import { ScriptedRedis, type StreamRow } from "../helpers/scripted_redis.ts";

describe("an epoch in JetStream", () => {
  it("that another node has ended is said to be lost, and entries go on in the next", async () => {
    const { nats, broker, reader, end } = await natsLog({ entries: ["a"] });
    const { epoch } = reader.positions[0]!;
    nats.entries.push(`epoch forked ${epoch}`);
    nats.release();
    await broker.append("b");
    await reader.told("b");
    assertEquals(reader.log, ["a", "<ready>", "<lost: forked>", "b"]);
    assertEquals(reader.positions[1], { epoch: `${epoch}.2`, offset: 3 });
    await end();
  });

  it("that had ended before it is read is the past of which nothing is said to be lost", async () => {
    const epoch = new ScriptedNats().created.replace(/\D/g, "");
    const entries = ["a", `epoch forked ${epoch}`, "b", `epoch forked ${epoch}.2`, "c"];
    const { reader, end } = await natsLog({ entries });
    assertEquals(reader.log, ["a", "b", "c", "<ready>"]);
    assertEquals(reader.positions, [
      { epoch, offset: 1 },
      { epoch: `${epoch}.2`, offset: 3 },
      { epoch: `${epoch}.4`, offset: 5 },
    ]);
    await end();
  });

  it("is ended at last, also where that is refused at first", async () => {
    const { nats, broker, reader, end } = await natsLog();
    nats.isHeld = true;
    await broker.append("a");
    nats.entries = ["other"];
    nats.answers["NETKIT.log"] = [{ error: { err_code: 10077, description: "no room" } }];
    nats.release();
    const ended = () => nats.entries.some((text) => text.startsWith("epoch forked "));
    await until("it is ended", ended);
    await until("it is back", () => reader.states.at(-1) === true);
    assertEquals(reader.lostReasons, ["forked"]);
    assert(reader.causes.some((cause) => cause.includes("no room")), `${reader.causes}`);
    await end();
  });

  it("is ended at last, also where nothing is left of the stream and that is refused at first", async () => {
    const { nats, broker, reader, end } = await natsLog();
    for (const text of ["a", "b"]) await broker.append(text);
    await reader.told("b");
    const { epoch } = reader.positions[0]!;
    nats.entries = [];
    nats.first = 2; // it has lost its newest, and what was before
    nats.answers["NETKIT.log"] = [{ error: { err_code: 10077, description: "no room" } }];
    nats.cut();
    await until("it is ended", () => nats.entries[0] === `epoch forked ${epoch}`);
    await until("it is back", () => reader.states.at(-1) === true);
    await broker.append("c");
    await reader.told("c");
    assertEquals([reader.lostReasons, reader.entries], [["forked"], ["a", "b", "c"]]);
    assertEquals(reader.positions.at(-1)!.epoch, `${epoch}.2`);
    await end();
  });
});

describe("a client of npm's redis", () => {
  it("is asked with no limit of its own, and by way of Sentinels only the Redis that writes", async () => {
    for (const isSentinel of [false, true]) {
      const redis = new ScriptedRedis();
      const ways = new Set<string>();
      const open = () => {
        const { send, close } = redis.open();
        const ask = ([command, ...args]: string[], way: unknown[]) => {
          ways.add(JSON.stringify(way));
          return send(command!, args);
        };
        return {
          ...{ isOpen: true, connect: () => Promise.resolve(), destroy: close, on() {} },
          ...isSentinel
            ? {
              acquire() {},
              sendCommand: (isReadonly: boolean, words: string[], options: object) =>
                ask(words, [isReadonly, options]),
            }
            : { sendCommand: (words: string[], options: object) => ask(words, [options]) },
        } as RedisClient;
      };
      const broker = redisBroker({ open });
      await using reader = await new LogReader(broker).whenReady();
      await broker.append("a");
      await reader.told("a");
      assertEquals([...ways], [isSentinel ? '[false,{"timeout":0}]' : '[{"timeout":0}]']);
      await broker.close();
    }
  });
});

describe("an epoch in Redis", () => {
  it("is begun by who appends first, for the reason that there was none", async () => {
    const redis = new ScriptedRedis();
    const broker = redisBroker({ open: redis.open });
    await broker.append("a");
    assertEquals(redis.rows.map(([id, fields]) => [id.split("-")[1], ...fields]), [
      ["0", "epoch", "gone"],
      ["1", `e${redis.rows[0]![0].split("-")[0]}`, "a"],
    ]);
    await broker.close();
  });

  for (const earlier of [0, 5]) {
    it(`is gone once where somebody else has begun another ${earlier} ms earlier, and has appended`, async () => {
      const { redis, broker, reader, end } = await redisLog({
        rows: [["1000-0", ["epoch", "gone"]], ["1000-1", ["e1000", "a"]]],
      });
      await until("it waits", () => redis.isRead);
      let other: number | undefined;
      redis.fault = (asked) => {
        const own = /^XADD (\d+)-\S+ epoch gone$/.exec(asked)?.[1];
        if (own === undefined || other !== undefined) return undefined;
        other = Number(own) - earlier;
        redis.rows = [[`${other}-0`, ["epoch", "gone"]], [`${other}-1`, [`e${other}`, "b"]]];
        return undefined;
      };
      redis.rows = [];
      await delay(50); // it has waited for a while: what comes next is looked at
      redis.wake();
      await reader.whenLost("gone");
      await broker.append("c");
      await reader.told("c");
      assertEquals(reader.log, ["a", "<ready>", "<lost: gone>", "b", "c"]);
      // Of the same millisecond there is one. Another one says by itself that it is; nothing is lost by it.
      const begun = earlier === 0
        ? { epoch: String(other), offset: 2 }
        : { epoch: String(other! + earlier), offset: 1 };
      assertEquals(reader.positions.slice(1), [{ epoch: String(other), offset: 1 }, begun]);
      await end();
    });
  }

  it("is forked where a failover leads back to the one before it", async () => {
    const before: StreamRow[] = [["1000-0", ["epoch", "gone"]], ["1000-1", ["e1000", "a"]]];
    const { redis, reader, end } = await redisLog({
      rows: [...before, ["2000-0", ["epoch", "forked"]], ["2000-1", ["e2000", "b"]]],
    });
    await until("it waits", () => redis.isRead);
    redis.rows = [...before, ["1000-2", ["e1000", "c"]]];
    await delay(50); // it has waited for a while: what comes next is looked at
    redis.wake();
    await reader.told("c");
    assertEquals(reader.log, ["a", "b", "<ready>", "<lost: forked>", "a", "c"]);
    assertEquals(redis.rows.at(-1)![1], ["epoch", "forked"]);
    await end();
  });

  it("is forked where a failover is overtaken by what others append, between two commands", async () => {
    const text = (offset: number, text: string): StreamRow => [`1000-${offset}`, ["e1000", text]];
    const { redis, reader, end } = await redisLog({
      rows: [["1000-0", ["epoch", "gone"]], text(1, "a"), text(2, "b"), text(3, "c")],
    });
    await until("it waits", () => redis.isRead);
    redis.fault = (asked) => {
      if (!/^X(REV)?RANGE/.test(asked) || redis.rows.length > 4) return undefined;
      redis.rows.splice(2, 2, text(2, "other b"), text(3, "other c"), text(4, "d"));
      return undefined;
    };
    await delay(50); // it has waited for a while: what comes next is looked at
    redis.wake();
    await reader.told("d");
    assertEquals(reader.lostReasons, ["forked"]);
    assertEquals(reader.entries, ["a", "b", "c", "a", "other b", "other c", "d"]);
    await end();
  });

  it("is not looked for without end where a stranger is always first", async () => {
    const { redis, broker, end } = await redisLog({
      rows: [["1000-0", ["epoch", "gone"]], ["1000-1", ["e1000", "a"]]],
    });
    let strangers = 0;
    redis.rows.push([`2000-${strangers}`, ["hello", "stranger"]]);
    redis.fault = (asked) => {
      if (!asked.includes(" on1000 ")) return undefined;
      redis.rows.push([`2000-${++strangers}`, ["hello", "stranger"]]);
      return "ERR The ID specified in XADD is equal or smaller than the target stream top item";
    };
    await assertRejects(() => broker.append("b"), Error, "equal or smaller");
    assert(strangers < 200, `${strangers}`);
    await end();
  });

  for (const count of [1, 150]) {
    it(`is begun where there is nothing any more but what strangers have put there, ${count} times`, async () => {
      const { redis, broker, reader, end } = await redisLog({
        rows: [["1000-0", ["epoch", "gone"]], ["1000-1", ["e1000", "a"]]],
      });
      await until("it waits", () => redis.isRead);
      const strangers = Array.from({ length: count }, (_, n) => `2000-${n}`);
      redis.rows = strangers.map((id) => [id, ["hello", "stranger"]]);
      await delay(50); // it has waited for a while: what comes next is looked at
      redis.wake();
      await reader.whenLost("gone");
      await broker.append("b");
      await reader.told("b");
      assertEquals(reader.lostReasons, ["gone"]);
      assertEquals(reader.entries, ["a", ...strangers.map(() => "stranger"), "b"]);
      assertEquals(reader.states, [true]);
      await end();
    });
  }

  it("that has not begun is none, and what strangers put there is told once", async () => {
    const { redis, reader, end } = await redisLog({
      rows: [["9000000000000-0", ["hello", "stranger"]]],
    });
    assertEquals(reader.entries, ["stranger"]);
    await until("it waits", () => redis.isRead);
    const faults = ["ERR broken"];
    redis.fault = (asked) => asked.startsWith("XREAD") ? faults.shift() : undefined;
    redis.wake();
    await until("it is back", () => reader.states.length === 3);
    await until("it waits again", () => redis.isRead);
    assertEquals(reader.entries, ["stranger"]);
    await end();
  });
});

describe("an answer to XREAD", () => {
  it("has rows of strangers where no number, or what is none, is behind the kind", () => {
    for (const field of ["e", "e-5", "e5.", "e5:", "e/5", "on", "on 5", "on5x"]) {
      const [row] = readReply([["key", [["7-1", [field, "text"]]]]]);
      assertEquals([field, row!.kind, row!.epoch], [field, "foreign", 7]);
    }
  });

  it("has no rows where there is none", () => {
    for (const none of [null, undefined, {}, new Map()]) assertEquals(readReply(none), []);
  });
});

describe("a reader that has left", () => {
  it("is told nothing of what fails afterwards", async () => {
    const told: unknown[] = [];
    const leaving = new AbortController();
    class Failing extends Reading<string> {
      protected override read(): Promise<void> {
        this.up();
        leaving.abort();
        return Promise.reject(new Error("too late"));
      }
      protected override tellAhead(): void {}
      protected override interrupt(): void {}
    }
    const reader = { entry() {}, ready() {}, lost() {}, state: (up: boolean) => told.push(up) };
    await new Failing(reader, leaving.signal).run();
    assertEquals(told, [true]);
  });
});

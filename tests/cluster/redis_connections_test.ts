/** Which connections a log in Redis opens, and what becomes of each. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { delay } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { redisBroker, type RedisConnection } from "../../redis.ts";
import { insist } from "../helpers/broker_contract.ts";
import { RedisServer } from "../helpers/engines.ts";
import { LogReader } from "../helpers/log_reader.ts";
import { until } from "../helpers/until.ts";
import { Program } from "../helpers/programs.ts";
import { connectTo } from "../helpers/redis_clients.ts";
import { assertInTime, Stopwatch } from "../helpers/stopwatch.ts";

/** How long what is to be done at once may take on a busy machine, in ms: less than any deadline there is. */
const AT_ONCE = 800;

/** Opens connections, and knows those that are open. Closing them fails, in either way that it can. */
function opener(url: string) {
  const all = new Set<RedisConnection>();
  let closed = 0;
  const open = (): RedisConnection => {
    const connection = connectTo(url);
    all.add(connection);
    return {
      send: (command, args) => connection.send(command, args),
      close() {
        all.delete(connection);
        connection.close();
        if (++closed % 2 === 0) throw new Error("it was closed");
        return Promise.reject(new Error("it was closed"));
      },
    };
  };
  return { all, open };
}

async function isQuick(promise: Promise<unknown>): Promise<void> {
  const watch = new Stopwatch();
  await promise;
  watch.assertLess(AT_ONCE);
}

describe("the connections of a log in Redis", () => {
  it("are opened again where that fails, and it is said why", async () => {
    await using redis = await RedisServer.run();
    const { open } = opener(redis.url);
    const failures = ["is thrown", "is rejected"];
    const failing = () => {
      const how = failures.shift();
      if (how === undefined) return open();
      if (how === "is thrown") throw new Error(`no address: ${how}`);
      return Promise.reject(new Error(`no address: ${how}`));
    };
    const broker = redisBroker({ open: failing });
    await assertRejects(() => broker.append("x"), Error, "no address: is thrown");
    await assertRejects(() => broker.append("x"), Error, "no address: is rejected");
    await broker.append("a");
    failures.push("is thrown", "is rejected");
    await using reader = await new LogReader(broker).whenReady();
    assertEquals([reader.states, reader.causes], [[false, true], ["no address: is thrown"]]);
    assertEquals(reader.entries, ["a"]);
    await broker.close();
  });

  it("are two, also after the server has refused something on each", async () => {
    await using redis = await RedisServer.run();
    const { all, open } = opener(redis.url);
    const broker = redisBroker({ open });
    await using reader = await new LogReader(broker).whenReady();
    await broker.append("a");
    await reader.told("a");
    assertEquals(all.size, 2);
    await redis.say("SET netkit:log text");
    await until("it cannot be read", () => reader.states.length === 2);
    assertEquals(all.size < 2, true);
    const late = "the log could not be read within 2000 ms";
    await assertRejects(() => broker.append("b"), Error, late);
    assert(/WRONGTYPE|UNBLOCKED/.test(reader.causes[0]!), reader.causes[0]);
    await redis.say("DEL netkit:log");
    await insist(broker, "c");
    await reader.told("c");
    assertEquals(reader.log, ["<ready>", "a", "<lost: gone>", "c"]);
    assertEquals(reader.states, [true, false, true]);
    await redis.say("CONFIG SET maxmemory 1");
    await assertRejects(() => broker.append("d"), Error, "OOM");
    await redis.say("CONFIG SET maxmemory 0");
    await broker.append("e");
    await reader.told("e");
    assertEquals(all.size, 2);
    await isQuick(reader.end());
    assertEquals(all.size, 0);
    await broker.close();
  });

  it("are closed when they come too late", async () => {
    await using redis = await RedisServer.run();
    const { all, open } = opener(redis.url);
    const doors: (() => void)[] = [];
    const broker = redisBroker({
      async open() {
        await new Promise<void>((resolve) => doors.push(resolve));
        return await open();
      },
    });
    const reader = new LogReader(broker);
    await until("the reader has asked for one", () => doors.length === 1);
    await isQuick(reader.end());
    const appending = assertRejects(() => broker.append("a"), Error);
    await until("the writer has asked for one", () => doors.length === 2);
    const second = new LogReader(broker);
    await until("so has the second reader", () => doors.length === 3);
    await isQuick(broker.close());
    await second.end();
    for (const door of doors) door();
    await appending;
    await until("all are closed", () => all.size === 0);
    assertEquals([second.log, await redis.say("EXISTS netkit:log")], [[], ":0\r\n"]);
    assertEquals((await redis.say("CLIENT LIST")).match(/^id=/gm)?.length, 1, "the test's own");
  });
  it("are not waited for, nor opened, once nobody reads or the broker is closed", async () => {
    let opened = 0;
    const opening = (): Promise<RedisConnection> => {
      opened++;
      return new Promise(() => {});
    };
    const alone = redisBroker({ open: opening });
    const closed = assertRejects(() => alone.append("a"), Error, "the connection was closed");
    await until("it is opened", () => opened === 1);
    await isQuick(Promise.all([alone.close(), closed]));

    const read = redisBroker({ open: opening });
    await using reader = new LogReader(read);
    const waiting = assertRejects(() => read.append("a"), Error, "reading has ended");
    await until("the reader's is opened", () => opened === 2);
    await isQuick(Promise.all([reader.end(), waiting]));
    const later = assertRejects(() => read.append("a"), Error, "the connection was closed");
    await using _second = new LogReader(read);
    await isQuick(Promise.all([read.close(), later]));
    assertEquals(opened, 4);
  });
});

describe("a log in Redis", () => {
  it("has all that was appended, for who comes later, where no limit is set", async () => {
    await using redis = await RedisServer.run();
    const { open } = opener(redis.url);
    const broker = redisBroker({ open });
    const texts = Array.from({ length: 400 }, (_, n) => `${n}`);
    const rows = texts.map((text) => `XADD netkit:log 1000-* e1000 ${text}`);
    await redis.say("XADD netkit:log 1000-0 epoch gone", ...rows);
    await broker.append("last");
    await using reader = await new LogReader(broker).whenReady();
    assertEquals(reader.log, [...texts, "last", "<ready>"]);
    assertEquals(await redis.say("XLEN netkit:log"), ":402\r\n");
    await broker.close();
  });

  it("leaves nothing that would keep a process", async () => {
    await using redis = await RedisServer.run();
    const program = Program.here("broker_left.ts", ["redis", redis.url]);
    const closed = await program.lineFrom("closed");
    const watch = new Stopwatch();
    const { code, at, stderr } = await program.ended;
    assertEquals([code, stderr], [0, ""]);
    assertInTime(at - closed.at, 900, watch.short);
  });

  const rowsOf = (reply: unknown) => {
    if (reply === null || reply === undefined) return undefined;
    if (!Array.isArray(reply)) return Object.entries(reply)[0];
    return Array.isArray(reply[0]) ? reply[0] : reply;
  };
  const replies: Record<string, (key: string, rows: unknown) => unknown> = {
    "a Map": (key, rows) => new Map([[key, rows]]),
    "an object": (key, rows) => ({ [key]: rows }),
    "pairs": (key, rows) => [[key, rows]],
    "a pair": (key, rows) => [key, rows],
  };
  it("is read by clients that answer in any of four ways, and says of another that it is none", async () => {
    await using redis = await RedisServer.run();
    let change: (reply: unknown) => unknown;
    const { open } = opener(redis.url);
    const broker = redisBroker({
      async open() {
        const { send, close } = await open();
        const changed = async (command: string, args: string[]) => {
          const reply = await send(command, args);
          return command === "XREAD" ? change(reply) : reply;
        };
        return { send: changed, close };
      },
    });
    await broker.append("a");
    for (const [what, of] of Object.entries(replies)) {
      for (const none of [null, undefined, {}, new Map()]) {
        change = (reply) => {
          const [key, rows] = rowsOf(reply) ?? [];
          return rows === undefined ? none : of(key, rows);
        };
        await using reader = await new LogReader(broker).whenReady();
        assertEquals(reader.log, ["a", "<ready>"], what);
      }
    }
    change = () => ["netkit:log", "OK"];
    await using reader = new LogReader(broker);
    await until("it is said", () => reader.states.at(-1) === false);
    assertEquals(reader.causes, ['no rows: "OK"']);
    await broker.close();
  });

  it("begins behind what is not ours, whatever time that says it is", async () => {
    await using redis = await RedisServer.run();
    await redis.say("XADD netkit:log 4000000000000-7 hello world"); // in the year 2096
    const { open } = opener(redis.url);
    const broker = redisBroker({ open });
    await insist(broker, "a");
    await using reader = await new LogReader(broker).whenReady();
    await broker.append("b");
    await reader.told("b");
    assertEquals(reader.log, ["world", "a", "<ready>", "b"]);
    assertEquals(
      reader.positions.slice(1),
      [1, 2].map((offset) => ({
        epoch: "4000000000001",
        offset,
      })),
    );
    await broker.close();
  });

  it("has lost what another took the place of, though it has gone on beyond that", async () => {
    await using redis = await RedisServer.run();
    const { open } = opener(redis.url);
    const broker = redisBroker({ open });
    await using reader = await new LogReader(broker).whenReady();
    for (const text of ["a", "b", "c"]) await broker.append(text);
    await reader.told("c");
    const { epoch } = reader.positions[0]!;
    const add = (n: number, text: string) => `XADD netkit:log ${epoch}-${n} e${epoch} ${text}`;
    const rows = ["a", "B", "C", "D"].map((text, n) => add(n + 1, text));
    await delay(100); // it has waited for a while: what comes next is looked at
    const begin = `XADD netkit:log ${epoch}-0 epoch gone`;
    await redis.say("MULTI", "DEL netkit:log", begin, ...rows, "EXEC");
    await reader.whenLost("forked");
    await insist(broker, "e");
    await reader.told("e");
    assertEquals(reader.log.slice(4), ["<lost: forked>", "a", "B", "C", "D", "e"]);
    assert(reader.positions.at(-1)!.epoch > epoch);
    await broker.close();
  });

  it("is another where another node has begun it, for the reason that it gives", async () => {
    await using redis = await RedisServer.run();
    const { open } = opener(redis.url);
    const broker = redisBroker({ open });
    await using reader = await new LogReader(broker).whenReady();
    await broker.append("a");
    await reader.told("a");
    let epoch = Number(reader.positions[0]!.epoch);
    for (const why of ["forked", "gone", "gone", "a reason of later versions"]) {
      epoch += 100_000;
      await redis.say(`XADD netkit:log ${epoch}-0 epoch "${why}"`);
      await insist(broker, `after ${why}`);
      await until("it is told", () => reader.positions.at(-1)!.epoch === String(epoch));
    }
    const reasons = reader.log.slice(2).map((line) => line.replace("after ", ""));
    const last = ["<lost: trimmed>", "a reason of later versions"];
    const gone = ["<lost: gone>", "gone"];
    assertEquals(reasons, ["<lost: forked>", "forked", ...gone, ...gone, ...last]);
    assertEquals(reader.positions.slice(1).map(({ offset }) => offset), [1, 1, 1, 1]);
    await broker.close();
  });
});

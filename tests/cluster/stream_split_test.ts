/** What is appended by a connection that leads to another Redis than the one that is read. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { redisBroker, type RedisConnection } from "../../redis.ts";
import { insist } from "../helpers/broker_contract.ts";
import { LogReader } from "../helpers/log_reader.ts";
import { ScriptedRedis, type StreamRow } from "../helpers/scripted_redis.ts";
import { until } from "../helpers/until.ts";

/** Entries of others, at so many places behind what a server has. */
function others({ rows }: ScriptedRedis, count: number): StreamRow[] {
  const [epoch, offset] = rows.at(-1)![0].split("-").map(Number) as [number, number];
  return Array.from({ length: count }, (_, n) => [
    `${epoch}-${offset + 1 + n}`,
    [`e${epoch}`, `other's ${n}`],
  ]);
}

/** A broker that appends by the first server, and reads the second one, which has `rows` more; then the first gets `late` more. */
async function split(rows: number, late: number) {
  const [first, second] = [new ScriptedRedis(), new ScriptedRedis()];
  let server = first;
  const broker = redisBroker({ open: () => server.open() });
  const reader = await new LogReader(broker).whenReady();
  await broker.append("a");
  await until("it waits for more", () => first.isRead);
  second.rows = [...first.rows, ...others(first, rows)];
  server = second;
  first.fault = (asked) => asked.startsWith("XREAD") ? "cut" : undefined;
  first.wake();
  await until("it reads the second", () => second.isRead);
  first.fault = () => undefined;
  first.rows.push(...others(first, late));
  const end = async () => {
    await reader.end();
    await broker.close();
    assertEquals([first.connections, second.connections], [0, 0]);
  };
  const lead = (to: ScriptedRedis) => server = to;
  return { broker, reader, first, second, lead, end };
}

const ELSEWHERE = "another server has answered an append than the one that is read";

describe("what another Redis has taken than the one that is read", () => {
  it("is said to be lost once, where it was told: what comes then goes where it is read", async () => {
    const { broker, reader, second, end } = await split(0, 0);
    await broker.append("lost");
    await reader.whenLost("forked");
    for (const entry of ["b", "c"]) await insist(broker, entry);
    await reader.told("c");
    assertEquals(reader.log, ["<ready>", "a", "lost", "<lost: forked>", "a", "b", "c"]);
    assertEquals([second.entries, reader.causes], [["a", "b", "c"], ["cut"]]);
    await end();
  });

  it("is read where it was told, once both connections lead there", async () => {
    const { broker, reader, first, lead, end } = await split(0, 0);
    lead(first);
    await broker.append("not lost");
    await reader.whenLost("forked");
    await insist(broker, "b");
    await reader.told("b");
    assertEquals(first.entries, ["a", "not lost", "b"]);
    assertEquals(reader.entries, ["a", "not lost", ...first.entries]);
    assertEquals(reader.causes, ["cut"]);
    await end();
  });

  for (const [rows, late] of [[5, 0], [0, 5]] as const) {
    it(`is found not to come: the other is ${rows} entries ahead, or ${late} behind`, async () => {
      const { broker, reader, second, end } = await split(rows, late);
      await broker.append("nowhere");
      await until("that is said", () => reader.causes.includes(ELSEWHERE));
      for (let looks = 1; looks <= 2; looks++) {
        await until("it waits for more", () => second.isRead);
        second.wake(); // nothing is there
      }
      for (const entry of ["b", "c"]) await insist(broker, entry);
      await reader.told("c");
      const there = Array.from({ length: rows }, (_, n) => `other's ${n}`);
      assertEquals(reader.entries, ["a", ...there, "b", "c"]);
      assertEquals([second.entries, reader.lostReasons], [reader.entries, []]);
      assertEquals([reader.causes, reader.states.at(-1)], [["cut", ELSEWHERE], true]);
      await end();
    });
  }

  it("is not what was read before it was answered, be others behind it", async () => {
    const redis = new ScriptedRedis();
    const held: (() => void)[] = [];
    const open = (): RedisConnection => {
      const { send, close } = redis.open();
      const late = async (args: string[]) => {
        const id = await send("XADD", args);
        await new Promise<void>((resolve) => held.push(resolve));
        return id;
      };
      return {
        send: (command, args) =>
          command === "XADD" && /\*/.test(String(args)) ? late(args) : send(command, args),
        close,
      };
    };
    const broker = redisBroker({ open });
    const reader = await new LogReader(broker).whenReady();
    const appended = [broker.append("a")];
    await reader.told("a");
    redis.rows.push(...others(redis, 2));
    redis.wake();
    await reader.told("other's 1");
    held.shift()!();
    await appended[0];
    appended.push(broker.append("b"), broker.append("c"));
    await reader.told("c");
    for (const answer of held) answer();
    await Promise.all(appended);
    redis.wake();
    await until("it was looked for once", () => redis.isRead);
    redis.wake();
    await until("it is read on", () => redis.isRead);
    assertEquals(reader.log, ["<ready>", "a", "other's 0", "other's 1", "b", "c"]);
    assertEquals(reader.states, [true]);
    assertEquals(redis.asked.filter((asked) => asked.startsWith("XRANGE")).length, 1);
    await reader.end();
    await broker.close();
  });
});

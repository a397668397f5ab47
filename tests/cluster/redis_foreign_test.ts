/** What stands in a log in Redis and is not ours: it is skipped, and the places of the others stay. */

import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { insist } from "../helpers/broker_contract.ts";
import { RedisServer } from "../helpers/engines.ts";
import { LogReader } from "../helpers/log_reader.ts";
import { until } from "../helpers/until.ts";
import { brokerOf, logOf } from "./redis_logs.ts";

describe("a log in Redis, among what is not ours,", () => {
  it("goes on beside what is not ours, in the same epoch", async () => {
    await using redis = await RedisServer.run();
    const [one, other] = [brokerOf(redis.url), brokerOf(redis.url)];
    const { log, texts, faults, lost } = logOf(one, "a");
    await using reader = await new LogReader(other).whenReady();
    await log.publish("publish", "t", "1", undefined);
    await redis.say("XADD netkit:log * hello world", 'XADD netkit:log * e "no JSON"');
    await log.publish("publish", "t", "2", undefined);
    await log.publish("publish", "t", "3", undefined);
    const [id = ""] = /\d+-(?=\d)/.exec(await redis.say("XREVRANGE netkit:log + - COUNT 1"))!;
    await redis.say(`XADD netkit:log ${id}* a b c d`); // among our numbers
    await redis.say("XADD netkit:log * on hello", "XADD netkit:log * one 1");
    await log.publish("publish", "t", "4", undefined);
    await delay(5); // in a later millisecond than the epoch goes on in, or it took one of our numbers
    await redis.say("XADD netkit:log * the end");
    await log.publish("publish", "t", "5", undefined);
    assertEquals(texts, ["1", "2", "3", "4", "5"]);
    assertEquals(faults.map(({ kind }) => kind), Array(6).fill("foreignEntry"));
    await until("it is told", () => reader.log.some((entry) => entry.includes('"5"')));
    const placesOf = ({ entries, positions }: LogReader, from = 1) =>
      positions.filter((_, at) => entries[at]!.startsWith('["a",'))
        .map(({ epoch, offset }) => `${epoch}-${offset}`).slice(from - 1);
    const [epoch, first] = placesOf(reader)[0]!.split("-");
    assertEquals(placesOf(reader), [0, 1, 2, 4, 5].map((n) => `${epoch}-${Number(first) + n}`));
    assertEquals([lost, reader.lostReasons], [[], []]);
    // Who comes later finds the same places, also where only the last entries are kept.
    for (const kept of [100, 3, 1]) {
      await redis.say(`XTRIM netkit:log MAXLEN = ${kept}`);
      const late = brokerOf(redis.url);
      await using second = await new LogReader(late).whenReady();
      const places = placesOf(second);
      assert(places.length > 0);
      assertEquals(places, placesOf(reader, 6 - places.length));
      assertEquals(second.lostReasons, []);
      await second.end();
      await late.close();
    }
    await log.publish("publish", "t", "6", undefined);
    assertEquals(lost, []);
    await log.close();
    await Promise.all([one.close(), other.close()]);
  });

  it("goes on behind what a stranger has put there and deleted, in the same epoch", async () => {
    await using redis = await RedisServer.run();
    const first = brokerOf(redis.url);
    await first.append("a");
    const [reader, late] = [new LogReader(first), brokerOf(redis.url)];
    await reader.whenReady();
    const put = (ms: number) =>
      redis.say("MULTI", `XADD netkit:log ${ms}-0 hello world`, `XDEL netkit:log ${ms}-0`, "EXEC");
    await put(Date.now());
    for (const broker of [first, late]) await insist(broker, "b");
    await put(Date.now() + 700); // of a clock that is ahead
    await insist(late, "c");
    await insist(first, "d");
    await insist(late, "e");
    await reader.told("e");
    const { epoch } = reader.positions[0]!;
    assertEquals(reader.log, ["a", "<ready>", "b", "b", "c", "d", "e"]);
    assertEquals(reader.positions, [1, 2, 3, 4, 5, 6].map((offset) => ({ epoch, offset })));
    assertEquals([reader.lostReasons, reader.states], [[], [true]]);
    await using second = await new LogReader(late).whenReady();
    assertEquals(second.positions, reader.positions);
    await reader.end();
    await second.end();
    await Promise.all([first.close(), late.close()]);
  });

  it("has one order though many find at once what is not ours", async () => {
    await using redis = await RedisServer.run();
    const brokers = Array.from({ length: 5 }, () => brokerOf(redis.url));
    const readers = await Promise.all(brokers.map((broker) => new LogReader(broker).whenReady()));
    for (let round = 0; round < 12; round++) {
      await Promise.all([
        ...brokers.map((broker, n) => insist(broker, `${round}:${n}`)),
        redis.say(...Array(1 + round % 3).fill("XADD netkit:log * hello world")),
      ]);
    }
    const ours = ({ entries, positions }: LogReader) =>
      positions.map(({ epoch, offset }, at) => `${epoch}-${offset} ${entries[at]}`)
        .filter((line) => !line.endsWith("world"));
    for (const reader of readers) {
      await until("all are told", () => ours(reader).length >= 60);
      assertEquals(reader.lostReasons, []);
      assertEquals(ours(reader), ours(readers[0]!));
      await reader.end();
    }
    const places = ours(readers[0]!).map((line) => line.split(" ")[0]!.split("-"));
    assertEquals(new Set(places.map(([epoch]) => epoch)).size, 1);
    const offsets = places.map(([, offset]) => Number(offset));
    assertEquals(offsets, offsets.toSorted((a, b) => a - b));
    assertEquals(new Set(offsets).size, offsets.length);
    await Promise.all(brokers.map((broker) => broker.close()));
  });

  it("takes no place for its own that names another row than the one before it", async () => {
    await using redis = await RedisServer.run();
    const broker = brokerOf(redis.url);
    await using reader = await new LogReader(broker).whenReady();
    await broker.append("a");
    await reader.told("a");
    const { epoch } = reader.positions[0]!;
    const far = Number(epoch) + 1_000_000;
    await redis.say(`XADD netkit:log ${far}-9 on${epoch} ${epoch}-0`); // as of a node that was late
    await broker.append("b");
    await reader.told("b");
    await redis.say(`XADD netkit:log ${far + 10}-0 hello world`);
    await redis.say(`XADD netkit:log ${far + 20}-9 on${epoch} ${epoch}-0`);
    await broker.append("c");
    await reader.told("c");
    const late = brokerOf(redis.url);
    await using second = await new LogReader(late).whenReady();
    for (const { entries, positions, lostReasons } of [reader, second]) {
      assertEquals(entries.filter((entry) => entry !== "world"), ["a", "b", "c"]);
      const offsets = positions.filter((_, at) => entries[at] !== "world").map((one) => one.offset);
      assertEquals([offsets, lostReasons], [[1, 2, 3], []]);
      assertEquals(new Set(positions.map((one) => one.epoch)), new Set([epoch]));
    }
    await Promise.all([broker.close(), late.close()]);
  });

  it("begins anew behind nothing but what is not ours, and finds its loss behind that", async () => {
    await using redis = await RedisServer.run();
    await redis.say(...Array(5).fill("XADD netkit:log * hello world"));
    const broker = brokerOf(redis.url);
    await using reader = await new LogReader(broker).whenReady();
    await insist(broker, "a");
    await insist(broker, "b");
    await reader.told("b");
    assertEquals(reader.lostReasons, []);
    await delay(100); // it has waited for a while: what comes next is looked at
    const [id] = /\d+-2/.exec(await redis.say("XREVRANGE netkit:log + - COUNT 1"))!;
    const far = "XADD netkit:log 4000000000000-0 hello world"; // in the year 2096
    await redis.say("MULTI", `XDEL netkit:log ${id}`, far, "EXEC");
    await reader.whenLost("forked");
    await insist(broker, "c");
    await reader.told("c");
    assertEquals(reader.lostReasons, ["forked"]);
    assert(reader.positions.at(-1)!.epoch > reader.positions[6]!.epoch);
    await broker.close();
  });
});

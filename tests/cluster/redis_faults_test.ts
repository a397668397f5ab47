/** What befalls a log in Redis, beside what befalls any log. */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { delay } from "@std/async";
import { afterAll, describe, it } from "@std/testing/bdd";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Log } from "../../cluster/log.ts";
import { systemClock } from "../../heartbeat.ts";
import type { BusinessError } from "../../mod.ts";
import { redisBroker, type RedisBrokerOptions } from "../../redis.ts";
import { insist } from "../helpers/broker_contract.ts";
import { RedisServer } from "../helpers/engines.ts";
import { LogReader, until } from "../helpers/log_reader.ts";
import { HERE, ROOT } from "../helpers/programs.ts";
import { type Opener, REDIS_CLIENTS } from "../helpers/redis_clients.ts";
import { TcpGate } from "../helpers/tcp_gate.ts";

const CLIENT = REDIS_CLIENTS[HERE === "bun" ? "Bun's own" : "node-redis"]!;

function brokerOf(url: string, options: Partial<RedisBrokerOptions> = {}, open: Opener = CLIENT) {
  return redisBroker({ open: () => open(url), ...options });
}

/** A log that notes the texts it is told. */
function logOf(broker: ReturnType<typeof redisBroker>, name: string) {
  const texts: string[] = [];
  const faults: BusinessError[] = [];
  const lost: string[] = [];
  const log = new Log<undefined, undefined>(broker, name, systemClock, {
    message(message) {
      if (message.kind === "message") texts.push(message.data as string);
    },
    ready() {},
    lost: (why) => lost.push(why),
    state() {},
    entry() {},
    fault: (error) => faults.push(error),
  });
  log.open();
  return { log, texts, faults, lost };
}

describe("a log in Redis", () => {
  it("is made by one of several that find none", async () => {
    await using redis = await RedisServer.run();
    const brokers = Array.from({ length: 8 }, () => brokerOf(redis.url));
    const readers = await Promise.all(brokers.map((broker) => new LogReader(broker).whenReady()));
    await Promise.all(brokers.map((broker, n) => broker.append(`${n}`)));
    for (const reader of readers) {
      await until("all are told", () => reader.entries.length === 8);
      assertEquals(reader.entries, readers[0]!.entries);
      assertEquals(reader.positions.at(-1), readers[0]!.positions.at(-1));
      await reader.end();
    }
    await Promise.all(brokers.map((broker) => broker.close()));
  });

  it("is found gone where nobody appends, and where somebody does", async () => {
    await using redis = await RedisServer.run();
    const [one, other] = [brokerOf(redis.url), brokerOf(redis.url)];
    await using reader = await new LogReader(one).whenReady();
    await using second = await new LogReader(other).whenReady();
    await one.append("a");
    await redis.say("DEL netkit:log");
    await reader.whenLost("gone");
    await second.whenLost("gone");
    await other.append("b");
    await redis.say("DEL netkit:log");
    await insist(other, "c");
    for (const each of [reader, second]) {
      await each.told("c");
      assertEquals(each.log, ["<ready>", "a", "<lost: gone>", "b", "<lost: gone>", "c"]);
    }
    await Promise.all([one.close(), other.close()]);
  });

  it("is gone once, though two have begun another", async () => {
    await using redis = await RedisServer.run();
    const broker = brokerOf(redis.url);
    await using reader = await new LogReader(broker).whenReady();
    await broker.append("a");
    await reader.told("a");
    const epochs = [1, 2].map((n) => Number(reader.positions[0]!.epoch) + n * 1_000_000);
    const begin = epochs.map((epoch) => `XADD netkit:log ${epoch}-0 epoch gone`);
    await delay(100);
    await redis.say("MULTI", "DEL netkit:log", ...begin.slice(0, 1), "EXEC");
    await reader.whenLost("gone");
    await redis.say(...begin.slice(1));
    await insist(broker, "b");
    await reader.told("b");
    assertEquals(reader.log, ["<ready>", "a", "<lost: gone>", "b"]);
    assertEquals(reader.positions.at(-1), { epoch: String(epochs[1]), offset: 1 });
    await broker.close();
  });

  it("is begun again above the epoch that was, whatever the clock says", async () => {
    await using redis = await RedisServer.run();
    await redis.say("XADD netkit:log 2000000000000-0 epoch gone"); // in the year 2033
    const broker = brokerOf(redis.url);
    await using reader = await new LogReader(broker).whenReady();
    await broker.append("a");
    await redis.say("XTRIM netkit:log MAXLEN = 0");
    await reader.whenLost("gone");
    await insist(broker, "b");
    await reader.told("b");
    assertEquals(reader.positions.map(({ epoch }) => epoch), ["2000000000000", "2000000000001"]);
    await broker.close();
  });

  it("says that a reader was too slow for it", async () => {
    await using redis = await RedisServer.run();
    await using gate = await TcpGate.listen(redis.port);
    const slow = brokerOf(`redis://127.0.0.1:${gate.port}`);
    const fast = brokerOf(redis.url, { maxBytes: 20_000 });
    await using reader = await new LogReader(slow).whenReady();
    await using witness = await new LogReader(fast).whenReady();
    await fast.append("a");
    await reader.told("a");
    gate.state = "held";
    for (let n = 0; n < 600; n++) await fast.append(`${n} ${"x".repeat(1000)}`);
    gate.state = "open";
    await fast.append("end");
    await reader.told("end");
    await witness.told("end");
    assertEquals([reader.lostReasons, reader.unsaid], [["trimmed"], undefined]);
    assert(reader.entries.length < 600);
    assertEquals([witness.lostReasons, witness.entries.length], [[], 602]);
    await Promise.all([slow.close(), fast.close()]);
  });

  it("takes no more room than it may, whatever the size of its entries", async () => {
    await using redis = await RedisServer.run();
    const broker = brokerOf(redis.url, { maxBytes: 1_000_000 });
    await using reader = await new LogReader(broker).whenReady();
    for (let n = 0; n < 200; n++) await broker.append("small");
    for (let n = 0; n < 60; n++) await broker.append(`${n} ${"x".repeat(100_000)}`);
    await until("all are told", () => reader.entries.length === 260);
    for (let n = 0; n < 300; n++) await broker.append(`${n} ${"x".repeat(20_000)}`);
    const kept = Number(/:(\d+)/.exec(await redis.say("XLEN netkit:log"))![1]);
    assert(kept >= 30 && kept <= 120, `${kept}`);
    await broker.close();
  });

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

  it("has an entry once though an answer was lost and it was appended twice", async () => {
    await using redis = await RedisServer.run();
    await using gate = await TcpGate.listen(redis.port);
    const cut = logOf(brokerOf(`redis://127.0.0.1:${gate.port}`), "cut");
    const other = logOf(brokerOf(redis.url), "other");
    await cut.log.publish("publish", "t", "a", undefined);
    gate.state = "one way";
    const published = cut.log.publish("publish", "t", "b", undefined);
    await until("it is in", () => other.texts.includes("b"));
    await delay(50);
    gate.state = "open";
    gate.reset();
    await published;
    await cut.log.publish("publish", "t", "c", undefined);
    await until("told", () => other.texts.includes("c"));
    for (const { texts, lost } of [cut, other]) assertEquals([texts, lost], [["a", "b", "c"], []]);
    await Promise.all([cut.log.close(), other.log.close()]);
  });

  it("notices a link that swallows everything, and one that hangs at the start", async () => {
    await using redis = await RedisServer.run();
    await using gate = await TcpGate.listen(redis.port);
    const broker = brokerOf(`redis://127.0.0.1:${gate.port}`);
    await using reader = await new LogReader(broker).whenReady();
    await broker.append("first");
    const far = brokerOf(redis.url);
    await far.append("second");
    await reader.told("second"); // so it waits for what comes next
    gate.state = "black hole";
    const lost = /no answer to XADD within 2000 ms/;
    assertMatch((await assertRejects(() => broker.append("b"), Error)).message, lost);
    await until("it is noticed", () => reader.states.at(-1) === false, 5000);
    assertEquals(reader.causes, ["no answer to XREAD within 3000 ms"]);
    await far.append("a");
    gate.state = "open";
    gate.reset();
    await reader.told("a");
    assertEquals(reader.log, ["<ready>", "first", "second", "a"]);
    assertEquals([reader.states, reader.unsaid], [[true, false, true], undefined]);
    await Promise.all([broker.close(), far.close()]);
  });

  it("says that it may not, until it may", async () => {
    await using redis = await RedisServer.run("--requirepass", "secret");
    const broker = brokerOf(redis.url);
    await using reader = new LogReader(broker);
    await assertRejects(() => broker.append("a"));
    await until("it is said", () => reader.states.length > 0);
    assertEquals(reader.states, [false]);
    await redis.say("AUTH secret", 'CONFIG SET requirepass ""');
    await reader.whenReady();
    await insist(broker, "a");
    await reader.told("a");
    await broker.close();
  });

  describe("needs no more rights than the documentation says", () => {
    const page = readFileSync(join(ROOT, "docs/cluster.md"), "utf8");
    const [, rights] = /^user (netkit on >secret .*)$/m.exec(page)!;
    // ioredis and its twin look 2 s after a disconnect whether it is one.
    afterAll(() => delay(2100));
    for (const [name, open] of Object.entries(REDIS_CLIENTS)) {
      it(name, async () => {
        await using redis = await RedisServer.run();
        await redis.say(`ACL SETUSER ${rights}`);
        const url = `redis://netkit:secret@127.0.0.1:${redis.port}`;
        const broker = brokerOf(url, { key: "netkit:log" }, open);
        await using reader = await new LogReader(broker).whenReady();
        await broker.append("a");
        await reader.told("a");
        await redis.say("DEL netkit:log");
        await reader.whenLost("gone");
        await insist(broker, "b");
        await reader.told("b");
        const elsewhere = brokerOf(url, { key: "other" }, open);
        await assertRejects(() => elsewhere.append("c"), Error, "NOPERM");
        await reader.end();
        await Promise.all([broker.close(), elsewhere.close()]);
      });
    }
  });

  it("takes nothing while Redis is out of memory, and goes on after", async () => {
    await using redis = await RedisServer.run();
    const { log, texts } = logOf(brokerOf(redis.url), "a");
    await log.publish("publish", "t", "1", undefined);
    await redis.say("CONFIG SET maxmemory 1mb");
    const published = log.publish("publish", "t", "2", undefined);
    await delay(300);
    assertEquals(texts, ["1"]);
    await redis.say("CONFIG SET maxmemory 0");
    await published;
    assertEquals(texts, ["1", "2"]);
    await log.close();
  });

  it("is seen to have lost entries when a replica takes over", async () => {
    await using first = await RedisServer.run("--repl-diskless-sync-delay", "0");
    await using replica = await RedisServer.run("--replicaof", `127.0.0.1 ${first.port}`);
    let port = first.port;
    const open = () => CLIENT(`redis://127.0.0.1:${port}`);
    const [one, other] = [redisBroker({ open }), redisBroker({ open })];
    await using reader = await new LogReader(one).whenReady();
    for (let n = 0; n < 3; n++) await one.append(`common ${n}`);
    await reader.told("common 2");
    for (let text = ""; !text.includes("common 2");) {
      text = await replica.say("XREVRANGE netkit:log + - COUNT 1");
      await delay(20);
    }
    await replica.say("REPLICAOF NO ONE");
    for (let n = 0; n < 7; n++) await one.append(`lost ${n}`);
    await reader.told("lost 6");
    port = replica.port;
    await first.kill();
    for (let n = 0; n < 10; n++) await insist(other, `new ${n}`);
    await reader.told("new 9");
    assertEquals(reader.lostReasons, ["forked"]);
    const after = reader.log.slice(reader.log.indexOf("<lost: forked>"));
    for (let n = 0; n < 10; n++) assert(after.includes(`new ${n}`), `new ${n}`);
    await Promise.all([one.close(), other.close()]);
  });

  it("keeps no connection where nobody reads", async () => {
    await using redis = await RedisServer.run();
    const open = new Set<object>();
    const broker = redisBroker({
      open: async () => {
        const connection = await CLIENT(redis.url);
        open.add(connection);
        return {
          send: (command, args) => connection.send(command, args),
          close: () => {
            open.delete(connection);
            return connection.close();
          },
        };
      },
    });
    await broker.append("a");
    assertEquals(open.size, 0);
    const reader = await new LogReader(broker).whenReady();
    await broker.append("b");
    assertEquals(open.size, 2);
    await reader.end();
    assertEquals(open.size, 0);
    await broker.close();
  });
});

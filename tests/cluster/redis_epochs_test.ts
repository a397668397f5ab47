/** A log in Redis that is begun, found gone, cut, or another than it was: its epochs, and what readers are told. */

import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { redisBroker } from "../../redis.ts";
import { insist } from "../helpers/broker_contract.ts";
import { RedisServer } from "../helpers/engines.ts";
import { LogReader } from "../helpers/log_reader.ts";
import { until } from "../helpers/until.ts";
import { CLIENT } from "../helpers/redis_clients.ts";
import { TcpGate } from "../helpers/tcp_gate.ts";
import { brokerOf } from "./redis_logs.ts";

describe("a log in Redis, begun and lost,", () => {
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
    for (const each of [reader, second]) await each.told("a");
    await redis.say("DEL netkit:log");
    await reader.whenLost("gone");
    await second.whenLost("gone");
    await other.append("b");
    for (const each of [reader, second]) await each.told("b");
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
    await reader.told("a");
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
});

/** What befalls the connections and the engine of a log in Redis, beside what befalls any log. */

import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { delay } from "@std/async";
import { afterAll, describe, it } from "@std/testing/bdd";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { redisBroker } from "../../redis.ts";
import { insist } from "../helpers/broker_contract.ts";
import { RedisServer } from "../helpers/engines.ts";
import { LogReader } from "../helpers/log_reader.ts";
import { until } from "../helpers/until.ts";
import { ROOT } from "../helpers/programs.ts";
import { connectTo, REDIS_CLIENTS } from "../helpers/redis_clients.ts";
import { TcpGate } from "../helpers/tcp_gate.ts";
import { brokerOf, logOf } from "./redis_logs.ts";

describe("a log in Redis", () => {
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
    const { message } = await assertRejects(() => broker.append("a"), Error);
    assertMatch(message, /^the log could not be read within 2000 ms: \w*Error: NOAUTH/);
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

  it("keeps no connection where nobody reads", async () => {
    await using redis = await RedisServer.run();
    const open = new Set<object>();
    const broker = redisBroker({
      open: () => {
        const connection = connectTo(redis.url);
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

/** What `open` of a log in Redis may answer, and what the broker does with each client. */

import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { delay } from "@std/async";
import { afterAll, describe, it } from "@std/testing/bdd";
import { spy } from "@std/testing/mock";
import { createClient } from "@redis/client";
import { redisBroker, type RedisClient } from "../../redis.ts";
import { insist } from "../helpers/broker_contract.ts";
import { RedisServer } from "../helpers/engines.ts";
import { LogReader } from "../helpers/log_reader.ts";
import { freePort } from "../helpers/programs.ts";
import { REDIS_CLIENTS } from "../helpers/redis_clients.ts";
import { Stopwatch } from "../helpers/stopwatch.ts";
import { until } from "../helpers/until.ts";

/** How long what is to be done at once may take on a busy machine, in ms: less than any deadline there is. */
const AT_ONCE = 800;

/** Waits until a Redis has so many clients, without the one that asks. */
async function clientsAre(redis: RedisServer, count: number): Promise<void> {
  let now;
  for (let tries = 0; tries < 200; tries++) {
    now = (await redis.say("CLIENT LIST")).match(/^id=/gm)!.length - 1;
    if (now === count) return;
    await delay(20);
  }
  assertEquals(now, count);
}

describe("a client of Redis", () => {
  // ioredis and its twin look 2 s after a disconnect whether it is one.
  afterAll(() => delay(2100));

  for (const [name, make] of Object.entries(REDIS_CLIENTS)) {
    it(`is told of with its own words where there is no Redis, by ${name}`, async () => {
      const port = await freePort();
      const broker = redisBroker({ open: () => make(`redis://127.0.0.1:${port}`) });
      const refused = /ECONNREFUSED|refused|Connection closed|Connection has failed/;
      const { message } = await assertRejects(() => broker.append("a"), Error);
      await using reader = new LogReader(broker);
      await until("it is told", () => reader.causes.length > 0);
      assertMatch(reader.causes[0]!, refused);
      assertMatch(message, refused);
      await broker.close();
    });

    it(`is another for each connection, or that is said, by ${name}`, async () => {
      await using redis = await RedisServer.run();
      const one = make(redis.url);
      const broker = redisBroker({ open: () => one });
      await using reader = await new LogReader(broker).whenReady();
      const words = "'open' of redisBroker must answer another client each time";
      await assertRejects(() => broker.append("a"), Error, words);
      assertEquals(reader.states, [true]);
      await broker.close();
      await clientsAre(redis, 0);
    });

    it(`is told of where the password is wrong, by ${name}`, async () => {
      await using redis = await RedisServer.run();
      await redis.say("ACL SETUSER netkit on >secret ~* +@all");
      const url = `redis://netkit:public@127.0.0.1:${redis.port}`;
      const broker = redisBroker({ open: () => make(url) });
      await using reader = new LogReader(broker);
      await until("it is told", () => reader.causes.length > 0);
      assertMatch(reader.causes[0]!, /WRONGPASS/);
      await broker.close();
    });

    it(`is followed by another when Redis ends its connection, by ${name}`, async () => {
      await using redis = await RedisServer.run();
      let opened = 0;
      const broker = redisBroker({
        open() {
          opened++;
          return make(redis.url);
        },
      });
      await using reader = await new LogReader(broker).whenReady();
      await broker.append("a");
      await reader.told("a");
      assertEquals(opened, 2);
      await clientsAre(redis, 2);
      const watch = new Stopwatch();
      await redis.say("CLIENT KILL TYPE normal SKIPME yes");
      await until("it is told", () => reader.states.length > 1);
      watch.assertLess(AT_ONCE);
      assertMatch(reader.causes[0]!, /clos/i);
      await until("it goes on", () => reader.states.length === 3);
      await insist(broker, "b");
      await reader.told("b");
      assertEquals([reader.states, reader.log], [[true, false, true], ["<ready>", "a", "b"]]);
      assertEquals(opened, 4);
      await clientsAre(redis, 2);
      await broker.close();
      await clientsAre(redis, 0);
    });
  }

  it("may be connected already, and sets no timer for each command", async () => {
    await using redis = await RedisServer.run();
    const broker = redisBroker({ open: () => createClient({ url: redis.url }).connect() });
    await using reader = await new LogReader(broker).whenReady();
    await broker.append("a");
    await reader.told("a");
    using timeouts = spy(AbortSignal, "timeout");
    await broker.append("b");
    await reader.told("b");
    assertEquals(timeouts.calls.map(({ args }) => args), []);
    assertEquals([reader.states, reader.causes], [[true], []]);
    await broker.close();
    await clientsAre(redis, 0);
  });

  it("is one, and it is said what may be answered", async () => {
    const sendCommand = () => {};
    const answers = [
      { sendCommand, connect() {}, disconnect() {} }, // npm's redis before version 5
      { sendCommand, close() {} },
      { send() {} },
      { call() {}, on() {} },
      undefined,
      null,
      "redis://a",
    ];
    for (const answer of answers) {
      const open = () => Promise.resolve(answer as unknown as RedisClient);
      const broker = redisBroker({ open });
      const words =
        "'open' of redisBroker must answer a client of Redis: npm's redis from version 5, " +
        "ioredis, iovalkey, Bun's own, or an object with 'send' and 'close'";
      await assertRejects(() => broker.append("a"), Error, words);
      await using reader = new LogReader(broker);
      await until("it is told", () => reader.causes.length > 0);
      assertEquals(reader.causes[0], words);
      await broker.close();
    }
  });
});

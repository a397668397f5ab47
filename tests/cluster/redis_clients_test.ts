/** What `open` of a log in Redis may answer, and what the broker does with each client. */

import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { delay } from "@std/async";
import { afterAll, describe, it } from "@std/testing/bdd";
import { spy } from "@std/testing/mock";
import { createClient, createCluster, createSentinel } from "@redis/client";
import { Redis } from "ioredis";
import { Valkey } from "iovalkey";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { system } from "../../scripts/setup.mjs";
import { redisBroker, type RedisClient } from "../../redis.ts";
import { insist } from "../helpers/broker_contract.ts";
import { RedisServer } from "../helpers/engines.ts";
import { LogReader } from "../helpers/log_reader.ts";
import { freePort, Program } from "../helpers/programs.ts";
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

const engine = (await system("redis-server"))!;

/** A Sentinel of a Redis that it calls "ours", until the end of the block; and where it listens. */
async function sentinelOf({ folder, port }: RedisServer) {
  const own = await freePort();
  const path = join(folder, "sentinel.conf");
  const lines = [`port ${own}`, "bind 127.0.0.1", `sentinel monitor ours 127.0.0.1 ${port} 1`];
  writeFileSync(path, lines.join("\n"));
  const program = Program.start([engine, path, "--sentinel", "--dir", folder]);
  return {
    port: own,
    async [Symbol.asyncDispose]() {
      program.kill("SIGKILL");
      await program.ended;
    },
  };
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

  const options = [
    { lazyConnect: true },
    { enableOfflineQueue: false },
    { lazyConnect: true, enableOfflineQueue: false },
  ];
  const makers = {
    ioredis: (url: string, its: typeof options[0]) => new Redis(url, its),
    iovalkey: (url: string, its: typeof options[0]) => new Valkey(url, its),
  };
  for (const [name, make] of Object.entries(makers)) {
    it(`is sent nothing before it is ready, by ${name}`, async () => {
      await using redis = await RedisServer.run();
      for (const its of options) {
        const broker = redisBroker({ open: () => make(redis.url, its) });
        await using reader = await new LogReader(broker).whenReady();
        await broker.append(JSON.stringify(its));
        await reader.told(JSON.stringify(its));
        assertEquals([reader.states, reader.causes], [[true], []]);
        await broker.close();
      }
      await clientsAre(redis, 0);
      const port = await freePort();
      const lazy = () => make(`redis://127.0.0.1:${port}`, { lazyConnect: true });
      await assertRejects(() => redisBroker({ open: lazy }).append("a"), Error, "ECONNREFUSED");
    });

    it(`is told of at once where the program has ended it, by ${name}`, async () => {
      const broker = redisBroker({
        async open() {
          const client = make("redis://127.0.0.1:1", { lazyConnect: true });
          const ended = once(client, "end");
          client.disconnect();
          await ended;
          return client;
        },
      });
      const watch = new Stopwatch();
      await assertRejects(() => broker.append("a"), Error, "Connection is closed.");
      watch.assertLess(AT_ONCE);
      await broker.close();
    });
  }

  it("may be one that asks Sentinels which Redis writes", async () => {
    await using redis = await RedisServer.run();
    await using sentinel = await sentinelOf(redis);
    const sentinelRootNodes = [{ host: "127.0.0.1", port: sentinel.port }];
    const broker = redisBroker({ open: () => createSentinel({ name: "ours", sentinelRootNodes }) });
    await using reader = await new LogReader(broker).whenReady();
    await broker.append("a");
    await reader.told("a");
    await redis.say("CLIENT KILL TYPE normal SKIPME yes");
    await insist(broker, "b");
    await reader.told("b");
    assertEquals([reader.entries.at(-1), reader.lostReasons], ["b", []]);
    await broker.close();

    const away = [{ host: "127.0.0.1", port: await freePort() }];
    const open = () => createSentinel({ name: "ours", sentinelRootNodes: away });
    await assertRejects(() => redisBroker({ open }).append("a"), Error, "ECONNREFUSED");
  });

  it("may fail to be closed, as it is closed, or later", async () => {
    for (
      const destroy of [() => {
        throw new Error("closed");
      }, () => Promise.reject(new Error("closed"))]
    ) {
      const told: Record<string, (cause?: unknown) => void> = {};
      const open = () => ({
        ...{ isOpen: false, destroy, connect: () => new Promise(() => {}) },
        sendCommand: () => Promise.resolve(null),
        on: (event: string, listener: (cause?: unknown) => void) => told[event] = listener,
      });
      const broker = redisBroker({ open });
      const appended = assertRejects(() => broker.append("a"), Error, "it is gone");
      await until("it listens", () => told["error"] !== undefined);
      told["error"]!(new Error("it is gone")); // which a client would be thrown into its own hands
      told["connect"]!();
      await appended;
      await broker.close();
    }
  });

  it("is one, and it is said what may be answered", async () => {
    const sendCommand = () => {};
    const answers = [
      { sendCommand, connect() {}, disconnect() {} }, // npm's redis before version 5
      { sendCommand, close() {} },
      { send() {} },
      { call() {}, on() {} },
      createCluster({ rootNodes: [] }),
      undefined,
      null,
      "redis://a",
    ];
    for (const answer of answers) {
      const open = () => Promise.resolve(answer as unknown as RedisClient);
      const broker = redisBroker({ open });
      const words = "'open' of redisBroker must answer a client of Redis: createClient, " +
        "createClientPool or createSentinel of npm's redis from version 5, ioredis, iovalkey, " +
        "Bun's own, or an object with 'send' and 'close'";
      await assertRejects(() => broker.append("a"), Error, words);
      await using reader = new LogReader(broker);
      await until("it is told", () => reader.causes.length > 0);
      assertEquals(reader.causes[0], words);
      await broker.close();
    }
  });
});

/** What a log in Redis or JetStream takes, when it begins, and what it leaves. The servers are in memory. */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { Broker } from "../../cluster.ts";
import { BusinessError } from "../../mod.ts";
import { natsBroker } from "../../nats.ts";
import { redisBroker } from "../../redis.ts";
import { LogReader } from "../helpers/log_reader.ts";
import { until } from "../helpers/until.ts";
import { natsLog } from "../helpers/scripted_log.ts";
import { ScriptedNats } from "../helpers/scripted_nats.ts";
import { ScriptedRedis } from "../helpers/scripted_redis.ts";

const open = new ScriptedRedis().open;
const { connection } = new ScriptedNats();

/** Options that are refused, and why. */
const WRONG: [make: (options: never) => Broker, name: string, cases: [object, string][]][] = [
  [redisBroker, "redisBroker", [
    [{}, "'open' must be a function: current value is undefined"],
    [{ open: "redis://" }, "'open' must be a function"],
    [{ open, key: "" }, "'key' must be text that is not empty"],
    [{ open, key: 5 }, "'key' must be text that is not empty"],
    [{ open, maxBytes: 0 }, "'maxBytes' must be an integer above 0"],
    [{ open, url: "x" }, "'url' is no option"],
  ]],
  [natsBroker, "natsBroker", [
    [{}, "'connection' must be a connection of nats-core: current value is undefined"],
    [{ connection: "nats://" }, "'connection' must be a connection of nats-core"],
    [{ connection: null }, "'connection' must be a connection of nats-core"],
    [{ connection, stream: "a.b" }, "'stream' must be letters, digits, - and _"],
    [{ connection, stream: "" }, "'stream' must be letters, digits, - and _"],
    [{ connection, stream: 5 }, "'stream' must be letters, digits, - and _"],
    [{ connection, maxBytes: 1.5 }, "'maxBytes' must be an integer above 0"],
    [{ connection, key: "x" }, "'key' is no option"],
  ]],
];

for (const [make, name, cases] of WRONG) {
  describe(name, () => {
    for (const [options, what] of cases) {
      it(`refuses wrong options with 401: ${Object.keys(options)} ${what}`, () => {
        const error = assertThrows(() => make(options as never), BusinessError, `${name}: ${what}`);
        assertEquals(error.code, 401);
      });
    }
  });
}

/** A server in memory and a log in it, and what was asked of it. */
const ENGINES: Record<string, () => { broker: Broker; asked: string[]; refuse: () => void }> = {
  "Redis"() {
    const redis = new ScriptedRedis();
    redis.rows = [["1000-0", ["epoch", "gone"]]];
    const faults: string[] = [];
    redis.fault = (asked) => asked.startsWith("XADD") ? faults.pop() : undefined;
    const refuse = () => void faults.push("refused");
    return { broker: redisBroker({ open: redis.open }), asked: redis.asked, refuse };
  },
  "JetStream"() {
    const nats = new ScriptedNats();
    const broker = natsBroker({ connection: nats.connection, stream: "NETKIT" });
    const error = { err_code: 10047, description: "refused" };
    const refuse = () => void (nats.answers["NETKIT.log"] = [{ error }]);
    return { broker, asked: nats.asked, refuse };
  },
};

for (const [name, make] of Object.entries(ENGINES)) {
  describe(`a log in ${name}`, () => {
    it("is asked for nothing once it is closed, or where its reader has left already", async () => {
      const { broker, asked } = make();
      const left = { entry() {}, ready() {}, lost() {}, state() {} };
      await broker.read(left, AbortSignal.abort());
      const reader = await new LogReader(broker).whenReady();
      const closed = broker.close();
      await Promise.all([closed, reader.ended]);
      asked.length = 0;
      await assertRejects(() => broker.append("a"), Error, "the broker is closed");
      await new LogReader(broker).ended;
      assertEquals(asked, []);
    });

    it("is looked at by who reads before anything is appended", async () => {
      const { broker, asked } = make();
      const reader = new LogReader(broker);
      await broker.append("a");
      await reader.told("a");
      const looks = asked.filter((one) => /^(?:XREVRANGE|STREAM.INFO)/.test(one));
      assertEquals(looks.length, 1, looks.join());
      const places = [/^(?:XREVRANGE|CONSUMER.CREATE)/, /^(?:XADD NOMKSTREAM|NETKIT.log)/]
        .map((one) => asked.findIndex((command) => one.test(command)));
      assertEquals(places, places.toSorted((a, b) => a - b), asked.join("; "));
      await reader.end();
      await broker.close();
    });

    it("is looked at again after an append that failed, and taken up again", async () => {
      const { broker, refuse } = make();
      const reader = await new LogReader(broker).whenReady();
      refuse();
      await assertRejects(() => broker.append("a"), Error, "refused");
      await broker.append("b");
      await reader.told("b");
      assertEquals(reader.log, ["<ready>", "b"]);
      await reader.end();
      await broker.close();
    });
  });
}

describe("the connections of a log in Redis", () => {
  it("are one for who reads and one for who appends, and none where nobody reads", async () => {
    const redis = new ScriptedRedis();
    const broker = redisBroker({ open: redis.open });
    for (const text of ["a", "b"]) {
      await broker.append(text);
      await until("none is left", () => redis.connections === 0);
    }
    const readers = [new LogReader(broker), new LogReader(broker)];
    for (const reader of readers) await reader.whenReady();
    assertEquals(redis.connections, 2);
    for (const text of ["c", "d"]) {
      await broker.append(text);
      assertEquals(redis.connections, 3);
    }
    await readers[0]!.end();
    await until("one has left", () => redis.connections === 2);
    await broker.append("e");
    assertEquals(redis.connections, 2);
    await readers[1]!.end();
    await until("none is left", () => redis.connections === 0);
    await broker.append("f");
    assertEquals(redis.entries, ["a", "b", "c", "d", "e", "f"]);
    await broker.close();
    await until("none is left", () => redis.connections === 0);
  });
});

describe("the connection of a log in JetStream", () => {
  it("is looked at again after an append that failed", async () => {
    const { nats, broker, reader, end } = await natsLog();
    nats.answers["NETKIT.log"] = [{}]; // of whomever
    await assertRejects(() => broker.append("a"), Error, "is no subject of the stream");
    await until("it was", () => reader.states.length === 3);
    assertEquals(reader.causes, ["the stream may be another one"]);
    await end();
  });
});

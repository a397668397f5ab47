/** What a log in JetStream makes there, what it leaves, and what it says when that is not to be had. */

import { connect, type NatsConnection } from "@nats-io/transport-node";
import { assert, assertEquals, assertGreater, assertMatch, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { natsBroker, type NatsBrokerOptions } from "../../nats.ts";
import { insist } from "../helpers/broker_contract.ts";
import { NatsServer } from "../helpers/engines.ts";
import { LogReader } from "../helpers/log_reader.ts";
import { until } from "../helpers/until.ts";
import { Program } from "../helpers/programs.ts";
import { assertInTime, Stopwatch } from "../helpers/stopwatch.ts";

/** A server and a connection to it, until the end of the block. */
async function world() {
  const nats = await NatsServer.run();
  const connection = await connect({ servers: nats.url, maxReconnectAttempts: -1 });
  return {
    nats,
    connection,
    async [Symbol.asyncDispose]() {
      await connection.close();
      await nats[Symbol.asyncDispose]();
    },
  };
}

async function api<T>(connection: NatsConnection, call: string, request: object = {}): Promise<T> {
  const subject = `$JS.API.${call}`;
  return (await connection.request(subject, JSON.stringify(request), { timeout: 2000 })).json<T>();
}

const consumersOf = async (connection: NatsConnection) =>
  (await api<{ consumers: { config: Record<string, unknown> }[] }>(
    connection,
    "CONSUMER.LIST.NETKIT",
  )).consumers.map(({ config }) => config);

describe("a log in JetStream", () => {
  it("is made by who appends though nobody reads: on disk, of 64 MiB, and the oldest go first", async () => {
    await using it = await world();
    const broker = natsBroker({ connection: it.connection });
    await broker.append("a");
    const { config } = await api<{ config: Record<string, unknown> }>(
      it.connection,
      "STREAM.INFO.NETKIT",
    );
    const { subjects, retention, discard, storage, max_bytes, num_replicas } = config;
    assertEquals(
      { subjects, retention, discard, storage, max_bytes, num_replicas },
      {
        subjects: ["NETKIT.log"],
        retention: "limits",
        discard: "old",
        storage: "file",
        max_bytes: 64 * 1024 * 1024,
        num_replicas: 1,
      },
    );
    await using reader = await new LogReader(broker).whenReady();
    assertEquals(reader.log, ["a", "<ready>"]);
  });

  it("has a consumer of each reader that goes with it, or 5 s after its process", async () => {
    await using it = await world();
    const subscriptions = new Set<object>();
    const { connection } = it;
    const watched = {
      request: connection.request.bind(connection),
      publish: connection.publish.bind(connection),
      subscribe(...args: Parameters<NatsConnection["subscribe"]>) {
        const subscription = connection.subscribe(...args);
        subscriptions.add(subscription);
        return {
          unsubscribe() {
            subscriptions.delete(subscription);
            subscription.unsubscribe();
          },
        };
      },
    };
    const broker = natsBroker({ connection: watched });
    const readers = [new LogReader(broker), new LogReader(broker)];
    for (const reader of readers) await reader.whenReady();
    const configs = await consumersOf(connection);
    const expected = {
      deliver_policy: "by_start_sequence",
      opt_start_seq: 1,
      ack_policy: "none",
      flow_control: true,
      idle_heartbeat: 5e8,
      inactive_threshold: 5e9,
      mem_storage: true,
      num_replicas: 1,
    };
    assertEquals(configs.length, 2);
    for (const config of configs) {
      const found = Object.fromEntries(Object.keys(expected).map((key) => [key, config[key]]));
      assertEquals(found, expected);
    }
    await readers[0]!.end();
    const areLeft = async (count: number) => {
      const end = performance.now() + 4000;
      while ((await consumersOf(connection)).length !== count) {
        assert(performance.now() < end, `${count} consumers are left`);
      }
    };
    await areLeft(1);
    await broker.append("a");
    await readers[1]!.told("a");
    await broker.close();
    await readers[1]!.end();
    await areLeft(0);
    assertEquals(subscriptions.size, 0);
  });

  it("is silent for 1.5 s and no longer before it is said that it cannot be read", async () => {
    await using it = await world();
    const broker = natsBroker({ connection: it.connection });
    await using reader = await new LogReader(broker).whenReady();
    await broker.append("a");
    await reader.told("a");
    await new Promise((resolve) => setTimeout(resolve, 700)); // more than one sign of life
    assertEquals(reader.states, [true]);
    it.nats.freeze();
    const watch = new Stopwatch();
    await until("it is said", () => reader.states.at(-1) === false, 10_000);
    assertGreater(watch.ms, 500); // the last sign of life was up to half a second before, or a stall more
    watch.assertLess(3000);
    assertEquals(reader.causes, ["JetStream was silent for 1500 ms"]);
    it.nats.thaw();
    await insist(broker, "c");
    await reader.told("c");
    assertEquals([reader.states, reader.lostReasons], [[true, false, true], []]);
  });

  it("tells what was lost on its way to the reader, and nothing of a stranger's", async () => {
    await using it = await world();
    const { connection } = it;
    const lost = new Set(["b", "d"]);
    const inboxes: string[] = [];
    let fail: (error: Error) => void = () => {};
    const lossy = {
      request: connection.request.bind(connection),
      publish: connection.publish.bind(connection),
      subscribe(...[subject, options]: Parameters<NatsBrokerOptions["connection"]["subscribe"]>) {
        inboxes.push(subject);
        fail = (error) => options.callback(error, undefined as never);
        return connection.subscribe(subject, {
          callback(error, message) {
            if (!lost.delete(message.string())) options.callback(error, message);
          },
        });
      },
    };
    const broker = natsBroker({ connection: lossy });
    await using reader = await new LogReader(broker).whenReady();
    for (const text of ["a", "b"]) await broker.append(text);
    await reader.told("b");
    /** What is lost behind that must not be lost to the consumer that is given up. */
    const mended = (times: number) =>
      until(
        "it is read anew",
        () => reader.causes.length === times && reader.states.at(-1) === true,
      );
    await mended(1); // as a sign of life says how many there were
    connection.publish(inboxes.at(-1)!, "a stranger's");
    for (const text of ["c", "d", "e"]) await broker.append(text);
    await reader.told("e");
    await mended(2); // as the next has not the next number
    fail(new Error("no permission"));
    await broker.append("f");
    await reader.told("f");
    assertEquals(reader.log, ["<ready>", "a", "b", "c", "d", "e", "f"]);
    assertEquals(reader.unsaid, undefined);
    assertEquals(reader.causes, ["some were not told", "some were not told", "no permission"]);
  });

  it("looks what has become of it after an append that failed", async () => {
    await using it = await world();
    const { connection } = it;
    /** What is not appended, once each. */
    const refused = new Set<string>();
    let isDeaf = false;
    const request: NatsConnection["request"] = async (subject, payload, options) => {
      const [word = ""] = String(payload).split(" ");
      if (refused.delete(word)) throw new Error("no answer");
      return await connection.request(subject, payload, options);
    };
    const faulty: NatsBrokerOptions["connection"] = {
      request,
      publish: connection.publish.bind(connection),
      subscribe: (subject, { callback }) =>
        connection.subscribe(subject, {
          callback: (...args) => void (isDeaf || callback(...args)),
        }),
    };
    const broker = natsBroker({ connection: faulty });
    await using reader = await new LogReader(broker).whenReady();
    const failing = async () => {
      refused.add("refused");
      await assertRejects(() => broker.append("refused"), Error, "no answer");
    };
    const add = async (...texts: string[]) => {
      for (const text of texts) await insist(broker, text);
    };
    await add("a", "b");
    await reader.told("b");
    await failing(); // all is well: the last entry is there
    await add("c", "");
    await reader.told("");
    await failing(); // though it is empty
    assertEquals([reader.lostReasons, reader.unsaid], [[], undefined]);

    await add("more");
    await reader.told("more");
    isDeaf = true;
    const other = natsBroker({ connection }); // its own may be told it by their answers
    for (const text of ["d", "e", "f"]) await other.append(text);
    await api(connection, "STREAM.PURGE.NETKIT", { keep: 1 });
    isDeaf = false;
    await failing();
    await reader.told("f");
    assertEquals(reader.log.slice(3), ["c", "", "more", "<lost: trimmed>", "f"]);

    await add("g");
    await reader.told("g");
    await api(connection, "STREAM.MSG.DELETE.NETKIT", { seq: 9 });
    refused.add("epoch"); // cannot be begun anew at first
    await failing();
    await reader.whenLost("forked");
    await add("h", "i");
    await reader.told("i");
    // What was deleted is missing among the numbers, too.
    assertEquals(reader.log.slice(8), ["g", "<lost: forked>", "f", "<lost: trimmed>", "h", "i"]);
    // What says so comes behind what was appended meanwhile.
    for (let n = 0; !reader.positions.at(-1)!.epoch.includes("."); n++) {
      await add(`j${n}`);
      await reader.told(`j${n}`);
    }
    assertMatch(reader.positions.at(-1)!.epoch, /^\d+\.\d+$/);
    await using late = await new LogReader(broker).whenReady();
    assertEquals(late.positions.at(-1), reader.positions.at(-1));
  });

  it("is made by another, of another size, while it is being made", async () => {
    await using it = await world();
    const { connection } = it;
    const other = natsBroker({ connection, maxBytes: 1_000_000 });
    let first = true;
    const request: NatsConnection["request"] = async (subject, ...rest) => {
      const reply = await connection.request(subject, ...rest);
      if (subject.includes("STREAM.INFO") && first) {
        first = false;
        await other.append("a");
      }
      return reply;
    };
    const { publish, subscribe } = connection;
    const slow = {
      request,
      publish: publish.bind(connection),
      subscribe: subscribe.bind(connection),
    };
    await using reader = await new LogReader(natsBroker({ connection: slow })).whenReady();
    assertEquals([reader.log, reader.causes], [["a", "<ready>"], []]);
  });

  it("is ready where the newest of it was deleted", async () => {
    await using it = await world();
    const broker = natsBroker({ connection: it.connection });
    for (const text of ["a", "b"]) await broker.append(text);
    await api(it.connection, "STREAM.MSG.DELETE.NETKIT", { seq: 2 });
    await using reader = await new LogReader(broker).whenReady();
    assertEquals(reader.log, ["a", "<ready>"]);
  });

  it("has its epoch ended where the newest of it was deleted, though nobody appends", async () => {
    await using it = await world();
    const broker = natsBroker({ connection: it.connection });
    await using reader = await new LogReader(broker).whenReady();
    for (const text of ["a", "b", "c"]) await insist(broker, text);
    await reader.told("c");
    await api(it.connection, "STREAM.MSG.DELETE.NETKIT", { seq: 3 });
    const { consumers: [name] } = await api<{ consumers: string[] }>(
      it.connection,
      "CONSUMER.NAMES.NETKIT",
    );
    await api(it.connection, `CONSUMER.DELETE.NETKIT.${name}`); // so that it is looked at again
    await reader.whenLost("forked");
    await reader.whenLost("trimmed", 5000); // between "b" and the end there is a gap
    const { data } = await api<{ message: { data: string } }>(
      it.connection,
      "STREAM.MSG.GET.NETKIT",
      { seq: 4 },
    ).then(({ message }) => message);
    assertEquals(atob(data), `epoch forked ${reader.positions[0]!.epoch}`);
    const told = ["<ready>", "a", "b", "c", "<lost: forked>", "a", "b", "<lost: trimmed>"];
    assertEquals(reader.log, told);
  });

  for (const before of [0, 3]) {
    it(`says that the first were trimmed where it was empty, behind ${before} that were dropped`, async () => {
      await using it = await world();
      const { connection } = it;
      const other = natsBroker({ connection });
      for (let n = 0; n < before; n++) await other.append("dropped");
      if (before > 0) await api(connection, "STREAM.PURGE.NETKIT");
      let isDeaf = false;
      const faulty: NatsBrokerOptions["connection"] = {
        request: connection.request.bind(connection),
        publish: connection.publish.bind(connection),
        subscribe: (subject, { callback }) =>
          connection.subscribe(subject, {
            callback: (...args) => void (isDeaf || callback(...args)),
          }),
      };
      await using reader = await new LogReader(natsBroker({ connection: faulty })).whenReady();
      isDeaf = true;
      for (const text of ["a", "b", "c"]) await other.append(text);
      await api(connection, "STREAM.PURGE.NETKIT", { keep: 1 });
      isDeaf = false;
      await reader.told("c");
      assertEquals(reader.log, ["<ready>", "<lost: trimmed>", "c"]);
    });
  }

  it("takes no other stream's word for what it has appended", async () => {
    await using it = await world();
    const { connection } = it;
    const create = (name: string, subject: string) =>
      api(connection, `STREAM.CREATE.${name}`, { name, subjects: [subject], storage: "memory" });
    await create("NETKIT", "elsewhere");
    const broker = natsBroker({ connection });
    await assertRejects(() => broker.append("a"), Error);
    await create("OTHER", "NETKIT.log");
    const what = '"NETKIT.log" is no subject of the stream NETKIT';
    await assertRejects(() => broker.append("a"), Error, what);
  });

  it("leaves nothing that would keep a process", async () => {
    await using nats = await NatsServer.run();
    const program = Program.here("broker_left.ts", ["nats", nats.url]);
    const closed = await program.lineFrom("closed");
    const watch = new Stopwatch();
    const { code, at, stderr } = await program.ended;
    assertEquals([code, stderr], [0, ""]);
    assertInTime(at - closed.at, 900, watch.short);
  });
});

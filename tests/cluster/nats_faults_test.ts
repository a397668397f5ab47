/** What befalls a log in JetStream, beside what befalls any log. */

import { connect, type NatsConnection } from "@nats-io/transport-node";
import { assert, assertEquals, assertMatch, assertNotEquals, assertRejects } from "@std/assert";
import { delay } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readDelivery } from "../../cluster/brokers/nats_stream.ts";
import { natsBroker } from "../../nats.ts";
import { insist } from "../helpers/broker_contract.ts";
import { NatsServer } from "../helpers/engines.ts";
import { LogReader } from "../helpers/log_reader.ts";
import { until } from "../helpers/until.ts";
import { ROOT } from "../helpers/programs.ts";
import { TcpGate } from "../helpers/tcp_gate.ts";

/** Connections that are closed at the end of the block. */
class Connections implements AsyncDisposable {
  readonly #all: NatsConnection[] = [];

  async open(servers: string, options: Parameters<typeof connect>[0] = {}) {
    const connection = await connect({
      servers,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 50,
      reconnectJitter: 10,
      pingInterval: 1000,
      ...options,
    });
    this.#all.push(connection);
    return connection;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#all.map((connection) => connection.close()));
  }
}

const api = (connection: NatsConnection, call: string, request: object = {}) =>
  connection.request(`$JS.API.${call}`, JSON.stringify(request), { timeout: 2000 });

describe("a log in JetStream", () => {
  it("is made by one of several that find none", async () => {
    await using nats = await NatsServer.run();
    await using connections = new Connections();
    const brokers = await Promise.all(
      Array.from({ length: 6 }, async () =>
        natsBroker({
          connection: await connections.open(nats.url),
          stream: "S",
          maxBytes: 50_000,
        })),
    );
    const readers = await Promise.all(brokers.map((broker) => new LogReader(broker).whenReady()));
    await Promise.all(brokers.map((broker, n) => broker.append(`${n}`)));
    for (const reader of readers) {
      await until("all are told", () => reader.entries.length === 6);
      assertEquals(reader.positions, readers[0]!.positions);
    }
    for (let n = 0; n < 100; n++) await brokers[0]!.append("x".repeat(1000));
    const { state } = (await api(await connections.open(nats.url), "STREAM.INFO.S")).json<
      { state: { bytes: number } }
    >();
    assert(state.bytes <= 50_000, `${state.bytes}`);
    await Promise.all(readers.map((reader) => reader.end()));
  });

  it("has its name once it is made: while another node makes it, JetStream does not know when it was", async () => {
    await using nats = await NatsServer.run();
    await using connections = new Connections();
    const connection = await connections.open(nats.url);
    let early = 3;
    const request: NatsConnection["request"] = async (subject, ...rest) => {
      const reply = await connection.request(subject, ...rest);
      if (!/STREAM\.(INFO|CREATE)/.test(subject) || early-- <= 0) return reply;
      const text = reply.string().replace(/"created":"[^"]+"/, '"created":"0001-01-01T00:00:00Z"');
      return { ...reply, data: new TextEncoder().encode(text) };
    };
    const { publish, subscribe } = connection;
    const hasty = {
      request,
      publish: publish.bind(connection),
      subscribe: subscribe.bind(connection),
    };
    await using first = await new LogReader(natsBroker({ connection: hasty })).whenReady();
    await using second = await new LogReader(natsBroker({ connection })).whenReady();
    await natsBroker({ connection }).append("one");
    await until("both are told", () => first.entries.length + second.entries.length === 2);
    assertEquals(first.positions, second.positions);
  });

  it("is found gone when the stream is deleted", async () => {
    await using nats = await NatsServer.run();
    await using connections = new Connections();
    const connection = await connections.open(nats.url);
    const broker = natsBroker({ connection });
    await using reader = await new LogReader(broker).whenReady();
    await broker.append("a");
    await reader.told("a");
    await api(connection, "STREAM.DELETE.NETKIT");
    await insist(broker, "b");
    await reader.told("b");
    assertEquals(reader.log, ["<ready>", "a", "<lost: gone>", "b"]);
  });

  it("is found gone when it was in memory and the server has started again", async () => {
    await using nats = await NatsServer.run();
    await using connections = new Connections();
    const connection = await connections.open(nats.url);
    const config = { name: "NETKIT", subjects: ["NETKIT.log"], storage: "memory" };
    await api(connection, "STREAM.CREATE.NETKIT", config);
    const broker = natsBroker({ connection });
    await using reader = await new LogReader(broker).whenReady();
    await broker.append("a");
    await reader.told("a");
    await nats.restart();
    await insist(broker, "b");
    await reader.told("b");
    assertEquals([reader.lostReasons, reader.unsaid], [["gone"], undefined]);
  });

  it("ends an epoch once, though several see that entries were lost", async () => {
    await using nats = await NatsServer.run();
    await using connections = new Connections();
    const brokers = [];
    for (let n = 0; n < 3; n++) {
      brokers.push(natsBroker({ connection: await connections.open(nats.url) }));
    }
    await (await new LogReader(brokers[0]!).whenReady()).end();
    const restore = await nats.snapshot(); // with nothing in it
    const readers = await Promise.all(brokers.map((broker) => new LogReader(broker).whenReady()));
    await insist(brokers[0]!, "lost");
    for (const reader of readers) await reader.told("lost");
    await restore();
    for (const reader of readers) await reader.whenLost("forked");
    await insist(brokers[1]!, "new");
    for (const reader of readers) {
      await reader.told("new");
      assertEquals(reader.lostReasons, ["forked"]);
      const [lost, first] = [reader.positions[0]!, reader.positions.at(-1)!];
      assertNotEquals(lost.epoch, first.epoch, "no two entries have one place");
    }
    await insist(brokers[2]!, "end");
    for (const reader of readers) {
      await reader.told("end");
      assertEquals(reader.positions.at(-1), readers[0]!.positions.at(-1));
      assertMatch(reader.positions.at(-1)!.epoch, /^\d+\.\d+$/);
    }
    await using late = await new LogReader(brokers[0]!).whenReady();
    assertEquals(late.positions.at(-1), readers[0]!.positions.at(-1));
    await Promise.all(readers.map((reader) => reader.end()));
  });

  it("notices a link that swallows everything", async () => {
    await using nats = await NatsServer.run();
    await using gate = await TcpGate.listen(nats.port);
    await using connections = new Connections();
    const broker = natsBroker({ connection: await connections.open(`127.0.0.1:${gate.port}`) });
    await using reader = await new LogReader(broker).whenReady();
    gate.state = "black hole";
    await until("it is noticed", () => reader.states.at(-1) === false, 5000);
    const far = natsBroker({ connection: await connections.open(nats.url) });
    await far.append("a");
    gate.state = "open";
    gate.reset();
    await reader.told("a");
    assertEquals([reader.states, reader.unsaid], [[true, false, true], undefined]);
  });

  it("has all that came while answers were lost", async () => {
    await using nats = await NatsServer.run();
    await using gate = await TcpGate.listen(nats.port);
    await using connections = new Connections();
    const broker = natsBroker({ connection: await connections.open(`127.0.0.1:${gate.port}`) });
    const far = natsBroker({ connection: await connections.open(nats.url) });
    await using reader = await new LogReader(broker).whenReady();
    gate.state = "one way";
    const appended = insist(broker, "mine");
    for (let n = 0; n < 50; n++) await far.append(`${n}`);
    await delay(300);
    gate.state = "open";
    gate.reset();
    await appended;
    await far.append("end");
    await reader.told("end");
    for (let n = 0; n < 50; n++) assert(reader.entries.includes(`${n}`), `${n}`);
    assert(reader.entries.includes("mine"));
    assertEquals([reader.lostReasons, reader.unsaid], [[], undefined]);
  });

  it("says that there is no JetStream, and that another stream has the subject", async () => {
    await using nats = await NatsServer.run();
    await using connections = new Connections();
    const connection = await connections.open(nats.url);
    const config = { name: "OTHER", subjects: ["NETKIT.>"] };
    await api(connection, "STREAM.CREATE.OTHER", config);
    const broker = natsBroker({ connection });
    await using reader = new LogReader(broker);
    await assertRejects(() => broker.append("a"));
    await until("it is said", () => reader.states.length > 0);
    assertEquals(reader.states, [false]);
    await api(connection, "STREAM.DELETE.OTHER");
    await reader.whenReady();
    await insist(broker, "b");
    await reader.told("b");
  });

  it("needs no more rights than the documentation says", async () => {
    const page = readFileSync(join(ROOT, "docs/cluster.md"), "utf8");
    const [, rights] = /^(authorization \{.*?^\})$/ms.exec(page)!;
    await using nats = await NatsServer.run(rights);
    await using connections = new Connections();
    const user = { user: "netkit", pass: "secret", inboxPrefix: "_INBOX_netkit" };
    const connection = await connections.open(nats.url, user);
    const refused: string[] = [];
    void (async () => {
      for await (const status of connection.status()) {
        if (status.type === "error") refused.push(String(status.error));
      }
    })();
    const broker = natsBroker({ connection });
    const reader = await new LogReader(broker).whenReady();
    await broker.append("a");
    await reader.told("a");
    await nats.restart(); // the last entry is looked at again, and there is another consumer
    await insist(broker, "b");
    await reader.told("b");
    for (let n = 0; n < 300; n++) await broker.append("x".repeat(100_000)); // flow control
    await until("all is told", () => reader.entries.length === 302);
    await reader.end();
    assertEquals([reader.lostReasons, refused], [[], []]);
    await assertRejects(() => connection.request("$JS.API.STREAM.DELETE.NETKIT", "{}"));
    await until("that is refused", () => refused.length > 0);
    await broker.close();
  });

  it("passes on what is not ours, and knows a stranger's message to its inbox", async () => {
    await using nats = await NatsServer.run();
    await using connections = new Connections();
    const connection = await connections.open(nats.url);
    const broker = natsBroker({ connection });
    await using reader = await new LogReader(broker).whenReady();
    connection.publish("NETKIT.log", "not ours");
    connection.publish("NETKIT.log", "epoch forked another");
    await broker.append("ours");
    await reader.told("ours");
    assertEquals(reader.entries, ["not ours", "ours"]);
    assertEquals(reader.lostReasons, []);
  });

  it("says which message it was told in either of the two forms there are", () => {
    const delivery = { sequence: 12, delivered: 5, pending: 3 };
    assertEquals(readDelivery("$JS.ACK.NETKIT.c.1.12.5.1700000000.3"), delivery);
    assertEquals(readDelivery("$JS.ACK._.acc.NETKIT.c.1.12.5.1700000000.3"), delivery);
    assertEquals(readDelivery("$JS.ACK._.acc.NETKIT.c.1.12.5.1700000000.3.random"), delivery);
    for (
      const reply of [
        undefined,
        "",
        "_INBOX.1",
        "a.ACK.NETKIT.c.1.12.5.17.3",
        "$JS.a.N.c.1.12.5.17.3",
        "$JS.ACK.NETKIT.c.1.x.5.17.3",
      ]
    ) {
      assertEquals(readDelivery(reply), undefined);
    }
  });
});

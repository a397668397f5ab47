/** When a node is told its own entries by the answer of JetStream, and what comes of it when that was wrong. */

import { connect, type NatsConnection } from "@nats-io/transport-node";
import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { cpSync, rmSync } from "node:fs";
import { natsBroker } from "../../nats.ts";
import { insist } from "../helpers/broker_contract.ts";
import { NatsServer } from "../helpers/engines.ts";
import { LogReader } from "../helpers/log_reader.ts";
import { until } from "../helpers/until.ts";
import { TcpGate } from "../helpers/tcp_gate.ts";

function open(port: number): Promise<NatsConnection> {
  return connect({
    servers: `127.0.0.1:${port}`,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 50,
    reconnectJitter: 10,
    pingInterval: 60_000,
  });
}

/** A node that reads a server through a gate, and appends to another, or past the gate. */
class Node implements AsyncDisposable {
  readonly gate: TcpGate;
  readonly reader: LogReader;
  /** What it appends by. */
  appends: NatsConnection;
  readonly #connections: NatsConnection[];
  readonly #broker: ReturnType<typeof natsBroker>;

  private constructor(gate: TcpGate, reads: NatsConnection, appends: NatsConnection) {
    this.gate = gate;
    this.appends = appends;
    this.#connections = [reads, appends];
    this.#broker = natsBroker({
      connection: {
        publish: (subject) => reads.publish(subject),
        subscribe: (subject, options) => reads.subscribe(subject, options),
        request: (subject, payload, options) =>
          (subject === "NETKIT.log" ? this.appends : reads).request(subject, payload, options),
      },
    });
    this.reader = new LogReader(this.#broker);
  }

  static async start(readPort: number, appendPort: number): Promise<Node> {
    const gate = await TcpGate.listen(readPort);
    const node = new Node(gate, await open(gate.port), await open(appendPort));
    await node.reader.whenReady();
    // The answer that has made the consumer may come after all that it tells.
    await until("it reads", () => node.reader.states.length > 0);
    return node;
  }

  append(entry: string): Promise<void> {
    return this.#broker.append(entry);
  }

  /** Has it append by another port from now on. */
  async appendBy(port: number): Promise<void> {
    this.appends = await open(port);
    this.#connections.push(this.appends);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.reader.end();
    await Promise.all(this.#connections.map((connection) => connection.close()));
    await this.gate[Symbol.asyncDispose]();
  }
}

/** Has another node append. */
async function appendTo(nats: NatsServer, ...entries: string[]): Promise<void> {
  const connection = await open(nats.port);
  const broker = natsBroker({ connection });
  for (const entry of entries) await insist(broker, entry);
  await broker.close();
  await connection.close();
}

/** Two servers that have the same stream, and go on apart. */
async function split(): Promise<[first: NatsServer, second: NatsServer]> {
  const [first, second] = [await NatsServer.run(), await NatsServer.run()];
  await appendTo(first, "common");
  await Promise.all([first.kill(), second.kill()]);
  rmSync(second.data, { recursive: true });
  cpSync(first.data, second.data, { recursive: true });
  await Promise.all([first.start(), second.start()]);
  return [first, second];
}

describe("an entry of a node's own in JetStream", () => {
  it("is told by the answer to its append, one at a time, and once", async () => {
    await using nats = await NatsServer.run();
    await appendTo(nats, "first");
    await using node = await Node.start(nats.port, nats.port);
    const { reader, gate } = node;
    gate.state = "held";
    await node.append("a");
    assertEquals(reader.log, ["first", "<ready>", "a"]);
    await node.append("b");
    await node.append("c");
    assertEquals(reader.log, ["first", "<ready>", "a"], "what was told is not confirmed yet");
    gate.state = "open";
    await reader.told("c");
    for (let n = 0; n < 100; n++) await node.append(`${n}`);
    await appendTo(nats, "of another");
    await reader.told("of another");
    const own = Array.from({ length: 100 }, (_, n) => `${n}`);
    assertEquals(reader.log, ["first", "<ready>", "a", "b", "c", ...own, "of another"]);
    gate.state = "held";
    await appendTo(nats, "between");
    await node.append("end");
    assertEquals(reader.log.at(-1), "of another");
    gate.state = "open";
    await reader.told("end");
    assertEquals(reader.log.slice(-2), ["between", "end"]);
    assertEquals([reader.unsaid, reader.states], [undefined, [true]]);
  });

  it("is told like this as the first of all, and what is missing behind it is said", async () => {
    await using nats = await NatsServer.run();
    await using node = await Node.start(nats.port, nats.port);
    const { reader, gate } = node;
    gate.state = "black hole";
    for (const entry of ["a", "b", "c", "d"]) await node.append(entry);
    assertEquals(reader.log, ["<ready>", "a"]);
    const purge = JSON.stringify({ keep: 2 });
    await node.appends.request("$JS.API.STREAM.PURGE.NETKIT", purge, { timeout: 2000 });
    gate.reset();
    gate.state = "open";
    await reader.told("d");
    assertEquals(reader.log, ["<ready>", "a", "<lost: trimmed>", "c", "d"]);
  });

  it("is read whatever its first character is", async () => {
    await using nats = await NatsServer.run();
    await appendTo(nats, "first");
    await using node = await Node.start(nats.port, nats.port);
    const { reader } = node;
    for (const entry of ["\uFEFFa", "\uFEFFb"]) {
      await node.append(entry);
      await reader.told(entry);
    }
    await appendTo(nats, "end");
    await reader.told("end");
    assertEquals(reader.log, ["first", "<ready>", "\uFEFFa", "\uFEFFb", "end"]);
  });

  for (
    const [keep, rest] of [
      [4, ["b", "c", "d"]], // the entry itself is the oldest then
      [2, ["<lost: trimmed>", "c", "d"]],
    ] as const
  ) {
    it(`is told once where ${keep} entries are left when reading goes on`, async () => {
      await using nats = await NatsServer.run();
      await appendTo(nats, "first");
      await using node = await Node.start(nats.port, nats.port);
      const { reader, gate } = node;
      gate.state = "black hole";
      for (const entry of ["a", "b", "c", "d"]) await node.append(entry);
      assertEquals(reader.log, ["first", "<ready>", "a"]);
      const purge = JSON.stringify({ keep });
      await node.appends.request("$JS.API.STREAM.PURGE.NETKIT", purge, { timeout: 2000 });
      gate.reset();
      gate.state = "open";
      await reader.told("d");
      assertEquals(reader.log, ["first", "<ready>", "a", ...rest]);
      assertEquals(reader.unsaid, undefined);
    });
  }

  it("hides no fork, where another server has answered than the one that is read", async () => {
    const [one, other] = await split();
    await using first = one;
    await using second = other;
    await using node = await Node.start(first.port, second.port);
    const { reader, gate } = node;
    await appendTo(first, "lost");
    await reader.told("lost");
    await appendTo(second, "other's");
    // By its number it follows what was read.
    await node.append("own");
    assertEquals(reader.log, ["common", "<ready>", "lost", "own"]);
    gate.target = second.port;
    gate.reset();
    await reader.told("other's");
    await insist(node, "more");
    await reader.told("more");
    assertEquals(reader.log.slice(4), ["<lost: forked>", "common", "other's", "own", "more"]);
  });

  const places: Record<string, (first: NatsServer, node: Node) => Promise<void>> = {
    "nothing": () => Promise.resolve(),
    "another's": (first) => appendTo(first, "in its place"),
    "another of its own": (_, node) => node.append("in its place"),
  };
  for (const [what, replace] of Object.entries(places)) {
    it(`is lost in words where ${what} comes in its place`, async () => {
      const [one, other] = await split();
      await using first = one;
      await using second = other;
      await using node = await Node.start(first.port, second.port);
      const { reader } = node;
      await node.append("own");
      assertEquals(reader.log, ["common", "<ready>", "own"]);
      await node.appendBy(first.port);
      await replace(first, node);
      await reader.whenLost("forked");
      await until("it is read", () => reader.states.at(-1) === true);
      await appendTo(first, "end");
      await reader.told("end");
      const there = what === "nothing" ? [] : ["in its place"];
      assertEquals(reader.log.slice(2), ["own", "<lost: forked>", "common", ...there, "end"]);
    });
  }
});

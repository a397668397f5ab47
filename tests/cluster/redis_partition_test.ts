/** Three nodes, each with a link of its own to Redis that is held, goes one way, is reset, goes black. */

import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { readEntry } from "../../cluster/entry.ts";
import {
  createWebSocket,
  createWebSocketServer,
  type WebSocketClient,
  type WebSocketServer,
} from "../../mod.ts";
import { redisBroker } from "../../redis.ts";
import { RedisServer } from "../helpers/engines.ts";
import { LogReader, until } from "../helpers/log_reader.ts";
import { HERE } from "../helpers/programs.ts";
import { REDIS_CLIENTS } from "../helpers/redis_clients.ts";
import { TcpGate } from "../helpers/tcp_gate.ts";

const CLIENT = REDIS_CLIENTS[HERE === "bun" ? "Bun's own" : "node-redis"]!;
interface Node {
  gate: TcpGate;
  server: WebSocketServer;
  client: WebSocketClient;
  got: string[];
  closes: { code: number; reason: string }[];
  isUp: boolean;
}

/** Nodes with one client each, who is in the topic; all of them publish all the time. */
class Cluster implements AsyncDisposable {
  readonly redis: RedisServer;
  readonly nodes: Node[] = [];
  readonly outcomes: Record<string, number> = {};
  #timer: ReturnType<typeof setInterval> | undefined;
  #number = 0;
  #waiting = 0;

  private constructor(redis: RedisServer) {
    this.redis = redis;
  }

  static async start(lease: number): Promise<Cluster> {
    const cluster = new Cluster(await RedisServer.run());
    for (let n = 0; n < 3; n++) await cluster.#startNode(n, lease);
    await until(
      "all are present",
      () => cluster.nodes.every(({ server }) => server.presence("t").length === 3),
    );
    cluster.#timer = setInterval(() => cluster.nodes.forEach((_, n) => cluster.#publish(n)), 20);
    return cluster;
  }

  async #startNode(n: number, lease: number): Promise<void> {
    const gate = await TcpGate.listen(this.redis.port);
    const broker = redisBroker({ open: () => CLIENT(`redis://127.0.0.1:${gate.port}`) });
    const server = createWebSocketServer({ broker, presence: { lease }, node: `n${n}` });
    server.on("connect", (connection) => void server.join(connection, "t"));
    await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
    const client = createWebSocket();
    const got: string[] = [];
    const closes: Node["closes"] = [];
    client.on("message", (_, data) => got.push(data as string));
    client.on("close", (_, close) => closes.push(close));
    await client.connect(`ws://127.0.0.1:${server.address!.port}/`);
    await client.opened;
    const node = { gate, server, client, got, closes, isUp: true };
    server.on("broker", ({ up }) => node.isUp = up);
    this.nodes.push(node);
  }

  #publish(n: number): void {
    this.#waiting++;
    const note = (what = "") => this.outcomes[what] = (this.outcomes[what] ?? 0) + 1;
    this.nodes[n]!.server.publish("t", `${n}:${this.#number++}`)
      .then(() => note("told"), ({ kind }) => note(kind))
      .finally(() => this.#waiting--);
  }

  /** Ends publishing; gives what the log has, when all nodes have told it. */
  async truth(): Promise<string[]> {
    clearInterval(this.#timer);
    await until("all is answered", () => this.#waiting === 0);
    const broker = redisBroker({ open: () => CLIENT(this.redis.url) });
    await using reader = await new LogReader(broker).whenReady();
    const counters = new Map<string, number>();
    const texts: string[] = [];
    for (const entry of reader.entries) {
      const { node, counter, messages } = readEntry(entry)!;
      if (counter <= (counters.get(node) ?? 0)) continue;
      counters.set(node, counter);
      for (const one of messages) if (one.kind === "message") texts.push(one.data as string);
    }
    const last = texts.at(-1);
    await until(
      "all have the last message",
      () => this.nodes.every(({ client, got }) => client.state !== "open" || got.at(-1) === last),
    );
    return texts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    for (const { gate } of this.nodes) {
      gate.state = "open";
      gate.reset();
    }
    // A connection that is just being opened would outlive the test.
    await until("all are back", () => this.nodes.every(({ isUp }) => isUp));
    await Promise.all(this.nodes.map(async ({ client, gate, server }) => {
      if (client.state === "open") await client.close();
      await server.stop();
      await gate[Symbol.asyncDispose]();
    }));
    await this.redis[Symbol.asyncDispose]();
  }
}

describe("three nodes whose links to Redis fail", () => {
  it("miss nothing when they are held, go one way, are reset, and go black", async () => {
    await using cluster = await Cluster.start(10);
    const [held, oneWay, reset] = cluster.nodes.map(({ gate }) => gate);
    held!.state = "held";
    oneWay!.state = "one way";
    await delay(600);
    held!.state = "open";
    oneWay!.state = "open";
    oneWay!.reset();
    for (let n = 0; n < 3; n++) {
      reset!.reset();
      await delay(150);
    }
    reset!.state = "black hole";
    await delay(800);
    reset!.state = "open";
    reset!.reset();
    await delay(600);
    const truth = await cluster.truth();
    assert(truth.length > 200, `${truth.length}`);
    for (const { got, closes } of cluster.nodes) {
      const missed = truth.filter((text) => !got.includes(text));
      assertEquals([missed, got.length - new Set(got).size, closes], [[], 0, []]);
      assertEquals(got, truth);
    }
    assertEquals(cluster.outcomes, { told: truth.length });
    for (const { server } of cluster.nodes) {
      assertEquals(server.presence("t").map(({ node }) => node[1]).sort(), ["0", "1", "2"]);
    }
  });

  it("send their clients elsewhere when they are cut off for a lease, and come back", async () => {
    await using cluster = await Cluster.start(2);
    const [cut, ...others] = cluster.nodes;
    cut!.gate.state = "black hole";
    cut!.gate.reset();
    await until("it sends its client away", () => cut!.closes.length > 0, 8000);
    assertEquals(cut!.closes, [{ code: 1012, reason: "retry after 1" }]);
    await until(
      "it is gone for the others",
      () => others.every(({ server }) => server.presence("t").length === 2),
    );
    cut!.gate.state = "open";
    cut!.gate.reset();
    const truth = await cluster.truth();
    for (const { got } of others) assertEquals(got, truth);
    assertEquals(cut!.got, truth.slice(0, cut!.got.length));
    // It knows who is there, and that nobody is here.
    await until(
      "all agree",
      () => cluster.nodes.every(({ server }) => server.presence("t").length === 2),
    );
  });
});

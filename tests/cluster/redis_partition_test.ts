/**
 * Three nodes in processes of their own, on both runtimes, each with a link of its own to Redis that is held,
 * goes one way, is reset, goes black.
 */

import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { createWebSocket, type WebSocketClient } from "../../mod.ts";
import { RedisServer } from "../helpers/engines.ts";
import { until } from "../helpers/until.ts";
import { NodeProgram, readLog, THREE } from "../helpers/node_program.ts";
import { TcpGate } from "../helpers/tcp_gate.ts";

interface Node {
  gate: TcpGate;
  program: NodeProgram;
  client: WebSocketClient;
  got: string[];
  closes: { code: number; reason: string }[];
}

/** Nodes with one client each, who is in the topic `t0`; all of them publish all the time. */
class Cluster implements AsyncDisposable {
  readonly redis: RedisServer;
  readonly nodes: Node[] = [];

  private constructor(redis: RedisServer) {
    this.redis = redis;
  }

  static async start(lease: number): Promise<Cluster> {
    const cluster = new Cluster(await RedisServer.run("--appendfsync", "everysec"));
    await Promise.all(THREE.map((_, n) => cluster.#startNode(n, lease)));
    await cluster.agree(3);
    for (const { program } of cluster.nodes) await program.ask("/publish?rate=50&topics=1");
    return cluster;
  }

  async #startNode(n: number, lease: number): Promise<void> {
    const gate = await TcpGate.listen(this.redis.port);
    const url = `redis://127.0.0.1:${gate.port}`;
    const program = await NodeProgram.start({ ...THREE[n]!, name: `n${n}`, url, lease });
    const client = createWebSocket();
    const got: string[] = [];
    const closes: Node["closes"] = [];
    client.on("error", () => {});
    client.on("message", (_, data) => void got.push(data as string));
    client.on("close", (_, close) => void closes.push(close));
    await client.connect(`ws://127.0.0.1:${program.port}/?topics=t0`);
    await client.opened;
    this.nodes[n] = { gate, program, client, got, closes };
  }

  /** Waits until all know of so many who are present. */
  async agree(count: number, nodes = this.nodes, ms = 10_000): Promise<void> {
    const counts = () =>
      Promise.all(nodes.map(async ({ program }) => (await program.presence(1)).length));
    for (const end = performance.now() + ms; performance.now() < end;) {
      if ((await counts()).every((one) => one === count)) return;
      await delay(50);
    }
    assertEquals(await counts(), nodes.map(() => count), "who is present");
  }

  /** Ends publishing; gives what the log has, when all nodes have told it. */
  async truth(): Promise<string[]> {
    await Promise.all(this.nodes.map(({ program }) => program.quiet()));
    const texts = (await readLog(this.redis)).texts.get("t0")!;
    const last = texts.at(-1);
    await until(
      "all have the last message",
      () => this.nodes.every(({ client, got }) => client.state !== "open" || got.at(-1) === last),
    );
    return texts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map(async ({ client, gate, program }) => {
      if (client.state === "open") await client.close();
      await program[Symbol.asyncDispose]();
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
    const before = cluster.nodes.map(({ got }) => got.length);
    await until(
      "all hear again",
      () => cluster.nodes.every(({ got }, n) => got.length > before[n]! + 20),
    );
    const truth = await cluster.truth();
    assert(truth.length > 100, `${truth.length}`);
    for (const { got, closes } of cluster.nodes) assertEquals([got, closes], [truth, []]);
    const outcomes: Record<string, number> = {};
    for (const { program } of cluster.nodes) {
      for (const [what, count] of Object.entries((await program.figures()).outcomes)) {
        outcomes[what] = (outcomes[what] ?? 0) + count;
      }
    }
    assertEquals(outcomes, { told: truth.length });
    await cluster.agree(3);
  });

  it("send their clients elsewhere when they are cut off for a lease, and come back", async () => {
    await using cluster = await Cluster.start(2);
    const [cut, ...others] = cluster.nodes;
    cut!.gate.state = "black hole";
    cut!.gate.reset();
    await until("it sends its client away", () => cut!.closes.length > 0, 10_000);
    assertEquals(cut!.closes, [{ code: 1012, reason: "retry after 1" }]);
    await cluster.agree(2, others);
    cut!.gate.state = "open";
    cut!.gate.reset();
    // It knows who is there, and that nobody is here.
    await cluster.agree(2);
    const truth = await cluster.truth();
    for (const { got } of others) assertEquals(got, truth);
    assertEquals(cut!.got, truth.slice(0, cut!.got.length));
  });
});

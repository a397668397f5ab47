/**
 * A cluster of three nodes on both runtimes with clients, of which a node and then the engine are killed.
 * The truth is the log, read afterwards.
 */

import { assertEquals } from "@std/assert";
import { delay } from "@std/async";
import { createWebSocket, type WebSocketClient } from "../../mod.ts";
import { NatsServer } from "./engines.ts";
import { until } from "./until.ts";
import { NodeProgram, type Reachable, readLog, THREE } from "./node_program.ts";

/** How large it is, and when what befalls it, in ms. */
export interface ClusterSize {
  clients: number;
  memberships: number;
  topics: number;
  /** Messages a second, of all nodes together. */
  rate: number;
  /** Seconds. */
  lease: number;
  /** Which node is killed, of 0 (Deno, node-redis), 1 (Deno, ioredis) and 2 (Bun, its own). */
  killed: number;
  killNodeAt: number;
  killEngineAt: number;
  backAfter: number;
  endAt: number;
  /** Whether the clients resume: then a sequence must be the whole log's, over all breaks. */
  resume?: boolean;
}

/** What came of it. */
export interface ClusterReport {
  messages: number;
  /** How many sequences of a client and a topic are those of the log. */
  whole: number;
  twice: number;
  /** Clients of the node that was killed, which came back elsewhere. */
  movedClients: number;
  /** Topics of clients that came back: with nothing missing, and with perhaps some. */
  recovered: number;
  gaps: number;
  /** How long the members of the killed node were there still, in ms, on the node that was the last. */
  deadForMs: number;
  /** How many entries are in the log twice. */
  duplicates: number;
  outcomes: Record<string, number>;
}

/** A client, and what it was told in each topic. */
interface Client {
  ws: WebSocketClient;
  node: number;
  topics: string[];
  got: Map<string, string[]>;
  /** How many messages of each topic it had when it was cut off. */
  brokenAt: Map<string, number> | undefined;
}

/** One run. */
class Run {
  readonly #size: ClusterSize;
  readonly #engine: Reachable;
  readonly #nodes: NodeProgram[] = [];
  #recovered = 0;
  #gaps = 0;
  readonly #clients: Client[] = [];

  constructor(size: ClusterSize, engine: Reachable) {
    this.#size = size;
    this.#engine = engine;
  }

  async run(): Promise<ClusterReport> {
    const { killed, killNodeAt, killEngineAt, backAfter, endAt, memberships, rate, topics } =
      this.#size;
    const all = [0, 1, 2];
    const rest = all.filter((n) => n !== killed);
    await Promise.all(all.map((n) => this.#startNode(n)));
    await this.#connect();
    await this.#present(all, memberships);

    const began = performance.now();
    const at = (ms: number) => delay(Math.max(0, began + ms - performance.now()));
    for (const n of all) void this.#nodes[n]!.ask(`/publish?rate=${rate / 3}&topics=${topics}`);
    await at(killNodeAt);
    for (const client of this.#clients) {
      if (client.node !== killed) continue;
      client.brokenAt = new Map([...client.got].map(([topic, { length }]) => [topic, length]));
    }
    const killedAt = performance.now();
    this.#nodes[killed]!.kill();
    const gone = this.#untilGone(rest, killedAt);
    await at(killEngineAt);
    await this.#engine.kill();
    await at(killEngineAt + backAfter);
    await this.#engine.start();
    await at(endAt);
    await Promise.all(rest.map((n) => this.#nodes[n]!.quiet()));
    const deadForMs = await gone;
    await this.#present(rest, memberships);
    const log = await readLog(this.#engine);
    await this.#delivered(log.texts);
    const report = this.#compare(log.texts);
    const outcomes: Record<string, number> = {};
    for (const n of rest) {
      for (const [what, count] of Object.entries((await this.#nodes[n]!.figures()).outcomes)) {
        outcomes[what] = (outcomes[what] ?? 0) + count;
      }
    }
    await Promise.all(this.#clients.map(({ ws }) => ws.close()));
    await this.#present(rest, 0);
    const { duplicates } = log;
    const [recovered, gaps] = [this.#recovered, this.#gaps];
    return { ...report, recovered, gaps, deadForMs, duplicates, outcomes };
  }

  async end(): Promise<void> {
    for (const { ws } of this.#clients) if (ws.state !== "idle") await ws.close().catch(() => {});
    for (const node of this.#nodes) await node[Symbol.asyncDispose]();
  }

  async #startNode(n: number): Promise<void> {
    const { runtime, client } = THREE[n]!;
    const kind = this.#engine instanceof NatsServer ? "nats" : client;
    const [{ url }, { lease }] = [this.#engine, this.#size];
    this.#nodes[n] = await NodeProgram.start({
      ...{ name: `n${n}`, runtime, client: kind, url, lease },
      history: this.#size.resume === true,
    });
  }

  /** Each client is in a few topics, and goes to another node when its own is gone. */
  async #connect(): Promise<void> {
    const { clients, memberships, topics } = this.#size;
    for (let n = 0; n < clients; n++) {
      const count = Math.floor(memberships / clients) + (n < memberships % clients ? 1 : 0);
      const mine = Array.from({ length: count }, (_, t) => `t${(n * 7 + t) % topics}`);
      let node = n % 3;
      const ws = createWebSocket({
        reconnect: { minDelay: 0.05, maxDelay: 0.5 },
        resume: this.#size.resume === true,
      });
      ws.on("recovered", ({ recovered }) => recovered ? this.#recovered++ : this.#gaps++);
      const got = new Map(mine.map((topic): [string, string[]] => [topic, []]));
      const client: Client = { ws, node, topics: mine, got, brokenAt: undefined };
      ws.on("message", (_, data) => this.#got(client, data as string));
      ws.on("reconnecting", () => node = (node + 1) % 3);
      this.#clients.push(client);
      const url = () => `ws://127.0.0.1:${this.#nodes[node]!.port}/?topics=${mine}`;
      await ws.connect(url);
    }
    await Promise.all(this.#clients.map(({ ws }) => ws.opened));
  }

  /** What is published says its topic by its number. */
  #got({ got }: Client, text: string): void {
    const number = Number(text.split(":")[1]);
    got.get(`t${number % this.#size.topics}`)!.push(text);
  }

  /** Waits until so many are present, in the view of each node, and the views are the same. */
  async #present(nodes: number[], count: number): Promise<void> {
    let seen: string[][] = [];
    for (const end = performance.now() + 40_000; performance.now() < end;) {
      seen = await Promise.all(nodes.map((n) => this.#nodes[n]!.presence(this.#size.topics)));
      const isSame = seen.every((one) => JSON.stringify(one) === JSON.stringify(seen[0]));
      if (isSame && seen[0]!.length === count) return;
      await delay(50);
    }
    assertEquals(seen.map(({ length }) => length), nodes.map(() => count), "who is present");
    assertEquals(seen[1], seen[0]);
  }

  /** How long the members of the killed node are there still. */
  async #untilGone(nodes: number[], since: number): Promise<number> {
    for (const end = performance.now() + 60_000; performance.now() < end;) {
      const seen = await Promise.all(nodes.map((n) => this.#nodes[n]!.presence(this.#size.topics)));
      if (!seen.flat().some((one) => one.includes(` n${this.#size.killed}~`))) {
        return performance.now() - since;
      }
      await delay(50);
    }
    return Infinity;
  }

  /** Waits until each client has the last message of each of its topics. */
  async #delivered(texts: Map<string, string[]>): Promise<void> {
    const late = () =>
      this.#clients.filter(({ got }) =>
        [...got].some(([topic, mine]) => mine.at(-1) !== texts.get(topic)!.at(-1))
      ).length;
    await until("all have the last message", () => late() === 0, 30_000, late);
  }

  #compare(
    texts: Map<string, string[]>,
  ): Pick<ClusterReport, "messages" | "whole" | "twice" | "movedClients"> {
    let [whole, twice] = [0, 0];
    for (const { got, brokenAt } of this.#clients) {
      for (const [topic, mine] of got) {
        twice += mine.length - new Set(mine).size;
        const truth = texts.get(topic)!;
        if (this.#size.resume) {
          if (String(mine) === String(truth)) whole++;
          continue;
        }
        // Who was cut off has missed what was published until it was back, and nothing besides.
        const before = brokenAt?.get(topic) ?? mine.length;
        const start = mine.slice(0, before);
        const isStart = String(start) === String(truth.slice(0, before));
        const cut = brokenAt === undefined ? 0 : this.#cutOff(mine, truth);
        const isEnd =
          String(mine.slice(cut)) === String(truth.slice(truth.length - (mine.length - cut)));
        const isAll = brokenAt !== undefined || mine.length === truth.length;
        if (isStart && isEnd && isAll) whole++;
      }
    }
    const messages = [...texts.values()].reduce((sum, { length }) => sum + length, 0);
    const movedClients =
      this.#clients.filter(({ ws, node }) => node === this.#size.killed && ws.state === "open")
        .length;
    return { messages, whole, twice, movedClients };
  }

  /** Where a client's messages and the log's go different ways: what follows came after the break. */
  #cutOff(mine: string[], truth: string[]): number {
    const at = mine.findIndex((text, n) => text !== truth[n]);
    return at === -1 ? mine.length : at;
  }
}

/** Runs it; the engine is one that has just started. */
export async function clusterRun(
  size: ClusterSize,
  engine: Reachable,
): Promise<ClusterReport> {
  const run = new Run(size, engine);
  try {
    return await run.run();
  } finally {
    await run.end();
  }
}

/** Nodes of a cluster in processes of their own, and what the log has that they share. */

import { connect } from "@nats-io/transport-node";
import { readEntry } from "../../cluster/entry.ts";
import type { Broker } from "../../mod.ts";
import { natsBroker } from "../../nats.ts";
import { redisBroker } from "../../redis.ts";
import { type Engine, RedisServer } from "./engines.ts";
import { LogReader } from "./log_reader.ts";
import { Program, type RuntimeName } from "./programs.ts";
import { REDIS_CLIENTS } from "./redis_clients.ts";

/** An engine that has an address. */
export type Reachable = Engine & { url: string };

/** What a node is made of. */
export interface NodeParts {
  name: string;
  runtime: RuntimeName;
  /** A client of Redis, or `nats`. */
  client: string;
  url: string;
  /** How long its lease is, in seconds. */
  lease: number;
  /** Whether clients can resume. @default {false} */
  history?: boolean;
}

/** What a node says of itself. */
export interface NodeFigures {
  /** How many publishes have no answer yet. */
  waiting: number;
  /** How many had which: `told`, or the kind of an error. */
  outcomes: Record<string, number>;
}

/** The three nodes of the tests: both runtimes, and each client of Redis that is most used. */
export const THREE: readonly Pick<NodeParts, "runtime" | "client">[] = [
  { runtime: "deno", client: "node-redis" },
  { runtime: "deno", client: "ioredis" },
  { runtime: "bun", client: "Bun's own" },
];

/** A node: `tests/programs/cluster_node.ts`. */
export class NodeProgram implements AsyncDisposable {
  readonly port: number;
  readonly #program: Program;

  private constructor(program: Program, port: number) {
    this.#program = program;
    this.port = port;
  }

  static async start({ name, runtime, client, url, lease, history }: NodeParts) {
    const args = [name, String(lease), client, url, ...history ? ["history"] : []];
    const file = "tests/programs/cluster_node.ts";
    const program = Program.run(runtime, file, { args });
    return new NodeProgram(program, Number((await program.line(/port (\d+)/))[1]));
  }

  /** What it has printed. */
  get printed(): string {
    return this.#program.stdout;
  }

  /** Asks it over HTTP. */
  async ask(path: string): Promise<unknown> {
    const response = await fetch(`http://127.0.0.1:${this.port}${path}`);
    return await response.json();
  }

  async figures(): Promise<NodeFigures> {
    return await this.ask("/figures") as NodeFigures;
  }

  /** Has it publish no more, and waits until what was published has been answered. */
  async quiet(): Promise<void> {
    await this.ask("/quiet");
    for (const end = performance.now() + 10_000;;) {
      const { waiting } = await this.figures();
      if (waiting === 0) return;
      if (performance.now() > end) throw new Error(`it waits for ${waiting} answers`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Who is in the topics `t0` and on, so many of them: `topic node`. */
  async presence(topics: number): Promise<string[]> {
    return (await this.ask(`/presence?topics=${topics}`) as string[]).sort();
  }

  /** Ends it with no warning. */
  kill(): void {
    this.#program.kill("SIGKILL");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
    await this.#program.ended;
  }
}

/** What a log has: the messages of each topic, in order, and how many entries are there twice. */
export async function readLog(
  engine: Reachable,
): Promise<{ texts: Map<string, string[]>; duplicates: number }> {
  const { broker, close } = await brokerOf(engine);
  await using reader = await new LogReader(broker).whenReady();
  const texts = new Map<string, string[]>();
  const counters = new Map<string, number>();
  let duplicates = 0;
  for (const text of reader.entries) {
    const { node, counter, messages } = readEntry(text)!;
    if (counter <= (counters.get(node) ?? 0)) {
      duplicates++;
      continue;
    }
    counters.set(node, counter);
    for (const one of messages) {
      if (one.kind !== "message") continue;
      const there = texts.get(one.topic!);
      if (there === undefined) texts.set(one.topic!, [one.data as string]);
      else there.push(one.data as string);
    }
  }
  await reader.end();
  await close();
  return { texts, duplicates };
}

async function brokerOf(engine: Reachable): Promise<{ broker: Broker; close(): Promise<void> }> {
  if (engine instanceof RedisServer) {
    const broker = redisBroker({ open: () => REDIS_CLIENTS["node-redis"]!(engine.url) });
    return { broker, close: () => broker.close() };
  }
  const connection = await connect({ servers: engine.url });
  return { broker: natsBroker({ connection }), close: () => connection.close() };
}

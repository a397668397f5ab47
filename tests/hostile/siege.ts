/** A server in a process of its own, well-behaved clients in another, and the test that attacks. */

import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { deadline } from "@std/async";
import { ask } from "../helpers/http.ts";
import { HERE, Program } from "../helpers/programs.ts";
import { RawPeers } from "../helpers/raw_peers.ts";
import { assertInTime, Stopwatch } from "../helpers/stopwatch.ts";
import { LIMIT_MS } from "../helpers/watched_server.ts";

/** What the server has counted. */
export interface Counts {
  connects: number;
  messages: number;
  errors: number;
  closes: number;
  codes: Record<string, number>;
  open: number;
}

/** What the server says of itself. */
export interface Stats extends Counts {
  /** Bytes, after a collection of garbage. */
  rss: number;
  heapUsed: number;
}

/** What became of the well-behaved client. */
export interface Behaved {
  count: number;
  wrong: number;
  errors: number;
  code: number;
  /** Round trips, in ms. */
  median: number;
  p99: number;
  slowest: number;
}

/** How a siege ended. */
export interface Outcome {
  /** How long `stop` took, in ms. */
  stopMs: number;
  server: Stats;
  client: Behaved;
}

/** How long a round trip of a client may take while the server is attacked, in ms. */
const SLOWEST_MS = 5000;

/**
 * V8's space for new objects grows by 6 MiB at a time, at a round that has nothing to do with what was kept: here it
 * is as small as it can be, and stays so.
 */
const V8_FLAGS = "--v8-flags=--expose-gc,--min-semi-space-size=1,--max-semi-space-size=1";

/** A server under attack. Both programs are gone at the end of the block. */
export class Siege implements AsyncDisposable {
  readonly port: number;
  /** The attackers. */
  readonly peers: RawPeers;
  readonly #server: Program;
  readonly #client: Program;
  readonly #watch = new Stopwatch();

  private constructor(server: Program, client: Program, port: number) {
    this.#server = server;
    this.#client = client;
    this.port = port;
    this.peers = new RawPeers({ port });
  }

  static async start(): Promise<Siege> {
    const flags = HERE === "deno" ? ["-A", "--no-prompt", V8_FLAGS] : [];
    const server = Program.run(HERE, "tests/programs/hostile_server.ts", { flags });
    const port = Number((await deadline(server.line(/port (\d+)/), LIMIT_MS))[1]);
    const args = [`${port}`];
    const client = Program.run(HERE, "tests/programs/well_behaved.ts", { flags, args });
    await deadline(client.line(/open/), LIMIT_MS);
    return new Siege(server, client, port);
  }

  /** What the server says of itself. */
  stats(): Promise<Stats> {
    return this.#ask("stats");
  }

  async #ask<T>(what: "stats" | "counts"): Promise<T> {
    return JSON.parse((await ask(this.port, { line: `GET /${what} HTTP/1.1` })).body);
  }

  /** Waits, for 10 s at the most, until the server says that something holds, and gives all that it says then. */
  async until(holds: (counts: Counts) => boolean): Promise<Stats> {
    await this.#counted(holds);
    return await this.stats();
  }

  /** Asks again and again for what costs the server nothing to say. */
  async #counted(holds: (counts: Counts) => boolean): Promise<void> {
    const end = performance.now() + 10_000;
    for (;;) {
      const counts: Counts = await this.#ask("counts");
      if (holds(counts)) return;
      assertLess(performance.now(), end, `${holds} never came true: ${JSON.stringify(counts)}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Waits until the well-behaved client has had so many more answers. */
  async served(count: number): Promise<void> {
    const { messages } = await this.#ask<Counts>("counts");
    await this.#counted((counts) => counts.messages >= messages + count);
  }

  /**
   * Stops the server, and asserts that it did so in time, with nothing left; that both programs end
   * by themselves; that the client had every answer, in order, and none late.
   */
  async end(): Promise<Outcome> {
    const watch = new Stopwatch();
    await ask(this.port, { line: "GET /stop HTTP/1.1" });
    const ended = await deadline(Promise.all([this.#server.ended, this.#client.ended]), LIMIT_MS);
    assertEquals(ended.map(({ code, stderr }) => [code, stderr]), [[0, ""], [0, ""]]);
    const [server, client] = ended.map(({ stdout }) => JSON.parse(stdout.trim().split("\n")[1]!));
    assertInTime(server.ms, 5000, watch.short, "stop");
    assertEquals([server.left, server.connects], [0, server.closes]);
    const { wrong, errors, code } = client;
    assertEquals({ wrong, errors, code }, { wrong: 0, errors: 0, code: 1001 });
    assertGreater(client.count, 0);
    assertInTime(client.slowest, SLOWEST_MS, this.#watch.short, "a round trip");
    return { stopMs: server.ms, server, client };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.peers[Symbol.asyncDispose]();
    for (const program of [this.#client, this.#server]) {
      program.kill("SIGKILL");
      await program.ended;
    }
  }
}

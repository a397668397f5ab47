/**
 * Random programs of servers, clients that resume, and breaks, on a network in memory and a clock that
 * stands still. Whatever happens, what is accepted was seen by the listeners, what is seen again is
 * marked, each client's messages are seen in order, and each call has its answer in the end.
 */

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { BusinessError, WebSocketClient, WebSocketConnection } from "../../mod.ts";
import { NodesInMemory } from "../helpers/nodes_in_memory.ts";

const NODES = 2;
const CLIENTS = 2;
const STEPS = 40;
const RUNS = 150;
const ACK = { acknowledge: true } as const;

/** Numbers from 0 up to 1 that are the same for the same seed (mulberry32). */
function chanceOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What a message has come to. */
type Outcome = "accepted" | "waits" | string;

class Run {
  readonly program: string[] = [];
  readonly nodes = new NodesInMemory();
  readonly clients: WebSocketClient[] = [];
  /** By text: what came of it. */
  readonly outcomes = new Map<string, Outcome>();
  /** What the listeners of any node, or client, have seen, and which of it they were done with. */
  readonly seen: { text: string; mayRepeat: boolean }[] = [];
  readonly done = new Set<string>();
  readonly failed = new Set<string>();
  readonly #chance: () => number;
  #sent = 0;

  constructor(seed: number) {
    this.#chance = chanceOf(seed);
  }

  #below(count: number): number {
    return Math.floor(this.#chance() * count);
  }

  async run(): Promise<string[]> {
    const { nodes } = this;
    for (let n = 0; n < NODES; n++) {
      const server = await nodes.node();
      server.on("messageReceive", ({ data, mayRepeat }) => {
        return this.#work(`${data}`, mayRepeat === true);
      });
    }
    for (let n = 0; n < CLIENTS; n++) {
      const ws = this.clients[n] = await nodes.client({
        reconnect: { minDelay: 0.2, maxDelay: 1, random: this.#chance },
      });
      ws.on("message", (_err, data) => this.#work(`${data}`, false));
    }
    for (let n = 0; n < STEPS; n++) await this.#step();
    for (const server of nodes.servers) {
      if (server.address !== undefined) continue;
      await nodes.clock.until(server.start({ serverPort: 1 + nodes.servers.indexOf(server) }));
    }
    await nodes.settle(30_000);
    const waiting = [...this.outcomes].filter(([, outcome]) => outcome === "waits");
    for (const ws of this.clients) await nodes.clock.until(ws.close());
    await nodes.settle(1000);
    await nodes[Symbol.asyncDispose]();
    return [
      ...waiting.map(([text]) => `${text} has no answer`),
      ...this.#wrongs(),
    ];
  }

  /** What a listener does: it may take its time, and it may fail. */
  #work(text: string, mayRepeat: boolean): Promise<void> | undefined {
    this.seen.push({ text, mayRepeat });
    const finish = () => {
      if (this.#chance() < 0.1) {
        this.failed.add(text);
        throw new Error("by chance");
      }
      this.done.add(text);
    };
    if (this.#chance() < 0.5) return void finish();
    const { clock } = this.nodes;
    const ms = this.#below(300);
    return new Promise<void>((resolve) => clock.setTimer(resolve, ms)).then(finish);
  }

  #note(text: string, answer: Promise<boolean>): void {
    this.outcomes.set(text, "waits");
    answer.then(
      () => this.outcomes.set(text, "accepted"),
      ({ kind }: BusinessError) => this.outcomes.set(text, `${kind}`),
    );
  }

  async #step(): Promise<void> {
    const { network, servers } = this.nodes;
    const kind = this.#chance();
    const client = this.#below(CLIENTS);
    const say = (what: string) => void this.program.push(what);
    if (kind < 0.5) {
      for (let count = 1 + this.#below(4); count > 0; count--) {
        const text = `c${client} ${++this.#sent}`;
        const isPlain = this.#chance() < 0.3;
        say(isPlain ? `${text} with no answer` : text);
        if (isPlain) void this.clients[client]!.send(text).catch(() => {});
        else this.#note(text, this.clients[client]!.send(text, ACK));
      }
    } else if (kind < 0.65) {
      for (const [n, server] of servers.entries()) {
        const [connection] = server.listAllConnections() as WebSocketConnection[];
        if (connection === undefined) continue;
        const text = `s${n} ${++this.#sent}`;
        say(text);
        this.#note(text, server.send(text, connection, ACK));
      }
    } else if (kind < 0.85) {
      say("cut a link");
      network.links[this.#below(network.links.length)]?.cut();
    } else if (kind < 0.9) {
      const link = network.links[this.#below(network.links.length)];
      say("hold a link");
      link?.hold();
      await this.nodes.settle(this.#below(500));
      link?.release();
    } else if (kind < 0.95) {
      this.nodes.at = 1 + this.#below(NODES);
      say(`they come to node ${this.nodes.at}`);
    } else {
      const n = this.#below(NODES);
      const server = servers[n]!;
      say(`${server.address === undefined ? "start" : "stop"} node ${n + 1}`);
      if (server.address === undefined) {
        await this.nodes.clock.until(server.start({ serverPort: n + 1 }));
      } else await this.nodes.clock.until(server.stop({ code: 1012 }));
    }
    await this.nodes.settle(this.#below(4) === 0 ? 1500 : this.#below(20));
  }

  #wrongs(): string[] {
    const wrongs: string[] = [];
    for (const [text, outcome] of this.outcomes) {
      if (outcome === "accepted" && !this.done.has(text)) wrongs.push(`${text} was not seen`);
      if (outcome === "refusedByPeer" && !this.failed.has(text)) {
        wrongs.push(`no listener has failed with ${text}`);
      }
    }
    const before = new Set<string>();
    const last = new Map<string, number>();
    for (const { text, mayRepeat } of this.seen) {
      if (before.has(text) && !mayRepeat) wrongs.push(`${text} was told again, and not marked`);
      if (!before.has(text)) {
        const [who, number] = text.split(" ");
        if (Number(number) < (last.get(who!) ?? 0)) wrongs.push(`${text} is out of order`);
        last.set(who!, Number(number));
      }
      before.add(text);
    }
    return wrongs;
  }
}

describe("acknowledged messages, in random programs", () => {
  it(`are seen where they are accepted, in order, and repetitions are marked: ${RUNS}`, async () => {
    const kinds = new Map<string, number>();
    let repeated = 0;
    for (let seed = 1; seed <= RUNS; seed++) {
      const run = new Run(seed);
      const wrongs = await run.run();
      assertEquals(wrongs, [], `seed ${seed}: ${run.program.join("; ")}`);
      for (const kind of run.outcomes.values()) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
      repeated += run.seen.length - new Set(run.seen.map(({ text }) => text)).size;
    }
    // They would say nothing if nothing ever came to that.
    for (const kind of ["accepted", "refusedByPeer", "unacknowledged"]) {
      assert((kinds.get(kind) ?? 0) > RUNS / 4, `${kind}: ${[...kinds].join("; ")}`);
    }
    assert(repeated > RUNS / 4, `${repeated} were told again`);
  });
});

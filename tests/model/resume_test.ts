/**
 * Random programs of servers with a history, clients that resume, breaks and harm to the log, on a
 * network in memory and a clock that stands still. Whatever happens, a client is told each topic in the
 * order of the log, nothing twice, and nothing is missing that it was not told of.
 */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  createWebSocket,
  createWebSocketServer,
  type WebSocketClient,
  type WebSocketConnection,
  type WebSocketServer,
} from "../../mod.ts";
import { FakeClock, MemoryBroker, MemoryNetwork } from "../../testing.ts";

const TOPICS = ["a", "b", "c"];
const CLIENTS = 3;
const STEPS = 40;
const RUNS = 60;

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

/** What a client was told of a topic: messages, and `gap` where some may be missing. */
type Told = Map<string, (string | "gap")[]>;

class Run {
  readonly clock = new FakeClock();
  readonly network = new MemoryNetwork({ clock: this.clock });
  readonly broker = new MemoryBroker();
  readonly servers: (WebSocketServer | undefined)[] = [];
  readonly clients: { ws: WebSocketClient; told: Told; topics: Set<string> }[] = [];
  /** What was published to each topic, as a server read it that nothing befalls. */
  readonly truth = new Map<string, string[]>(TOPICS.map((topic) => [topic, []]));
  readonly program: string[] = [];
  recovered = 0;
  gaps = 0;
  #published = 0;
  readonly #chance: () => number;

  constructor(seed: number) {
    this.#chance = chanceOf(seed);
  }

  #below(count: number): number {
    return Math.floor(this.#chance() * count);
  }

  async run(): Promise<string[]> {
    for (let n = 0; n < 3; n++) await this.#start(n);
    for (const topic of TOPICS) {
      this.servers[0]!.subscribe(topic, ({ data }) => void this.truth.get(topic)!.push(`${data}`));
    }
    for (let n = 0; n < CLIENTS; n++) await this.#client(n);
    await this.#settle(100);
    for (let n = 0; n < STEPS; n++) await this.#step();
    this.broker.mend();
    for (let n = 0; n < 3; n++) if (this.servers[n] === undefined) await this.#start(n);
    await this.#settle(10_000);
    for (const topic of TOPICS) this.#publish(0, topic);
    await this.#settle(10_000);
    const wrongs = this.#wrongs();
    for (const { ws } of this.clients) await ws.close();
    await this.#settle(100);
    for (const server of this.servers) await this.clock.until(server!.stop());
    await this.#settle(5000);
    if (this.clock.pending > 0) wrongs.push(`${this.clock.pending} timers are left`);
    return wrongs;
  }

  async #start(n: number): Promise<void> {
    const { broker, clock, network } = this;
    const history = { maxMessages: 8, maxAge: 60 };
    const server = createWebSocketServer({ broker, clock, history, runtime: network.server });
    server.on("error", () => {});
    server.on("connect", (connection) => this.#joinAll(server, connection));
    await this.clock.until(server.start({ serverPort: n + 1 }));
    this.servers[n] = server;
  }

  /** The application: who it is stands in the path, and what they may be in is known to it. */
  #joinAll(server: WebSocketServer, connection: WebSocketConnection): void {
    const { topics } = this.clients[Number(connection.url.slice(1))]!;
    for (const topic of topics) void server.join(connection, topic).catch(() => {});
  }

  async #client(n: number): Promise<void> {
    const { clock, network } = this;
    const reconnect = { minDelay: 0.2, maxDelay: 1, random: this.#chance };
    const runtime = network.client;
    const ws = createWebSocket({ clock, runtime, reconnect, resume: true });
    const told: Told = new Map(TOPICS.map((topic) => [topic, ["gap"]]));
    ws.on("message", (_err, data) => void told.get(`${data}`[0]!)!.push(`${data}`));
    ws.on("recovered", ({ topic, recovered }) => {
      if (recovered) return void this.recovered++;
      this.gaps++;
      told.get(topic)!.push("gap");
    });
    ws.on("error", () => {});
    this.clients[n] = { ws, told, topics: new Set(TOPICS.filter(() => this.#chance() < 0.7)) };
    await ws.connect(() => {
      const up = [0, 1, 2].filter((at) => this.servers[at] !== undefined);
      return `ws://localhost:${1 + up[this.#below(up.length)]!}/${n}`;
    });
  }

  #publish(at: number, topic: string): void {
    const text = `${topic}${++this.#published}`;
    void this.servers[at]?.publish(topic, text).catch(() => {});
  }

  async #step(): Promise<void> {
    const [kind, topic] = [this.#chance(), TOPICS[this.#below(TOPICS.length)]!];
    const say = (what: string) => void this.program.push(what);
    if (kind < 0.5) {
      const count = 1 + this.#below(4);
      say(`publish ${count} to ${topic}`);
      for (let n = 0; n < count; n++) this.#publish(this.#below(3), topic);
    } else if (kind < 0.7) {
      const { links } = this.network;
      say("cut a link");
      links[this.#below(links.length)]?.cut();
    } else if (kind < 0.78) {
      await this.#change(this.#below(CLIENTS), topic, say);
    } else if (kind < 0.84) {
      const at = 1 + this.#below(2); // the first one tells the truth
      const server = this.servers[at];
      say(`${server === undefined ? "start" : "stop"} ${at}`);
      if (server === undefined) return await this.#start(at);
      this.servers[at] = undefined;
      await this.clock.until(server.stop({ code: 1012 }));
    } else if (kind < 0.9) {
      say("the log is away for a while");
      this.broker.down();
      await this.#settle(this.#below(1500));
      this.broker.up();
    } else if (kind < 0.93) {
      say("an append has no answer");
      this.broker.fail("lost answer");
    } else if (kind < 0.95) {
      const count = 1 + this.#below(2);
      say(`the log is cut by ${count}`);
      this.broker.cut(count);
    } else if (kind < 0.97) {
      say("the log is emptied");
      this.broker.empty();
    }
    await this.#settle(this.#below(4) === 0 ? 2000 : this.#below(50));
  }

  /** The application takes a client into a topic, or out of it. */
  async #change(n: number, topic: string, say: (what: string) => void): Promise<void> {
    const { topics, told } = this.clients[n]!;
    const isIn = topics.delete(topic);
    if (!isIn) topics.add(topic);
    say(`${n} ${isIn ? "leaves" : "joins"} ${topic}`);
    for (const server of this.servers) {
      for (const connection of server?.listAllConnections() ?? []) {
        if ((connection as WebSocketConnection).url !== `/${n}`) continue;
        await (isIn ? server!.leave(connection, topic) : server!.join(connection, topic))
          .catch(() => {});
      }
    }
    await this.#settle(1200);
    // It is not told of what it was not in, and that is no gap that anybody must tell of.
    told.get(topic)!.push("gap");
  }

  async #settle(ms: number): Promise<void> {
    await this.clock.advance(ms);
    for (let turn = 0; turn < 12; turn++) await this.clock.advance(1);
  }

  #wrongs(): string[] {
    const wrongs: string[] = [];
    for (const [n, { told, topics }] of this.clients.entries()) {
      for (const [topic, lines] of told) {
        const truth = this.truth.get(topic)!;
        const what = `client ${n}, topic ${topic}: ${lines.join(" ")}; the log: ${truth.join(" ")}`;
        const texts = lines.filter((line) => line !== "gap");
        if (new Set(texts).size !== texts.length) wrongs.push(`twice: ${what}`);
        let next: number | undefined;
        for (const line of lines) {
          if (line === "gap") {
            next = undefined;
            continue;
          }
          const at = truth.indexOf(line);
          if (at === -1) wrongs.push(`not in the log: ${line}: ${what}`);
          else if (next !== undefined && at !== next) wrongs.push(`a hole at ${line}: ${what}`);
          next = at + 1;
        }
        if (topics.has(topic) && lines.at(-1) !== truth.at(-1)) wrongs.push(`the end: ${what}`);
      }
    }
    return wrongs;
  }
}

describe("clients that resume, in random programs", () => {
  it(`are told everything once and in order, or of the gap: ${RUNS} programs`, async () => {
    let [recovered, gaps] = [0, 0];
    for (let seed = 1; seed <= RUNS; seed++) {
      const run = new Run(seed);
      const wrongs = await run.run();
      assertEquals(wrongs, [], `seed ${seed}: ${run.program.join("; ")}`);
      recovered += run.recovered;
      gaps += run.gaps;
    }
    // They would say nothing if nothing ever came to that.
    assertEquals([recovered > RUNS, gaps > RUNS / 4], [true, true], `${recovered} and ${gaps}`);
  });
});

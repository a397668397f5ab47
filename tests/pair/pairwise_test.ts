/**
 * Two features at a time, each with each, both ways round: over the network in memory, in time that stands
 * still. One client has to do with them; another, at the same server, must not notice.
 */

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  type BusinessError,
  createWebSocket,
  createWebSocketServer,
  type WebSocketClient,
  type WebSocketClientOptions,
  type WebSocketConnection,
  type WebSocketRequestOptions,
  type WebSocketServer,
  type WebSocketServerConfig,
} from "../../mod.ts";
import { FakeClock, type MemoryLink, MemoryNetwork } from "../../testing.ts";
import { assertNothingLeft, countListeners, LONGEST_MS } from "../helpers/leftovers.ts";

const LATENCY = 1;

/** What a feature asks for, and what it does once the client is open. */
interface Feature {
  config?: Partial<WebSocketServerConfig>;
  client?: WebSocketClientOptions;
  request?: WebSocketRequestOptions;
  /** The server is mounted in a host. */
  mounted?: true;
  /** What follows the host in the client's URL. */
  path?: string;
  /** The URL is asked for each time. */
  asks?: true;
  during?(world: World): Promise<void>;
}

/** The schema of a message that is text. */
const TEXT = {
  "~standard": {
    version: 1 as const,
    vendor: "test",
    validate: (value: unknown) =>
      typeof value === "string" ? { value } : { issues: [{ message: "no text" }] },
  },
};

const FEATURES: Record<string, Feature> = {
  plain: {},
  "listeners that work for long": {
    config: { maxPendingAmount: 1500 },
    during: async (world) => {
      world.work = Promise.withResolvers<void>();
      await world.sendAll("work 1", "work 2", "work 3");
    },
  },
  "listeners that are done": {
    config: { maxPendingAmount: 1500 },
    during: async (world) => {
      const work = world.work = Promise.withResolvers<void>();
      await world.sendAll("work 1", "work 2", "work 3");
      work.resolve();
      await world.clock.advance(10);
    },
  },
  "close() of the client": {
    during: (world) => world.end(() => world.ws.close({ code: 4001, reason: "bye" })),
  },
  "close() of the server": {
    during: (world) => world.end((one) => world.server.close(one, { code: 4002, reason: "go" })),
  },
  "terminate()": { during: (world) => world.end((one) => world.server.terminate(one)) },
  "the signal": { during: (world) => world.end(() => world.aborter.abort()) },
  "a cut": { during: (world) => world.end(() => world.link?.cut()) },
  silence: {
    config: { pingInterval: 2, pongTimeout: 1 },
    during: async (world) => {
      world.link?.hold();
      await world.clock.advance(20_000);
    },
  },
  Pings: {
    config: { pingInterval: 1, pongTimeout: 1 },
    request: { pingInterval: 1, pongTimeout: 1 },
    during: async (world) => {
      const { open, state } = world.states();
      await world.clock.advance(5500);
      if (open && world.work === undefined) assertEquals(world.states().state, state);
    },
  },
  "a Ping, a message and close()": {
    request: { pingInterval: 1 },
    during: async (world) => {
      await world.clock.advance(1000);
      await world.end(async () => {
        await world.ws.send("the last");
        await world.ws.close();
      });
    },
  },
  reconnect: {
    client: { reconnect: { minDelay: 0.5, maxDelay: 0.5, attempts: 3, random: () => 1 } },
  },
  "a URL that is asked for": {
    client: { reconnect: { minDelay: 0.5, maxDelay: 0.5, attempts: 3, random: () => 1 } },
    asks: true,
  },
  topics: {
    during: async (world) => {
      const { server, other } = world;
      if (world.stopped) return;
      await server.join(other.connection, "all");
      const one = world.connection;
      if (one !== undefined && world.isOpen) await server.join(one, "all");
      if (one !== undefined && world.isOpen) await server.join(one, "alone");
      const { sent } = await server.publish("all", "to all");
      assertEquals(sent, world.isOpen && one !== undefined ? 2 : 1);
      await server.publish("nobody is here", "to nobody");
      await world.clock.advance(10);
      assertEquals(other.heard.filter((text) => text === "to all").length, ++other.published);
    },
  },
  "limits of all kinds": {
    config: { maxConnections: 2, maxConcurrentClientsNumber: 2, maxConnectionsForOneClient: 1 },
    during: async (world) => {
      if (!world.isOpen) return;
      const third = createWebSocket({ clock: world.clock, runtime: world.network.client });
      const errors: string[] = [];
      third.on("error", ({ data }) => errors.push(data!));
      await third.connect(world.url, world.offer);
      await world.clock.advance(10);
      assertEquals([third.state, errors], ["idle", ["503"]]);
    },
  },
  "two at one address": { config: { clientAddress: () => "192.0.2.1" } },
  "a slow peer that stays": {
    config: { slowPeer: "refuse", maxBufferedAmount: 2000 },
    during: async (world) => {
      const one = world.connection;
      if (one === undefined || !world.isOpen) return;
      world.link!.release("toClient"); // another feature may have held it
      await world.clock.advance(10);
      world.link!.hold("toClient");
      const answers = [];
      for (let n = 0; n < 3; n++) {
        const send = world.server.send("x".repeat(1000), one);
        answers.push(await send.catch((error: BusinessError) => error.kind));
      }
      assertEquals(answers, [true, true, "queueFull"]);
      world.link!.release("toClient");
      await world.clock.advance(10);
      assertEquals(world.server.bufferedAmount(one), 0);
    },
  },
  "a slow peer that goes": {
    config: { maxBufferedAmount: 2000 },
    during: async (world) => {
      const one = world.connection;
      if (one === undefined || !world.isOpen) return;
      world.link!.hold("toClient");
      for (let n = 0; n < 3; n++) await world.server.send("x".repeat(1000), one).catch(() => {});
      await world.clock.advance(6000);
    },
  },
  drained: {
    during: async (world) => {
      const one = world.connection;
      const waits = [world.ws.drained()];
      if (one !== undefined) waits.push(world.server.drained(one));
      for (const wait of waits) assertEquals(typeof await world.clock.until(wait), "boolean");
    },
  },
  mount: { mounted: true },
  path: { config: { path: "/room" }, path: "room" },
  subprotocols: { config: { protocol: ["a", "b"] }, request: { protocol: "b,a" } },
  schema: {
    client: { schema: TEXT as never },
    during: async (world) => {
      await world.sendAll("as it should be");
    },
  },
  "an observer that fails": {
    client: {
      observer: {
        sent: () => {
          throw new Error("the observer's");
        },
      },
    },
  },
  "authorize() that takes its time": {
    config: { authorize: () => Promise.resolve({ user: "someone" }) },
  },
  "a message that is too big": {
    config: { maxPayload: 2000 },
    during: (world) => world.end(() => world.ws.send("x".repeat(2001))),
  },
  compression: { config: { compression: true }, request: { compression: true } },
  "an option that cannot be had": {
    during: async (world) => {
      const { clock, network } = world;
      const third = createWebSocket({ ...world.client, clock, runtime: network.client });
      const log: unknown[] = [];
      third.on("error", ({ kind }) => log.push(kind));
      third.on("close", () => log.push("close"));
      const { signal } = new AbortController();
      const listeners = countListeners(signal);
      const options = { ...world.offer, signal, proxy: { host: "proxy", port: 8080 } };
      const answer = await third.connect(world.address as string, options)
        .catch(({ kind }: BusinessError) => kind);
      await clock.advance(10);
      // Where the URL is asked for, `connect` has answered before it is known what is dialled.
      const asked = typeof world.address === "function";
      assertEquals([answer, ...log], asked ? [true, "unsupported"] : ["unsupported"]);
      assertEquals([third.state, listeners()], ["idle", 0]);
      await third.connect(world.address as string, world.offer); // it is as good as new
      await clock.until(third[Symbol.asyncDispose]());
    },
  },
  "stop()": {
    during: async (world) => {
      assertEquals(await world.clock.until(world.server.stop()), true);
      world.stopped = true;
    },
  },
};

/** A client, and what it was told. */
interface Other {
  ws: WebSocketClient;
  connection: WebSocketConnection;
  heard: string[];
  published: number;
  closes: number[];
}

/** A server, the client that has to do with the features, and another. */
class World {
  readonly clock = new FakeClock();
  readonly network = new MemoryNetwork({ clock: this.clock, latency: LATENCY });
  readonly aborter = new AbortController();
  readonly listeners: () => number = countListeners(this.aborter.signal);
  readonly server: WebSocketServer;
  readonly ws: WebSocketClient;
  readonly url: string;
  /** What the first client calls `connect` with. */
  readonly address: string | (() => string);
  /** What the first client is made with. */
  readonly client: WebSocketClientOptions;
  /** What was told of each connection, in order. */
  readonly told = new Map<WebSocketConnection, string[]>();
  /** What the server heard. */
  readonly heard: string[] = [];
  readonly log: string[] = [];
  other!: Other;
  work: PromiseWithResolvers<void> | undefined;
  stopped = false;
  readonly #features: readonly Feature[];

  constructor(features: readonly Feature[]) {
    this.#features = features;
    const { clock, network } = this;
    const path = features.map(({ path }) => path).find((path) => path !== undefined) ?? "";
    this.url = `ws://localhost:80/${path}`;
    this.server = createWebSocketServer({ clock, runtime: network.server, stats: true });
    this.client = Object.assign({}, ...features.map(({ client }) => client));
    this.address = features.some(({ asks }) => asks) ? () => this.url : this.url;
    this.ws = createWebSocket({ ...this.client, clock, runtime: network.client, stats: true });
    this.ws.on("open", () => this.log.push("open"));
    this.ws.on("close", (_, { code }) => this.log.push(`close ${code}`));
    this.ws.on("error", () => this.log.push("error"));
    this.server.on("connect", (one) => this.told.set(one, ["connect"]));
    this.server.on("close", (one, { code }) => this.told.get(one)!.push(`close ${code}`));
    this.server.on("error", () => {});
    this.server.on("messageReceive", ({ clientConnection: one, data }) => {
      this.heard.push(String(data));
      if (String(data).startsWith("echo")) void this.server.send(String(data), one);
      return String(data).startsWith("work") ? this.work?.promise : undefined;
    });
  }

  async start(): Promise<void> {
    const features = this.#features;
    const config = Object.assign({}, ...features.map(({ config }) => config));
    if (features.some(({ mounted }) => mounted)) {
      const mount = await this.server.mount(config);
      this.network.serve(
        80,
        (request, info) => mount.fetch(request, info) ?? new Response("the host's"),
      );
    } else await this.server.start({ serverPort: 80, ...config });
    const request = Object.assign({}, ...features.map(({ request }) => request));
    await this.ws.connect(this.address as string, { ...request, signal: this.aborter.signal });
    await this.clock.advance(10);
    assertEquals([this.ws.state, this.log], ["open", ["open"]]);

    const { clock, network } = this;
    const ws = createWebSocket({ clock, runtime: network.clientAt("127.0.0.2") });
    const other: Other = { ws, connection: undefined!, heard: [], published: 0, closes: [] };
    ws.on("message", (_, data) => void other.heard.push(String(data)));
    ws.on("close", (_, { code }) => void other.closes.push(code));
    await ws.connect(this.url, this.offer);
    await clock.advance(10);
    other.connection = this.server.listAllConnections().at(-1)!;
    this.other = other;
    assertEquals(this.server.listAllConnections().length, 2);
  }

  /** The first client's connection, as the server knows it. */
  get connection(): WebSocketConnection | undefined {
    return this.server.listAllConnections().find((one) => one !== this.other.connection);
  }

  /** What every client asks for that comes to this server. */
  get offer(): WebSocketRequestOptions {
    return this.#features.find(({ request }) => request?.protocol !== undefined)?.request ?? {};
  }

  get link(): MemoryLink | undefined {
    return this.network.links.find(({ peer }) => peer.hostname === "127.0.0.1");
  }

  /** Whether both ends of the first client's take it for open. */
  get isOpen(): boolean {
    return this.ws.state === "open" && this.connection !== undefined && !this.stopped;
  }

  states(): { open: boolean; state: string } {
    return { open: this.isOpen, state: `${this.ws.state} ${this.connection !== undefined}` };
  }

  async sendAll(...texts: string[]): Promise<void> {
    if (this.ws.state !== "open") return;
    for (const text of texts) await this.ws.send(text);
    await this.clock.advance(10);
  }

  /** Ends the first client's connection, unless something has already. */
  async end(how: (one: WebSocketConnection) => unknown): Promise<void> {
    const one = this.connection;
    if (one === undefined || this.ws.state !== "open") return;
    await how(one);
    await this.clock.advance(30);
  }

  /** Both clients close, the longest deadline passes, and the server stops. */
  async finish(): Promise<void> {
    const { clock, other, server, ws } = this;
    if (!this.stopped) {
      await other.ws.send("echo to the other");
      await clock.advance(10);
      assertEquals(other.heard.filter((text) => text.startsWith("echo")), ["echo to the other"]);
      assertEquals([other.ws.state, other.closes], ["open", []]);
      await other.ws.close();
      await clock.advance(10);
    }
    assertEquals(other.closes, [this.stopped ? 1001 : 1000]);
    await clock.until(ws[Symbol.asyncDispose]());
    const log = [...this.log];
    await clock.advance(LONGEST_MS);
    assertEquals(server.stats()!.connections, 0);
    assertEquals([...server.listAllConnections()], []);
    assertNothingLeft();
    if (!this.stopped) await this.#placesAreFree();
    await clock.until(server[Symbol.asyncDispose]());
    this.work?.resolve();
    await clock.advance(LONGEST_MS);
    assertEquals(this.log, log, "the client is told more after the end");
    for (const told of this.told.values()) {
      assertEquals(told.map((event) => event.split(" ")[0]), ["connect", "close"]);
    }
    const [opens, closes] = ["open", "close"].map((event) =>
      log.filter((line) => line.startsWith(event)).length
    ) as [number, number];
    assert(closes <= opens + 1, log.join());
    const { connections, opened, closed } = server.stats()!;
    assertEquals([connections, opened, closed], [0, this.told.size, this.told.size]);
    assertEquals(ws.stats()!.connections, 0);
    assertEquals(this.listeners(), 0, "listeners on the signal");
    assertEquals(this.network.links.length, 0);
    assertEquals(clock.pending, 0, "timers are left");
    assertNothingLeft();
  }

  /** As many may come as could at first. */
  async #placesAreFree(): Promise<void> {
    const { clock, network, offer, url } = this;
    const clients: WebSocketClient[] = [];
    for (const host of ["127.0.0.1", "127.0.0.2"]) {
      const ws = createWebSocket({ clock, runtime: network.clientAt(host) });
      await ws.connect(url, offer);
      await clock.advance(10);
      assertEquals(ws.state, "open", `${host} finds no place`);
      clients.push(ws);
    }
    for (const ws of clients) await clock.until(ws[Symbol.asyncDispose]());
    await clock.advance(10);
  }
}

/** `clientAddress` makes all clients one: a limit of one for each does not go with it. */
const APART = new Set(["two at one address", "limits of all kinds"]);

describe("two features at a time", () => {
  const names = Object.keys(FEATURES);
  for (const one of names) {
    it(`${one}, and each other`, async () => {
      for (const two of names) {
        if (APART.has(one) && APART.has(two) && one !== two) continue;
        const features = one === two ? [FEATURES[one]!] : [FEATURES[one]!, FEATURES[two]!];
        const world = new World(features);
        try {
          await world.start();
          for (const { during } of features) await during?.(world);
          await world.finish();
        } catch (cause) {
          const log = `${world.log.join(", ")}; ${[...world.told.values()].join("; ")}`;
          throw new Error(`${one} and ${two}: ${(cause as Error).message} (${log})`, { cause });
        }
      }
    });
  }
});

/** A server with some features, the client that has to do with them, and another that must not notice. */

import { assert, assertEquals } from "@std/assert";
import {
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
export interface Feature {
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

/** A client, and what it was told. */
export interface Other {
  ws: WebSocketClient;
  connection: WebSocketConnection;
  heard: string[];
  published: number;
  closes: number[];
}

/** A server, the client that has to do with the features, and another. */
export class World {
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

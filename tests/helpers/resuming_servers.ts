import { assertEquals } from "@std/assert";
import {
  type BusinessError,
  createWebSocket,
  createWebSocketServer,
  type JoinResult,
  type WebSocketClient,
  type WebSocketClientOptions,
  type WebSocketConnection,
  type WebSocketServer,
  type WebSocketServerOptions,
} from "../../mod.ts";
import { FakeClock, MemoryBroker, MemoryNetwork } from "../../testing.ts";

/** What a client is told, in order: texts, and what 'recovered' tells. */
export interface Told {
  ws: WebSocketClient;
  log: unknown[];
  errors: string[];
}

/** Servers with a history that share a log, on a network in memory and a clock that stands still. */
export class ResumingServers implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly network = new MemoryNetwork({ clock: this.clock });
  readonly broker = new MemoryBroker();
  readonly servers: WebSocketServer[] = [];
  readonly errors: BusinessError[] = [];
  readonly #clients: WebSocketClient[] = [];
  readonly joined: (boolean | JoinResult)[] = [];
  /** The topics that whoever connects is taken into. */
  topics = ["t"];
  /** Which server new connections come to. */
  at = 0;

  async start(options: WebSocketServerOptions = {}): Promise<WebSocketServer> {
    const { clock, broker, network } = this;
    const server = createWebSocketServer({
      ...{ clock, broker, runtime: network.server, history: true },
      ...options,
    });
    server.on("error", (error) => this.errors.push(error));
    server.on("connect", (connection) => this.#connected(server, connection));
    this.servers.push(server);
    await this.clock.until(server.start({ serverPort: this.servers.length }));
    await this.settle();
    return server;
  }

  async #connected(server: WebSocketServer, connection: WebSocketConnection): Promise<void> {
    for (const topic of this.topics) {
      void server.join(connection, topic).then((joined) => this.joined.push(joined), () => {});
    }
    await undefined;
  }

  async client(options?: WebSocketClientOptions, protocol?: string): Promise<Told> {
    const ws = createWebSocket({
      ...{ clock: this.clock, runtime: this.network.client, resume: true },
      reconnect: { minDelay: 1, factor: 1, random: () => 1 },
      ...options,
    });
    const told: Told = { ws, log: [], errors: [] };
    ws.on("message", (_, data) => void told.log.push(text(data)));
    ws.on("recovered", (info) => void told.log.push(info));
    ws.on("error", ({ kind }) => void told.errors.push(`${kind}`));
    const url = () => `ws://localhost:${1 + this.at}/`;
    await this.clock.until(
      options?.reconnect === false
        ? ws.connect(url(), { protocol })
        : ws.connect(url, { protocol }),
    );
    await this.settle();
    this.#clients.push(ws);
    return told;
  }

  /** Cuts all connections; those that reconnect are back after a second. */
  async cut(meanwhile: () => Promise<unknown> | undefined = () => undefined): Promise<void> {
    await this.settle();
    for (const link of this.network.links) link.cut();
    await this.settle();
    await meanwhile();
    await this.settle(1500);
  }

  /** Publishes, and has it arrive. */
  async publish(topic: string, ...texts: string[]): Promise<void> {
    const [server] = this.servers;
    await this.clock.until(Promise.all(texts.map((text) => server!.publish(topic, text))));
    await this.settle();
  }

  async settle(ms = 10): Promise<void> {
    await this.clock.advance(ms);
    for (let turn = 0; turn < 10; turn++) await this.clock.advance(1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.broker.mend();
    for (const ws of this.#clients) if (ws.state !== "idle") void ws.close().catch(() => {});
    for (const server of this.servers) {
      if (server.address !== undefined) await this.clock.until(server.stop({ code: 1000 }));
    }
    await this.settle(5000);
    for (const link of this.network.links) link.cut();
    await this.settle(100);
    assertEquals(this.clock.pending, 0, "timers are left");
  }
}

export function text(data: unknown): unknown {
  return typeof data === "string" ? data : `bytes ${[...new Uint8Array(data as ArrayBuffer)]}`;
}

export const numbers = (count: number, from = 0) =>
  Array.from({ length: count }, (_, n) => `${from + n}`);

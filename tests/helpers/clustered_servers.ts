import { assertEquals, assertRejects } from "@std/assert";
import type { Broker, BrokerReader } from "../../cluster.ts";
import {
  BusinessError,
  type ClusterMember,
  createWebSocket,
  createWebSocketServer,
  type WebSocketClient,
  type WebSocketServer,
  type WebSocketServerOptions,
} from "../../mod.ts";
import { FakeClock, MemoryBroker, MemoryNetwork } from "../../testing.ts";

/** Servers that share a log, on a network in memory and a clock that stands still. */
export class ClusteredServers implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly network = new MemoryNetwork({ clock: this.clock });
  readonly broker = new MemoryBroker();
  readonly servers: WebSocketServer[] = [];
  readonly errors: BusinessError[] = [];
  readonly #clients: WebSocketClient[] = [];

  make(options: WebSocketServerOptions = {}): WebSocketServer {
    const { clock, broker, network } = this;
    const given = { clock, broker, runtime: network.server, node: `n${this.servers.length}` };
    const server = createWebSocketServer({ ...given, ...options });
    server.on("error", (error) => this.errors.push(error));
    this.servers.push(server);
    return server;
  }

  async start(server: WebSocketServer): Promise<void> {
    await this.clock.until(server.start({ serverPort: 1 + this.servers.indexOf(server) }));
  }

  /** Makes some and starts them; each takes its connections into the topic `t`. */
  async begin(count: number, options: WebSocketServerOptions = {}): Promise<WebSocketServer[]> {
    for (let n = 0; n < count; n++) {
      const server = this.make(options);
      server.on("connect", (connection) => void server.join(connection, "t"));
      await this.start(server);
    }
    await this.settle(100);
    return this.servers;
  }

  /** A client of a server, and what it is told. */
  async client(server: WebSocketServer): Promise<{ ws: WebSocketClient; log: unknown[] }> {
    const ws = createWebSocket({ clock: this.clock, runtime: this.network.client });
    const log: unknown[] = [];
    ws.on("message", (_, data) => void log.push(data));
    ws.on("close", (_, close) => void log.push(close));
    await this.clock.until(ws.connect(`ws://localhost:${1 + this.servers.indexOf(server)}/`));
    this.#clients.push(ws);
    await this.settle();
    return { ws, log };
  }

  async settle(ms = 10): Promise<void> {
    await this.clock.advance(ms);
    for (let turn = 0; turn < 3; turn++) await this.clock.advance(1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.broker.mend();
    for (const server of this.servers) {
      if (server.address !== undefined) await this.clock.until(server.stop());
    }
    await this.settle(5000);
    assertEquals(this.clock.pending, 0, "timers are left");
  }
}

/** A broker that is ready at once, and whose reader a test tells what it likes. */
export class ToldBroker implements Broker {
  reader!: BrokerReader;

  append(): Promise<void> {
    return Promise.resolve();
  }

  read(reader: BrokerReader, signal: AbortSignal): Promise<void> {
    this.reader = reader;
    reader.ready();
    return new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

export async function refused(promise: Promise<unknown>): Promise<[number, string | undefined]> {
  const error = await assertRejects(() => promise, BusinessError) as BusinessError;
  return [error.code, error.kind];
}

export const ips = (members: ClusterMember[]) =>
  members.map(({ node }) => node.split("~")[0]).sort();

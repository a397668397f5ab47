/** Servers with a history that share a log, and clients that resume, on a network in memory. */

import { assertEquals } from "@std/assert";
import { MemoryBroker } from "../../cluster/brokers/memory.ts";
import {
  type BusinessError,
  createWebSocket,
  createWebSocketServer,
  type WebSocketClient,
  type WebSocketClientOptions,
  type WebSocketServer,
  type WebSocketServerConfig,
  type WebSocketServerOptions,
} from "../../mod.ts";
import { FakeClock, MemoryNetwork } from "../../testing.ts";

/** A call's result as text: what it has come to, or the kind of the error. */
export async function kindOf(call: Promise<unknown>): Promise<string> {
  return await call.then((value) => `${value}`, (error: BusinessError) => `${error.kind}`);
}

/** The nodes, and the clients of each. A port is the number of a node, from 1. */
export class NodesInMemory implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly network = new MemoryNetwork({ clock: this.clock });
  readonly broker = new MemoryBroker();
  readonly servers: WebSocketServer[] = [];
  readonly clients: WebSocketClient[] = [];
  /** What the servers' listeners were told: the node, and the data. */
  readonly seen: string[] = [];
  /** What 'error' has told, on either side. */
  readonly errors: string[] = [];
  /** The node that clients come to. */
  at = 1;

  /** Starts a node. */
  async node(
    options?: WebSocketServerOptions,
    config?: Partial<WebSocketServerConfig>,
    hear?: (data: string | ArrayBuffer) => unknown,
  ): Promise<WebSocketServer> {
    const { broker, clock, network } = this;
    const runtime = network.server;
    const server = createWebSocketServer({ broker, clock, runtime, history: true, ...options });
    const node = this.servers.push(server);
    server.on("error", ({ kind }) => void this.errors.push(`${kind}`));
    if (hear !== undefined) {
      server.on("messageReceive", (event) => {
        const { data } = event;
        this.seen.push(`${node} ${data}${"mayRepeat" in event ? " again?" : ""}`);
        return hear(data);
      });
    }
    await this.clock.until(server.start({ serverPort: node, ...config }));
    await this.settle();
    return server;
  }

  /** Makes a client, and connects it. It comes back after a second. */
  async client(options?: WebSocketClientOptions, protocol?: string): Promise<WebSocketClient> {
    const ws = createWebSocket({
      ...{ clock: this.clock, runtime: this.network.client, resume: true },
      reconnect: { minDelay: 1, factor: 1, random: () => 1 },
      ...options,
    });
    this.clients.push(ws);
    ws.on("error", ({ kind }) => void this.errors.push(`${kind}`));
    const url = () => `ws://localhost:${this.at}/`;
    const to = options?.reconnect === false ? url() : url;
    await this.clock.until(ws.connect(to, { protocol }));
    await this.settle();
    return ws;
  }

  /** Cuts all connections. */
  cut(): void {
    for (const link of this.network.links) link.cut();
  }

  /** Lets so much time pass, and all that is under way arrive. */
  async settle(ms = 10): Promise<void> {
    await this.clock.advance(ms);
    for (let turn = 0; turn < 10; turn++) await this.clock.advance(1);
  }

  /** Until clients that were cut off are back. */
  async back(): Promise<void> {
    await this.settle(1500);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const ws of this.clients) if (ws.state !== "idle") void ws.close().catch(() => {});
    for (const server of this.servers) {
      if (server.address !== undefined) await this.clock.until(server.stop({ code: 1000 }));
    }
    await this.settle(5000);
    this.cut();
    await this.settle(100);
    assertEquals(this.clock.pending, 0, "timers are left");
  }
}

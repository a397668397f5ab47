/** A server and a client of ours on a network in memory, in time that stands still. */

import { assertEquals } from "@std/assert";
import {
  createWebSocket,
  createWebSocketServer,
  type WebSocketClient,
  type WebSocketClientOptions,
  type WebSocketConnection,
  type WebSocketRequestOptions,
  type WebSocketServer,
  type WebSocketServerConfig,
  type WebSocketServerOptions,
} from "../../mod.ts";
import { FakeClock, MemoryNetwork } from "../../testing.ts";
import { assertNothingLeft, countListeners, LONGEST_MS } from "./leftovers.ts";

const PORT = 80;

/** Milliseconds from one end to the other. */
export const LATENCY = 5;

/** There and back. */
export const RTT = 2 * LATENCY;

/** What the two are made of. */
export interface MemoryPairOptions {
  server?: WebSocketServerOptions;
  client?: WebSocketClientOptions;
  config?: Partial<WebSocketServerConfig>;
  clock?: FakeClock;
}

/** Writes down how both ends tell of an end, and of what went wrong. */
export function logEnds({ server, ws }: MemoryPair): string[] {
  const log: string[] = [];
  server.on("close", (_, { code }) => log.push(`server ${code}`));
  server.on("error", ({ kind }) => log.push(`server ${kind}`));
  ws.on("close", (_, { code }) => log.push(`client ${code}`));
  ws.on("error", ({ kind }) => log.push(`client ${kind}`));
  return log;
}

/**
 * The two ends. At the end of the block the client closes, the longest deadline passes, and the server
 * stops. Asserts that nothing is told meanwhile, and that nothing is left: no timer, no listener on a
 * signal, no topic, no place.
 */
export class MemoryPair implements AsyncDisposable {
  readonly clock: FakeClock;
  readonly network: MemoryNetwork;
  readonly server: WebSocketServer;
  readonly ws: WebSocketClient;
  readonly #signals: (() => number)[] = [];
  /** How many events each end has told. */
  readonly #told = { client: 0, server: 0 };

  private constructor({ server, client, clock = new FakeClock() }: MemoryPairOptions) {
    this.clock = clock;
    const network = this.network = new MemoryNetwork({ clock, latency: LATENCY });
    this.server = createWebSocketServer({ ...server, clock, runtime: network.server });
    this.ws = createWebSocket({ ...client, clock, runtime: network.client });
    for (const event of ["open", "message", "close"] as const) {
      this.ws.on(event, () => void this.#told.client++);
    }
    this.server.on("close", () => void this.#told.server++);
  }

  static async start(options: MemoryPairOptions = {}): Promise<MemoryPair> {
    const pair = new MemoryPair(options);
    await pair.server.start({ serverPort: PORT, ...options.config });
    return pair;
  }

  /** Lets the client connect, unless it is refused; gives its connection as the server knows it. */
  async open(options: WebSocketRequestOptions = {}): Promise<WebSocketConnection> {
    if (options.signal !== undefined) this.#signals.push(countListeners(options.signal));
    await this.ws.connect(`ws://localhost:${PORT}/`, options);
    await this.clock.advance(RTT);
    return this.server.listAllConnections().at(-1)!;
  }

  /** Lets the client close, and both ends hear of it. */
  async close(): Promise<void> {
    await this.ws.close();
    await this.clock.advance(3 * LATENCY);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.clock.until(this.ws[Symbol.asyncDispose]());
    const { client } = this.#told;
    await this.clock.advance(LONGEST_MS);
    assertNothingLeft();
    await this.clock.until(this.server[Symbol.asyncDispose]());
    const { server } = this.#told;
    await this.clock.advance(LONGEST_MS);
    assertEquals({ ...this.#told }, { client, server }, "something is told after the end");
    assertEquals(this.clock.pending, 0, "timers are left");
    assertEquals(this.#signals.map((count) => count()), this.#signals.map(() => 0), "listeners");
    assertNothingLeft();
  }
}

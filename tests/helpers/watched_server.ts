/** A server of ours, and everything it tells, in order. */

import { assertEquals, assertInstanceOf, assertRejects, assertStringIncludes } from "@std/assert";
import { deadline } from "@std/async";
import {
  BusinessError,
  type CloseResult,
  createWebSocketServer,
  type WebSocketConnection,
  type WebSocketMessage,
  type WebSocketServer,
  type WebSocketServerConfig,
  type WebSocketServerOptions,
} from "../../mod.ts";
import { textOf } from "../peers/raw.ts";
import { assertOver, CountedClock } from "./after_end.ts";
import { assertNothingLeft } from "./leftovers.ts";

/** No wait of a test's takes longer, in ms. */
export const LIMIT_MS = 30_000;

/**
 * A server whose events are written down. It stops at the end of the block; then none may have been told
 * to be closed twice, nothing may be left, no timer either, and nothing more may be told.
 */
export class WatchedServer implements AsyncDisposable {
  readonly server: WebSocketServer;
  readonly connections: WebSocketConnection[] = [];
  readonly messages: WebSocketMessage[] = [];
  readonly closes: (CloseResult & { connection: WebSocketConnection })[] = [];
  readonly errors: BusinessError[] = [];
  /** A line an event: "connect", "message Hi", "error 200 429", "close 1006 The link is down". */
  readonly log: string[] = [];
  readonly #checks = new Set<() => void>();
  readonly #clock = new CountedClock();

  constructor(options?: WebSocketServerOptions) {
    this.server = createWebSocketServer({ clock: this.#clock, ...options });
    this.server.on("connect", (connection) => {
      this.connections.push(connection);
      this.#note("connect");
    });
    this.server.on("messageReceive", (message) => {
      const { data } = message;
      this.messages.push(message);
      this.#note(`message ${typeof data === "string" ? data : textOf(new Uint8Array(data))}`);
    });
    this.server.on("close", (connection, { code, reason }) => {
      this.closes.push({ connection, code, reason });
      this.#note(`close ${code} ${reason}`);
    });
    this.server.on("error", (error) => {
      this.errors.push(error);
      this.#note(`error ${error.code} ${error.data}`);
    });
  }

  /** One that runs: on a free port of 127.0.0.1, unless told otherwise. */
  static async start(
    config?: Partial<WebSocketServerConfig>,
    options?: WebSocketServerOptions,
  ): Promise<WatchedServer> {
    const watched = new WatchedServer(options);
    assertEquals(
      await watched.server.start({ serverPort: 0, serverIP: "127.0.0.1", ...config }),
      true,
    );
    return watched;
  }

  get port(): number {
    return this.server.address!.port;
  }

  /** Waits until something holds; it is looked at after each event. */
  async until(holds: () => boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const check = () => {
      if (holds()) resolve();
    };
    this.#checks.add(check);
    check();
    try {
      await deadline(promise, LIMIT_MS);
    } catch {
      throw new Error(`${holds} never came true; the log: ${this.log.slice(-50).join(" | ")}`);
    } finally {
      this.#checks.delete(check);
    }
  }

  /** The connection of the n-th 'connect', from 1. */
  async connected(n = 1): Promise<WebSocketConnection> {
    await this.until(() => this.connections.length >= n);
    return this.connections[n - 1]!;
  }

  /** The n-th 'close', from 1. */
  async closed(n = 1): Promise<CloseResult> {
    await this.until(() => this.closes.length >= n);
    const { code, reason } = this.closes[n - 1]!;
    return { code, reason };
  }

  /** Echoes each message to whom it came from. */
  echo(): void {
    this.server.on("messageReceive", ({ clientConnection, data }) => {
      void this.server.send(data, clientConnection);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await deadline(this.server[Symbol.asyncDispose](), LIMIT_MS);
    const closed = this.closes.map(({ connection }) => connection);
    assertEquals(new Set(closed).size, closed.length, `two 'close': ${this.log.join(" | ")}`);
    assertNothingLeft();
    assertOver(this.#clock, this.log);
  }

  #note(line: string): void {
    this.log.push(line);
    for (const check of this.#checks) check();
  }
}

/** How the messages of the codes begin that a server's calls answer. */
const OPENINGS: Record<number, string> = {
  [-1]: "Websocket Unknown Other Error",
  201: "Permission denied",
  401: "Parameter error",
  2302002: "Websocket certificate file does not exist",
  2302004: "Can't listen to the given NIC",
  2302005: "Can't listen to the given Port",
  2302006: "websocket connection does not exist",
  2302007: "Websocket port already occupied",
  2302999: "Websocket Unknown Other Error",
};

/** Asserts that a call, which must not throw, is refused: with which code, and what the message says. */
export async function assertRefused(
  call: () => Promise<unknown>,
  code: number,
  says = "",
): Promise<BusinessError> {
  const error = await assertRejects(() => deadline(call(), LIMIT_MS));
  assertInstanceOf(error, BusinessError);
  assertEquals(error.code, code, `${call}: ${error.message}`);
  assertEquals(error.message.slice(0, OPENINGS[code]!.length), OPENINGS[code]!);
  assertStringIncludes(error.message, says);
  const printed = JSON.parse(JSON.stringify(error));
  assertEquals([printed.code, printed.message], [code, error.message]);
  return error;
}

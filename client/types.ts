/**
 * The client: its results, its listeners, and the calls it has. Its options are in
 * `client/option_types.ts`. The names are those of the OpenHarmony reference.
 *
 * @module
 */

import type { AsyncCallback, Callback, ErrorCallback } from "../errors.ts";
import type { WebSocketStats } from "../internal/stats.ts";
import type { SendOptions } from "../server/types.ts";
import type {
  WebSocketAddress,
  WebSocketCloseOptions,
  WebSocketRequestOptions,
} from "./option_types.ts";

export { TlsProtocol } from "./option_types.ts";
export type * from "./option_types.ts";
export type { Interruption } from "./reconnect_policy.ts";
export type {
  AttemptFailure,
  ClientHandshake,
  DropReason,
  ServerGauges,
  ServerHandshake,
  WebSocketObserver,
} from "../internal/observer.ts";
export type { StandardSchema, StandardSchemaResult } from "../internal/schema.ts";
export type { BrokerStats, RoundTrip, Traffic, WebSocketStats } from "../internal/stats.ts";

/**
 * What can be sent: text, or bytes in an ArrayBuffer or a view of one such as a Uint8Array. Shared
 * memory is refused with 401; that it is here is for a view's `buffer`, which TypeScript takes for
 * either.
 */
export type WebSocketData = string | ArrayBufferLike | ArrayBufferView;

/** How a connection ended. */
export interface CloseResult {
  /** The close code (RFC 6455 §7.4), never 0; 1006 where the peer vanished. */
  code: number;
  /** The reason, '' where the peer gave none. */
  reason: string;
}

/** What 'open' tells. */
export interface OpenResult {
  /** The HTTP status of the handshake: 101. */
  status: number;
  /** Its text. */
  message: string;
}

/** What 'openInfo' tells. */
export interface WebSocketOpenInfo extends OpenResult {
  /** The subprotocol the server chose; left out where it chose none. */
  protocol?: string;
}

/** The headers of the server's answer, names in lower case, `set-cookie` an array. */
export type ResponseHeaders = { [name: string]: string | string[] | undefined };

/** The state of a client; the table of {@linkcode WebSocketClient} says what may be done in each. */
export type WebSocketState = "idle" | "connecting" | "open" | "closing" | "reconnecting";

/** What 'reconnecting' tells. */
export interface ReconnectInfo {
  /** Which attempt in a row is next, from 1. */
  attempt: number;
  /** In how many seconds. */
  delay: number;
}

/** What 'recovered' tells. */
export interface RecoveredInfo {
  /** The topic. */
  topic: string;
  /** Whether nothing of it is missing: what was missed follows, as messages. */
  recovered: boolean;
  /** How many messages follow. */
  missed: number;
}

/**
 * The listeners of a client, by event.
 *
 * @typeParam Data What 'message' tells.
 */
export interface WebSocketEvents<Data = string | ArrayBuffer> {
  /** The connection is open. */
  open: AsyncCallback<OpenResult>;
  /** Right after 'open'. */
  openInfo: AsyncCallback<WebSocketOpenInfo>;
  /**
   * Right before 'open': the headers of the server's answer. Names are in lower case, `set-cookie` is an array. Where
   * the runtime does not show them, as in pages, never. Listen before `connect`, or in the same turn.
   */
  headerReceive: Callback<ResponseHeaders>;
  /** A message came in. */
  message: AsyncCallback<Data>;
  /** After the listeners of each 'message'. */
  dataEnd: () => unknown;
  /**
   * The connection is closed: once per 'open', and once for an attempt that was closed. With `reconnect`
   * the client may go on after it: 'reconnecting' says so.
   */
  close: AsyncCallback<CloseResult>;
  /** An attempt failed, a connection was lost, or a listener failed. */
  error: ErrorCallback;
  /** With `reconnect`: after the 'close' or 'error' that was not the end, before the next attempt. */
  reconnecting: Callback<ReconnectInfo>;
  /** With `resume`: the client is in a topic again, or the servers have lost some of it. */
  recovered: Callback<RecoveredInfo>;
}

/**
 * A client: one connection at a time, and any number one after the other. Its listeners stay.
 *
 * `connect`, `send` and `close` never throw. They answer on a later turn, to a callback where one is
 * given and with a promise where none is: `true` means accepted.
 *
 * | | idle | connecting | open | closing |
 * | --- | --- | --- | --- | --- |
 * | `connect` | true | 2302003 | 2302003 | 2302003 |
 * | `send` | -1 | true, sent once open | true | -1 |
 * | `close` | 2302999 | true, no 'open' follows | true | 2302999 |
 *
 * A client that reconnects by itself is, between two connections, `reconnecting`: the answers are those
 * of `connecting`, but that a `send` which is queued answers `false`. So it does while such a client
 * connects for the first time.
 *
 * @typeParam Data What 'message' tells.
 */
export interface WebSocketClient<Data = string | ArrayBuffer> {
  /**
   * Starts to connect. `true` means the request was started: 'open' or 'error' tells how it went.
   *
   * @param url A `ws://` or `wss://` URL of at most 8195 bytes; where the client reconnects it may be a
   * function, which is asked before each attempt.
   * @param options See {@linkcode WebSocketRequestOptions}.
   * @returns `true`, or rejects with 401 (a wrong argument), 201 (no permission), 2302003 (not
   * idle), 2302001 (a wrong URL), -1 (a URL with no host) or 2302999 (an option this runtime cannot
   * honour), or 2302002 (a file of `caPath` or `clientCert` does not exist). Where `url` or `header` is a
   * function, 'error' tells 201, 2302002 and what the runtime cannot honour instead, and it gives up.
   */
  connect(url: WebSocketAddress, callback: AsyncCallback<boolean>): void;
  /** The same, answering to a callback. */
  connect(
    url: WebSocketAddress,
    options: WebSocketRequestOptions | undefined,
    callback: AsyncCallback<boolean>,
  ): void;
  /** The same, answering to a callback where there is one. */
  connect(
    url: WebSocketAddress,
    options: WebSocketRequestOptions | undefined,
    callback: AsyncCallback<boolean> | undefined,
  ): Promise<boolean> | void;
  /** The same, answering with a promise. Last, as a compiler quotes the last of several. */
  connect(url: WebSocketAddress, options?: WebSocketRequestOptions): Promise<boolean>;

  /**
   * Sends a message: text as a text frame, bytes as a binary one. The data is as it was at the call,
   * and messages arrive in the order they were sent.
   *
   * @param data Text, an ArrayBuffer or a view of one; at most `maxPayload` bytes; may be empty.
   * @returns `true`, or rejects with 401 (a wrong argument), -1 (idle or closing) or 2302999 (more than
   * `maxBufferedAmount` or `reconnect.maxQueued` would be queued). With `reconnect`, `false` where it is
   * queued until there is a connection.
   */
  send(data: WebSocketData): Promise<boolean>;
  /**
   * The same, with the server to acknowledge it: it is sent again after a break, until there is an
   * answer. Needs the option `resume`.
   *
   * @param data As above.
   * @param options See {@linkcode SendOptions}.
   * @returns With `acknowledge`, `true` once the server's listeners have done with it; or rejects as
   * above, with 401 (no `resume`, or a server that cannot) or 2302999: `kind` 'refusedByPeer' where
   * they fail or it is not accepted, 'unacknowledged' or 'unsent' where the client is closed before,
   * 'queueFull' where more than `reconnect.maxQueued` or `maxBufferedAmount` bytes, whichever is less,
   * or 65,536 messages would wait for that.
   *
   * @example A message that the server has dealt with
   * ```ts
   * import { createWebSocket, createWebSocketServer } from "@netkit/websocket";
   * import { assertEquals } from "@std/assert";
   *
   * const server = createWebSocketServer({ history: true });
   * const done: unknown[] = [];
   * server.on("messageReceive", async ({ data }) => {
   *   await Promise.resolve(); // written to a database, say
   *   done.push(data);
   * });
   * await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
   *
   * const ws = createWebSocket({ reconnect: true, resume: true });
   * await ws.connect(`ws://127.0.0.1:${server.address!.port}/`);
   * await ws.send("pay 5", { acknowledge: true });
   * assertEquals(done, ["pay 5"]);
   * await ws.close();
   * await server.stop();
   * ```
   */
  send(data: WebSocketData, options: SendOptions | undefined): Promise<boolean>;
  /** The same, answering to a callback. */
  send(
    data: WebSocketData,
    options: SendOptions | undefined,
    callback: AsyncCallback<boolean>,
  ): void;
  /** The same, answering to a callback. */
  send(data: WebSocketData, callback: AsyncCallback<boolean>): void;
  /** The same, answering to a callback where there is one. */
  send(
    data: WebSocketData,
    callback: AsyncCallback<boolean> | undefined,
  ): Promise<boolean> | void;

  /**
   * Starts to close; what was sent goes out first. One 'close' follows and tells what was asked for
   * here. The peer has five seconds; they begin anew whenever it has taken 64 KiB of what is queued, or
   * all of it, for two minutes at the most. 'error' 2302999 (`kind` 'unsent') tells before 'close' how
   * many bytes are lost.
   *
   * @param options See {@linkcode WebSocketCloseOptions}.
   * @returns `true`, or rejects with 401 (a wrong argument) or 2302999 (nothing to close).
   */
  close(callback: AsyncCallback<boolean>): void;
  /** The same, answering to a callback. */
  close(options: WebSocketCloseOptions | undefined, callback: AsyncCallback<boolean>): void;
  /** The same, answering to a callback where there is one. */
  close(
    options: WebSocketCloseOptions | undefined,
    callback: AsyncCallback<boolean> | undefined,
  ): Promise<boolean> | void;
  /** The same, answering with a promise. */
  close(options?: WebSocketCloseOptions): Promise<boolean>;

  /**
   * Adds a listener. Those of one event are called in the order they were added; the same one twice
   * counts once; an event that does not exist is ignored, and the console says once which there are.
   *
   * @param type The event.
   * @param listener What to call. Should it fail, 'error' is told with 2302999.
   * @throws {BusinessError} 401 where an argument is of the wrong type.
   */
  on<K extends keyof WebSocketEvents>(type: K, listener: WebSocketEvents<Data>[K]): void;

  /**
   * Adds a listener that is removed when it is called; otherwise like `on`.
   *
   * @param type The event.
   * @param listener What to call.
   * @throws {BusinessError} 401 where an argument is of the wrong type.
   */
  once<K extends keyof WebSocketEvents>(type: K, listener: WebSocketEvents<Data>[K]): void;

  /**
   * Removes a listener, or all of an event's.
   *
   * @param type The event.
   * @param listener What to remove; all where it is left out.
   * @throws {BusinessError} 401 where an argument is of the wrong type.
   */
  off<K extends keyof WebSocketEvents>(type: K, listener?: WebSocketEvents<Data>[K]): void;

  /**
   * Waits until enough of what was sent has been taken by the system for more to be sent.
   *
   * @param bytes How many may be queued still, from 0 on.
   * @returns `true` once no more are queued; `false` when the connection is over, or there is none;
   * rejects with 401 (a wrong argument).
   */
  drained(bytes?: number): Promise<boolean>;

  /**
   * Makes the next attempt now, where the client waits for it; an open connection is asked for a sign
   * of life. Needs the option `reconnect`. In a page that happens by itself when the page is online
   * again or shown again.
   *
   * @returns Whether an attempt is made; or rejects with 2302999 (idle, closing, or no `reconnect`).
   */
  reconnect(): Promise<boolean>;

  /** What the client is doing. */
  readonly state: WebSocketState;
  /** The subprotocol the server chose; '' for none, and while not open. */
  readonly protocol: string;
  /** Bytes sent and not yet taken by the system, and those that wait for 'open'. */
  readonly bufferedAmount: number;
  /** Settles when this attempt, or the next one, is open or has failed for good. */
  readonly opened: Promise<OpenResult>;
  /** Settles when this connection, or the next one, is closed for good; rejects where it failed. */
  readonly closed: Promise<CloseResult>;

  /**
   * The messages from here on, until the connection is closed; throws where it was lost. Up to 16 MiB
   * may wait to be read, each message counting 64 bytes at the least: with more, the connection is closed
   * with 1008 and the loop throws.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Data>;

  /** What was counted so far; `undefined` unless `stats` was asked for. */
  stats(): WebSocketStats | undefined;

  /** Closes, if there is anything to close, and waits for the end. */
  [Symbol.asyncDispose](): Promise<void>;
}

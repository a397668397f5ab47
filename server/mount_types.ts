/** What `mount` takes and answers with. */

import type { WebSocketServerConfig } from "./config_types.ts";

/**
 * What `mount` takes: what `start` takes, but where to listen and with which certificate, which is the
 * host's affair.
 *
 * @typeParam Context What `authorize` finds out about a client.
 */
export type WebSocketMountConfig<Context extends object | undefined = object | undefined> = Omit<
  WebSocketServerConfig<Context>,
  "serverPort" | "serverIP" | "serverCert" | "unixPath" | "reusePort"
>;

/**
 * The `websocket` handler of a Bun server: Bun has one for all sockets of a server. Elsewhere there is
 * none, and it is never called.
 */
export interface HostWebSocketHandler {
  /** A socket is open. */
  open?(ws: unknown): void | Promise<void>;
  /** A message came in. */
  message(ws: unknown, data: unknown): void | Promise<void>;
  /** Something of what was queued has gone out. */
  drain?(ws: unknown): void | Promise<void>;
  /** A socket is over. */
  close?(ws: unknown, code: number, reason: string): void | Promise<void>;
  /** A Ping came in. */
  ping?(ws: unknown, data: unknown): void | Promise<void>;
  /** A Pong came in. */
  pong?(ws: unknown, data: unknown): void | Promise<void>;
  /** The largest message any peer may send, in bytes. */
  maxPayloadLength?: number | undefined;
  /** Seconds of silence after which Bun drops a peer; 0 is never. */
  idleTimeout?: number | undefined;
  /** Whether Bun sends Pings of its own. */
  sendPings?: boolean | undefined;
  /** Bytes that may be queued to one peer; 0 is no limit. */
  backpressureLimit?: number | undefined;
  /** Whether a peer is dropped to which more are queued. */
  closeOnBackpressureLimit?: boolean | undefined;
}

/** A server in a host: what the host is to be given. */
export interface WebSocketMount {
  /**
   * Answers a request, if it is one of this server's.
   *
   * @param request The request as the host was given it: no copy, and not answered yet.
   * @param info What the host is given beside it: Deno's `info`, Bun's `server`, Hono's `c.env`. Under
   * srvx (h3) the request knows it by itself.
   * @returns `undefined` at once where the request is the host's: no upgrade, or to another path. Else
   * what the host is to answer. Where `mount` was given a `fetch`, that answers, and it is never `undefined`.
   */
  readonly fetch: (request: Request, info?: unknown) => Response | Promise<Response> | undefined;
  /** What `Bun.serve` is to be given as `websocket`, where nobody else has one. */
  readonly websocket: HostWebSocketHandler;
  /**
   * Makes what `Bun.serve` is to be given as `websocket` where there is another's: Hono's, Elysia's,
   * that of a second server of this module.
   *
   * @param other The other's. It keeps its own timers and limits, and gets what is not this server's.
   * @returns One handler for both.
   * @throws {BusinessError} 401 where it is no object, 2302999 (`kind` 'unsupported') where it sends no
   * Pings and has Bun drop silent peers, by an `idleTimeout` of less than `pingInterval` and 4 seconds.
   */
  readonly websocketWith: (other: object) => HostWebSocketHandler;
  /** Where it listens is known to the host alone. */
  readonly address: undefined;
}

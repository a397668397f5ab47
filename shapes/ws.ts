/** A server in the shape of npm's `ws`. */

import { EventEmitter } from "node:events";
import { IncomingMessage } from "node:http";
import { businessError } from "../errors.ts";
import { type Listener, Listeners, passOn } from "../internal/listeners.ts";
import type { ServerConnection } from "../server/connection.ts";
import { ConnectionHandle } from "../server/handle.ts";
import { earsOf } from "../server/server_ears.ts";
import type { WebSocketConnection, WebSocketServer } from "../server/types.ts";
import { needs, type ShapedServer } from "./server_hub.ts";
import { Clients } from "./ws_clients.ts";
import type { WsCallback } from "./ws_data.ts";
import { emitToAll } from "./ws_listeners.ts";
import { WsSocket } from "./ws_socket.ts";
import { cameBy, tcpOf } from "./ws_tcp.ts";

/** Calls what a `close` ends in: of what fails there nobody hears but the console, and the process goes on. */
const printed = new Listeners<never>(["error"]);

/** Likewise of what fails before another listener of 'close' does. */
const PRINTED = { host: { listeners: printed } };

/** A server that `ws` servers can be made of: one of ours. */
export type WsHost = ShapedServer & Pick<WebSocketServer, "address" | "stop">;

/**
 * A server in the shape of `ws`: 'connection' with a socket and the request (an
 * IncomingMessage with nothing to read), 'close', `clients`,
 * `address`, `close`. See {@linkcode wsServer}.
 */
export class WsServer extends EventEmitter {
  /** The sockets there are. It shows the server's connections: nothing can be added or deleted. */
  readonly clients: Set<WsSocket>;
  /** What it was made with: nothing. */
  readonly options: Readonly<Record<never, never>> = {};
  /** The path that is served: any, as the server's own `path` decides. */
  readonly path: string = "";
  readonly #server: WsHost;

  /** Not for programs: see `wsServer`. */
  constructor(server: WsHost) {
    super();
    this.#server = server;
    const owner = { server };
    this.clients = new Clients(owner);
    const heads = new WeakMap<ServerConnection, Record<string, string>>();
    earsOf(server).push({
      request(connection, request) {
        heads.set(connection, Object.fromEntries(request.headers));
        cameBy(connection, request);
      },
      stopped: () => void emitToAll(this, PRINTED, "close"),
    });
    const connected = (handle: WebSocketConnection): void => {
      const connection = ConnectionHandle.connectionOf(handle) as ServerConnection;
      const socket = new WsSocket(owner, connection);
      const headers = heads.get(connection) ?? {};
      heads.delete(connection);
      emitToAll(this, connection, "connection", socket, requestOf(socket, connection, headers));
    };
    passOn.add(connected as Listener);
    server.on("connect", connected);
  }

  /** Adds a listener. */
  override on(
    event: "connection",
    listener: (this: WsServer, socket: WsSocket, request: IncomingMessage) => void,
  ): this;
  /** Adds a listener; no 'error' is ever told: those of the server are. */
  override on(event: "error", listener: (this: WsServer, error: Error) => void): this;
  /** Adds a listener. */
  override on(event: string | symbol, listener: (...args: never[]) => void): this;
  override on(event: string | symbol, listener: (...args: never[]) => void): this {
    return super.on(event, listener as (...args: unknown[]) => void);
  }

  /** Where it listens, which is a path on a Unix socket; `null` when it does not. */
  address(): { address: string; family: string; port: number } | string | null {
    const { address } = this.#server;
    if (address === undefined) return null;
    const { hostname, path, port } = address;
    if (path !== undefined) return path;
    return { address: hostname, family: hostname.includes(":") ? "IPv6" : "IPv4", port };
  }

  /**
   * Stops the server; unlike `ws` it closes the connections, too, with 1001.
   *
   * @param callback Called after 'close', when it has stopped, or with an error where it was not running.
   */
  close(callback?: WsCallback): void {
    const call = (...error: [] | [Error]) => {
      if (callback !== undefined) printed.call("a callback", callback as Listener, ...error);
    };
    this.#server.stop().then(() => call(), (error) => {
      const emit = () => emitToAll(this, PRINTED, "close"); // each call has one, as in `ws`
      printed.call("a listener of 'close'", emit);
      call(error);
    });
  }

  /** Throws 2302999: what is let in is the affair of the server's `authorize` and `path`. */
  shouldHandle(): boolean {
    throw businessError("unsupported", "shouldHandle cannot be had here: see 'path' of start");
  }

  /** Throws 2302999: the server takes its connections itself, or in a host with `mount`. */
  handleUpgrade(): void {
    throw businessError("unsupported", "handleUpgrade cannot be had here: see 'mount'");
  }
}

/**
 * What 'connection' tells of the request: what it was, and where it came from. It is an IncomingMessage
 * with nothing to read.
 */
function requestOf(
  socket: WsSocket,
  connection: ServerConnection,
  headers: object,
): IncomingMessage {
  const rawHeaders = Object.entries(headers).flat();
  const values = {
    ...{ method: "GET", url: connection.url, headers, rawHeaders, complete: true, upgrade: true },
    ...{ httpVersion: "1.1", httpVersionMajor: 1, httpVersionMinor: 1 },
  };
  const shown = { enumerable: true, configurable: true };
  const properties: PropertyDescriptorMap = Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, { value, writable: true, ...shown }]),
  );
  for (const name of ["socket", "connection"]) { // made when it is asked for
    properties[name] = {
      get: () => tcpOf(socket, connection),
      set(value) {
        Object.defineProperty(this, name, { value, writable: true, ...shown });
      },
      ...shown,
    };
  }
  return Object.create(IncomingMessage.prototype, properties);
}

/**
 * Gives a server the shape of npm's `ws`, for libraries that take a `WebSocketServer`. Make it before
 * the server starts, so that each request's headers are known. Where it listens, whom it lets in and
 * when a peer is dead stays the server's own affair.
 *
 * @param server The server, made with no `schema`.
 * @returns The server in its other shape.
 * @throws {BusinessError} 401 where it is no server.
 *
 * @example
 * ```ts
 * import { createWebSocketServer } from "@netkit/websocket";
 * import { wsServer } from "@netkit/websocket/node";
 * import { WebSocket } from "@netkit/websocket/standard";
 * import { assertEquals } from "@std/assert";
 *
 * const server = createWebSocketServer();
 * wsServer(server).on("connection", (socket) => {
 *   socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
 * });
 * await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
 *
 * const ws = new WebSocket(`ws://127.0.0.1:${server.address!.port}/`);
 * ws.onopen = () => ws.send("Hello");
 * const { data } = await new Promise<MessageEvent>((resolve) => ws.onmessage = resolve);
 * assertEquals(data, "Hello");
 * await server.stop();
 * ```
 */
export function wsServer(server: WsHost): WsServer {
  needs("wsServer", "server", server);
  return new WsServer(server);
}

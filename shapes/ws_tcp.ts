/** What stands for the TCP socket below a socket in the shape of `ws`. Not part of the public API. */

import { EventEmitter } from "node:events";
import type { ServerConnection } from "../server/connection.ts";
import { CLOSED } from "./socket_model.ts";

/** Connections whose request came by TLS. */
const secure = new WeakSet<ServerConnection>();

/**
 * What programs take from the socket of a request, and from `_socket`, which is no part of the interface of `ws`: who
 * is there, by TLS or not, the end, and whether all has been written, as `createWebSocketStream` of `ws` does where a
 * stream ends.
 */
class TcpStandIn extends EventEmitter {
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** Left out where it is not, as of Node's sockets. */
  declare readonly encrypted?: true;
  readonly _writableState: { readonly finished: boolean };
  readonly #connection: ServerConnection;

  constructor(socket: EventEmitter & { readyState: number }, connection: ServerConnection) {
    super();
    this.#connection = connection;
    this.remoteAddress = connection.handle.clientIP;
    this.remotePort = connection.handle.clientPort;
    if (secure.has(connection)) this.encrypted = true;
    this._writableState = {
      get finished() {
        return socket.readyState === CLOSED;
      },
    };
    socket.once("close", (code) => {
      this.emit("finish");
      this.emit("close", code === 1006);
    });
  }

  /** Drops the connection. */
  destroy(): this {
    this.#connection.terminate();
    return this;
  }
}

/** Notes what a connection's request has come by. */
export function cameBy(connection: ServerConnection, { url }: Request): void {
  if (url.startsWith("https:")) secure.add(connection);
}

/** Those that were asked for. */
const asked = new WeakMap<object, TcpStandIn>();

/** The same whenever it is asked for. */
export function tcpOf(
  socket: EventEmitter & { readyState: number },
  connection: ServerConnection,
): TcpStandIn {
  const found = asked.get(socket) ?? new TcpStandIn(socket, connection);
  asked.set(socket, found);
  return found;
}

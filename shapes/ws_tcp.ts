/** What stands for the TCP socket below a socket in the shape of `ws`. Not part of the public API. */

import { EventEmitter } from "node:events";
import type { ServerConnection } from "../server/connection.ts";
import { CLOSED } from "./socket_model.ts";

/**
 * What programs take from `_socket`, which is no part of the interface of `ws`: who is there, and whether all has
 * been written, as `createWebSocketStream` of `ws` does where a stream ends.
 */
class TcpStandIn extends EventEmitter {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly _writableState: { readonly finished: boolean };

  constructor(socket: EventEmitter & { readyState: number }, { handle }: ServerConnection) {
    super();
    this.remoteAddress = handle.clientIP;
    this.remotePort = handle.clientPort;
    this._writableState = {
      get finished() {
        return socket.readyState === CLOSED;
      },
    };
    socket.once("close", () => void this.emit("finish"));
  }
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

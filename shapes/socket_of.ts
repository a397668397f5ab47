/** A server's connection in the shape of the WHATWG's `WebSocket`. */

import type { ConnectionAddress } from "../server/types.ts";
import { connectionOf, listenersTo, type ShapedServer } from "./server_hub.ts";
import { ServerModel } from "./server_model.ts";
import { shapeClass, SocketFace } from "./socket_face.ts";
import type { WebSocket } from "./web_socket.ts";

class ServerSocket {
  constructor() {
    throw new TypeError("Illegal constructor: sockets of a server come from socketOf");
  }
}

shapeClass(ServerSocket);

/** What a socket is before it has anything: no EventTarget of the runtime's, as `dispatchOn` says. */
class Blank {}

/**
 * Gives a server's connection the interface of the WHATWG's `WebSocket`, for code that is written for
 * one. It is OPEN when it is made; what comes in before anybody listens is lost, as with any such
 * socket: listen in the same turn. Asked again for the same connection it answers with the same socket.
 *
 * It may close with the protocol's codes, too: 1000 to 1003 and 1007 to 1014.
 *
 * @param server The server.
 * @param connection Which; a copy does as well.
 * @returns The socket.
 * @throws {BusinessError} 401 where it is no connection, 2302006 where it is over.
 *
 * @example
 * ```ts
 * import { createWebSocketServer } from "@netkit/websocket";
 * import { socketOf, WebSocket } from "@netkit/websocket/standard";
 * import { assertEquals } from "@std/assert";
 *
 * const server = createWebSocketServer();
 * server.on("connect", (connection) => {
 *   const socket = socketOf(server, connection);
 *   socket.onmessage = ({ data }) => socket.send(`You said: ${data}`);
 * });
 * await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
 *
 * const ws = new WebSocket(`ws://127.0.0.1:${server.address!.port}/`);
 * ws.onopen = () => ws.send("Hello");
 * const { data } = await new Promise<MessageEvent>((resolve) => ws.onmessage = resolve);
 * assertEquals(data, "You said: Hello");
 * await server.stop();
 * ```
 */
export function socketOf(server: ShapedServer, connection: ConnectionAddress): WebSocket {
  const found = connectionOf("socketOf", server, connection);
  for (const ears of listenersTo(found)) {
    if (ears instanceof ServerModel) return ears.target as WebSocket;
  }
  const target = Reflect.construct(Blank, [], ServerSocket) as EventTarget;
  return new SocketFace(new ServerModel(target, server, found), target) as unknown as WebSocket;
}

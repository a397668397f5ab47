/**
 * A TCP tunnel through a WebSocket: two Duplexes, with backpressure all the way. A WebSocket has no half that
 * stays open: what is answered to a client that has ended its half is lost.
 */

import { connect, createServer, type Server } from "node:net";
import { pipeline } from "node:stream";
import { createWebSocket, createWebSocketServer, type WebSocketServer } from "@netkit/websocket";
import { duplexOf } from "@netkit/websocket/node";

/** Bytes that may be under way each way: a slow reader holds the other end back, on Deno, too. */
const window = 1024 * 1024;

/**
 * The far end: each connection goes on to a port of this machine. Start it with an `authorize`: whoever gets in
 * reaches that port.
 */
export function tunnelServer(port: number): WebSocketServer {
  const server = createWebSocketServer();
  server.on("connect", (connection) => {
    const stream = duplexOf(server, connection, { window });
    pipeline(stream, connect(port, "127.0.0.1"), stream, () => {});
  });
  return server;
}

/** The near end: a port whose connections go through a WebSocket to `url`. */
export function tunnelEntrance(url: string): Server {
  // Half open: else Node ends a socket whose client has sent all, before the WebSocket has taken it.
  return createServer({ allowHalfOpen: true }, (socket) => {
    const ws = createWebSocket();
    const stream = duplexOf(ws, { window });
    ws.connect(url).catch((error) => stream.destroy(error));
    pipeline(socket, stream, socket, () => {});
  });
}

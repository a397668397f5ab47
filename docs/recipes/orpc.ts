/** oRPC over WebSockets, on both sides. */

import { createWebSocketServer, type WebSocketServer } from "@netkit/websocket";
import { socketOf, WebSocket } from "@netkit/websocket/standard";
import { RPCLink } from "@orpc/client/websocket";
import type { AnyRouter } from "@orpc/server";
import { RPCHandler } from "@orpc/server/websocket";

/** A server of a router; start it where you like. */
export function orpcServer(router: AnyRouter): WebSocketServer {
  const server = createWebSocketServer();
  const handler = new RPCHandler(router);
  server.on("connect", (connection) => handler.upgrade(socketOf(server, connection)));
  return server;
}

/**
 * What `createORPCClient` takes. What is asked while it reconnects waits for the next attempt, and fails with it.
 * `close` the socket to end it.
 */
export function orpcLink(url: string): { link: RPCLink<Record<never, never>>; socket: WebSocket } {
  const socket = new WebSocket(url, [], { reconnect: true, pingInterval: 5 });
  return { link: new RPCLink({ websocket: socket }), socket };
}

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

/** What `createORPCClient` takes. */
export function orpcLink(url: string): RPCLink<Record<never, never>> {
  return new RPCLink({ websocket: new WebSocket(url, [], { pingInterval: 5 }) });
}

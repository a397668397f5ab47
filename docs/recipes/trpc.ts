/** tRPC over WebSockets, on both sides. */

import { createWebSocketServer, type WebSocketServer } from "@netkit/websocket";
import { wsServer } from "@netkit/websocket/node";
import { webSocketClass } from "@netkit/websocket/standard";
import { createWSClient, type TRPCWebSocketClient } from "@trpc/client";
import type { AnyRouter } from "@trpc/server";
import { applyWSSHandler } from "@trpc/server/adapters/ws";

/** A server of a router; start it where you like. */
export function trpcServer(router: AnyRouter): WebSocketServer {
  const server = createWebSocketServer();
  applyWSSHandler({
    wss: wsServer(server),
    router,
    // Anybody may say who they are: look a token up in its place.
    createContext: ({ req }) => ({ user: req.headers["x-user"] }),
  });
  return server;
}

/** What `wsLink` takes as its `client`. */
export function trpcClient(url: string): TRPCWebSocketClient {
  const Socket = webSocketClass({ pingInterval: 5, headers: { "x-user": "anna" } });
  return createWSClient({ url, WebSocket: Socket });
}

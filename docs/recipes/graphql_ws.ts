/** GraphQL subscriptions with graphql-ws, on both sides. */

import { createWebSocketServer, type WebSocketServer } from "@netkit/websocket";
import { wsServer } from "@netkit/websocket/node";
import { webSocketClass } from "@netkit/websocket/standard";
import type { GraphQLSchema } from "graphql";
import { type Client, createClient, type ServerOptions } from "graphql-ws";
import { useServer } from "graphql-ws/use/ws";

/**
 * A server of GraphQL; start it with `protocol: "graphql-transport-ws"`. `more` may say who comes in, by
 * `onConnect`.
 */
export function graphqlServer(
  schema: GraphQLSchema,
  more: Omit<ServerOptions, "schema"> = {},
): WebSocketServer {
  const server = createWebSocketServer();
  useServer({ schema, ...more }, wsServer(server));
  return server;
}

/** A client that notices a dead server within ten seconds. */
export function graphqlClient(url: string, connectionParams: Record<string, unknown> = {}): Client {
  const webSocketImpl = webSocketClass({ pingInterval: 5, pongTimeout: 5 });
  return createClient({ url, webSocketImpl, connectionParams });
}

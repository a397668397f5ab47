/**
 * Connections in the shapes of the web platform: the WHATWG's `WebSocket` over our client, a server's
 * connection as such a socket, and either as web streams.
 *
 * @example Give a library a `WebSocket` that notices a dead server
 * ```ts
 * import { webSocketClass } from "@netkit/websocket/standard";
 * import { assertEquals } from "@std/assert";
 *
 * const Socket = webSocketClass({ pingInterval: 5, pongTimeout: 5, reconnect: true });
 * assertEquals(Socket.name, "WebSocket");
 * ```
 *
 * @module
 */

export { WebSocket, webSocketClass } from "./shapes/web_socket.ts";
export { socketOf } from "./shapes/socket_of.ts";
export { streamsOf, type WebSocketStreams } from "./shapes/streams.ts";
export type { ShapedServer } from "./shapes/server_hub.ts";
export type * from "./shapes/socket_types.ts";

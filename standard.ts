/**
 * Sockets in the shape of the web platform: the WHATWG's `WebSocket` over our client.
 *
 * @module
 */

export { WebSocket, webSocketClass } from "./shapes/web_socket.ts";
export type * from "./shapes/socket_types.ts";

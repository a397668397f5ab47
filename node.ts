/**
 * Connections in the shapes that libraries for Node expect: a server like npm's `ws`, and either side's
 * connection as a Duplex of `node:stream`.
 *
 * @example A library that takes a `ws` server
 * ```ts
 * import { createWebSocketServer } from "@netkit/websocket";
 * import { wsServer } from "@netkit/websocket/node";
 * import { assertEquals } from "@std/assert";
 *
 * const wss = wsServer(createWebSocketServer());
 * assertEquals([wss.clients.size, wss.address()], [0, null]);
 * ```
 *
 * @module
 */

export { type WsHost, WsServer, wsServer } from "./shapes/ws.ts";
export { WsSocket } from "./shapes/ws_socket.ts";
export type { WsCallback, WsData, WsSendOptions } from "./shapes/ws_data.ts";
export type { WsEvent, WsHandler, WsListener, WsSocketEvents } from "./shapes/ws_listeners.ts";
export { duplexOf, type WebSocketDuplexOptions } from "./shapes/duplex.ts";
export type { ShapedServer } from "./shapes/server_hub.ts";

/**
 * The `webSocket` namespace of HarmonyOS' `@kit.NetworkKit`: both functions, `TlsProtocol` and the
 * types, under the names of the OpenHarmony reference.
 *
 * @module
 */

export { createWebSocket } from "./client.ts";
export { createWebSocketServer } from "./server.ts";
export { TlsProtocol } from "./client/types.ts";
export type {
  ClientCert,
  CloseResult,
  HttpProxy,
  OpenResult,
  ProxyConfiguration,
  ResponseHeaders,
  ServerCert,
  WebSocketClient as WebSocket,
  WebSocketCloseOptions,
  WebSocketOpenInfo,
  WebSocketRequestOptions,
} from "./client/types.ts";
export type {
  ClientConnectionCloseCallback,
  WebSocketConnection,
  WebSocketMessage,
  WebSocketServer,
  WebSocketServerConfig,
} from "./server/types.ts";

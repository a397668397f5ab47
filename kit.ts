/**
 * The `webSocket` namespace of HarmonyOS' `@kit.NetworkKit`: both functions, `TlsProtocol` and the
 * types, under the names of the OpenHarmony reference.
 *
 * @module
 */

export { createWebSocket, type WebSocketClient as WebSocket } from "./client.ts";
export { createWebSocketServer, type WebSocketServer } from "./server.ts";
export { TlsProtocol } from "./types.ts";
export type {
  ClientCert,
  ClientConnectionCloseCallback,
  CloseResult,
  HttpProxy,
  OpenResult,
  ProxyConfiguration,
  ResponseHeaders,
  ServerCert,
  WebSocketCloseOptions,
  WebSocketConnection,
  WebSocketMessage,
  WebSocketOpenInfo,
  WebSocketRequestOptions,
  WebSocketServerConfig,
} from "./types.ts";

/**
 * The `webSocket` namespace of `@kit.NetworkKit` and of `@ohos.net.webSocket`: values and types, as loose
 * and with the types that the device has.
 *
 * @module
 */

export { createWebSocket, createWebSocketServer } from "./create.ts";
export { TlsProtocol } from "./tls_protocol.ts";
export type {
  ClientConnectionCloseCallback,
  WebSocket,
  WebSocketConnection,
  WebSocketMessage,
  WebSocketRequestOptions,
  WebSocketServer,
} from "./types.ts";
export type {
  ClientCert,
  CloseResult,
  HttpProxy,
  OpenResult,
  ProxyConfiguration,
  ResponseHeaders,
  ServerCert,
  WebSocketCloseOptions,
  WebSocketOpenInfo,
} from "../client/types.ts";
export type { WebSocketServerConfig } from "../server/types.ts";

/**
 * The `webSocket` namespace of the main entry: both functions, `TlsProtocol` and the types, under the
 * names of the OpenHarmony reference. `namespace.ts` has the one that is as loose as the device.
 *
 * @module
 */

export { createWebSocket } from "../client.ts";
export { createWebSocketServer } from "../server.ts";
export { TlsProtocol } from "../client/types.ts";
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
} from "../client/types.ts";
export type {
  ClientConnectionCloseCallback,
  WebSocketConnection,
  WebSocketMessage,
  WebSocketServer,
  WebSocketServerConfig,
} from "../server/types.ts";

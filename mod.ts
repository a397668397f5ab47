/**
 * WebSocket client and server for Deno and Bun, with HarmonyOS' API and a heartbeat that cannot be
 * turned off. The same program prints the same event log on both runtimes.
 *
 * Where to go from here: {@linkcode createWebSocket} and its {@linkcode WebSocketClient},
 * {@linkcode createWebSocketServer} and its {@linkcode WebSocketServer}, and
 * {@linkcode BusinessError} for what a refused call answers.
 *
 * @example A server and a client
 * ```ts
 * import { webSocket } from "@netkit/websocket";
 * import { assertEquals } from "@std/assert";
 *
 * const server = webSocket.createWebSocketServer();
 * server.on("connect", (connection) => {
 *   server.send("Hello, I'm server!", connection);
 * });
 * await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
 *
 * const ws = webSocket.createWebSocket();
 * const greeting = new Promise((resolve) => ws.on("message", (_, data) => resolve(data)));
 * await ws.connect(`ws://127.0.0.1:${server.address!.port}/`, { pingInterval: 5 });
 * assertEquals(await greeting, "Hello, I'm server!");
 *
 * await ws.close();
 * assertEquals(await ws.closed, { code: 1000, reason: "CLOSE_NORMAL" });
 * await server.stop();
 * ```
 *
 * @module
 */

export * as webSocket from "./harmony/strict_namespace.ts";
export { createWebSocket } from "./client.ts";
export { createWebSocketServer } from "./server.ts";
export {
  type AsyncCallback,
  BusinessError,
  type BusinessErrorOptions,
  type Callback,
  type ErrorCallback,
  type ErrorKind,
  type RefusalReason,
} from "./errors.ts";
export type { Clock, HeartbeatOptions } from "./heartbeat.ts";
export type { ClientRuntime, ServerRuntime } from "./runtime/contract.ts";
export * from "./client/types.ts";
export * from "./server/types.ts";

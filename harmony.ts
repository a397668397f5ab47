/**
 * For programs that come from HarmonyOS: `@kit.NetworkKit`, `@ohos.net.webSocket`,
 * `@kit.BasicServicesKit` and `@ohos.base` in one module, to which an import map sends all four.
 *
 * Everything is that of the main entry, but that it is as loose as the device: an option that is not
 * known is left out, and said once on the console; of the listeners of an event the last counts; and the
 * types are those that the device declares. `docs/porting.md` leads from an `.ets` file to a program.
 *
 * @example A client
 * ```ts
 * import webSocket, { type BusinessError } from "@netkit/websocket/harmony";
 * import { assertEquals } from "@std/assert";
 *
 * const server = webSocket.createWebSocketServer();
 * await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
 *
 * const ws = webSocket.createWebSocket();
 * const closed = new Promise<webSocket.CloseResult>((resolve) => {
 *   ws.on("close", (err: BusinessError, value: webSocket.CloseResult) => resolve(value));
 * });
 * ws.on("open", () => {
 *   ws.close({ code: 1000, reason: "done" });
 * });
 * ws.connect(`ws://127.0.0.1:${server.address!.port}/`, (err: BusinessError, value: boolean) => {
 *   assertEquals(err ? JSON.stringify(err) : value, true);
 * });
 * assertEquals(await closed, { code: 1000, reason: "done" });
 * await server.stop();
 * ```
 *
 * @module
 */

export * as default from "./harmony/namespace.ts";
export * as webSocket from "./harmony/namespace.ts";
export { createWebSocket, createWebSocketServer } from "./harmony/create.ts";
export { TlsProtocol } from "./harmony/tls_protocol.ts";
export {
  type AsyncCallback,
  BusinessError,
  type Callback,
  type ErrorCallback,
} from "./harmony/base.ts";
export type * from "./harmony/types.ts";

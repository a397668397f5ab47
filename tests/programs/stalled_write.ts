/**
 * The runtime's own WebSocket, a peer that reads nothing, and what is called before the connection
 * is dropped: `stalled_write.ts PORT nothing|close|ping`. Our module is not in it.
 */

import process from "node:process";
import { deno, dial, drop, INTERNAL, opened, symbolOf } from "../runtime/bare.ts";

const [port, what] = process.argv.slice(2);
const { ws } = dial(`ws://127.0.0.1:${port}/`);
await opened(ws);
for (let i = 0; i < 16; i++) ws.send(new Uint8Array(4 * 1024 * 1024));
await new Promise((resolve) => setTimeout(resolve, 200));
if (ws.bufferedAmount === 0) throw new Error("the write is not stalled");
if (what === "close") ws.close(1000, "");
if (what === "ping") {
  if (deno === undefined) ws.ping();
  else {
    ws[symbolOf(ws, INTERNAL.idleTime)!] = 1e-6;
    (ws[symbolOf(WebSocket.prototype, INTERNAL.handleIdle)!] as () => void)();
    ws[symbolOf(ws, INTERNAL.idleTime)!] = 2e6;
  }
}
await new Promise((resolve) => setTimeout(resolve, 100));
drop(ws);
if (what === "ping" && deno !== undefined) {
  // Ends the timer that the Ping has left behind, so that only the Ping itself is left.
  ws[symbolOf(ws, INTERNAL.idleTime)!] = 1e-6;
  (ws[symbolOf(WebSocket.prototype, INTERNAL.handleIdle)!] as () => void)();
}
console.log("dropped");

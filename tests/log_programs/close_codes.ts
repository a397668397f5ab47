/** Codes and reasons: what each side reports of its own close, and what the other gets to see. */

import { createWebSocket, createWebSocketServer, type WebSocketConnection } from "../../mod.ts";
import { listen, next, say } from "../helpers/event_log.ts";

const server = createWebSocketServer();
const url = await listen(server);

const long = "é".repeat(61) + "€" + "end"; // 122 bytes, then three, of which one fits
const cases = [
  {},
  { code: 1000 },
  { reason: "no code" },
  { code: 1000, reason: "" },
  { code: 3000, reason: "the application's" },
  { code: 4999, reason: "日本語 😀" },
  { code: 1001, reason: "away" },
  { code: 1003 },
  { code: 1008, reason: "policy" },
  { code: 1011, reason: "internal" },
  { code: 1012 },
  { code: 1013 },
  { code: 1004, reason: "reserved" },
  { code: 1005, reason: "none" },
  { code: 1006, reason: "abnormal" },
  { code: 1015, reason: "TLS" },
  { code: 0, reason: "zero" },
  { code: 999 },
  { code: 1016 },
  { code: 2999 },
  { code: 5000 },
  { code: 1000.5 },
  { code: NaN },
  { code: 4000, reason: long },
  { code: 4000, reason: "x".repeat(123) },
  { code: 4000, reason: "x".repeat(122) + "😀" },
  { code: 4000, reason: "lone \ud800 surrogate" },
];

for (const options of cases) {
  for (const side of ["client", "server"] as const) {
    const ws = createWebSocket();
    const connected = next<WebSocketConnection>(server, "connect");
    await ws.connect(url);
    const [connection] = await Promise.all([connected, ws.opened]);
    const left = next(server, "close");
    if (side === "client") await ws.close(options);
    else await server.close(connection, options);
    say(`${side} closes with`, options);
    say("  client:", await ws.closed);
    say("  server:", await left);
  }
}
for (const wrong of [null, 5, "bye", { code: "1000" }, { reason: 5 }, { reasons: "" }]) {
  await createWebSocket().close(wrong as object).catch((error) => say("wrong:", wrong, error));
}
await server.stop();

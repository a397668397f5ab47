/** Arguments that are wrong: 401, to the callback where there is one, and a promise else. */

import { createWebSocket, createWebSocketServer } from "../../mod.ts";
import { say, sayAnswer } from "../helpers/event_log.ts";

// deno-lint-ignore no-explicit-any -- the types would not let these calls pass
const ws = createWebSocket() as any;
// deno-lint-ignore no-explicit-any -- the same
const server = createWebSocketServer() as any;
const url = "ws://127.0.0.1:1/";
const callback = (error: unknown, ok: unknown) => say("called back:", error, ok);

const options: unknown[] = [
  null,
  5,
  "text",
  [],
  { headers: {} },
  { header: "text" },
  { header: [] },
  { header: { host: "example.com" } },
  { header: { Connection: "close" } },
  { header: { "Sec-WebSocket-Key": "AAAA" } },
  { header: { "no token": "x" } },
  { header: { "x-lines": "a\r\nb" } },
  { header: { "x-wide": "€" } },
  { protocol: "a b" },
  { caPath: 5 },
  { caPath: "/nowhere/ca.pem" },
  { clientCert: {} },
  { clientCert: { certPath: "/nowhere/cert.pem", keyPath: "/nowhere/key.pem" } },
  { skipServerCertVerification: 1 },
  { minSupportTlsProtocol: 4 },
  { proxy: "http://proxy/" },
  { proxy: { host: "proxy" } },
  { proxy: { host: "proxy", port: 0 } },
  { proxy: { host: "", port: 80 } },
  { connectTimeout: 0 },
  { connectTimeout: "5" },
  { signal: {} },
];
for (const wrong of options) {
  await sayAnswer(`connect with ${JSON.stringify(wrong)}`, ws.connect(url, wrong));
}
await sayAnswer("connect with three arguments", ws.connect(url, {}, {}));
await sayAnswer("connect with null", ws.connect(url, null));
await sayAnswer("close with two arguments", ws.close({}, {}));
await sayAnswer("close with null", ws.close(null));
await sayAnswer("send with null", ws.send("text", null));
await sayAnswer("send with options alone", ws.send("text", {}));
say("returned:", ws.connect(5, callback), ws.send(5, callback), ws.close(5, callback));
say("returned:", ws.connect(url, 5, callback), ws.connect(callback), ws.send(callback));
say("returned:", ws.connect(url, callback, {})?.constructor?.name);
say(
  "returned:",
  ws.send("text", undefined) instanceof Promise,
  ws.close(undefined) instanceof Promise,
);
await new Promise((resolve) => setTimeout(resolve));
for (
  const wrong of [{ maxPayload: 0 }, { maxBufferedAmount: "1" }, { clock: 5 }, { max: 5 }, null]
) {
  const odd = createWebSocket(wrong as object);
  await sayAnswer(`createWebSocket(${JSON.stringify(wrong)}).connect`, odd.connect(url));
}
for (const wrong of [undefined, null, 5, {}]) {
  await sayAnswer("server send", server.send(wrong, { clientIP: "127.0.0.1", clientPort: 1 }));
}
for (const wrong of [null, 5, { code: "1000" }, { reason: 1 }, { why: "?" }]) {
  await sayAnswer("server close", server.close({ clientIP: "127.0.0.1", clientPort: 1 }, wrong));
}

/**
 * A server and a client that Deno's own OpenTelemetry exports: one connection in good order, one that
 * is dropped for a message which is too big, and one handshake that is refused.
 */

import * as api from "@opentelemetry/api";
import { createWebSocket, createWebSocketServer } from "../../mod.ts";
import { otelObserver } from "../../otel.ts";

const observer = otelObserver({
  api,
  connectionSpans: true,
  attributes: { "http.route": "/chat" },
});

const answered = Promise.withResolvers<void>();
const server = createWebSocketServer({
  observer: {
    ...observer,
    ponged(who, roundTrip) {
      observer.ponged!(who, roundTrip);
      answered.resolve();
    },
  },
});
server.on("error", () => {}); // one peer is dropped, and one refused
const authorize = ({ url }: Request) =>
  new URL(url).pathname === "/chat" || new Response(null, { status: 403 });
await server.start({
  serverPort: 0,
  serverIP: "127.0.0.1",
  pingInterval: 0.2,
  maxPayload: 100,
  authorize: authorize as () => true,
});
const url = `ws://127.0.0.1:${server.address!.port}`;

const ws = createWebSocket({ observer });
ws.on("error", () => {});
await ws.connect(`${url}/chat`);
for (const text of ["Hello", "", "世界"]) await ws.send(text);
await ws.opened;
await answered.promise; // a Ping of the server's
await server.broadcast(new Uint8Array(50));
const { value } = await ws[Symbol.asyncIterator]().next();
await ws.close({ code: 4000, reason: "good night" });
await ws.closed;

await ws.connect(`${url}/chat`);
await ws.send("x".repeat(101));
await ws.closed;

await ws.connect(`${url}/nowhere`);
await ws.closed.catch(() => {});
await server.stop();
console.log("bytes", value.byteLength);

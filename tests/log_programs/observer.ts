/** Observers, `once` and the counters of both sides, over one conversation. */

import { createWebSocket, createWebSocketServer, type WebSocketObserver } from "../../mod.ts";
import { listen, next, say } from "../helpers/event_log.ts";

const observer = (name: string): WebSocketObserver => ({
  opened: () => say(`${name} opened`),
  closed: (_, close) => say(`${name} closed`, close),
  received: (_, data) => say(`${name} received`, data),
  sent: (_, data) => say(`${name} sent`, data),
  dropped: (_, why) => say(`${name} dropped`, why),
  refused: (status, why, reason) => say(`${name} refused`, status, why, reason),
  failed: (_, { status, reason }) => say(`${name} failed`, status, reason),
});

const server = createWebSocketServer({ observer: observer("server"), stats: true });
let knocks = 0;
const url = await listen(server, {
  authorize: () => ++knocks === 1 ? new Response(null, { status: 401 }) : true,
});
const ws = createWebSocket({ observer: observer("client"), stats: true });
ws.once("error", ({ data }) => say("client error", data));
ws.once("message", (_, data) => say("once", data));
await ws.connect(url);
await next(ws, "error");

const connected = next(server, "connect");
await ws.connect(url);
await connected;
await ws.opened;
const [connection] = server.listAllConnections();
for (const text of ["1", "zwölf"]) {
  const heard = next(ws, "dataEnd");
  await server.send(text, connection!);
  await heard;
}
const received = next(server, "messageReceive");
await ws.send(Uint8Array.of(1, 2, 3).buffer);
await received;
const left = next(server, "close");
await ws.close({ code: 4000, reason: "done" });
await ws.closed;
await left;
say("server stats", server.stats());
say("client stats", ws.stats());
await server.stop();

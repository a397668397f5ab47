/** Callbacks, promises and events of the same calls: which comes first. */

import { createWebSocket, createWebSocketServer } from "../../mod.ts";
import { listen, next, say, watchClient, watchServer } from "../helpers/event_log.ts";

const server = watchServer(createWebSocketServer());
const url = await listen(server);
const ws = watchClient(createWebSocket());
/** Marks where the code ends, and where the microtasks end that were there by then. */
function marks(turn: string) {
  queueMicrotask(() => say(`${turn}: microtask`));
  say(`${turn}: end of the code`);
}

ws.connect(url, (error, ok) => say("connect called back", error, ok));
ws.connect(url).catch((error) => say("second connect rejected", error));
ws.connect(url, {}, (error, ok) => say("third connect called back", error, ok));
ws.opened.then((open) => say("opened", open));
ws.on("open", () => queueMicrotask(() => say("microtask of open")));
ws.send("first", (error, ok) => say("send called back", error, ok));
ws.send("second").then((ok) => say("send resolved", ok));
marks("connecting");
await next(server, "messageReceive");
await next(server, "messageReceive");

marks("open");
ws.send("third").then((ok) => say("send resolved", ok));
ws.send("fourth", (error, ok) => say("send called back", error, ok));
await next(server, "messageReceive");
await next(server, "messageReceive");

const left = next(server, "close");
ws.closed.then((close) => say("closed", close));
ws.close((error, ok) => say("close called back", error, ok));
ws.close().catch((error) => say("second close rejected", error));
ws.close({ code: 4000 }, (error, ok) => say("third close called back", error, ok));
marks("closing");
await left;
await ws.closed;
server.stop().then((ok) => say("stop resolved", ok));
server.stop().then((ok) => say("second stop resolved", ok));
marks("stopping");

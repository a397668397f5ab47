/** `opened` and `closed`, asked for before, during and after each attempt. */

import { createWebSocket, createWebSocketServer } from "../../mod.ts";
import { listen, next, NOBODY, say } from "../helpers/event_log.ts";

const server = createWebSocketServer();
const url = await listen(server);
const ws = createWebSocket();

/** Says how a promise is settled, and when: among the events. */
function follow(what: string, promise: Promise<unknown>) {
  return promise.then((value) => say(`${what}:`, value), (error) => say(`${what}:`, error));
}
ws.on("open", () => say("event open"));
ws.on("close", () => say("event close"));
ws.on("error", () => say("event error"));

say("-- asked for before the attempt");
const before = [follow("opened", ws.opened), follow("closed", ws.closed)];
const { opened, closed } = ws;
say("the same:", ws.opened === opened, ws.closed === closed);
await ws.connect(url);
await ws.opened;
await follow("opened, asked for when open", ws.opened);
let left = next(server, "close");
await ws.close({ code: 4000, reason: "first" });
await Promise.all([...before, left]);
await follow("opened afterwards", ws.opened);
await follow("closed afterwards", ws.closed);

say("-- refused");
await ws.connect(NOBODY);
await Promise.all([follow("opened", ws.opened), follow("closed", ws.closed)]);
await follow("closed afterwards", ws.closed);

say("-- given up");
await ws.connect(url);
const given = [follow("opened", ws.opened), follow("closed", ws.closed)];
await ws.close({ code: 4000, reason: "given up" });
await Promise.all(given);

say("-- asked for within the listeners");
ws.on("open", () => void follow("opened in open", ws.opened));
ws.on("close", () => void follow("closed in close", ws.closed));
await ws.connect(url);
await ws.opened;
left = next(server, "close");
await ws.close();
await ws.closed;
await left;
await server.stop();

/** A client that reconnects by itself: queued messages, a fresh header, 'reconnecting', the end. */

import { createWebSocket, createWebSocketServer } from "../../mod.ts";
import { listen, next, say, sayAnswer, watchClient } from "../helpers/event_log.ts";

const server = createWebSocketServer();
let asked = 0;
server.on("messageReceive", ({ data }) => say("server messageReceive", data));
const url = await listen(server, {
  authorize(request) {
    say("authorize", request.headers.get("x-attempt"));
    return ++asked === 2 ? new Response(null, { status: 503 }) : true;
  },
});

const ws = watchClient(createWebSocket({ reconnect: { minDelay: 0.1, random: () => 0.5 } }));
ws.on("reconnecting", (info) => say("client reconnecting", info, ws.state));
let attempt = 0;
const address = () => Promise.resolve(url);
say("connect:", await ws.connect(address, { header: () => ({ "x-attempt": `${++attempt}` }) }));
await sayAnswer("send while connecting", ws.send("1"));
await next(server, "messageReceive");
await sayAnswer("send while open", ws.send("2"));
await next(server, "messageReceive");

const [connection] = server.listAllConnections();
void server.close(connection!, { code: 1012, reason: "0.1" });
await next(ws, "reconnecting");
await sayAnswer("send while reconnecting", ws.send("3"));
await sayAnswer("connect", ws.connect(url));
await next(server, "messageReceive");

const closed = next(ws, "close");
void server.close(server.listAllConnections()[0]!, { code: 4401, reason: "no more" });
await closed;
say("end:", ws.state, await ws.closed);
await server.stop();

/** A server and a client greet each other: every event of a plain conversation, on both sides. */

import { createWebSocket, createWebSocketServer } from "../../mod.ts";
import { listen, next, say, watchClient, watchServer } from "../helpers/event_log.ts";

const server = watchServer(createWebSocketServer());
server.on("connect", (connection) => void server.send("Hello, client!", connection));
const url = await listen(server);

const ws = watchClient(createWebSocket());
say("connect:", await ws.connect(url));
await next(ws, "dataEnd");
const received = next(server, "messageReceive");
say("send:", await ws.send("Hello, server!"));
await received;
const left = next(server, "close");
say("close:", await ws.close({ code: 4000, reason: "Goodbye" }));
say("closed:", await ws.closed);
await left;
say("stop:", await server.stop());

/** What `bufferedAmount` says right after `send`, and once the message is there. */

import { createWebSocket, createWebSocketServer } from "../../../mod.ts";
import { listen, next, say } from "../../helpers/event_log.ts";

const server = createWebSocketServer();
const ws = createWebSocket();
await ws.connect(await listen(server));
await ws.send("12345");
say("while connecting:", ws.bufferedAmount);
await next(server, "messageReceive");
say("once it has gone:", ws.bufferedAmount);
const received = next(server, "messageReceive");
await ws.send("1234567890");
say("right after send:", ws.bufferedAmount);
await received;
say("once it is there:", ws.bufferedAmount);
const left = next(server, "close");
await ws.close();
await Promise.all([ws.closed, left]);
await server.stop();

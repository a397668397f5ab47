/** A peer that answers no Close frame: dropped in time, told once, on either side. */

import { createWebSocket, createWebSocketServer, type WebSocketConnection } from "../../mod.ts";
import { listen, next, say, sayAnswer, watchClient, watchServer } from "../helpers/event_log.ts";
import { Stopwatch } from "../helpers/stopwatch.ts";
import { CLOSE, rawConnect, RawServer, readClose, TEXT } from "../peers/raw.ts";

const raw = await RawServer.listen({ answerClose: false });
const ws = watchClient(createWebSocket());
await ws.connect(raw.url);
const peer = await raw.accept();
await ws.opened;

const server = watchServer(createWebSocketServer());
const connected = next<WebSocketConnection>(server, "connect");
const client = await rawConnect(Number(new URL(await listen(server)).port), { answerClose: false });
const connection = await connected;

say("-- the server closes");
const left = next(server, "close");
await sayAnswer("close", server.close(connection, { code: 4000, reason: "enough" }));
await left;
say("the client saw:", readClose(await client.next(CLOSE)));
client.send(TEXT, "nobody hears this");

say("-- the client closes");
const watch = new Stopwatch();
await sayAnswer("close", ws.close({ code: 4001, reason: "enough" }));
say("the server saw:", readClose(await peer.next(CLOSE)));
peer.send(TEXT, "nobody hears this");
await sayAnswer("connect", ws.connect(raw.url));
say("closed:", await ws.closed);
say("in time:", watch.ms > 4900, watch.isLess(6000));
await Promise.all([peer.ended, client.ended]);
await raw.close();
client.socket.destroy();
say("stop:", await server.stop());

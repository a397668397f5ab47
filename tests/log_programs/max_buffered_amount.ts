/** Queues that are full: a client's `send` is refused, and a server drops who reads too slowly. */

import { createWebSocket, createWebSocketServer } from "../../mod.ts";
import { listen, next, say, sayAnswer, watchClient, watchServer } from "../helpers/event_log.ts";
import { CLOSE, rawConnect, readClose } from "../peers/raw.ts";

const server = watchServer(createWebSocketServer());
const url = await listen(server, { maxBufferedAmount: 1_000_000, maxPayload: 10_000_000 });

say("-- a client that is not open yet");
const ws = watchClient(createWebSocket({ maxBufferedAmount: 10 }));
await ws.connect(url);
say("bufferedAmount:", ws.bufferedAmount);
for (const data of ["12345", "ééé", "12345", new Uint8Array(1), new Uint8Array(0), ""]) {
  await sayAnswer(`send ${data.length}`, ws.send(data));
  say("bufferedAmount:", ws.bufferedAmount);
}
for (let count = 0; count < 4; count++) await next(server, "messageReceive");
let left = next(server, "close");
await ws.close();
await Promise.all([ws.closed, left]);

say("-- a client that reads nothing");
const connected = next(server, "connect");
const slow = await rawConnect(Number(new URL(url).port));
await connected;
slow.socket.pause();
left = next(server, "close");
const [connection] = server.listAllConnections();
for (let count = 0; count < 20; count++) {
  const ok = await server.send(new Uint8Array(1_000_000), connection!).catch(({ code }) => code);
  if (ok !== true) break;
}
await left;
await sayAnswer("send then", server.send("?", connection!));
slow.socket.resume();
say("it was told:", readClose(await slow.next(CLOSE)));
await slow.ended;
slow.socket.destroy();
say("stop:", await server.stop());

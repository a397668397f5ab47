/** Messages at the limit and one byte over it, in both directions, sent and received. */

import { createWebSocket, createWebSocketServer, type WebSocketConnection } from "../../mod.ts";
import { listen, next, say, sayAnswer, watchClient, watchServer } from "../helpers/event_log.ts";

const server = watchServer(createWebSocketServer());
const url = await listen(server, { maxPayload: 10 });

async function pair(maxPayload: number) {
  const ws = watchClient(createWebSocket({ maxPayload }));
  const connected = next<WebSocketConnection>(server, "connect");
  await ws.connect(url);
  const [connection] = await Promise.all([connected, ws.opened]);
  return { ws, connection };
}

say("-- what may be sent");
const { ws, connection } = await pair(10);
for (const data of ["1234567890", "12345678901", "ééééé", "ééééé!", new Uint8Array(11)]) {
  await sayAnswer(`client sends ${data.length}`, ws.send(data));
  await sayAnswer(`server sends ${data.length}`, server.send(data, connection));
}
let left = next(server, "close");
await ws.close();
await Promise.all([ws.closed, left]);

for (const data of ["12345678901", "ééééé!", new Uint8Array(11)]) {
  say("-- the client sends too much");
  const { ws } = await pair(100);
  left = next(server, "close");
  await ws.send("fine");
  await ws.send(data);
  await ws.send("never seen");
  say("closed:", await ws.closed.catch((error) => error));
  await left;

  say("-- the server sends too much");
  const { ws: small, connection } = await pair(5);
  left = next(server, "close");
  await server.send("fine", connection);
  await server.send("123456", connection);
  await server.send("never", connection);
  say("closed:", await small.closed);
  await left;
}
await server.stop();

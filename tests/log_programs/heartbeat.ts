/** Peers that answer no Ping: found dead on either side; a peer that answers, or sends, is not. */

import { createWebSocket, createWebSocketServer } from "../../mod.ts";
import { listen, next, say, watchClient, watchServer } from "../helpers/event_log.ts";
import { Stopwatch } from "../helpers/stopwatch.ts";
import { PING, rawConnect, RawServer, TEXT } from "../peers/raw.ts";

const often = { pingInterval: 0.4, pongTimeout: 0.3 };
const server = watchServer(createWebSocketServer());
const url = await listen(server, often);
const port = Number(new URL(url).port);

say("-- a client that answers no Ping");
let left = next(server, "close");
const watch = new Stopwatch();
const mute = await rawConnect(port, { pong: false });
say("Ping:", (await mute.next(PING)).payload.length);
await left;
say("in time:", watch.ms > 650, watch.isLess(400 + 300 + 1000));
await mute.ended;
mute.socket.destroy();

say("-- a server that answers no Ping");
const raw = await RawServer.listen({ pong: false });
const ws = watchClient(createWebSocket());
await ws.connect(raw.url, often);
const silent = await raw.accept();
say("Ping:", (await silent.next(PING)).payload.length);
await ws.closed;
say(ws.state);
await raw.close();

say("-- both sides answer: three Pings each, and nothing happens");
const talking = await rawConnect(port);
await ws.connect(url, often);
await ws.opened;
for (let count = 0; count < 3; count++) {
  const from = talking.frames.length;
  await talking.next(PING, from);
}
say("still:", ws.state, server.listAllConnections().length);

say("-- a client that answers no Ping, and sends");
const chatty = await rawConnect(port, { pong: false });
for (let count = 0; count < 3; count++) {
  const from = chatty.frames.length;
  await chatty.next(PING, from);
  const received = next(server, "messageReceive");
  chatty.send(TEXT, `data ${count}`);
  await received;
}
left = next(server, "close");
chatty.close(1000, "enough");
await left;
chatty.socket.destroy();

left = next(server, "close");
talking.close(1000, "enough");
await left;
talking.socket.destroy();
left = next(server, "close");
await server.close(server.listAllConnections()[0]!);
await Promise.all([ws.closed, left]);
await server.stop();

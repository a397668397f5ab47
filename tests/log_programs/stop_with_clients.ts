/** stop() with clients that answer, that never do, and that leave in that very moment. */

import { createWebSocket, createWebSocketServer } from "../../mod.ts";
import { listen, next, say, watchClient, watchServer } from "../helpers/event_log.ts";
import { Stopwatch } from "../helpers/stopwatch.ts";
import { CLOSE, PING, rawConnect, readClose } from "../peers/raw.ts";

const server = watchServer(createWebSocketServer());

say("-- no clients");
await listen(server);
say("stop:", await server.stop());

say("-- one that answers");
const ws = watchClient(createWebSocket());
let connected = next(server, "connect");
await ws.connect(await listen(server));
await Promise.all([connected, ws.opened]);
let stopped = server.stop();
say("closed:", await ws.closed);
say("stop:", await stopped, server.listAllConnections().length, server.address);

say("-- three that answer, one that does not");
const port = Number(new URL(await listen(server)).port);
const peers = [];
for (const answerClose of [true, true, true, false]) {
  connected = next(server, "connect");
  peers.push(await rawConnect(port, { answerClose }));
  await connected;
}
const watch = new Stopwatch();
stopped = server.stop();
say("while stopping:", server.listAllConnections().length, server.stop() === stopped);
for (const peer of peers) say("peer:", readClose(await peer.next(CLOSE)));
say("stop:", await stopped, watch.isLess(5000));
await Promise.all(peers.map(({ ended }) => ended));
for (const { socket } of peers) socket.destroy();

say("-- one that has just left");
connected = next(server, "connect");
const leaving = await rawConnect(Number(new URL(await listen(server)).port));
await connected;
leaving.send(PING);
leaving.close(4000, "I leave");
say("stop:", await server.stop());
await leaving.ended;
leaving.socket.destroy();

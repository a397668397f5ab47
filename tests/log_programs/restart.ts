/** A server that is started twice, stopped twice, and started again on the same port. */

import { createWebSocket, createWebSocketServer } from "../../mod.ts";
import { listen, next, say, sayAnswer, watchClient, watchServer } from "../helpers/event_log.ts";

const server = watchServer(createWebSocketServer());
await sayAnswer("stop before start", server.stop());
const url = await listen(server);
const serverPort = server.address!.port;
const other = createWebSocketServer();
const config = { serverPort, serverIP: "127.0.0.1" };
await sayAnswer("start again", server.start(config));
await sayAnswer("start elsewhere", server.start({ ...config, serverPort: 0 }));
await sayAnswer("another's start", other.start(config));
say("address:", server.address);

const ws = watchClient(createWebSocket());
for (let round = 1; round <= 3; round++) {
  say(`-- round ${round}`);
  const connected = next(server, "connect");
  await ws.connect(url);
  await Promise.all([connected, ws.opened]);
  const stopped = server.stop();
  await sayAnswer("start while stopping", server.start({ ...config, serverPort: 0 }));
  say("the same promise:", server.stop() === stopped);
  await ws.closed;
  say("stop:", await stopped);
  await sayAnswer("stop when stopped", server.stop());
  const other = watchClient(createWebSocket(), "other client");
  await other.connect(url);
  await other.opened.catch(() => {});
  say("start:", await server.start(config), server.address);
}

say("start and stop in one turn");
await server.stop();
const calls = [server.start(config), server.stop(), server.start(config), server.stop()];
await Promise.all(calls.map((call, i) => sayAnswer(`call ${i}`, call)));
say("address:", server.address, other.address);

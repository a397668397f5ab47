/** Compression, where the runtime has it. */

import { createWebSocket, createWebSocketServer } from "../../../mod.ts";
import { next, say, sayAnswer, show } from "../../helpers/event_log.ts";

/** An error with the runtime's version taken out. */
const told = (call: Promise<unknown>) =>
  call.catch((error: unknown) => show(error).replace(/(Deno|Bun) \d+\.\d+\.\d+/, "$1 VERSION"));

const here = { serverPort: 0, serverIP: "127.0.0.1" };
const server = createWebSocketServer();
server.on("messageReceive", ({ clientConnection, data }) => {
  void server.send(data, clientConnection);
});
say(`start: ${await told(server.start({ ...here, compression: true }))}`);
if (server.address === undefined) await sayAnswer("start without", server.start(here));

for (const compression of [true, false]) {
  const ws = createWebSocket();
  const url = `ws://127.0.0.1:${server.address!.port}/`;
  say(`connect with ${compression}: ${await told(ws.connect(url, { compression }))}`);
  if (ws.state === "idle") continue;
  const answer = next(ws, "message");
  await ws.send("all work and no play ".repeat(5000));
  say("answered", await answer);
  const left = next(server, "close");
  await ws.close();
  await Promise.all([ws.closed, left]);
}
await server.stop();

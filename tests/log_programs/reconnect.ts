/** A client that connects again within 'close' and within 'error', and keeps its listeners. */

import { createWebSocket, createWebSocketServer } from "../../mod.ts";
import {
  listen,
  next,
  NOBODY,
  say,
  sayAnswer,
  watchClient,
  watchServer,
} from "../helpers/event_log.ts";

const server = watchServer(createWebSocketServer());
const url = await listen(server);
const ws = watchClient(createWebSocket());

let attempts = 0;
ws.on("open", () => void ws.send(`attempt ${attempts}`));
ws.on("dataEnd", () => void ws.close({ code: 3000, reason: `attempt ${attempts}` }));
ws.on("close", () => {
  say(`in close: ${ws.state}`);
  // Refused the second time, then given up, then as it should be.
  if (attempts++ < 4) void sayAnswer("connect", ws.connect(attempts === 2 ? NOBODY : url));
  if (attempts === 4) void sayAnswer("close", ws.close({ code: 4000, reason: "given up" }));
});
ws.on("error", () => {
  say(`in error: ${ws.state}`);
  attempts++;
  void sayAnswer("connect", ws.connect(url));
  void sayAnswer("second connect", ws.connect(url));
});
server.on("messageReceive", ({ clientConnection, data }) => {
  void server.send(data, clientConnection);
});

await ws.connect(url);
while (attempts < 5) {
  await next(ws, "close");
}
say("end:", ws.state, attempts);
await server.stop();

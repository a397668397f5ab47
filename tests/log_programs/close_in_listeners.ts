/** A client that closes within each of its listeners. */

import { createWebSocket, createWebSocketServer } from "../../mod.ts";
import { listen, next, say, sayAnswer, watchClient, watchServer } from "../helpers/event_log.ts";

const server = watchServer(createWebSocketServer());
server.on("connect", (connection) => {
  server.send("one", connection);
  server.send("two", connection);
});
const url = await listen(server);

for (const type of ["open", "openInfo", "message", "dataEnd", "close", "error"] as const) {
  say(`in ${type}`);
  const ws = createWebSocket();
  // Before the listeners that print: these must come all the same.
  ws.on(type, () => {
    say(`close() in ${type}, ${ws.state}`);
    void sayAnswer(`close in ${type}`, ws.close({ code: 4000, reason: type }));
    void sayAnswer(`send in ${type}`, ws.send("too late"));
    say(`${ws.state} then`);
  });
  watchClient(ws);
  if (type === "error") {
    ws.on("openInfo", () => {
      throw new Error("to have an error told");
    });
  }
  if (type === "close") ws.on("open", () => void ws.close({ code: 4001, reason: "outside" }));
  const left = next(server, "close");
  await ws.connect(url);
  say("closed:", await ws.closed);
  await left;
}
await server.stop();

/** A server that is stopped within each of its listeners, with nobody waiting for it there. */

import { createWebSocket, createWebSocketServer } from "../../mod.ts";
import { listen, next, say, watchClient, watchServer } from "../helpers/event_log.ts";

for (const type of ["connect", "messageReceive", "close", "error"] as const) {
  say(`-- stop() in ${type}`);
  const server = createWebSocketServer();
  let stopped: Promise<boolean> | undefined;
  server.on(type, () => {
    say(`in ${type}:`, server.listAllConnections().length);
    stopped ??= server.stop();
    say(`then in ${type}:`, server.listAllConnections().length);
  });
  watchServer(server);
  if (type === "error") {
    server.on("connect", () => {
      throw new Error("to have an error told");
    });
  }
  const url = await listen(server);
  const left = next(server, "close");
  const ws = watchClient(createWebSocket());
  await ws.connect(url);
  await ws.opened;
  if (type === "messageReceive") await ws.send("stop, please");
  if (type === "close") await ws.close({ code: 3000, reason: "the last" });
  await left;
  await ws.closed;
  say("stop:", await stopped, server.address);
}

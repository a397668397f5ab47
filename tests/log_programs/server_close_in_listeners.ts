/** A server that closes a connection, sends to it, and asks who is there, within each listener. */

import { createWebSocket, createWebSocketServer, type WebSocketConnection } from "../../mod.ts";
import { listen, next, say, sayAnswer, watchClient, watchServer } from "../helpers/event_log.ts";

for (const type of ["connect", "messageReceive", "close", "error"] as const) {
  say(`in ${type}`);
  const server = createWebSocketServer();
  let known: WebSocketConnection;
  server.on("connect", (connection) => void (known = connection));
  server.on(type, () => {
    say(`close() in ${type}, connections:`, server.listAllConnections().length);
    void sayAnswer(`send before in ${type}`, server.send("bye", known));
    void sayAnswer(`close in ${type}`, server.close(known, { code: 4000, reason: type }));
    void sayAnswer(`send in ${type}`, server.send("too late", known));
    void sayAnswer(`second close in ${type}`, server.close(known));
    say("then connections:", server.listAllConnections().length);
  });
  watchServer(server);
  if (type === "error") {
    server.on("messageReceive", () => {
      throw new Error("to have an error told");
    });
  }
  const url = await listen(server);
  const left = next(server, "close");
  const ws = watchClient(createWebSocket());
  ws.on("open", () => void ws.send(type === "connect" ? "may be lost" : "hello"));
  ws.on("dataEnd", () => type === "close" && ws.close());
  if (type === "close") server.on("messageReceive", () => void server.send("hello", known));
  await ws.connect(url);
  await left;
  await ws.closed;
  say("stop:", await server.stop());
}

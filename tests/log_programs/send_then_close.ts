/** Messages and a close in one turn: the messages come first, on either side. */

import { createWebSocket, createWebSocketServer } from "../../mod.ts";
import { listen, next, say, watchClient } from "../helpers/event_log.ts";

const server = createWebSocketServer();
const big = "x".repeat(5_000_000);

say("-- the client sends and closes in 'open'");
server.on("messageReceive", ({ data }) => say("server messageReceive", data));
server.on("close", (_, reason) => say("server close", reason));
const url = await listen(server);
const ws = watchClient(createWebSocket());
const sendAndClose = () => {
  void ws.send("one");
  void ws.send(big);
  void ws.send(new Uint8Array([1, 2]));
  void ws.close({ code: 4000, reason: "all sent" });
};
ws.on("open", sendAndClose);
let left = next(server, "close");
await ws.connect(url);
await left;
await ws.closed;
ws.off("open", sendAndClose);

say("-- the server sends and closes in 'connect'");
server.on("connect", (connection) => {
  void server.send("one", connection);
  void server.send(big, connection);
  void server.send(new Uint8Array([1, 2]), connection);
  void server.close(connection, { code: 4000, reason: "all sent" });
});
await ws.connect(url);
say("closed:", await ws.closed);

say("-- the server sends and stops in 'connect'");
server.off("connect");
server.on("connect", (connection) => {
  void server.send(big, connection);
  void server.send("last", connection);
  void server.stop();
});
left = next(server, "close");
await ws.connect(url);
say("closed:", await ws.closed);
await left;

say("-- the client sends and closes while connecting");
await ws.connect(url.replace(/\d+\/$/, "1/"));
void ws.send("never");
await ws.close();
say("closed:", await ws.closed);

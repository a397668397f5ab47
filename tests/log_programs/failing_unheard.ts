/** Listeners that fail where nobody listens to 'error', or where that one fails: it is printed. */

import { createWebSocket, createWebSocketServer } from "../../mod.ts";
import { listen, next, NOBODY, say } from "../helpers/event_log.ts";

const server = createWebSocketServer();
server.on("connect", () => {
  throw new Error("thrown in the server's connect");
});
server.on("messageReceive", () => Promise.reject("rejected in the server's messageReceive"));
server.on("close", () => {
  throw new TypeError("thrown in the server's close");
});
server.on("messageReceive", ({ clientConnection, data }) => {
  void server.send(data, clientConnection);
});
const url = await listen(server);

const ws = createWebSocket();
ws.on("open", () => {
  throw new RangeError("thrown in the client's open");
});
await ws.connect(url);
await ws.opened;
const echoed = next(ws, "dataEnd");
ws.send("hello", () => {
  throw new Error("thrown in a callback");
});
await echoed;
const left = next(server, "close");
await ws.close();
say("closed:", await ws.closed);
await left;

ws.on("error", (error) => {
  throw new Error(`thrown in the client's error, which told ${error.code}`);
});
ws.on("error", () => Promise.reject(new Error("rejected in the client's error")));
await ws.connect(NOBODY);
await ws.closed.catch((error) => say("closed:", error));

// An 'error' nobody listens to says nothing, and a refused call nobody caught is printed.
ws.off("error");
await ws.connect(NOBODY);
await ws.closed.catch((error) => say("closed:", error));
ws.send("nowhere");
ws.close();
say("stop:", await server.stop());
server.stop();

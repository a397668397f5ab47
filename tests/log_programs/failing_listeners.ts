/** Listeners and callbacks that throw and reject: 'error' is told, and everything goes on. */

import { createWebSocket, createWebSocketServer } from "../../mod.ts";
import { listen, next, say, watchClient, watchServer } from "../helpers/event_log.ts";

const server = createWebSocketServer();
const ws = createWebSocket();
for (const type of ["connect", "messageReceive", "close"] as const) {
  server.on(type, () => {
    throw new Error(`thrown in the server's ${type}`);
  });
  server.on(type, () => Promise.reject(new TypeError(`rejected in the server's ${type}`)));
}
for (const type of ["open", "openInfo", "message", "dataEnd", "close"] as const) {
  ws.on(type, () => {
    throw new RangeError(`thrown in the client's ${type}`);
  });
  // deno-lint-ignore require-await
  ws.on(type, async () => {
    throw `rejected in the client's ${type}`;
  });
}
// They come after those that fail.
watchServer(server);
watchClient(ws);
ws.on("error", ({ cause }) => say("  cause:", cause instanceof Error ? cause.name : cause));
server.on("messageReceive", ({ clientConnection, data }) => {
  void server.send(data, clientConnection);
});

const url = await listen(server);
ws.connect(url, () => {
  throw new Error("thrown in the callback of connect");
});
await ws.opened;
ws.send("hello", () => Promise.reject(new Error("rejected in the callback of send")));
await next(ws, "dataEnd");
const left = next(server, "close");
ws.close(() => {
  // deno-lint-ignore no-throw-literal -- whatever it is that is thrown
  throw null;
});
say("closed:", await ws.closed);
await left;
say("stop:", await server.stop());

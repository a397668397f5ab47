/** A client that reads with `for await` while a listener of its own fails. */

import { createWebSocket, createWebSocketServer } from "../../mod.ts";

const server = createWebSocketServer();
server.on("connect", (connection) => void server.send("hello", connection));
await server.start({ serverPort: 0, serverIP: "127.0.0.1" });

const ws = createWebSocket();
ws.on("message", () => {
  throw new Error("of the program's own");
});
await ws.connect(`ws://127.0.0.1:${server.address!.port}/`);
for await (const message of ws) {
  console.log(message);
  await ws.close();
}
await server.stop();

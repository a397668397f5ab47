/** A server with a history that prints its port, and each message that its listener has done with. */

import { createWebSocketServer } from "../../mod.ts";

const server = createWebSocketServer({ history: true });
server.on("messageReceive", async ({ data, mayRepeat }) => {
  console.log(`has ${data}${mayRepeat ? " again?" : ""}`);
  await new Promise((resolve) => setTimeout(resolve, 1));
});
server.on("error", () => {});
await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
console.log(`port ${server.address!.port}`);

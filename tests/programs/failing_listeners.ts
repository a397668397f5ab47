/** A server with listeners that fail, and none of 'error'. It ends by itself. */

import { createWebSocketServer } from "../../mod.ts";

const server = createWebSocketServer();

server.on("connect", function throwsHere() {
  throw new Error("thrown in connect");
});
server.on("messageReceive", async function rejectsHere() {
  await undefined;
  throw new Error("rejected in messageReceive");
});
server.on(
  "messageReceive",
  ({ clientConnection, data }) => void server.send(data, clientConnection),
);
server.on("close", () => Promise.reject("no Error at all"));
server.on("close", () => void server.stop().then(() => console.log("stopped")));

await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
console.log("port", server.address!.port);

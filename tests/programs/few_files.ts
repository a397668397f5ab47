/**
 * A server that sends back what it is sent, in a process that may open few files. It prints who connects and each
 * 'error'; "stop" stops it, and it must then end by itself.
 */

import { createWebSocketServer } from "../../mod.ts";

const server = createWebSocketServer();
server.on("connect", () => console.log("connect"));
server.on("error", ({ kind, message }) => console.log(`error ${kind} ${message}`));
server.on("messageReceive", ({ clientConnection, data }) => {
  if (data === "stop") void server.stop();
  else void server.send(data, clientConnection);
});
await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
console.log("port", server.address!.port);

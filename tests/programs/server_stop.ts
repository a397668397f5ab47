/**
 * A server that a peer's first message stops, or, with `in-close`, the end of a peer. Each peer is
 * sent so many megabytes first; so many clients are let in, with so many connections each. It
 * prints what happens, and must end by itself.
 */

import process from "node:process";
import { createWebSocketServer } from "../../mod.ts";

const [how, megabytes = 0, clients = 100, perClient = 100] = process.argv.slice(2);
const server = createWebSocketServer();

server.on("connect", (connection) => {
  for (let i = 0; i < Number(megabytes); i++) server.send(new Uint8Array(1_000_000), connection);
  console.log("connect");
});
server.on("error", ({ code }) => console.log("error", code));
server.on("close", (_, { code, reason }) => {
  console.log("close", code, reason);
  // As the guide does: no await, no catch.
  if (how === "in-close") server.stop();
});
server.on("messageReceive", async () => {
  const began = performance.now();
  console.log("stopped", await server.stop(), server.listAllConnections().length);
  console.log("in", Math.round(performance.now() - began));
  server.stop(); // Not running any more, and no catch.
});

await server.start({
  serverPort: 0,
  serverIP: "127.0.0.1",
  maxBufferedAmount: 100_000_000,
  maxConcurrentClientsNumber: Number(clients),
  maxConnectionsForOneClient: Number(perClient),
});
console.log("port", server.address!.port);

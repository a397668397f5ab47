/**
 * WebSocket in an Elysia app, which may have a `.ws()` of its own at the same time. In a project of
 * yours, `bun add elysia` first. Open the address that it prints; Ctrl-C stops it.
 *
 *     bun examples/elysia.ts [port]
 */

import process from "node:process";
import { createWebSocketServer } from "@netkit/websocket";
import { Elysia } from "elysia";
import { websocket } from "elysia/ws";

const server = createWebSocketServer();
server.on("messageReceive", ({ clientConnection, data }) => {
  server.send(`You said: ${data}`, clientConnection);
});
const mount = await server.mount();

const app = new Elysia()
  .get("/", () => `${server.listAllConnections().length} connected`)
  .get("/echo", ({ request, server: host }) => mount.fetch(request, host))
  .ws("/elysia", { message: (ws, message) => void ws.send(`Elysia heard: ${message}`) })
  .listen({
    hostname: "127.0.0.1",
    port: Number(process.argv[2] ?? 8080),
    websocket: mount.websocketWith(websocket), // one handler for both
  });
console.log(
  `Listening on http://127.0.0.1:${app.server!.port}/ and ws://127.0.0.1/echo on its port`,
);

process.once("SIGINT", async () => {
  await server.stop(); // every client is told
  await app.stop(true);
});

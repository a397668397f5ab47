/**
 * WebSocket beside a Hono app, on one port: requests that are no upgrade go to the app. In a project
 * of yours, `npm install hono` first. Open the address that it prints; Ctrl-C stops it.
 *
 *     deno run --allow-net examples/hono.ts [port]
 *     bun examples/hono.ts [port]
 */

import process from "node:process";
import { createWebSocketServer } from "@netkit/websocket";
import { Hono } from "hono";

const server = createWebSocketServer();
server.on("messageReceive", ({ clientConnection, data }) => {
  server.send(`You said: ${data}`, clientConnection);
});

const app = new Hono();
app.get("/", (c) => c.text(`${server.listAllConnections().length} connected`));
app.get("/hello/:name", (c) => c.json({ hello: c.req.param("name") }));

const ctrlC = new AbortController();
process.once("SIGINT", () => ctrlC.abort());
await server.start({
  serverPort: Number(process.argv[2] ?? 8080),
  serverIP: "127.0.0.1",
  fetch: app.fetch,
  signal: ctrlC.signal,
});
console.log(`Listening on http://127.0.0.1:${server.address!.port}/ and its ws:// twin`);

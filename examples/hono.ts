/**
 * WebSocket in a Hono app, at a path of its own beside the pages. In a project of yours, `npm install
 * hono` first. Ctrl-C stops it.
 *
 *     deno serve --allow-net --host=127.0.0.1 --port=8080 examples/hono.ts
 *     bun --port=8080 examples/hono.ts
 */

import process from "node:process";
import { createWebSocketServer } from "@netkit/websocket";
import { Hono } from "hono";

const server = createWebSocketServer();
server.on("messageReceive", ({ clientConnection, data }) => {
  server.send(`You said: ${data}`, clientConnection);
});
const mount = await server.mount();

const app = new Hono();
app.get("/", (c) => c.text(`${server.listAllConnections().length} connected`));
app.get("/hello/:name", (c) => c.json({ hello: c.req.param("name") }));
app.get("/echo", (c) => mount.fetch(c.req.raw, c.env) ?? c.text("Connect with ws://", 426));

process.once("SIGINT", async () => {
  await server.stop(); // every client is told
  process.exit();
});

export default { hostname: "127.0.0.1", fetch: app.fetch, websocket: mount.websocket };

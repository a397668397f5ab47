/**
 * A server of ours in a Hono app, in a host of the runtime's own: echoes, and tells everybody where it is
 * asked to by `GET /news`. `GET /stop` stops both, and the process ends by itself.
 */

import { Hono } from "hono";
import { createWebSocketServer } from "../../mod.ts";
import { TestHost } from "../helpers/test_host.ts";

const server = createWebSocketServer();
const counts = { connects: 0, messages: 0, closes: 0, errors: 0, most: 0 };
server.on("connect", () => {
  counts.connects++;
  counts.most = Math.max(counts.most, server.listAllConnections().length);
});
server.on("messageReceive", ({ clientConnection, data }) => {
  counts.messages++;
  server.send(data, clientConnection);
});
server.on("close", () => void counts.closes++);
server.on("error", () => void counts.errors++);
const mount = await server.mount({
  authorize: async () => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    return true as const;
  },
});

const app = new Hono();
app.use(async (c, next) => {
  c.header("x-from", "hono");
  await next();
});
app.get("/chat", (c) => mount.fetch(c.req.raw, c.env) ?? c.text("WebSocket only", 426));
app.get("/news", async (c) => c.json(await server.broadcast("news")));
app.get("/stop", (c) => {
  setTimeout(stop, 10);
  return c.text("stopping");
});

const host = new TestHost((request, info) => app.fetch(request, info as object), mount);
console.log(`port ${host.port}`);

async function stop(): Promise<void> {
  await server.stop();
  await host.stop(true);
  console.log(JSON.stringify(counts));
}

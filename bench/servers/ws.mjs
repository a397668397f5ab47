// @ts-check
/** npm's ws, on Node and Deno; on Bun the name means Bun's own imitation. */
import process from "node:process";
import { WebSocketServer } from "ws";
import { MAX_PAYLOAD, mode, PING_SECONDS, ready } from "./common.mjs";

const server = new WebSocketServer({
  host: "127.0.0.1",
  port: 0,
  maxPayload: MAX_PAYLOAD,
  perMessageDeflate: false,
});

/** Who has answered the last Ping: ws leaves the heartbeat to its users, and shows them this. */
const alive = new WeakSet();

server.on("connection", (/** @type {any} */ ws) => {
  ws.binaryType = "arraybuffer";
  alive.add(ws);
  ws.on("pong", () => alive.add(ws));
  ws.on("error", () => {});
  ws.on("message", (/** @type {any} */ data, /** @type {boolean} */ binary) => {
    const message = binary ? data : String(data);
    if (mode === "echo") ws.send(message);
    else for (const client of server.clients) client.send(message);
  });
});

setInterval(() => {
  for (const ws of server.clients) {
    if (!alive.delete(ws)) ws.terminate();
    else ws.ping();
  }
}, PING_SECONDS * 1000);

server.on("listening", () => {
  const address = server.address();
  ready(typeof address === "object" ? address?.port ?? 0 : 0);
});
server.on("error", (/** @type {Error} */ error) => {
  console.error(error);
  process.exit(1);
});

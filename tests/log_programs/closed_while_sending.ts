/**
 * One side closes, or stops, while the other goes on sending: it still sees the code and reason.
 * Whether something was queued in that instant depends on the machine, so the error that tells of
 * it (kind 'unsent') is left out of the log.
 */

import { createWebSocket, createWebSocketServer, type WebSocketConnection } from "../../mod.ts";
import { listen, next, say } from "../helpers/event_log.ts";

const server = createWebSocketServer();
let received = 0;
server.on("messageReceive", () => void received++);
const url = await listen(server);
const chunk = "x".repeat(10_000);

for (const way of ["server.close", "client.close", "server.stop"] as const) {
  say(`-- ${way}`);
  const ws = createWebSocket();
  ws.on("error", (error) => {
    if (error.kind !== "unsent") say("client error", error);
  });
  const connected = next<WebSocketConnection>(server, "connect");
  await ws.connect(url);
  const [connection] = await Promise.all([connected, ws.opened]);
  const left = next(server, "close");
  received = 0;
  const sending = setInterval(() => {
    for (let i = 0; i < 20; i++) {
      if (way === "client.close") server.send(chunk, connection).catch(() => {});
      else ws.send(chunk).catch(() => {});
    }
  }, 1);
  const count = { n: 0 };
  ws.on("message", () => void count.n++);
  while (received + count.n < 500) await new Promise((resolve) => setTimeout(resolve, 1));
  const reason = { code: 4000, reason: "enough" };
  if (way === "server.close") await server.close(connection, reason);
  if (way === "client.close") await ws.close(reason);
  if (way === "server.stop") void server.stop();
  say("server:", await left);
  say("client:", await ws.closed);
  clearInterval(sending);
}

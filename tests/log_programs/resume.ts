/** A client that was away: what it missed, and what it may not have any more. */

import { createWebSocket, createWebSocketServer, type WebSocketConnection } from "../../mod.ts";
import { listen, next, say, sayAnswer } from "../helpers/event_log.ts";

const server = createWebSocketServer({ history: { maxMessages: 3 } });
let topics = ["news", "secret"];
server.on("connect", async (connection) => {
  for (const topic of topics) await sayAnswer(`join ${topic}`, server.join(connection, topic));
});
const url = await listen(server);
const ws = createWebSocket({ reconnect: { minDelay: 0.01, maxDelay: 0.01 }, resume: true });
ws.on("open", () => say("open"));
ws.on("recovered", (info) => say("recovered", info));
ws.on("message", (_err, data) => say("message", data));

/** Resolves when the client is told a text. */
function told(text: string): Promise<void> {
  return new Promise((resolve) => {
    const listener = (_err: unknown, data: unknown) => {
      if (data !== text) return;
      ws.off("message", listener);
      resolve();
    };
    ws.on("message", listener);
  });
}

/** Cuts the client off, and has something said meanwhile. */
async function away(meanwhile: () => Promise<unknown>): Promise<void> {
  const [connection] = server.listAllConnections();
  const [closed, back] = [next(server, "close"), next(ws, "recovered")];
  await server.terminate(connection as WebSocketConnection);
  await closed;
  await meanwhile();
  await back;
  const after = told("after it");
  await server.publish("news", "after it");
  await after;
}

const joined = next(server, "connect");
await ws.connect(url);
await joined;
await ws.opened;
const before = told("before it");
await server.publish("news", "before it");
await before;
topics = ["news"];
await away(async () => {
  for (const text of ["one", "two", "three"]) await server.publish("news", text);
  await server.publish("secret", "not for it any more");
});
await away(async () => {
  for (const text of ["one", "two", "three", "and one too many"]) {
    await server.publish("news", text);
  }
});
await ws.close();
await ws.closed;
await server.stop();

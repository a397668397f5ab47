/** Broadcast and topics: who gets what, in which order, and what is left when somebody has gone. */

import {
  createWebSocket,
  createWebSocketServer,
  type WebSocketClient,
  type WebSocketConnection,
} from "../../mod.ts";
import { listen, next, say, sayAnswer } from "../helpers/event_log.ts";

const server = createWebSocketServer();
const url = await listen(server);
const heard = new Map<string, string[]>();
const clients: WebSocketClient[] = [];
const connections: WebSocketConnection[] = [];
for (const name of ["a", "b", "c"]) {
  const ws = createWebSocket();
  heard.set(name, []);
  ws.on("message", (_, data) => heard.get(name)!.push(String(data)));
  const connected = next(server, "connect");
  void ws.connect(url);
  await connected;
  await ws.opened;
  clients.push(ws);
  connections.push(server.listAllConnections().at(-1)!);
}
const [a, b, c] = connections as [WebSocketConnection, WebSocketConnection, WebSocketConnection];

await sayAnswer("broadcast", server.broadcast("to all"));
await sayAnswer("but a", server.broadcast("not to a", { except: a }));
await sayAnswer("but a and b", server.broadcast("to c", { except: [a, { ...b }] }));
await sayAnswer("nobody is there", server.publish("news", "?"));
await sayAnswer("join", server.join(a, "news"));
await sayAnswer("join", server.join({ ...b }, "news"));
await sayAnswer("publish", server.publish("news", "news 1"));
await sayAnswer("but a", server.publish("news", "news 2", { except: a }));
await sayAnswer("leave", server.leave(b, "news"));
await sayAnswer("publish", server.publish("news", "news 3"));
await sayAnswer("topic", server.join(c, 1 as unknown as string));
await sayAnswer("nobody", server.join({ clientIP: "127.0.0.1", clientPort: 1 }, "news"));

for (const connection of connections) void server.send("last", connection);
void server.broadcast(Uint8Array.of(1));
void server.close(a);
await sayAnswer("closing", server.join(a, "news"));
await sayAnswer("after close", server.publish("news", "nobody is left"));
await Promise.all(
  clients.slice(1).map(async (ws, i) => {
    while (heard.get("bc"[i]!)!.at(-1) !== "[object ArrayBuffer]") await next(ws, "dataEnd");
  }),
);
await clients[0]!.closed;
for (const [name, texts] of heard) say(name, texts);
await server.stop();
await sayAnswer("stopped", server.broadcast("?"));

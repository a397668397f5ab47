/** Messages that the other side acknowledges, in both directions, also over a break. */

import { createWebSocket, createWebSocketServer, type WebSocketConnection } from "../../mod.ts";
import { listen, next, say, sayAnswer } from "../helpers/event_log.ts";

const ACK = { acknowledge: true } as const;
const server = createWebSocketServer({ history: true });
const work = Promise.withResolvers<void>();
let breaks = false;
server.on("messageReceive", ({ clientConnection, data, mayRepeat }) => {
  say("server has", data, mayRepeat);
  if (data === "bad") throw new Error("not this one");
  if (breaks) void server.terminate(clientConnection);
  breaks = false;
  return data === "slow" ? work.promise : undefined;
});
server.on("error", ({ kind }) => say("server error", kind));
const url = await listen(server);

const ws = createWebSocket({ reconnect: { minDelay: 0.01, maxDelay: 0.01 }, resume: true });
const connected = next<WebSocketConnection>(server, "connect");
await ws.connect(url);
const first = await connected;
await sayAnswer("good", ws.send("good", ACK));
await sayAnswer("bad", ws.send("bad", ACK));
const slow = sayAnswer("slow", ws.send("slow", ACK));
await sayAnswer("quick", ws.send("quick", ACK));
work.resolve();
await slow;
await new Promise<void>((resolve) =>
  ws.send("to a callback", ACK, (err, ok) => {
    say("callback", err, ok);
    resolve();
  })
);

breaks = true;
const back = next<WebSocketConnection>(server, "connect");
await Promise.all([
  sayAnswer("over a break", ws.send("over a break", ACK)),
  sayAnswer("after it", ws.send("after it", ACK)),
]);
const connection = await back;

await sayAnswer("nobody listens", server.send("to the client", connection, ACK));
ws.on("message", (_err, data) => {
  say("client has", data);
  if (data === "bad") throw new Error("nor this one");
});
ws.on("error", ({ kind }) => say("client error", kind));
await sayAnswer("good", server.send("good", connection, ACK));
await sayAnswer("bad", server.send("bad", connection, ACK));
await sayAnswer("one that is over", server.send("late", first, ACK));
ws.off("message");
ws.on("message", () => new Promise(() => {}));
const last = sayAnswer("one that has no answer", server.send("and then?", connection, ACK));
const closed = next(server, "close");
await ws.close();
await closed;
await last;
await sayAnswer("without 'resume'", createWebSocket().send("x", ACK));
await server.stop();

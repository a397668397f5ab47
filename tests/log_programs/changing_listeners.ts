/** Listeners added and removed, also while they are being called; the same one twice. */

import { createWebSocket, createWebSocketServer } from "../../mod.ts";
import { listen, next, say } from "../helpers/event_log.ts";

const server = createWebSocketServer();
server.on("messageReceive", ({ clientConnection, data }) => {
  void server.send(data, clientConnection);
});
const url = await listen(server);
const ws = createWebSocket();

const first = (_: unknown, data: unknown) => say("first", data);
const second = (_: unknown, data: unknown) => {
  say("second, adds fourth, removes first and itself", data);
  ws.on("message", fourth); // from the next message on
  ws.off("message", first);
  ws.off("message", second);
};
const third = (_: unknown, data: unknown) => say("third", data);
const fourth = (_: unknown, data: unknown) => say("fourth", data);

ws.on("message", first);
ws.on("message", second);
ws.on("message", third);
ws.on("message", first); // counts once, and keeps its place
ws.on("message", third);
ws.on("nonsense" as "message", first);
ws.off("nonsense" as "message", first);
ws.off("message", () => say("never added"));

async function exchange(data: string) {
  const end = next(ws, "dataEnd");
  await ws.send(data);
  await end;
}

await ws.connect(url);
await exchange("one");
await exchange("two");
ws.on("message", first);
await exchange("three");
ws.off("message");
await exchange("unheard");
ws.on("message", first);
ws.on("message", () => {
  say("removes all", ws.state);
  ws.off("message");
});
ws.on("message", third);
await exchange("four");
await exchange("unheard again");

for (const call of ["on", "off"] as const) {
  for (const args of [[], [5], ["message", 5], ["message", null], ["message"], [null, first]]) {
    try {
      (ws[call] as (...args: unknown[]) => void)(...args);
      say(`${call} with ${args.length}: nothing`);
    } catch (error) {
      say(`${call} with ${args.length}:`, error);
    }
  }
}
const left = next(server, "close");
ws.on("close", () => say("close told"));
await ws.close();
ws.off("close");
ws.on("close", () => say("close told to a later listener"));
await ws.closed;
await left;
await server.stop();

/** Three clients and a server at one server: broadcasts, answers, and each leaves in its own way. */

import { createWebSocket, createWebSocketServer, type WebSocketConnection } from "../../mod.ts";
import { listen, next, say } from "../helpers/event_log.ts";

const server = createWebSocketServer();
const names = new Map<WebSocketConnection, string>();
server.on("messageReceive", ({ clientConnection, data }) => {
  if (!names.has(clientConnection)) names.set(clientConnection, String(data));
  say("server", names.get(clientConnection), data);
  for (const other of server.listAllConnections()) {
    if (other !== clientConnection) {
      void server.send(`${names.get(clientConnection)}: ${data}`, other);
    }
  }
});
server.on("close", (connection, reason) => say("server close", names.get(connection), reason));
const url = await listen(server);

// Each client's log is printed at the end: whose turn it is among several is the system's choice.
const clients = await Promise.all(["Ada", "Bob", "Cyd"].map(async (name) => {
  const ws = createWebSocket();
  const log: string[] = [];
  for (const type of ["open", "message", "close", "error"] as const) {
    ws.on(
      type,
      (_?: unknown, value?: unknown) => void log.push(`${type} ${JSON.stringify(value)}`),
    );
  }
  await ws.connect(url);
  await ws.opened;
  return { name, ws, log };
}));
say("connections:", server.listAllConnections().length);

const [ada, bob, cyd] = clients;
for (const { name, ws } of clients) {
  const others = clients.filter((other) => other.ws !== ws).map((other) =>
    next(other.ws, "dataEnd")
  );
  await ws.send(name);
  await Promise.all(others);
}
const heard = [bob, cyd].map((client) => next(client!.ws, "dataEnd"));
await ada!.ws.send(new Uint8Array([1, 2, 3]));
await Promise.all(heard);

let left = next(server, "close");
await ada!.ws.close({ code: 4001, reason: "Ada leaves" });
await Promise.all([left, ada!.ws.closed]);
left = next(server, "close");
const connection = [...names].find(([, name]) => name === "Bob")![0];
await server.close(connection, { code: 4002, reason: "Bob must go" });
await Promise.all([left, bob!.ws.closed]);
left = next(server, "close");
await server.stop();
await Promise.all([left, cyd!.ws.closed]);
for (const { name, log } of clients) say(`${name}\n  ${log.join("\n  ")}`);

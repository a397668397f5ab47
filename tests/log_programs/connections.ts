/** Connections as objects: in lists, as keys, as text, copied; and who is there in each listener. */

import {
  type ConnectionAddress,
  createWebSocket,
  createWebSocketServer,
  type WebSocketConnection,
} from "../../mod.ts";
import { listen, next, say, sayAnswer } from "../helpers/event_log.ts";

const server = createWebSocketServer();
const names = new Map<WebSocketConnection, string>();
const url = await listen(server);
const list = (where: string, connection?: WebSocketConnection) => {
  const all = server.listAllConnections();
  const known = all.map((one) => names.get(one));
  say(`${where}:`, Array.isArray(all), known, connection && all.includes(connection));
};

list("at first");
server.on("connect", (connection) => {
  names.set(connection, `number ${names.size + 1}`);
  list(`connect of ${names.get(connection)}`, connection);
});
server.on("messageReceive", ({ clientConnection, data }) => {
  list(`messageReceive of ${names.get(clientConnection)}`, clientConnection);
  void server.send(data, clientConnection);
});
server.on("close", (connection) => {
  list(`close of ${names.get(connection)}`, connection);
  void sayAnswer("send in close", server.send("?", connection));
  void sayAnswer("close in close", server.close(connection));
});
server.on("error", () => list("error"));

const clients = [];
for (let i = 1; i <= 3; i++) {
  const ws = createWebSocket();
  const connected = next(server, "connect");
  await ws.connect(url);
  await Promise.all([connected, ws.opened]);
  const end = next(ws, "dataEnd");
  await ws.send(`I am ${i}`);
  await end;
  clients.push(ws);
}

const [first, second, third] = server.listAllConnections();
say("awaited:", (await server.listAllConnections()).length);
server.listAllConnections().length = 0;
list("an array of one's own");
say("frozen:", Object.isFrozen(first), Object.keys(first!), first!.clientIP);
say("as text:", `${first}` === `127.0.0.1:${first!.clientPort}`);
say("as JSON:", JSON.parse(JSON.stringify(first)).clientPort === first!.clientPort);
say("the same:", server.listAllConnections()[0] === first, first === second);

const { clientIP, clientPort } = second!;
const received = next(clients[1]!, "message");
await sayAnswer("send to a copy", server.send("copied", { ...second! }));
say("received:", await received);
await sayAnswer("send to nobody", server.send("?", { clientIP, clientPort: 1 }));
for (
  const wrong of [undefined, null, "127.0.0.1", 5, {}, { clientIP }, { clientIP: 1, clientPort }]
) {
  await sayAnswer("send to nonsense", server.send("?", wrong as ConnectionAddress));
}
for (const [i, connection] of [second!, { clientIP, clientPort: first!.clientPort }].entries()) {
  const left = next(server, "close");
  await sayAnswer("close", server.close(connection));
  await Promise.all([left, clients[i === 0 ? 1 : 0]!.closed]);
}
const left = next(server, "close");
await server.stop();
await left;
say("third:", names.get(third!));
await sayAnswer("send when stopped", server.send("?", third!));
await sayAnswer("close when stopped", server.close(third!));
list("at last");

/** Both sides close in the same turn, or one while the other's Close frame is on its way. */

import {
  createWebSocket,
  createWebSocketServer,
  type WebSocketClient,
  type WebSocketConnection,
} from "../../mod.ts";
import { listen, next, say, sayAnswer, watchClient, watchServer } from "../helpers/event_log.ts";

const server = watchServer(createWebSocketServer());
const url = await listen(server);

const ofClient = (ws: WebSocketClient) =>
  sayAnswer("client's close", ws.close({ code: 4001, reason: "of the client" }));
const ofServer = (connection: WebSocketConnection) =>
  sayAnswer("server's close", server.close(connection, { code: 4002, reason: "of the server" }));

type Way = (ws: WebSocketClient, connection: WebSocketConnection) => unknown;

const ways: Record<string, Way> = {
  "the client, then the server": (ws, connection) => {
    void ofClient(ws);
    void ofServer(connection);
  },
  "the server, then the client": (ws, connection) => {
    void ofServer(connection);
    void ofClient(ws);
  },
  "the client, and the server a microtask later": async (ws, connection) => {
    await ofClient(ws);
    await ofServer(connection);
  },
  "the server, and the client a microtask later": async (ws, connection) => {
    await ofServer(connection);
    await ofClient(ws);
  },
  "both with messages before": (ws, connection) => {
    void ws.send("last of the client");
    void server.send("last of the server", connection);
    void ofClient(ws);
    void ofServer(connection);
  },
  "the client within the server's 'close'": (ws, connection) => {
    server.on("close", function within() {
      server.off("close", within);
      void ofClient(ws);
    });
    void ofServer(connection);
  },
  "the server within the client's 'close'": (ws, connection) => {
    ws.on("close", () => void ofServer(connection));
    void ofClient(ws);
  },
  "stop(), and the client": (ws) => {
    void server.stop();
    void ofClient(ws);
  },
};

for (const [what, close] of Object.entries(ways)) {
  say(`-- ${what}`);
  const ws = watchClient(createWebSocket());
  const connected = next<WebSocketConnection>(server, "connect");
  await ws.connect(url);
  const [connection] = await Promise.all([connected, ws.opened]);
  const left = next(server, "close");
  const closing = close(ws, connection);
  await Promise.all([closing, left, ws.closed]);
}

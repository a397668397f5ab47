/** Clients the server does not let in: what either side is told, and that there is room again. */

import { createWebSocket, createWebSocketServer, type WebSocketServerConfig } from "../../mod.ts";
import { listen, next, say, watchClient, watchServer } from "../helpers/event_log.ts";

type Config = Partial<WebSocketServerConfig>;

const cases: Record<string, { config: Config; header?: object; clients?: number }> = {
  "authorize answers 401": { config: { authorize: () => new Response("no", { status: 401 }) } },
  "authorize answers 403 later": {
    config: { authorize: () => Promise.resolve(new Response(null, { status: 403 })) },
  },
  "authorize answers 200": { config: { authorize: () => new Response("hello") } },
  "authorize throws": {
    config: {
      authorize() {
        throw new Error("no database");
      },
    },
  },
  "authorize rejects": { config: { authorize: () => Promise.reject(new Error("no database")) } },
  "authorize answers nonsense": { config: { authorize: () => "yes" as unknown as true } },
  "the origin is another": { config: {}, header: { Origin: "http://example.com" } },
  "the origin is not in the list": {
    config: { allowedOrigins: ["http://a.example"] },
    header: { Origin: "http://b.example" },
  },
  "the subprotocol is not offered": { config: { protocol: "chat" } },
  "too many connections of one client": {
    config: { maxConnectionsForOneClient: 2 },
    clients: 3,
  },
};

for (const [what, { config, header = {}, clients = 1 }] of Object.entries(cases)) {
  say(`-- ${what}`);
  const server = watchServer(createWebSocketServer());
  const url = await listen(server, config);
  const all = [];
  for (let i = 0; i < clients; i++) {
    const ws = watchClient(createWebSocket(), `client ${i}`);
    all.push(ws);
    const connected = next(server, "connect");
    await ws.connect(url, { header });
    await ws.opened.then(() => connected, (error) => say(`client ${i} not opened:`, error.data));
    say(`client ${i}:`, ws.state, server.listAllConnections().length);
  }
  if (clients > 1) {
    const left = next(server, "close");
    await all[0]!.close();
    await all[0]!.closed;
    await left;
    await all[0]!.connect(url);
    say("there is room again:", await all[0]!.opened);
  }
  for (const ws of all) {
    const left = next(server, "close");
    if (ws.state === "open") await Promise.all([ws.close(), ws.closed, left]);
  }
  await server.stop();
}

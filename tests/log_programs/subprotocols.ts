/** Subprotocols: offered, chosen, and not. */

import { createWebSocket, createWebSocketServer } from "../../mod.ts";
import { listen, next, say, sayAnswer, watchClient, watchServer } from "../helpers/event_log.ts";

const offers: object[] = [
  {},
  { protocol: "" },
  { protocol: "chat" },
  { protocol: "chat, superchat" },
  { protocol: "superchat,chat" },
  { protocol: "other" },
  { protocol: "Chat" },
  { header: { "Sec-WebSocket-Protocol": "chat" } },
  { protocol: "chat", header: { "sec-websocket-protocol": "chat" } },
  { protocol: "chat", header: { "sec-websocket-protocol": "superchat" } },
  { protocol: "chat,chat" },
  { protocol: "no token" },
  { protocol: 5 },
];

for (const protocol of [undefined, "chat"]) {
  const server = watchServer(createWebSocketServer());
  const url = await listen(server, protocol === undefined ? {} : { protocol });
  for (const options of offers) {
    say(`-- the server speaks ${protocol}, the client offers`, options);
    const ws = watchClient(createWebSocket());
    const connected = next(server, "connect");
    await sayAnswer("connect", ws.connect(url, options));
    if (ws.state === "idle") continue;
    const open = await ws.opened.catch(() => undefined);
    if (open === undefined) continue;
    await connected;
    say("protocol:", ws.protocol);
    const left = next(server, "close");
    await ws.close();
    say("protocol while closing:", ws.protocol);
    await Promise.all([ws.closed, left]);
  }
  await server.stop();
}

/** IPv6, and a server on all addresses: how clients are named there. */

import { createWebSocket, createWebSocketServer } from "../../mod.ts";
import { listen, next, say, watchClient, watchServer } from "../helpers/event_log.ts";

const server = watchServer(createWebSocketServer());
server.on("connect", (connection) => say("it is", connection, String(connection)));
const ws = watchClient(createWebSocket());

async function visit(url: string) {
  say(`-- ${url.replace(/\d+\/$/, "")}`);
  const connected = next(server, "connect");
  await ws.connect(url);
  await Promise.all([connected, ws.opened]);
  const [connection] = server.listAllConnections();
  const copy = { clientIP: connection!.clientIP, clientPort: connection!.clientPort };
  const received = next(ws, "dataEnd");
  await server.send("to a copy", copy);
  await received;
  const left = next(server, "close");
  await server.close(copy, { code: 3000, reason: "enough" });
  await Promise.all([left, ws.closed]);
}

await visit(await listen(server, { serverIP: "::1" }));
say("address:", server.address);
say("stop:", await server.stop());

const all = createWebSocketServer();
await server.start({ serverPort: 0 });
const { port } = server.address!;
await visit(`ws://127.0.0.1:${port}/`);
await visit(`ws://[::1]:${port}/`);
const taken = await all.start({ serverPort: port }).catch(({ code }) => code);
say("taken:", taken);
say("stop:", await server.stop());

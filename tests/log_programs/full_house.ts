/** Limits: 503 for one client too many, 429 for one connection too many, and who leaves makes room. */

import { createWebSocketServer } from "../../mod.ts";
import { listen, next, say, watchServer } from "../helpers/event_log.ts";
import { header, rawHandshake, type RawPeer } from "../peers/raw.ts";

const server = watchServer(createWebSocketServer());
const limits = { maxConcurrentClientsNumber: 2, maxConnectionsForOneClient: 2 };
const port = Number(new URL(await listen(server, limits)).port);

const inside: RawPeer[] = [];

async function knock(from: string) {
  const told = Promise.race([next(server, "connect"), next(server, "error")]);
  const { status, peer } = await rawHandshake(port, { from });
  await told;
  const connections = server.listAllConnections().length;
  say(`a client from ${from}:`, status, header(peer.head, "retry-after"), connections);
  if (status === 101) inside.push(peer);
  else peer.socket.destroy();
}

async function leave(how: (peer: RawPeer) => void) {
  const peer = inside.shift()!;
  const left = next(server, "close");
  how(peer);
  await left;
  await peer.ended;
  peer.socket.destroy();
}

await knock("127.0.0.1");
await knock("127.0.0.1");
await knock("127.0.0.1");
await knock("127.0.0.2");
await knock("127.0.0.3");
await leave((peer) => peer.close(1000, "bye"));
await knock("127.0.0.3");
await knock("127.0.0.1");
await leave((peer) => peer.reset());
await leave((peer) => peer.end());
await knock("127.0.0.3");
say("stop:", await server.stop());
await Promise.all(inside.map((peer) => peer.ended));
for (const { socket } of inside) socket.destroy();

/**
 * A server that has room for three connections, and fifty clients that reset theirs right after they
 * have asked for an upgrade. Prints whether there is room again, and exits: what Deno 2.9.6 still
 * waits for would keep it.
 */

import process from "node:process";
import { createWebSocketServer } from "../../mod.ts";
import { openTcp, rawHandshake, requestHead } from "../peers/raw.ts";

const server = createWebSocketServer();
await server.start({ serverPort: 0, serverIP: "127.0.0.1", maxConnectionsForOneClient: 3 });
const { port } = server.address!;
for (let i = 0; i < 50; i++) {
  const socket = await openTcp(port);
  await new Promise<void>((resolve) => socket.write(requestHead(port), () => resolve()));
  socket.resetAndDestroy();
}
const until = performance.now() + 10_000;
let status = 0;
while (status !== 101 && performance.now() < until) {
  await new Promise((resolve) => setTimeout(resolve, 100));
  const { status: now, peer } = await rawHandshake(port);
  status = now;
  peer.reset();
}
console.log(`let in: ${status === 101 ? "yes" : "no"}`);
process.exit(0);

/**
 * A server to attack: it echoes, and answers requests for `/counts` with what it has seen, and for
 * `/stats` with how much memory it takes as well, after a collection of garbage. Asked for `/stop` it stops, prints that, and
 * must end by itself.
 */

import process from "node:process";
import { createWebSocketServer } from "../../mod.ts";

const counts = { connects: 0, messages: 0, errors: 0, closes: 0 };
const codes: Record<number, number> = {};
const server = createWebSocketServer();

server.on("connect", () => void counts.connects++);
server.on("messageReceive", ({ clientConnection, data }) => {
  counts.messages++;
  server.send(data, clientConnection).catch(() => {});
});
server.on("error", () => void counts.errors++);
server.on("close", (_, { code }) => {
  counts.closes++;
  codes[code] = (codes[code] ?? 0) + 1;
});

function seen(): object {
  return { ...counts, codes, open: server.listAllConnections().length };
}

function stats(): object {
  const { ["Bun"]: bun, gc } = globalThis as { ["Bun"]?: { gc(now: boolean): void }; gc?(): void };
  if (bun === undefined) gc?.();
  else bun.gc(true);
  const { rss, heapUsed } = process.memoryUsage();
  return { ...seen(), rss, heapUsed };
}

async function stop(): Promise<void> {
  const began = performance.now();
  await server.stop();
  const ms = performance.now() - began;
  console.log(JSON.stringify({ ms, left: server.listAllConnections().length, ...counts, codes }));
}

await server.start({
  serverPort: 0,
  serverIP: "127.0.0.1",
  // Fewer than come in all: whoever leaves must make room.
  maxConcurrentClientsNumber: 1,
  maxConnectionsForOneClient: 1000,
  fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/stop") setTimeout(stop, 10);
    return Response.json(pathname === "/counts" ? seen() : stats());
  },
});
console.log("port", server.address!.port);

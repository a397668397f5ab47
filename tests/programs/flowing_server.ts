/**
 * A server that echoes, and sends many pieces with `drained` to whoever asks: "go MIB fresh" for an
 * array of its own each, "go MIB reused" for one that is filled again and again. When all is queued
 * and taken, it prints by how many MiB the process has grown at the most meanwhile, and how many of
 * the arrays are left when what nobody holds has been collected; then it sends "end". It prints "too slow"
 * as soon as more than a MiB is queued.
 * `--v8-flags=--expose-gc` must be given on Deno.
 */

import process from "node:process";
import { createWebSocketServer, type WebSocketConnection } from "../../mod.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const { gc, Bun } = globalThis as unknown as {
  gc?: () => void;
  Bun?: { gc(sync: boolean): void };
};

const resident = () => process.memoryUsage().rss;

async function flow(to: WebSocketConnection, mibs: number, isFresh: boolean): Promise<void> {
  let piece = new Uint8Array(64 * KIB);
  const arrays: WeakRef<Uint8Array>[] = [];
  const before = resident();
  let most = before;
  let isTooSlow = false;
  for (let sent = 0; sent < mibs * MIB; sent += piece.length) {
    if (isFresh) {
      piece = new Uint8Array(64 * KIB);
      arrays.push(new WeakRef(piece));
    }
    piece.fill(sent / piece.length);
    await server.send(piece, to);
    if (!isTooSlow && server.bufferedAmount(to) > MIB) {
      isTooSlow = true;
      console.log("too slow");
    }
    if (!await server.drained(to, MIB)) throw new Error("the reader has left");
    if (sent % MIB === 0) most = Math.max(most, resident());
  }
  await server.drained(to);
  piece = new Uint8Array(64 * KIB);
  const grown = (Math.max(most, resident()) - before) / MIB;
  let left = arrays.length;
  for (let turn = 0; turn < 20 && left > 2; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    if (Bun === undefined) gc!();
    else Bun.gc(true);
    left = arrays.filter((array) => array.deref() !== undefined).length;
  }
  console.log(`grown ${grown.toFixed(1)} left ${left}`);
  await server.send("end", to);
}

const server = createWebSocketServer();
server.on("messageReceive", ({ clientConnection, data }) => {
  const [, mibs, how] = /^go (\d+) (fresh|reused)$/.exec(String(data)) ?? [];
  if (mibs === undefined) void server.send(data, clientConnection);
  else void flow(clientConnection, Number(mibs), how === "fresh");
});
server.on("error", (error) => console.log(error.message));
await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
console.log(`port ${server.address!.port}`);

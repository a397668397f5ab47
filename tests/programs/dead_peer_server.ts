/**
 * A server whose client dies: `dead_peer_server.ts {load} {end}`.
 *
 * `load` is what it sends: "nothing", "often" (every 10 ms), "much" or "many"
 * (64 MiB at once, in messages of 4 MiB or of 16 KiB). `end` is how
 * it ends: "heartbeat", "close" (a `close(connection)` 100 ms after 'connect') or "stop". Prints its
 * port, each event as it comes, and "ending" when it ends it, each with its time. Ends by itself after the 'close': that is part of the test.
 */

import process from "node:process";
import { createWebSocketServer } from "../../server.ts";

const MIB = 1024 * 1024;

/** Says what happens, and when, on this program's own clock. */
const say = (...words: unknown[]) => console.log(...words, `@${performance.now()}`);

const [load, end] = process.argv.slice(2);
const server = createWebSocketServer();
let timer: ReturnType<typeof setInterval> | undefined;

async function stop(): Promise<void> {
  say("stopped", await server.stop());
}

server.on("connect", (connection) => {
  say("connect");
  if (load === "often") {
    timer = setInterval(() => server.send("tick", connection).catch(() => {}), 10);
  }
  const bytes = new Uint8Array(load === "much" ? 4 * MIB : 16 * 1024);
  const total = load === "much" || load === "many" ? 64 * MIB : 0;
  for (let sent = 0; sent < total; sent += bytes.length) void server.send(bytes, connection);
  const options = { code: 4001, reason: "enough" };
  if (end === "heartbeat") return;
  setTimeout(() => {
    say("ending");
    void (end === "stop" ? stop() : server.close(connection, options));
  }, 100);
});
server.on("error", (error) => say("error", error.code, JSON.stringify(error.data)));
server.on("close", (_, result) => {
  clearInterval(timer);
  say("close", JSON.stringify(result));
  if (end !== "stop") void stop();
});
await server.start({
  serverPort: 0,
  serverIP: "127.0.0.1",
  pingInterval: 1,
  pongTimeout: 0.5,
  maxBufferedAmount: 1e9, // it is the heartbeat that is to notice, not the queue
});
console.log("port", server.address!.port);

/**
 * A client whose server dies: `dead_peer_client.ts PORT {load} {end}`.
 *
 * `load` is what it sends: "nothing", "often" (every 10 ms), "much" or "many"
 * (64 MiB at once, in messages of 4 MiB or of 16 KiB). `end` is how
 * it ends: "heartbeat" or "close", a `close()` 100 ms after 'open'. Prints each event as it comes, with
 * its time, and "ending" when it ends it.
 * Ends by itself: that is part of the test.
 */

import process from "node:process";
import { createWebSocket } from "../../client.ts";

const MIB = 1024 * 1024;

/** Says what happens, and when, on this program's own clock. */
const say = (...words: unknown[]) => console.log(...words, `@${performance.now()}`);

const [port, load, end] = process.argv.slice(2);
const ws = createWebSocket();
let timer: ReturnType<typeof setInterval> | undefined;
ws.on("open", () => {
  say("open");
  if (load === "often") timer = setInterval(() => ws.send("tick", () => {}), 10);
  const bytes = new Uint8Array(load === "much" ? 4 * MIB : 16 * 1024);
  const total = load === "much" || load === "many" ? 64 * MIB : 0;
  for (let sent = 0; sent < total; sent += bytes.length) void ws.send(bytes);
  if (end === "close") {
    setTimeout(() => {
      say("ending");
      void ws.close({ code: 4001, reason: "enough" });
    }, 100);
  }
});
ws.on("error", (error) => say("error", error.code, JSON.stringify(error.data)));
ws.on("close", (error, result) => {
  clearInterval(timer);
  say("close", String(error), JSON.stringify(result));
});
await ws.connect(`ws://127.0.0.1:${port}/`, { pingInterval: 1, pongTimeout: 0.5 });

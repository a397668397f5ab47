/** Connects twenty times through the environment's proxy, which fails each time; prints "done" then. */

import { createWebSocket } from "../../mod.ts";

// Mostly busy, it finds a connection that was reset before it could be used.
const busy = setInterval(() => {
  for (const end = performance.now() + 10; performance.now() < end;);
}, 1);
for (let i = 0; i < 20; i++) {
  const ws = createWebSocket();
  const failed = new Promise<unknown>((resolve) => ws.on("error", resolve));
  await ws.connect("ws://127.0.0.1:9/");
  await failed;
}
clearInterval(busy);
console.log("done");

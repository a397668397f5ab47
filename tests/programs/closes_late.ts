/**
 * Closes WebSockets just as their server's answer is there; prints "done" when all are over.
 *
 *     closes_late.ts bare|client PORT    the runtime's own, or the module's clients
 *
 * Those that are dialled together are answered together. The first that is open closes all: the others are still
 * connecting then, though their answers have come.
 */

import process from "node:process";
import { createWebSocket } from "../../mod.ts";
import { dial } from "../runtime/bare.ts";

const [what, port] = process.argv.slice(2);
const url = `ws://127.0.0.1:${port}/`;

/** How many are dialled together, and how often. */
const TOGETHER = 4;
const ROUNDS = 20;

/** One that is under way. */
interface Under {
  close(): void;
  over: Promise<unknown>;
}

/** @param opened Called as it opens: a turn later the others would be open, too. */
function bare(opened: () => void): Under {
  const { ws, over } = dial(url);
  ws.addEventListener("open", opened);
  return { close: () => ws.close(), over };
}

function client(opened: () => void): Under {
  const ws = createWebSocket();
  ws.on("open", opened);
  const over = new Promise<unknown>((resolve) => {
    ws.on("close", resolve);
    ws.on("error", resolve);
  });
  void ws.connect(url);
  return { close: () => void ws.close().catch(() => {}), over };
}

// Mostly busy, it finds all that has come meanwhile in one turn.
const busy = setInterval(() => {
  for (const end = performance.now() + 20; performance.now() < end;);
}, 1);
for (let round = 0; round < ROUNDS; round++) {
  const opened = () => all.forEach((one) => one.close());
  const all = Array.from({ length: TOGETHER }, () => (what === "bare" ? bare : client)(opened));
  await Promise.all(all.map(({ over }) => over));
}
clearInterval(busy);
console.log("done");

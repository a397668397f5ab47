// @ts-check
/**
 * What all servers of the benchmark share. Each is started as `<kind>.mjs MODE`, prints its port as
 * JSON, answers "gc" on stdin once it has collected garbage, and ends with its stdin.
 */
import process from "node:process";
import { createInterface } from "node:readline";

/** The runtimes' globals, where they are there. */
export const { Bun, Deno, gc } = /** @type {any} */ (globalThis);

/** @type {"deno" | "bun" | "node"} */
export const runtime = Deno ? "deno" : Bun ? "bun" : "node";

/** What a message leads to: "echo", "fan" (to each, one by one) or "publish" (natively). */
export const [mode = "echo"] = process.argv.slice(2);

/** The same for every contender, in bytes. */
export const MAX_PAYLOAD = 5_242_864;
export const MAX_BUFFERED = 16 * 1024 * 1024;

/** Seconds between two Pings; 0 for no heartbeat, which this module cannot do. */
export const PING_SECONDS = Number(process.env["BENCH_PING"] ?? 30);

/**
 * How binary data is to come: as "arraybuffer" or "uint8array", or as the contender has it by default. That
 * is a Buffer on Bun; a Blob on Deno, where all take an ArrayBuffer instead.
 */
export const BINARY = process.env["BENCH_BINARY"] || (Deno ? "arraybuffer" : undefined);

/** @param {number} port */
export function ready(port) {
  console.log(JSON.stringify({ port }));
  const lines = createInterface({ input: process.stdin });
  lines.on("line", (line) => {
    if (line !== "gc") return;
    if (Bun) Bun.gc(true);
    else gc();
    const { heapUsed: heap } = process.memoryUsage();
    console.log(JSON.stringify({ collected: true, heap }));
  });
  lines.on("close", () => process.exit(0));
}

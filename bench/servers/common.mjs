// @ts-check
/**
 * What all servers of the benchmark share. Each is started as `<kind>.mjs MODE`, prints its port as
 * JSON, and ends with its stdin. There "gc" is answered once garbage is collected, "watch" and "watched"
 * with what its timers have taken, and, where the program can start another server, "other" with that
 * one's port, and "stop MS" so much later when it has stopped.
 */
import process from "node:process";
import { createInterface } from "node:readline";
import { watch, watched, watchTimers } from "./watch.mjs";

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

if (mode === "beat") watchTimers();

/**
 * Says that it is ready, and does what it is told.
 *
 * @param {number} port
 * @param {() => Promise<Other>} [startOther] Starts another server.
 */
export function ready(port, startOther) {
  console.log(JSON.stringify({ port }));
  /** @type {Other | undefined} */
  let other;
  /** @type {Record<string, (ms: number) => object | Promise<object>>} */
  const commands = {
    gc() {
      if (Bun) Bun.gc(true);
      else gc();
      const { heapUsed: heap } = process.memoryUsage();
      return { collected: true, heap };
    },
    async other() {
      other = await startOther?.();
      return { port: other?.port };
    },
    async stop(ms) {
      await new Promise((resolve) => setTimeout(resolve, ms));
      await other?.stop();
      return { stopped: true };
    },
    watch() {
      watch();
      return { watching: true };
    },
    watched,
  };
  const lines = createInterface({ input: process.stdin });
  lines.on("line", async (line) => {
    const [name = "", ms] = line.split(" ");
    console.log(JSON.stringify(await commands[name]?.(Number(ms))));
  });
  lines.on("close", () => process.exit(0));
}

/** @typedef {{ port: number, stop: () => Promise<unknown> }} Other A server that can be stopped. */

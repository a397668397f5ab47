/** How much memory this process holds, whatever its collector has left for later. */

import process from "node:process";
import v8 from "node:v8";
import vm from "node:vm";

/** Collects all that nobody holds any more. V8 has it only where it is asked for. */
export const collect: () => void = (() => {
  const { ["Bun"]: bun } = globalThis as { ["Bun"]?: { gc(now: boolean): void } };
  if (bun !== undefined) return () => bun.gc(true);
  v8.setFlagsFromString("--expose-gc");
  return vm.runInNewContext("gc");
})();

/** The resident memory after a full collection, in bytes: other tests of the process may have left much to collect. */
export function memoryHeld(): number {
  collect();
  return process.memoryUsage().rss;
}

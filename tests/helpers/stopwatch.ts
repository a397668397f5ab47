/** Real time, as far as this machine gave it to us: a promise in ms is not broken by who else wants its cores. */

import { readFileSync } from "node:fs";

/** Under load something may take so many times as long as it may otherwise. */
const MOST = 4;

/** What tells that somebody waited for a core, and in how many of its units a millisecond has. */
const WAITS: [file: string, total: RegExp, perMs: number][] = [
  // Other processes of this machine had it: microseconds.
  ["/proc/pressure/cpu", /^some .*total=(\d+)$/m, 1000],
  // Other machines of the same host had it ("steal"): hundredths of a second.
  ["/proc/stat", /^cpu +(?:\d+ ){7}(\d+)/m, 0.1],
];

/**
 * For how long somebody has waited for a core of this machine so far, in ms: Linux counts it. 0 where
 * the system does not tell.
 */
export function shortOfCores(): number {
  return WAITS.reduce((sum, [file, total, perMs]) => {
    try {
      return sum + Number(total.exec(readFileSync(file, "utf8"))?.[1] ?? 0) / perMs;
    } catch {
      return sum;
    }
  }, 0);
}

/** Has this process stand still for so many ms, as where a machine sleeps or a program computes. */
export function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/**
 * Asserts that something took less time than it may: in full where nobody waited for a core meanwhile, and
 * up to four times as long where somebody did.
 *
 * @param ms How long it took.
 * @param limit How long it may take, in ms.
 * @param short For how long somebody waited for a core meanwhile, in ms.
 * @param what What it is.
 */
export function assertInTime(ms: number, limit: number, short: number, what = ""): void {
  const most = under(limit, short);
  if (ms < most) return;
  throw new Error(`${what} took ${ms} ms, may take ${limit}, under this load ${most}`);
}

/** A limit where somebody waited for a core for so long. */
function under(limit: number, short: number): number {
  return limit + Math.min(short, limit * (MOST - 1));
}

/** Takes the time from when it was made. */
export class Stopwatch {
  readonly #began = performance.now();
  readonly #short = shortOfCores();

  /** Milliseconds since then. */
  get ms(): number {
    return performance.now() - this.#began;
  }

  /** For how long somebody has waited for a core since then, in ms. */
  get short(): number {
    return shortOfCores() - this.#short;
  }

  /** Whether less time has passed: see `assertInTime`. */
  isLess(limit: number): boolean {
    return this.ms < under(limit, this.short);
  }

  /** Asserts that less time has passed: see `assertInTime`. */
  assertLess(limit: number, what?: string): void {
    assertInTime(this.ms, limit, this.short, what);
  }
}

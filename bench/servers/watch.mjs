// @ts-check
/**
 * How long the functions of a program's own timers take, and how far apart those of a timer of 1 ms are:
 * for mode "beat". It must be there before what is watched, as it takes the place of `setTimeout`.
 */
import process from "node:process";

/** How far apart they are meant to be, in ms. */
const GAP_MS = 1;

/** A function that is called so soon after another one, in ms, is called in the same turn: one beat. */
const SAME_TURN_MS = 0.02;

/** What took how long, in ms: as the clock has it, and as CPU time of all threads. */
class Times {
  /** @type {number[]} */
  wall = [];
  /** @type {number[]} */
  cpu = [];

  /** @param {Moment} from @param {Moment} to @param {boolean} goesOn Whether it is more of the last one. */
  add(from, to, goesOn = false) {
    const at = goesOn && this.wall.length > 0 ? this.wall.length - 1 : this.wall.length;
    this.wall[at] = (this.wall[at] ?? 0) + to.wall - from.wall;
    this.cpu[at] = (this.cpu[at] ?? 0) + to.cpu - from.cpu;
  }
}

/** @typedef {{ wall: number, cpu: number }} Moment */

let beats = new Times();
let gaps = new Times();
/** @type {ReturnType<typeof setInterval> | undefined} */
let interval;

const { setTimeout: own } = globalThis;

/** @returns {Moment} */
function now() {
  const { user, system } = process.cpuUsage();
  return { wall: performance.now(), cpu: (user + system) / 1000 };
}

/** Has each function that a timer calls be timed while somebody watches. */
export function watchTimers() {
  let end = -Infinity;
  /** @param {() => void} task @param {number} ms */
  const timed = (task, ms) =>
    own(() => {
      if (interval === undefined) return task();
      const from = now();
      task();
      const to = now();
      beats.add(from, to, from.wall - end < SAME_TURN_MS);
      end = to.wall;
    }, ms);
  globalThis.setTimeout = /** @type {typeof setTimeout} */ (/** @type {unknown} */ (timed));
}

/** Begins. */
export function watch() {
  beats = new Times();
  gaps = new Times();
  let last = now();
  interval = setInterval(() => {
    const next = now();
    gaps.add(last, next);
    last = next;
  }, GAP_MS);
}

/** Ends, and says what was seen, in ms. */
export function watched() {
  clearInterval(interval);
  interval = undefined;
  return {
    beats: beats.wall.length,
    p50: part(beats.wall, 0.5),
    p999: part(beats.wall, 0.999),
    max: part(beats.wall, 1),
    cpuP99: part(beats.cpu, 0.99),
    cpuP999: part(beats.cpu, 0.999),
    cpuMax: part(beats.cpu, 1),
    gapP999: part(gaps.wall, 0.999),
    gapMax: part(gaps.wall, 1),
    gapCpuP999: part(gaps.cpu, 0.999),
  };
}

/** @param {number[]} values @param {number} share */
function part(values, share) {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}

// @ts-check
/** Which files run next, and where: several runners share what is to be run, those that take long first. */
import { guessedSeconds } from "./files.mjs";

/**
 * How long each file took the last time, in seconds, by its path.
 *
 * @typedef {Record<string, number>} Times
 */

/** A runner is not started for less than so many seconds of work: it takes some to start. */
const LEAST_SECONDS = 10;

/** Files that run under one runner, and how far they have come. */
export class Suite {
  /** @type {Times} how long each file took this time */
  times = {};
  /** Cases that have passed, and that have not, so far. */
  passed = 0;
  failed = 0;
  /** @type {Set<string>} those that have not begun */
  #waiting;
  /** @type {string[]} those that no runner has been given, which take longest first */
  #left;
  #before;
  #whole;
  #kind;

  /**
   * @param {string} name The runner's.
   * @param {string[]} files
   * @param {Times} before How long each took the last time, as far as that is known.
   * @param {boolean} whole Whether one runner runs them all.
   * @param {(file: string) => unknown} kind Files of different kinds do not share a runner.
   */
  constructor(name, files, before, whole = false, kind = () => undefined) {
    this.name = name;
    this.#whole = whole;
    this.#kind = kind;
    this.total = files.length;
    this.#before = before;
    this.#waiting = new Set(files);
    this.#left = files.toSorted((a, b) => this.#expected(b) - this.#expected(a));
  }

  /** How many files have begun. */
  get begun() {
    return this.total - this.#waiting.size;
  }

  /** How long the files that have not begun will take, one after the other, in seconds. */
  get secondsWaiting() {
    return this.#sum(this.#waiting);
  }

  /** How long the files take that no runner has been given. */
  get secondsLeft() {
    return this.#sum(this.#left);
  }

  /**
   * Gives the next files to a runner: those that take longest, for about so many seconds, and all of one kind.
   *
   * @param {number} seconds
   */
  take(seconds) {
    const [first] = this.#left;
    if (first === undefined) return [];
    const kind = this.#kind(first);
    /** @type {string[]} */
    const taken = [];
    let sum = 0;
    for (const file of this.#left) {
      if (!this.#whole && sum >= seconds) break;
      if (this.#kind(file) !== kind) continue;
      taken.push(file);
      sum += this.#expected(file);
    }
    this.#left = this.#left.filter((file) => !taken.includes(file));
    return taken;
  }

  /** A file has begun. @param {string} file */
  begin(file) {
    this.#waiting.delete(file);
  }

  /** @param {string} file */
  #expected(file) {
    return this.#before[file] ?? guessedSeconds(file);
  }

  /** @param {Iterable<string>} files */
  #sum(files) {
    let seconds = 0;
    for (const file of files) seconds += this.#expected(file);
    return seconds;
  }
}

/**
 * Runs suites by so many runners at a time. Who is free takes a part of what is left: of the first suite
 * that has most, and smaller parts towards the end, so that all end at about the same time.
 *
 * @template {Suite} T
 * @param {T[]} suites
 * @param {number} runners
 * @param {(suite: T, files: string[]) => Promise<unknown>} run
 */
export async function runAll(suites, runners, run) {
  const work = async () => {
    for (;;) {
      const left = suites.reduce((sum, suite) => sum + suite.secondsLeft, 0);
      const [suite] = suites.toSorted((a, b) => b.secondsLeft - a.secondsLeft);
      const files = suite?.take(Math.max(LEAST_SECONDS, left / (2 * runners))) ?? [];
      if (suite === undefined || files.length === 0) return;
      await run(suite, files);
    }
  };
  await Promise.all(Array.from({ length: runners }, work));
}

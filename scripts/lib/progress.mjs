// @ts-check
/** How far a run of the tests has come: read from what its runner prints, as it prints it. */
import { stripVTControlCharacters } from "node:util";

/**
 * How long each file took the last time, in seconds, by its path.
 *
 * @typedef {Record<string, number>} Times
 */

/** Follows one run; says a line for each file that is done. */
export class Progress {
  /** @type {Times} how long each file took this time */
  times = {};
  /** Cases that have passed, and that have not, so far. */
  passed = 0;
  failed = 0;
  #name;
  #before;
  #say;
  #now;
  /** @type {Set<string>} the files that are not begun yet */
  #waiting;
  #total;
  /** @type {{ file: string, began: number, passed: number, failed: number, lines: string[] } | undefined} */
  #current;
  /** @type {string[]} what is worth showing of the files in which a case failed */
  #faults = [];
  /** @type {string[]} everything after Deno's heading "ERRORS" */
  #errors = [];
  /** @type {string[]} suites of Deno's that are open: their end is told like a case's */
  #suites = [];
  /** @type {Record<string, string>} what is left of a line that is not whole, by stream */
  #rest = {};

  /**
   * @param {string} name The runtime's.
   * @param {string[]} files
   * @param {Times} before How long each took the last time, as far as that is known.
   * @param {(line: string) => void} say
   * @param {() => number} now Milliseconds.
   */
  constructor(name, files, before, say, now = () => performance.now()) {
    this.#name = name;
    this.#waiting = new Set(files);
    this.#total = files.length;
    this.#before = before;
    this.#say = say;
    this.#now = now;
  }

  /**
   * Takes in what the runner has printed.
   *
   * @param {string} text
   * @param {string} stream Which of its streams: lines of two are not mixed up.
   */
  hear(text, stream = "stdout") {
    const lines = ((this.#rest[stream] ?? "") + text).split("\n");
    this.#rest[stream] = lines.pop() ?? "";
    for (const line of lines) this.#line(line.trimEnd());
  }

  /** The run is over. */
  end() {
    for (const rest of Object.values(this.#rest)) if (rest !== "") this.#line(rest);
    this.#done();
  }

  /** What to show of a run that failed: not what passed. */
  faults() {
    return [...this.#faults, ...this.#errors].join("\n");
  }

  /** @param {string} line */
  #line(line) {
    // In some environments, CI among them, runners colour what they say, to a pipe as well.
    const plain = stripVTControlCharacters(line);
    if (this.#errors.length > 0 || plain === " ERRORS ") {
      this.#done();
      this.#errors.push(line);
      return;
    }
    // Deno's, and Bun's, where GitHub folds it.
    const [, ofDeno, ofBun] =
      /^running \d+ tests? from \.\/(.+)$|^(?:::group::)?(\S+_test\.ts):$/.exec(plain) ?? [];
    const file = ofDeno ?? ofBun;
    if (file !== undefined) {
      this.#done();
      this.#current = { file, began: this.#now(), passed: 0, failed: 0, lines: [line] };
      this.#waiting.delete(file);
      return;
    }
    if (this.#current === undefined) return;
    this.#current.lines.push(line);
    const verdict = this.#verdict(plain);
    if (verdict === true) this.#current.passed++;
    if (verdict === false) this.#current.failed++;
  }

  /**
   * Whether a case has passed, where the line is about that.
   *
   * @param {string} line
   * @returns {boolean | undefined}
   */
  #verdict(line) {
    const [, bun] = /^\((pass|fail)\) /.exec(line) ?? [];
    if (bun !== undefined) return bun === "pass";
    // What a case prints stands between its name and its verdict: it is no suite.
    if (line.startsWith("------- output -------")) this.#suites.pop();
    const [, name, deno] = /^(.+) \.\.\.(?: (ok|FAILED)(?: .*)?)?$/.exec(line) ?? [];
    if (name === undefined) return undefined;
    if (deno === undefined) this.#suites.push(name);
    else if (this.#suites.at(-1) === name) this.#suites.pop();
    else return deno === "ok";
    return undefined;
  }

  /** The file that was running is done. */
  #done() {
    const current = this.#current;
    if (current === undefined) return;
    this.#current = undefined;
    this.#suites = [];
    const { file, began, passed, failed, lines } = current;
    const seconds = (this.#now() - began) / 1000;
    this.times[file] = seconds;
    this.passed += passed;
    this.failed += failed;
    const position = `${this.#total - this.#waiting.size}/${this.#total}`;
    const verdict = failed === 0 ? `${passed} passed` : `${passed} passed, ${failed} FAILED`;
    this.#say(
      `${this.#name} ${position}  ${file}: ${verdict} (${seconds.toFixed(1)} s)` +
        `  [${this.passed} passed, ${this.failed} failed${this.#left()}]`,
    );
    if (failed > 0) this.#faults.push(...lines);
  }

  /** How long the files that wait will take, by what they took the last time, or by what others did. */
  #left() {
    if (this.#waiting.size === 0) return "";
    const done = Object.values(this.times);
    const average = done.reduce((sum, seconds) => sum + seconds, 0) / done.length;
    let seconds = 0;
    for (const file of this.#waiting) seconds += this.#before[file] ?? average;
    const minutes = Math.floor(seconds / 60);
    return `, ${minutes > 0 ? `${minutes} min ` : ""}${Math.round(seconds % 60)} s left`;
  }
}

// @ts-check
/** How far a run of the tests has come: read from what its runner prints, as it prints it. */
import { stripVTControlCharacters } from "node:util";

/** Follows one runner; says a line for each file that is done. */
export class Progress {
  #suite;
  #say;
  #left;
  #now;
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
   * @param {import("./queue.mjs").Suite} suite Whose files it runs: others may run some of them, too.
   * @param {(line: string) => void} say
   * @param {() => number} left How many seconds all that waits will take.
   * @param {() => number} now Milliseconds.
   */
  constructor(suite, say, left = () => suite.secondsWaiting, now = () => performance.now()) {
    this.#suite = suite;
    this.#say = say;
    this.#left = left;
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
      this.#suite.begin(file);
      return;
    }
    // Bun tells at the end once more of what has failed.
    if (/^\d+ tests? failed:$/.test(plain)) this.#done();
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
    const suite = this.#suite;
    suite.times[file] = seconds;
    suite.passed += passed;
    suite.failed += failed;
    const verdict = failed === 0 ? `${passed} passed` : `${passed} passed, ${failed} FAILED`;
    this.#say(
      `${suite.name} ${suite.begun}/${suite.total}  ${file}: ${verdict} (${seconds.toFixed(1)} s)` +
        `  [${suite.passed} passed, ${suite.failed} failed${inWords(this.#left())}]`,
    );
    if (failed > 0) this.#faults.push(...lines);
  }
}

/** How long it will take yet, where it will. @param {number} seconds */
function inWords(seconds) {
  if (seconds === 0) return "";
  const minutes = Math.floor(seconds / 60);
  return `, ${minutes > 0 ? `${minutes} min ` : ""}${Math.round(seconds % 60)} s left`;
}

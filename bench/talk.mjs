// @ts-check
/** A child process that is told lines and answers lines of JSON. */
import { spawn } from "node:child_process";
import process from "node:process";
import { createInterface } from "node:readline";

/** How long an answer may take, in ms. */
const PATIENCE_MS = 120_000;

/** @type {Set<Talk>} */
const running = new Set();

export class Talk {
  #name;
  #child;
  /** @type {any[]} */
  #answers = [];
  /** @type {(() => void) | undefined} */
  #arrived;
  #stderr = "";
  #over = false;

  /**
   * @param {string} name For messages.
   * @param {string[]} command
   * @param {Record<string, string>} env Additions to the environment.
   */
  constructor(name, [file = "", ...args], env = {}) {
    this.#name = name;
    this.#child = spawn(file, args, { env: { ...process.env, ...env } });
    running.add(this);
    createInterface({ input: this.#child.stdout }).on("line", (line) => {
      this.#answers.push(parse(line));
      this.#arrived?.();
    });
    this.#child.stderr.setEncoding("utf8").on(
      "data",
      (text) => this.#stderr += text,
    );
    this.#child.stdin.on("error", () => {}); // it has ended: said when it is asked next
    const over = () => {
      this.#over = true;
      running.delete(this);
      this.#arrived?.();
    };
    this.#child.on("error", over).on("exit", over);
  }

  get pid() {
    return this.#child.pid ?? 0;
  }

  /**
   * Says a line and waits for its answer.
   *
   * @param {string} line
   * @returns {Promise<any>}
   */
  ask(line) {
    this.#child.stdin.write(`${line}\n`);
    return this.hear();
  }

  /**
   * Waits for the next line.
   *
   * @returns {Promise<any>}
   */
  async hear() {
    if (this.#answers.length === 0 && !this.#over) {
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, PATIENCE_MS, undefined);
        this.#arrived = () => {
          clearTimeout(timer);
          resolve(undefined);
        };
      });
      this.#arrived = undefined;
    }
    const answer = this.#answers.shift();
    if (answer === undefined || answer.error) {
      throw new Error(
        `${this.#name}: ${answer?.error ?? `no answer\n${this.#stderr.slice(-2000)}`}`,
      );
    }
    return answer;
  }

  /** Ends it: by the end of its stdin, and at once where that is not enough. */
  async end() {
    if (this.#over) return;
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.stdin.end();
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 2000);
    await ended;
    clearTimeout(timer);
  }
}

/** Ends whatever still runs. */
export function endAll() {
  return Promise.all(Array.from(running, (talk) => talk.end()));
}

/** @param {string} line */
function parse(line) {
  try {
    return JSON.parse(line);
  } catch {
    return { error: line };
  }
}

/** Starts programs of `tests/programs` on the runtime that runs the tests. */

import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** Whether the tests run on Deno; they run on Bun otherwise. */
export const onDeno: boolean = "Deno" in globalThis;

/** How a program ended. */
export interface Ended {
  /** `null` where a signal ended it. */
  code: number | null;
  stdout: string;
  stderr: string;
  /** How long it ran, in ms. */
  ms: number;
  /** When it ended, on the test's clock. */
  at: number;
}

/** One line of a program's output, and when it came. */
export interface Line {
  text: string;
  at: number;
}

/** A program that runs. */
export class Program {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  readonly lines: Line[] = [];
  stderr = "";
  #rest = "";
  #over = false;
  #waiting: {
    found: (text: string) => boolean;
    resolve(line: Line): void;
    reject(e: Error): void;
  }[] = [];

  constructor(name: string, args: string[]) {
    const path = fileURLToPath(new URL(`../programs/${name}`, import.meta.url));
    const run = onDeno ? ["run", "-A", "--no-prompt", "--no-check", path] : [path];
    const began = performance.now();
    this.child = spawn(process.execPath, [...run, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, NO_COLOR: "1" },
    });
    this.child.stdout!.setEncoding("utf8").on("data", (text: string) => this.#read(text));
    this.child.stderr!.setEncoding("utf8").on("data", (text: string) => this.stderr += text);
    this.ended = new Promise((resolve) =>
      this.child.once("close", (code) => {
        this.#over = true;
        const at = performance.now();
        for (const { reject } of this.#waiting) reject(this.#dead());
        resolve({
          code,
          stdout: this.lines.map(({ text }) => `${text}\n`).join(""),
          stderr: this.stderr,
          ms: at - began,
          at,
        });
      })
    );
  }

  /** The first line, from now or before, that begins with some text. */
  line(start: string): Promise<Line> {
    const found = (text: string) => text.startsWith(start);
    const there = this.lines.find(({ text }) => found(text));
    if (there !== undefined) return Promise.resolve(there);
    if (this.#over) return Promise.reject(this.#dead());
    return new Promise((resolve, reject) => this.#waiting.push({ found, resolve, reject }));
  }

  /** Stops it for the time being, in the middle of whatever it does. */
  freeze(): void {
    process.kill(this.child.pid!, "SIGSTOP");
  }

  /** Sends it a signal. */
  signal(signal: NodeJS.Signals): void {
    process.kill(this.child.pid!, signal);
  }

  /** Ends it, whatever it does. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#over) this.child.kill("SIGKILL"); // which may be over by now
    await this.ended;
  }

  #dead(): Error {
    return new Error(
      `the program has ended\n${this.lines.map((l) => l.text).join("\n")}\n${this.stderr}`,
    );
  }

  #read(text: string): void {
    const at = performance.now();
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop()!;
    for (const text of lines) {
      const line = { text, at };
      this.lines.push(line);
      this.#waiting = this.#waiting.filter(({ found, resolve }) => {
        if (!found(text)) return true;
        resolve(line);
        return false;
      });
    }
  }
}

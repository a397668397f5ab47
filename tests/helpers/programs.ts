/** Programs in processes of their own, on either runtime, whichever one runs the tests. */

import { type ChildProcess, spawn } from "node:child_process";
import { createServer, type Server } from "node:net";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { peer, runtimes } from "../../scripts/setup.mjs";

// Found, and installed where missing, before any test: what that leaves running is no test's leak.
export const binaries = await runtimes();
const peerCommand = await peer();

/** The root of the repository. */
export const ROOT: string = fileURLToPath(new URL("../..", import.meta.url));

/** The runtimes that must print the same log. */
export const RUNTIMES = ["deno", "bun"] as const;

/** The name of a runtime. */
export type RuntimeName = (typeof RUNTIMES)[number];

/** The runtime that runs this test. */
export const HERE: RuntimeName = "Bun" in globalThis ? "bun" : "deno";

/** Whether the tests run on Deno; they run on Bun otherwise. */
export const onDeno: boolean = HERE === "deno";

/** How a program ended. */
export interface Ended {
  code: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
  /** How long it ran, in ms. */
  ms: number;
  /** When it ended, on the test's clock. */
  at: number;
}

/** One line of a program's output, and when it came, on the test's clock. */
export interface Line {
  text: string;
  at: number;
}

/** How to run a program. */
export interface ProgramOptions {
  /** Arguments of the program. */
  args?: string[];
  /** Flags of the runtime. @default {["-A", "--no-prompt"]} on Deno */
  flags?: string[];
  cwd?: string;
  env?: Record<string, string>;
  /** Whether `write` is to reach its standard input, which is empty otherwise. @default {false} */
  input?: boolean;
}

/** A program that runs longer is killed, in ms: less than the runners give a test, and more than any takes. */
const LIMIT_MS = 150_000;

/** For how long the streams of a program that has ended may stay open, in ms. */
const LINGER_MS = 10_000;

/** A running program. */
export class Program {
  readonly child: ChildProcess;
  /** Resolves when it has ended, one way or another. */
  readonly ended: Promise<Ended>;
  stdout = "";
  stderr = "";
  /** The whole lines of its standard output. */
  readonly lines: Line[] = [];
  readonly #waiting = new Set<() => void>();
  #over = false;

  private constructor(command: string[], options: ProgramOptions) {
    const { cwd = ROOT, env = {}, input = false } = options;
    const started = performance.now();
    const [file = "", ...args] = command;
    const child = this.child = spawn(file, args, {
      cwd,
      env: { ...process.env, NO_COLOR: "1", ...env },
      stdio: [input ? "pipe" : "ignore", "pipe", "pipe"],
    });
    child.stdin?.on("error", () => {}); // it has ended
    const limit = setTimeout(() => this.kill("SIGKILL"), LIMIT_MS);
    let lingering: ReturnType<typeof setTimeout> | undefined;
    let rest = "";
    const take = (stream: "stdout" | "stderr") => (text: string) => {
      this[stream] += text;
      if (stream === "stdout") {
        const at = performance.now();
        const lines = (rest + text).split("\n");
        rest = lines.pop()!;
        this.lines.push(...lines.map((text) => ({ text, at })));
      }
      for (const look of this.#waiting) look();
    };
    child.stdout?.setEncoding("utf8").on("data", take("stdout"));
    child.stderr?.setEncoding("utf8").on("data", take("stderr"));
    this.ended = new Promise((resolve, reject) => {
      child.once("error", reject);
      // What it leaves running may hold its streams open, and has nothing to say.
      child.once("exit", () =>
        lingering = setTimeout(() => {
          child.stdout?.destroy();
          child.stderr?.destroy();
        }, LINGER_MS));
      child.once("close", (code, signal) => {
        clearTimeout(limit);
        clearTimeout(lingering);
        this.#over = true;
        const { stdout, stderr } = this;
        const at = performance.now();
        resolve({ code, signal, stdout, stderr, ms: at - started, at });
        for (const look of this.#waiting) look();
      });
    });
  }

  /** Starts a program on a runtime. */
  static run(runtime: RuntimeName, file: string, options: ProgramOptions = {}): Program {
    const flags = options.flags ?? (runtime === "deno" ? ["-A", "--no-prompt"] : []);
    const run = runtime === "deno" ? ["run", "--quiet"] : [];
    return new Program([binaries[runtime], ...run, ...flags, file, ...options.args ?? []], options);
  }

  /** Starts a program of `tests/programs` on the runtime that runs the test. */
  static here(name: string, args: string[], options: ProgramOptions = {}): Program {
    return Program.run(HERE, `tests/programs/${name}`, { ...options, args });
  }

  /** Type-checks programs of a folder by Deno. Returns what it complains of: `file:line: message`. */
  static async check(files: string[], cwd: string): Promise<string[]> {
    const { code, stderr } = await new Program([binaries.deno, "check", ...files], { cwd }).ended;
    const found = stderr.matchAll(
      /\[ERROR\]: ((?:(?!\[ERROR\]:)[^])*?)\n +at \S+\/(\S+:\d+):\d+$/gm,
    );
    const complaints = Array.from(found, ([, message, place]) => `${place}: ${message}`);
    if (code !== Math.min(complaints.length, 1)) throw new Error(stderr); // it was not checked
    return complaints;
  }

  /** Starts any command. */
  static start(command: string[], options: ProgramOptions = {}): Program {
    return new Program(command, options);
  }

  /** Starts a script with npm's `ws`, on Node, or on Deno where there is no Node; never on Bun. */
  static peer(file: string, args: string[] = [], options: ProgramOptions = {}): Program {
    return new Program([...peerCommand, file, ...args], options);
  }

  /** Starts a script that needs a TLS server which asks for certificates: Deno has none. */
  static tlsPeer(file: string, args: string[]): Program {
    return new Program([binaries.node ?? binaries.bun, file, ...args], {});
  }

  /** The first match in what it has printed or will print; rejects if it ends without. */
  line(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#look(
      () => pattern.exec(this.stdout) ?? pattern.exec(this.stderr) ?? undefined,
      String(pattern),
    );
  }

  /** The first line of its output, from now or before, that begins with some text. */
  lineFrom(start: string): Promise<Line> {
    return this.#look(() => this.lines.find(({ text }) => text.startsWith(start)), `"${start}"`);
  }

  /** What is found in what it has printed or will print; rejects if it ends without. */
  #look<T>(find: () => T | undefined, what: string): Promise<T> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = find();
        if (found === undefined && !this.#over) return;
        this.#waiting.delete(look);
        if (found !== undefined) return resolve(found);
        reject(new Error(`it ended without ${what}:\n${this.stdout}\n${this.stderr}`));
      };
      this.#waiting.add(look);
      look();
    });
  }

  /** Writes to its standard input. */
  write(text: string): void {
    this.child.stdin!.write(text);
  }

  /** Sends it a signal, unless it has ended. Not by `child.kill`: that works once only on Deno. */
  kill(signal: NodeJS.Signals): void {
    if (this.#over || this.child.pid === undefined) return;
    try {
      process.kill(this.child.pid, signal);
    } catch {
      // It has ended, and its streams are still open.
    }
  }

  /** Stops it for the time being, in the middle of whatever it does. */
  freeze(): void {
    this.kill("SIGSTOP");
  }

  /** Ends it, whatever it does. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.kill("SIGKILL");
    await this.ended;
  }
}

/** A log with the ports taken out: those differ from run to run. */
export function withoutPorts(log: string): string {
  return log.replace(/(127\.0\.0\.1:|\[::1\]:|[Pp]ort[: ]+)\d+/g, "$1PORT");
}

/** Listens on a port of all addresses; undefined where somebody does. */
function listenOn(port: number): Promise<Server | undefined> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => resolve(undefined));
    server.listen(port, () => resolve(server));
  });
}

/** The ports that systems give to nobody who did not ask: the others may be taken at any moment. */
const ASKED_FOR = { from: 20_000, to: 32_000 };

/** So many ports are one process's, which listens on the first of them for as long as it lives. */
const BLOCK = 100;

/** Takes a block of ports that no other process of these tests has: else two could be told of one port. */
async function ownBlock(): Promise<number> {
  const { from, to } = ASKED_FOR;
  for (let i = 0; i < 1000; i++) {
    const first = from + BLOCK * Math.floor(Math.random() * (to - from) / BLOCK);
    const held = await listenOn(first);
    if (held === undefined) continue;
    held.unref();
    return first;
  }
  throw new Error(`All ports from ${from} to ${to} are taken.`);
}

// Taken before any test: it is no test's leak.
const block = await ownBlock();
let given = 0;

/** A port that is free now, and that nobody gets who asks for any. */
export async function freePort(): Promise<number> {
  for (let i = 0; i < BLOCK; i++) {
    const port = block + 1 + given++ % (BLOCK - 1);
    const server = await listenOn(port);
    if (server === undefined) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
  throw new Error(`All ports from ${block} on are taken.`);
}

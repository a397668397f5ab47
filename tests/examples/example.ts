/** Runs the examples as they say that they are run: with the flags of their own first comment. */

import { assertEquals } from "@std/assert";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { within } from "../helpers/client.ts";
import { type Ended, HERE, Program, type ProgramOptions, ROOT } from "../helpers/programs.ts";

/** Where the tests write pictures of the examples' pages to; nowhere unless the variable is set. */
export const PICTURES: string | undefined = process.env["NETKIT_PICTURES"]
  ? join(ROOT, "docs/images")
  : undefined;

/** The commands in the first comment of an example: what stands before its path, word by word. */
export function commandsOf(file: string): string[][] {
  const [comment = ""] = /^\/\*\*.*?\*\//s.exec(readFileSync(join(ROOT, file), "utf8")) ?? [];
  const lines = comment.replaceAll(/\\\n \*/g, " ").split("\n");
  return lines.filter((line) => line.includes(` ${file}`)).map((line) =>
    line.slice(2, line.indexOf(` ${file}`)).trim().split(/\s+/)
  );
}

/** The flags that Deno is to be given: the least that it needs. */
export function flagsOf(file: string): string[] {
  const [run] = commandsOf(file).filter(([name]) => name === "deno");
  return [...run!.slice(2), "--no-prompt"];
}

/** Starts an example on the runtime that runs this test. */
export function startExample(file: string, options: ProgramOptions = {}): Program {
  const flags = HERE === "deno" ? flagsOf(file) : [];
  return Program.run(HERE, file, { flags, ...options });
}

/** An example that listens. */
export class ExampleServer implements AsyncDisposable {
  readonly program: Program;
  readonly port: number;

  private constructor(program: Program, port: number) {
    this.program = program;
    this.port = port;
  }

  /** Starts it on a free port. */
  static async start(file: string, options: ProgramOptions = {}): Promise<ExampleServer> {
    const program = startExample(file, { args: ["0"], ...options });
    try {
      const [, port] = await within(program.line(/^Listening on \w+:\/\/127\.0\.0\.1:(\d+)\//m));
      return new ExampleServer(program, Number(port));
    } catch (error) {
      program.kill("SIGKILL");
      await program.ended;
      throw error;
    }
  }

  /** Presses Ctrl-C, and asserts that it ends by itself, in good order. */
  async stop(): Promise<Ended> {
    // Not its own `kill`: on Deno whoever was sent a signal so has ended by it, whatever it did.
    process.kill(this.program.child.pid!, "SIGINT");
    const ended = await within(this.program.ended);
    // Windows knows no signals: there the child is killed.
    if (process.platform !== "win32") assertEquals([ended.code, ended.signal], [0, null]);
    return ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.program.kill("SIGKILL");
    await this.program.ended;
  }
}

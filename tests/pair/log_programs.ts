/** Runs the programs of `tests/log_programs` and compares what they print with what they should. */

import { assert, assertEquals } from "@std/assert";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { HERE, Program, ROOT } from "../helpers/programs.ts";
import { assertInTime, Stopwatch } from "../helpers/stopwatch.ts";

/** How many programs run at a time: some wait, most want a core. */
const AT_A_TIME = 3;

/** How long a program may live on after its last line, in ms. */
const LINGER_MS = 2000;

const FOLDER = "tests/log_programs";

/** The files with an ending in a folder of the programs, without it. */
export function names(folder: string, ending: string): string[] {
  return readdirSync(join(ROOT, FOLDER, folder))
    .filter((file) => file.endsWith(ending))
    .map((file) => file.slice(0, -ending.length));
}

/** The text of a program or of its log. */
export function read(file: string): string {
  return readFileSync(join(ROOT, FOLDER, file), "utf8");
}

/** The ports of this machine's choice, which differ from run to run. */
function withoutPorts(log: string): string {
  return log.replace(
    /((?:127\.0\.0\.\d|\[::1\]):|"(?:client|server)?port":|\b(?:port|on) )([1-9]\d{3,4})\b/gi,
    (all, before, port) => Number(port) > 65535 ? all : `${before}PORT`,
  );
}

/** Deno's word on slow `authorize`s: see `docs/limits.md`. */
const KNOWN_WARNING = /^Deno\.serve: request\.signal aborts on successful responses.*\n/m;

/**
 * What was printed as an error: the errors, their codes and causes, without stacks and excerpts of
 * the source, which each runtime prints in its own way. Anything else as it is.
 */
function errors(stderr: string): string[] {
  const lines = stderr.replace(KNOWN_WARNING, "").trimEnd().split("\n");
  const found = lines.flatMap((line) => {
    const error = /^(?:\s*\[cause\]: )?(\w*error: .*?)(?: \{)?$/i.exec(line)?.[1];
    if (error !== undefined) return error.replace(/^error/, "Error");
    return /^\s+(code: -?\d+)/.exec(line)?.[1] ?? [];
  });
  return found.length > 0 || lines.join("") === "" ? found : lines;
}

/** What a program has printed, and how it ended. */
export interface Printed {
  log: string;
  code: number | null;
  /** How long it lived on after its last line, in ms. */
  lingered: number;
  /** For how long somebody waited for a core meanwhile, in ms. */
  short: number;
}

/** Runs a program, on the runtime that runs this test, to its end. */
export async function run(name: string): Promise<Printed> {
  const watch = new Stopwatch();
  const program = Program.run(HERE, join(FOLDER, `${name}.ts`));
  let last = performance.now();
  program.child.stdout?.on("data", () => last = performance.now());
  const { code, stdout, stderr } = await program.ended;
  const lingered = performance.now() - last;
  const log = stdout + errors(stderr).map((line) => `stderr: ${line}\n`).join("");
  return { log: withoutPorts(log), code, lingered, short: watch.short };
}

/** Runs programs, a few at a time; each settles as soon as it has ended. */
export function runAll(programs: string[]): Map<string, Promise<Printed>> {
  const lanes: Promise<unknown>[] = Array.from({ length: AT_A_TIME }, () => Promise.resolve());
  return new Map(programs.map((name, i) => {
    // Each lane takes every third program: their times differ little enough for that.
    const before = lanes[i % AT_A_TIME]!;
    const printed = before.then(() => run(name));
    lanes[i % AT_A_TIME] = printed.catch(() => {});
    return [name, printed];
  }));
}

/** Asserts that a program has printed its log, and has ended by itself and soon. */
export function assertLog({ log, code, lingered, short }: Printed, expected: string): void {
  assert(log === expected, `The log is not the one that is kept (-):\n${diff(expected, log)}`);
  assertEquals(code, 0, `The program did not end by itself: ${code}`);
  assertInTime(lingered, LINGER_MS, short, "What it lived on");
}

/** The lines that differ, by the longest common subsequence, with the one before each. */
export function diff(expected: string, actual: string): string {
  const [a, b] = [expected.split("\n"), actual.split("\n")];
  const common = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      common[i]![j] = a[i] === b[j]
        ? common[i + 1]![j + 1]! + 1
        : Math.max(common[i + 1]![j]!, common[i]![j + 1]!);
    }
  }
  const lines = [];
  let same: string | undefined;
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      same = `  ${i + 1}: ${a[i]}`;
      i++;
      j++;
      continue;
    }
    if (same !== undefined) lines.push(same);
    same = undefined;
    const gone = j === b.length || (i < a.length && common[i + 1]![j]! >= common[i]![j + 1]!);
    lines.push(gone ? `- ${i + 1}: ${a[i++]}` : `+     ${b[j++]}`);
  }
  return lines.join("\n");
}

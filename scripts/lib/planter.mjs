// @ts-check
/** A copy of the repository in which faults are planted, one at a time, and the tests are run. */
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import process from "node:process";
import { exec, ROOT } from "./exec.mjs";
import { runtimeOf, testsOf } from "./tests_of.mjs";

/** What is not copied: it is large, and nothing is planted in it. */
const LINKED = ["node_modules", "scripts/runtimes"];

/** How long tests may take of which it is not known yet how long they take with no fault, in seconds. */
const AT_FIRST = 240;

/** The name of a test file, as the runners say it before the file's cases: Bun's, then Deno's. */
const BEGINS = /^(tests\/\S+_test\.ts)(?=:$)|^running \d+ tests? from \.\/(tests\/\S+_test\.ts)/gm;

/**
 * What several planters know of the tests: which pass with no fault planted, and how long they take.
 */
export class KnownTests {
  /** @type {Map<string, Promise<boolean>>} whether it passes with no fault, by the runtime and the test */
  #passes = new Map();
  /** @type {Map<string, string[][]>} */
  #stages = new Map();
  /** @type {WeakMap<string[], number>} how long a stage may take, in seconds */
  #limits = new WeakMap();
  #choose;

  /** @param {(file: string) => string[][]} choose The tests of a source file, in stages. */
  constructor(choose = testsOf) {
    this.#choose = choose;
  }

  /** The tests of a source file, in stages. @param {string} file */
  stagesOf(file) {
    const stages = this.#stages.get(file) ?? this.#choose(file).map((stage) => [...stage]);
    this.#stages.set(file, stages);
    return stages;
  }

  /** @param {string[]} stage */
  limitOf(stage) {
    return this.#limits.get(stage) ?? AT_FIRST;
  }

  /**
   * A stage has passed: with what it took, what never ends is known sooner.
   *
   * @param {string[]} stage
   * @param {number} took In seconds.
   */
  passed(stage, took) {
    const before = this.#limits.get(stage) ?? 0;
    this.#limits.set(stage, Math.max(before, Math.min(AT_FIRST, 10 + 5 * took)));
  }

  /**
   * Whether a test that has failed passes with no fault planted: it is run once.
   *
   * @param {string} name The runtime and the test.
   * @param {() => Promise<boolean>} run
   */
  passesAlone(name, run) {
    const known = this.#passes.get(name) ?? run();
    this.#passes.set(name, known);
    return known;
  }
}

/** Plants faults in a copy of its own. */
export class Planter {
  #copy = mkdtempSync(join(tmpdir(), "netkit-mutate-"));
  #runtimes;
  #tests;

  /**
   * @param {{ deno: string, bun: string }} runtimes Their paths.
   * @param {KnownTests} tests
   */
  constructor(runtimes, tests) {
    this.#runtimes = runtimes;
    this.#tests = tests;
    process.on("exit", () => rmSync(this.#copy, { recursive: true, force: true }));
    cpSync(ROOT, this.#copy, {
      recursive: true,
      filter: (path) => {
        const name = relative(ROOT, path);
        return name !== ".git" && !LINKED.includes(name);
      },
    });
    for (const name of LINKED) symlinkSync(join(ROOT, name), join(this.#copy, name));
  }

  /**
   * Plants a fault and runs the tests of the file until one notices it. Returns whether one did, and whether that
   * was as it took too long: what never ends is a fault that is noticed, but a slow machine is none.
   *
   * @param {string} file
   * @param {string} source The text of the file.
   * @param {import("./mutants.mjs").Mutant} mutant
   */
  async plant(file, source, { start, end, is }) {
    const path = join(this.#copy, file);
    const faulty = source.slice(0, start) + is + source.slice(end);
    try {
      for (const stage of this.#tests.stagesOf(file)) {
        const tests = [...stage];
        while (tests.length > 0) {
          writeFileSync(path, faulty);
          const ended = await this.#run(file, tests, this.#tests.limitOf(stage));
          const { last } = ended;
          if (ended.passes) {
            if (tests.length === stage.length) this.#tests.passed(stage, ended.took);
            break;
          }
          if (last === undefined || !leave(tests, last)) {
            return { noticed: true, killed: ended.killed };
          }
          // It has noticed the fault if it fails for it alone, and passes alone without it: among many others in
          // one process a test may fail by chance.
          const isNoticed = ended.killed || !await this.#passes(file, last);
          writeFileSync(path, source);
          const name = `${runtimeOf(file)} ${last}`;
          const isGood = isNoticed &&
            await this.#tests.passesAlone(name, () => this.#passes(file, last));
          if (isNoticed) leave(stage, last);
          if (isGood) {
            stage.unshift(last); // what has noticed one fault notices the next
            return { noticed: true, killed: ended.killed };
          }
          console.log(
            isNoticed
              ? `${last} does not pass with no fault planted, and is left out.`
              : `${last} has failed beside others, and passes alone.`,
          );
        }
      }
      return { noticed: false, killed: false };
    } finally {
      writeFileSync(path, source);
    }
  }

  /** Whether a test passes by itself. @param {string} file @param {string} test */
  async #passes(file, test) {
    return (await this.#run(file, [test], AT_FIRST)).passes;
  }

  /**
   * @param {string} file The source file that the tests are run for.
   * @param {string[]} tests
   * @param {number} seconds
   */
  async #run(file, tests, seconds) {
    const { deno, bun } = this.#runtimes;
    const command = runtimeOf(file) === "bun"
      ? [bun, "test", "--bail=1", "--timeout=60000", ...tests.map((test) => `./${test}`)]
      : [
        ...[deno, "test", "-A", "--no-check", "--quiet", "--fail-fast"],
        ...["--import-map", "tests/std/import_map.json", ...tests],
      ];
    const env = { DENO: deno, BUN: bun, NETKIT_STD: "local", NO_COLOR: "1" };
    const ended = await exec(command, { cwd: this.#copy, env, seconds });
    const last = [...`${ended.stdout}${ended.stderr}`.matchAll(BEGINS)].at(-1);
    return {
      passes: ended.code === 0 && !ended.killed,
      killed: ended.killed,
      took: ended.seconds,
      last: last?.[1] ?? last?.[2],
    };
  }
}

/** Takes a test out of a list. Returns whether it was there. @param {string[]} tests @param {string} test */
function leave(tests, test) {
  const at = tests.indexOf(test);
  if (at >= 0) tests.splice(at, 1);
  return at >= 0;
}

// @ts-check
/**
 * The test command: every test file on Deno and on Bun under their own runners, several at the same time,
 * and the snippets in the documentation on Deno. It says a line for each file that is done, and shows
 * what a runner printed only where a test has failed.
 *
 *     test [--deno | --bun] [--quick] [--verbose] [--runners=5] [file, folder or part of a path]...
 *
 * `--quick` leaves out what takes long, which `tests/README.md` lists, and does not count the branches.
 * `--verbose` shows all that the runners print, as it comes; so does one file or more on one runtime.
 * `--runners` says how many work at a time.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { stripVTControlCharacters } from "node:util";
import { coverage } from "./lib/coverage.mjs";
import { exec, ROOT } from "./lib/exec.mjs";
import { documentedModules, isCounted, isQuick, testFiles } from "./lib/files.mjs";
import { cases } from "./lib/junit.mjs";
import { Progress } from "./lib/progress.mjs";
import { runAll, Suite } from "./lib/queue.mjs";
import { std } from "./lib/std.mjs";
import { packages, peer, runtimes, system, telling, versionOf } from "./setup.mjs";

/** A run that takes longer hangs. */
const LIMIT_SECONDS = 20 * 60;

/** How many runners work at a time unless told otherwise: most tests wait for something, few want a core. */
const RUNNERS = 5;

/** How long each file took the last time, on each runtime: what the time left is told from. */
const TIMES = join(ROOT, "scripts/runtimes/times.json");

/**
 * @typedef {object} Result
 * @property {string} name
 * @property {number} passed
 * @property {number} skipped
 * @property {string[]} failures
 * @property {number} seconds
 */

/**
 * @typedef {object} Run
 * @property {Suite} suite
 * @property {(files: string[], junit: string) => string[]} command What runs files of it, and reports.
 * @property {Result} result Of all its files that have run.
 */

/** What test files talk to that the system has or has not: those that cannot are left out. */
const NEEDS = /** @type {const} */ ([
  [/\/redis_\w*test\.ts$/, "redis-server"],
  [/\/nats_\w*test\.ts$/, "nats-server"],
  [/\/valkey_\w*test\.ts$/, "valkey-server"],
]);

const { only, paths, quick, verbose, most } = parse(process.argv.slice(2));
const unknown = paths.filter((path) => testFiles([path]).length === 0);
if (unknown.length > 0) quit(`No test file matches ${unknown.join(" or ")}.`);
const matching = testFiles(paths).filter((file) => !quick || isQuick(file));
if (matching.length === 0) quit(`No test file matches ${paths.join(" or ")}.`);
/** @type {string[]} */
const leftOut = [];
for (const [pattern, name] of NEEDS) {
  const files = matching.filter((file) => pattern.test(file));
  if (files.length > 0 && !await system(name)) leftOut.push(...files);
}
const files = matching.filter((file) => !leftOut.includes(file));
if (files.length === 0) quit(`What is missing is needed by ${leftOut.join(" and ")}.`);

const where = await runtimes();
const { deno, bun } = where;
const peers = await peer();
if (only !== "deno") await packages();
// The tests start the same runtimes without looking for them again.
const env = telling(where);
const denoStd = await std(deno);
console.log(
  `Deno ${versionOf(deno)}, Bun ${versionOf(bun)}; ` +
    `ws, the independent peer, runs on ${peers.length === 1 ? "Node" : "Deno"}.`,
);
console.log(`@std is ${denoStd.what} on Deno, and always tests/std on Bun.`);

/** @type {Record<string, import("./lib/queue.mjs").Times>} */
const times = JSON.parse(read(TIMES) ?? "{}");
const start = performance.now();
const whole = !quick && paths.length === 0;
const reached = mkdtempSync(join(tmpdir(), "netkit-coverage-"));
// Each runner would check the types anew, which takes as long as the tests: `check` has that.
const flags = ["--no-check"];
const counting = [...flags, `--coverage=${reached}`, "--coverage-raw-data-only"];
/** @type {Run[]} */
const all = [
  ...(only === "bun" ? [] : [
    runOf(
      "Deno",
      files,
      (files, junit) => onDeno(whole && files.some(isCounted) ? counting : flags)(files, junit),
      verbose,
      whole ? isCounted : undefined,
    ),
  ]),
  ...(only === "deno" ? [] : [runOf("Bun", files, onBun)]),
  ...(only === "bun" || !whole
    ? []
    : [runOf("Deno, snippets", documentedModules(), onDeno(["--doc"]), true)]),
];
const suites = all.map(({ suite }) => suite);
const runners = verbose ? all.length : most;
await runAll(suites, runners, async (suite, part) => {
  const run = all.find((one) => one.suite === suite);
  if (run !== undefined) await runPart(run, part);
});
const results = all.map(({ result }) => result);
if (whole && only !== "bun") results.push(await branches(reached));
rmSync(reached, { recursive: true, force: true });
if (paths.length === 0) writeFileSync(TIMES, JSON.stringify(times));
report();

/**
 * @param {string} name
 * @param {string[]} files
 * @param {Run["command"]} command
 * @param {boolean} isWhole Whether one runner runs them all.
 * @param {((file: string) => unknown) | undefined} kind Files of different kinds do not share a runner.
 * @returns {Run}
 */
function runOf(name, files, command, isWhole = verbose, kind = undefined) {
  const suite = new Suite(name, files, times[name] ?? {}, isWhole, kind);
  return { suite, command, result: { name, passed: 0, skipped: 0, failures: [], seconds: 0 } };
}

/**
 * @param {string[]} flags
 * @returns {Run["command"]}
 */
function onDeno(flags) {
  return (files, junit) => [
    deno,
    "test",
    "-A",
    "--no-prompt",
    ...denoStd.args,
    ...flags,
    `--junit-path=${junit}`,
    ...files,
  ];
}

/** @type {Run["command"]} */
function onBun(files, junit) {
  return [
    bun,
    "test",
    "--timeout=180000",
    "--reporter=junit",
    `--reporter-outfile=${junit}`,
    // Without the "./" Bun takes a path for a filter.
    ...files.map((file) => `./${file}`),
  ];
}

/**
 * Runs some files of a suite under a runner of their own.
 *
 * @param {Run} run
 * @param {string[]} files
 */
async function runPart({ suite, command, result }, files) {
  const folder = mkdtempSync(join(tmpdir(), "netkit-test-"));
  const junit = join(folder, "junit.xml");
  const say = (/** @type {string} */ line) => {
    if (!verbose) console.log(line);
  };
  const progress = new Progress(suite, say, secondsLeft);
  const ended = await exec(command(files, junit), {
    // What tests leave behind, those that were killed among them, goes with the folder.
    env: { ...env, TMPDIR: folder },
    seconds: LIMIT_SECONDS,
    show: verbose,
    hear: (text, stream) => progress.hear(text, stream),
  });
  progress.end();
  times[suite.name] = { ...times[suite.name], ...suite.times };
  if (!verbose && (ended.code !== 0 || ended.killed)) {
    const last = `${ended.stdout}${ended.stderr}`.split("\n").slice(-100).join("\n");
    console.log(`\n--- ${suite.name}, what failed ---\n${progress.faults() || last}\n`);
  }
  const report = read(junit);
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });

  const found = report === undefined ? [] : cases(report);
  const failed = found.filter((test) => test.failure !== undefined);
  const passed = found.filter((test) => test.failure === undefined && !test.skipped);
  const failures = failed.map(({ file, name, failure }) =>
    [...(file ? [file] : []), name, failure].join(": ")
  );
  if (ended.killed) failures.push(`killed after ${LIMIT_SECONDS / 60} minutes`);
  else if (found.length > 0) failures.push(...silent(files, ended.stdout, found));
  // The runner knows of failures that belong to no test, such as an error between two tests.
  if (failures.length === 0 && ended.code !== 0) failures.push(`exit code ${ended.code}`);
  if (failures.length === 0 && passed.length === 0) failures.push("no test was run");
  result.passed += passed.length;
  result.skipped += found.length - failed.length - passed.length;
  result.failures.push(...failures);
  result.seconds = (performance.now() - start) / 1000;
}

/** How long what has not begun will take. */
function secondsLeft() {
  return suites.reduce((sum, suite) => sum + suite.secondsWaiting, 0) / runners;
}

/**
 * Each file of which every branch was reached counts as a test, and what was not as its failure.
 *
 * @param {string} folder
 * @returns {Promise<Result>}
 */
async function branches(folder) {
  const began = performance.now();
  const { whole, missed } = await coverage(deno, folder);
  const name = "Files of which every branch is reached";
  const seconds = (performance.now() - began) / 1000;
  return { name, passed: whole.length, skipped: 0, failures: missed, seconds };
}

/**
 * The test files in which nothing was run: they failed to load, or register no test. Deno says on
 * standard output which files it runs, Bun in its report.
 *
 * @param {string[]} files
 * @param {string} stdout
 * @param {import("./lib/junit.mjs").Case[]} found
 */
function silent(files, stdout, found) {
  const ran = new Set(found.map((test) => test.file));
  // In some environments, CI among them, Deno colours what it says, to a pipe as well.
  for (
    const [, file] of stripVTControlCharacters(stdout).matchAll(
      /^running [1-9]\d* tests? from \.\/(.+)$/gm,
    )
  ) {
    ran.add(file);
  }
  return files
    .filter((file) => file.endsWith("_test.ts") && !ran.has(file))
    .map((file) => `${file}: no test in it was run`);
}

/** @param {string} path */
function read(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined; // The runner wrote no report.
  }
}

function report() {
  console.log();
  for (const { name, failures } of results) {
    for (const failure of failures) {
      console.log(`FAILED on ${name}: ${failure.replaceAll("\n", "\n    ")}`);
    }
  }
  for (const file of leftOut) console.log(`SKIPPED ${file}: what it talks to is missing`);
  for (const { name, passed, skipped, failures, seconds } of results) {
    const more = skipped > 0 ? `, ${skipped} skipped` : "";
    console.log(
      `${name}: ${passed} passed, ${failures.length} failed${more} (${seconds.toFixed(1)} s)`,
    );
  }
  const passed = results.reduce((sum, result) => sum + result.passed, 0);
  const failed = results.reduce((sum, result) => sum + result.failures.length, 0);
  const skipped = results.reduce((sum, result) => sum + result.skipped, leftOut.length);
  console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
  process.exitCode = failed === 0 ? 0 : 1;
}

/** @param {string[]} args */
function parse(args) {
  /** @type {"deno" | "bun" | undefined} */
  let only;
  const paths = [];
  let quick = false;
  let verbose = false;
  let most = RUNNERS;
  for (const arg of args) {
    if (arg === "--deno") only = "deno";
    else if (arg === "--bun") only = "bun";
    else if (arg === "--quick") quick = true;
    else if (arg === "--verbose") verbose = true;
    else if (/^--runners=[1-9]\d*$/.test(arg)) most = Number(arg.slice("--runners=".length));
    else if (arg === "--") continue;
    else if (arg.startsWith("-")) quit(`Unknown option "${arg}".`);
    else paths.push(arg);
  }
  return { only, paths, quick, most, verbose: verbose || (only !== undefined && paths.length > 0) };
}

/**
 * @param {string} message
 * @returns {never}
 */
function quit(message) {
  console.error(message);
  process.exit(2);
}

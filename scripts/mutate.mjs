// @ts-check
/**
 * The mutation command: plants one fault after the other in a copy of the source, and runs the tests that
 * belong to the file. A fault that no test notices is a hole in the tests, or changes nothing that anybody can
 * see: those that are known stand in `scripts/mutants_left.json`, each with its reason, and are not said again.
 *
 *     mutate [--minutes=60] [--lines=40-80,95] [--every=5] [--from=2] [--stages=1] [--tests=file,file] [--out=file] [path]...
 *
 * With no path it takes the core: what has most to lose first. `--every=5` plants each fifth fault,
 * `--from=2` begins with the third. `--stages=1` runs only the tests that start quickly, and
 * `--tests=tests/cluster/redis_faults_test.ts` these and no others.
 */
import {
  appendFileSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { exec, ROOT } from "./lib/exec.mjs";
import { mutantsOf } from "./lib/mutants.mjs";
import { runtimeOf, testsOf } from "./lib/tests_of.mjs";
import { packages, runtimes } from "./setup.mjs";

/** The core, in the order in which it is looked at where nothing else is asked for. */
const CORE = [
  "server/connection.ts",
  "server/listening_server.ts",
  "client/connection.ts",
  "client/reconnecting.ts",
  "client.ts",
  "server.ts",
  "heartbeat.ts",
  "server",
  "client",
  "internal",
];

/** What is not copied: it is large, and nothing is planted in it. */
const LINKED = ["node_modules", "scripts/runtimes"];

/**
 * The faults that nobody can see, by file: which, the line of the source that they are planted in, and why.
 *
 * @type {Record<string, { fault: string, line: string, why: string }[]>}
 */
const LEFT = JSON.parse(readFileSync(join(ROOT, "scripts/mutants_left.json"), "utf8"));

/** @type {Record<string, string>} */
const options = {};
/** @type {string[]} */
const paths = [];
for (const arg of process.argv.slice(2)) {
  const [, name, value = ""] = /^--(\w+)=(.*)$/.exec(arg) ?? [];
  if (name !== undefined) options[name] = value;
  else if (arg !== "--") paths.push(arg);
}
const minutes = Number(options["minutes"] ?? 60);
const every = Number(options["every"] ?? 1);
const from = Number(options["from"] ?? 0);
/** The lines that are looked at, as pairs of a first and a last one. */
const ranges = (options["lines"] ?? "1-Infinity").split(",").map((range) => {
  const [first = 1, last = first] = range.split("-").map(Number);
  return { first, last };
});
const until = Date.now() + minutes * 60_000;

const { deno, bun } = await runtimes();
await packages();
// On Bun (1.4.5) Stryker is given no generator of code: Deno runs this then.
if (process.versions["bun"]) {
  const command = [deno, "run", "-A", fileURLToPath(import.meta.url), ...process.argv.slice(2)];
  process.exit((await exec(command, { seconds: minutes * 60 + 600, show: true })).code ?? 1);
}
const copy = mkdtempSync(join(tmpdir(), "netkit-mutate-"));
process.on("exit", () => rmSync(copy, { recursive: true, force: true }));
cpSync(ROOT, copy, {
  recursive: true,
  filter: (path) => {
    const name = relative(ROOT, path);
    return name !== ".git" && !LINKED.includes(name);
  },
});
for (const name of LINKED) symlinkSync(join(ROOT, name), join(copy, name));

/** @type {{ file: string, planted: number, noticed: number, known: number, left: number }[]} */
const rows = [];
for (const file of sources(paths.length > 0 ? paths : CORE)) {
  if (Date.now() >= until) {
    console.log(`${file} and what follows is not looked at: ${minutes} minutes are over.`);
    break;
  }
  rows.push(await mutate(file));
}
report();

/** @param {string[]} names @returns {string[]} */
function sources(names) {
  const files = names.flatMap((name) => {
    const path = relative(ROOT, resolve(ROOT, name));
    if (statSync(join(ROOT, path)).isFile()) return [path];
    return readdirSync(join(ROOT, path), { recursive: true, encoding: "utf8" })
      .filter((inner) => inner.endsWith(".ts"))
      .map((inner) => join(path, inner))
      .sort();
  });
  return [...new Set(files)];
}

/**
 * Runs tests. Returns whether they pass, and whether they were ended as they took too long: what never ends is a
 * fault that is noticed, but a slow machine is none.
 *
 * @param {string} runtime
 * @param {string[]} tests
 * @param {number} seconds
 */
async function run(runtime, tests, seconds) {
  const command = runtime === "bun"
    ? [bun, "test", "--bail=1", "--timeout=60000", ...tests.map((test) => `./${test}`)]
    : [
      deno,
      "test",
      "-A",
      "--no-check",
      "--quiet",
      "--fail-fast",
      "--import-map",
      "tests/std/import_map.json",
      ...tests,
    ];
  const env = { DENO: deno, BUN: bun, NETKIT_STD: "local" };
  const { code, killed, seconds: took, stdout, stderr } = await exec(command, {
    cwd: copy,
    env,
    seconds,
  });
  const last = `${stdout}${stderr}`.match(/^tests\/\S+_test\.ts(?=:$)/gm)?.at(-1);
  return { passes: code === 0 && !killed, killed, took, last };
}

/**
 * Those of the tests that pass with no fault planted, and how long they may take with one.
 *
 * @param {string} runtime
 * @param {string[]} tests
 */
async function readStage(runtime, tests) {
  const { passes, took } = await run(runtime, tests, 300);
  if (passes) return { tests, seconds: 10 + 5 * took };
  const left = [];
  let seconds = 10;
  for (const test of tests) {
    const alone = await run(runtime, [test], 120);
    if (alone.passes) left.push(test);
    else say(`${test} does not pass with no fault planted, and is left out.`);
    seconds += 5 * alone.took;
  }
  return { tests: left, seconds };
}

/** @param {string} file */
async function mutate(file) {
  const path = join(copy, file);
  const source = readFileSync(path, "utf8");
  const runtime = runtimeOf(file);
  const stages = [];
  const chosen = options["tests"]?.split(",").map((test) => [test]);
  for (const tests of chosen ?? testsOf(file).slice(0, Number(options["stages"] ?? 9))) {
    const stage = await readStage(runtime, tests);
    if (stage.tests.length > 0) stages.push(stage);
  }
  const mutants = (await mutantsOf(file, source)).filter(({ line }, index) =>
    index % every === from && ranges.some(({ first, last }) => line >= first && line <= last)
  );
  const row = { file, planted: 0, noticed: 0, known: 0, left: mutants.length };
  const lines = source.split("\n");
  if (stages.length === 0) {
    if (mutants.length > 0) say(`${file}: no test belongs to it (scripts/lib/tests_of.mjs).`);
    return row;
  }
  try {
    for (const { line, name, was, is, start, end } of mutants) {
      if (Date.now() >= until) break;
      writeFileSync(path, source.slice(0, start) + is + source.slice(end));
      let passes = true;
      let killed = false;
      for (const { tests, seconds } of stages) {
        if (!passes) break;
        const ended = await run(runtime, tests, seconds);
        ({ passes, killed } = ended);
        // What has noticed one fault notices the next: it comes first from here on.
        if (ended.last !== undefined && !passes) {
          tests.unshift(...tests.splice(tests.indexOf(ended.last), 1));
        }
      }
      row.planted++;
      row.left--;
      if (!passes) row.noticed++;
      const fault = `${name}: ${short(was)} → ${short(is)}`;
      const what = `${file}:${line} ${fault}`;
      const at = lines[line - 1]?.trim();
      const isKnown = LEFT[file]?.some((one) => one.fault === fault && one.line === at);
      if (passes && isKnown) row.known++;
      else if (passes) say(what);
      else if (killed) say(`(by the time limit: ${what})`);
    }
  } finally {
    writeFileSync(path, source);
  }
  say(`${file}: ${score(row)}`);
  return row;
}

/** @param {string} text */
function short(text) {
  const line = text.replace(/\s+/g, " ");
  return line.length > 90 ? `${line.slice(0, 90)}…` : line;
}

/** @param {{ planted: number, noticed: number, known: number, left: number }} row */
function score({ planted, noticed, known, left }) {
  const more = [
    known > 0 ? `; ${known} nobody can see` : "",
    left > 0 ? `; ${left} not planted` : "",
  ];
  return `${noticed} of ${planted} noticed, ${percentOf({ planted, noticed, known })}${
    more.join("")
  }`;
}

/**
 * What is noticed of what can be seen.
 *
 * @param {{ planted: number, noticed: number, known: number }} row
 */
function percentOf({ planted, noticed, known }) {
  return planted === known ? "-" : `${(100 * noticed / (planted - known)).toFixed(1)} %`;
}

/** @param {string} line */
function say(line) {
  console.log(line);
  if (options["out"]) appendFileSync(options["out"], `${line}\n`);
}

function report() {
  console.log(
    "\n| file | planted | noticed | nobody sees | score |\n| --- | ---: | ---: | ---: | ---: |",
  );
  const total = { file: "all", planted: 0, noticed: 0, known: 0, left: 0 };
  for (const row of rows) {
    total.planted += row.planted;
    total.noticed += row.noticed;
    total.known += row.known;
    total.left += row.left;
  }
  for (const row of [...rows, total]) {
    const { file, planted, noticed, known } = row;
    console.log(`| ${file} | ${planted} | ${noticed} | ${known} | ${percentOf(row)} |`);
  }
}

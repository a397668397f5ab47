// @ts-check
/**
 * The mutation command: plants one fault after the other in copies of the source, and runs the tests that
 * belong to the file. A fault that no test notices is a hole in the tests, or changes nothing that anybody can
 * see: those that are known stand in `scripts/mutants_left.json`, each with its reason, and are not planted again.
 *
 *     mutate [--minutes=60] [--lines=40-80,95] [--every=5] [--from=2] [--known=yes] [--stages=1] [--tests=file,file]
 *            [--kinds=name,name] [--out=file] [path]...
 *
 * With no path it takes the core, for an hour: of each file a few faults in turn, so that what it has come to by
 * then is a fair sample of all of them. `--from=9` begins with others. With paths it plants all faults of these, or
 * with `--every=5` each fifth; `--from=2` begins with the third. `--known=yes` plants those of the list, too.
 * `--stages=1` runs only the tests that start quickly, and `--tests=tests/cluster/redis_faults_test.ts` these and
 * no others. `--kinds=OperandRemoval,CopyRemoval` plants only the faults of these names.
 */
import { appendFileSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { exec, ROOT } from "./lib/exec.mjs";
import { mutantsOf } from "./lib/mutants.mjs";
import { KnownTests, Planter } from "./lib/planter.mjs";
import { testsOf } from "./lib/tests_of.mjs";
import { packages, runtimes } from "./setup.mjs";

/** The core, which is looked at where nothing else is asked for. */
const CORE = ["client.ts", "server.ts", "heartbeat.ts", "client", "server", "internal"];

/** Of the core, each of so many turns plants one in so many faults of each file. */
const TURNS = 24;

/** How many faults are planted at a time: one for each core of a small machine. */
const PLANTERS = 2;

/** How many faults of one file a planter takes at a time, where all of the file are planted. */
const PART = 12;

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
const isCore = paths.length === 0;
const kinds = options["kinds"]?.split(",");
const every = Number(options["every"] ?? (isCore ? TURNS : 1));
const from = Number(options["from"] ?? 0);
/** The lines that are looked at, as pairs of a first and a last one. */
const ranges = (options["lines"] ?? "1-Infinity").split(",").map((range) => {
  const [first = 1, last = first] = range.split("-").map(Number);
  return { first, last };
});
const until = Date.now() + minutes * 60_000;

const programs = await runtimes();
await packages();
// On Bun (1.4.5) Stryker is given no generator of code: Deno runs this then.
if (process.versions["bun"]) {
  const script = fileURLToPath(import.meta.url);
  const command = [programs.deno, "run", "-A", script, ...process.argv.slice(2)];
  process.exit((await exec(command, { seconds: minutes * 60 + 600, show: true })).code ?? 1);
}

/**
 * @typedef {import("./lib/mutants.mjs").Mutant} Mutant
 * @typedef {{ file: string, source: string, faults: Mutant[], planted: number, noticed: number, known: number }} Row
 * @type {Row[]}
 */
const rows = [];
for (const file of sources(isCore ? CORE : paths)) {
  const source = readFileSync(join(ROOT, file), "utf8");
  const faults = (await mutantsOf(file, source))
    .filter(({ name }) => kinds?.includes(name) ?? true);
  if (faults.length > 0) rows.push({ file, source, faults, planted: 0, noticed: 0, known: 0 });
}
const chosen = options["tests"]?.split(",").map((test) => [test]);
const stages = Number(options["stages"] ?? 9);
const tests = new KnownTests((file) => chosen ?? testsOf(file).slice(0, stages));
const parts = [...partsOf()];
await Promise.all(Array.from({ length: PLANTERS }, work));
report();

/** What is planted, in the order in which it is. */
function* partsOf() {
  for (let turn = 0; turn < (isCore ? every : 1); turn++) {
    for (const row of rows) {
      const faults = row.faults.filter(({ line }, index) =>
        index % every === (from + turn) % every &&
        ranges.some(({ first, last }) => line >= first && line <= last)
      );
      for (let at = 0; at < faults.length; at += PART) {
        yield { row, faults: faults.slice(at, at + PART) };
      }
    }
  }
}

/** Takes one part after the other, until there is none or the time is over. */
async function work() {
  const planter = new Planter(programs, tests);
  for (let part = parts.shift(); part !== undefined; part = parts.shift()) {
    for (const fault of part.faults) {
      if (Date.now() >= until) return;
      await plant(planter, part.row, fault);
    }
  }
}

/**
 * @param {Planter} planter
 * @param {Row} row
 * @param {Mutant} fault
 */
async function plant(planter, row, fault) {
  const { file, source } = row;
  const words = `${fault.name}: ${short(fault.was)} → ${short(fault.is)}`;
  const at = source.split("\n")[fault.line - 1]?.trim();
  const isKnown = LEFT[file]?.some((one) => one.fault === words && one.line === at) ?? false;
  const isPlanted = !isKnown || options["known"] === "yes";
  const { noticed, killed } = isPlanted
    ? await planter.plant(file, source, fault)
    : { noticed: false, killed: false };
  row.planted++;
  if (noticed) row.noticed++;
  else if (isKnown) row.known++;
  const what = `${file}:${fault.line} ${words}`;
  if (noticed && isKnown) say(`(noticed, though it is in the list: ${what})`);
  else if (killed) say(`(by the time limit: ${what})`);
  else if (!noticed && !isKnown) say(what);
}

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

/** @param {string} text */
function short(text) {
  const line = text.replace(/\s+/g, " ");
  return line.length > 90 ? `${line.slice(0, 90)}…` : line;
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
  say("\n| file | faults | planted | noticed | nobody sees | score |");
  say("| --- | ---: | ---: | ---: | ---: | ---: |");
  const total = { planted: 0, noticed: 0, known: 0 };
  let all = 0;
  for (const row of rows) {
    all += row.faults.length;
    total.planted += row.planted;
    total.noticed += row.noticed;
    total.known += row.known;
    say(lineOf(row.file, row.faults.length, row));
  }
  say(lineOf("all", all, total));
}

/** @param {string} file @param {number} all @param {{ planted: number, noticed: number, known: number }} row */
function lineOf(file, all, row) {
  const cells = [file, all, row.planted, row.noticed, row.known, percentOf(row)];
  return `| ${cells.join(" | ")} |`;
}

// @ts-check
/** Measures this module beside the bare runtimes and others. See README.md. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { MAX_NOISE, measure } from "./measure.mjs";
import { BENCH, prepare } from "./prepare.mjs";
import { report } from "./report.mjs";
import { SCENARIOS } from "./scenarios.mjs";
import { endAll } from "./talk.mjs";

/** @typedef {import("./measure.mjs").Effort} Effort */

/** @type {Effort} */
const FULL = {
  sets: 3,
  rounds: 11,
  slice: 100,
  warmup: 1000,
  idle: 65_000,
  long: 20,
  ping: 30,
  against: [],
  until: Infinity,
};
/** @type {Effort} */
const QUICK = {
  sets: 1,
  rounds: 7,
  slice: 60,
  warmup: 300,
  idle: 21_000,
  long: 2,
  ping: 10,
  against: [],
  until: Infinity,
};

/** How often a scenario is measured anew when the control differs too much from itself. */
const ATTEMPTS = 3;

const { values: options, positionals } = parseArgs({
  args: process.argv.slice(2).filter((argument) => argument !== "--"), // Deno's tasks pass it on
  allowPositionals: true,
  options: {
    only: { type: "string", multiple: true },
    runtime: { type: "string", multiple: true },
    kind: { type: "string", multiple: true },
    quick: { type: "boolean" },
    rounds: { type: "string" },
    sets: { type: "string" },
    slice: { type: "string" },
    minutes: { type: "string" },
    against: { type: "string", multiple: true },
    load: { type: "string" },
    out: { type: "string" },
  },
});
if (positionals.length > 0) {
  throw new Error(`Cannot understand "${positionals.join(" ")}"`);
}

const { against, kind: kinds, minutes, only } = options;
const effort = options.quick ? QUICK : minutes === undefined
  ? FULL
  // With a limit everything is started once, and idle connections are watched no longer than they must.
  : { ...FULL, sets: 1, rounds: 31, idle: QUICK.idle, ping: QUICK.ping };
for (const name of /** @type {const} */ (["rounds", "sets", "slice"])) {
  if (options[name]) effort[name] = Number(options[name]);
}
if (against) effort.against = against;
if (kinds) effort.kinds = kinds;
const names = /** @type {("bun" | "deno")[]} */ (options.runtime ?? ["bun", "deno"]);
const chosen = SCENARIOS.filter(({ name, asked = false }) =>
  only === undefined ? !asked : only.some((part) => name.includes(part))
);
if (chosen.length === 0) {
  throw new Error(`There is no scenario like "${only?.join('", "')}"`);
}

for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"])) {
  process.on(signal, () => void endAll().then(() => process.exit(1)));
}

const tools = await prepare(options.load);
const began = performance.now();
const end = minutes === undefined ? Infinity : began + Number(minutes) * 60_000;
try {
  const results = [];
  let left = names.length * chosen.length;
  for (const runtime of names) {
    for (const scenario of chosen) {
      const now = performance.now();
      effort.until = now + (end - now) / left--;
      let result = await measure(scenario, runtime, tools, effort);
      for (let i = 1; i < ATTEMPTS && isOff(result) && end === Infinity; i++) {
        console.error(
          `${runtime}: ${scenario.name}: raw against raw is off, once more`,
        );
        result = await measure(scenario, runtime, tools, effort);
      }
      results.push(result);
      const ours = result.of["ours"]?.["ratio"]?.median.toFixed(3) ?? "";
      const off = result.noise === undefined ? "" : `±${result.noise.toFixed(3)}`;
      console.error(`${runtime}: ${scenario.name}: ${ours} ${off}`);
    }
  }
  const command = ["deno task bench", ...process.argv.slice(2)].join(" ");
  const date = new Date().toISOString().slice(0, 10);
  const { until: _, ...shown } = effort;
  const facts = { command, date, versions: tools.versions, effort: shown };
  const text = report(results, facts);
  console.log(text);
  const partial = only || options.quick || options.runtime || kinds ||
    against || options.load;
  const out = options.out ?? (partial ? undefined : join(BENCH, "RESULTS"));
  if (out) {
    writeFileSync(`${out}.md`, text);
    writeFileSync(
      `${out}.json`,
      `${JSON.stringify({ ...facts, results }, rounded)}\n`,
    );
  }
} finally {
  await endAll();
  tools.clean();
}

/** @param {string} _ @param {unknown} value */
function rounded(_, value) {
  return typeof value === "number" ? Number(value.toPrecision(5)) : value;
}

/** @param {import("./measure.mjs").Result} result */
function isOff({ kind, noise = Infinity }) {
  return (kind === "cost" || kind === "client") && noise > MAX_NOISE;
}

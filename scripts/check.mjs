// @ts-check
/** Formatting, lint, types, and a dry run of the publication, one line each. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { exec, ROOT } from "./lib/exec.mjs";
import { std } from "./lib/std.mjs";
import { runtimes } from "./setup.mjs";

/** A step that takes longer hangs: types take 20 s, and 100 on a machine that has much to do. */
const LIMIT_SECONDS = 600;

const { deno } = await runtimes();
const { args, what } = await std(deno);
console.log(`@std is ${what}.`);

let failed = 0;
await step("formatting", ["fmt", "--check"]);
await step("lint", ["lint"]);
await step("types", ["check", ...args]);
await step("documentation", ["doc", "--lint", ...entryPoints()]);
// What is not committed yet is published in this dry run too: a check before a commit must pass.
await step("publication", ["publish", "--dry-run", "--allow-dirty"]);
process.exitCode = failed === 0 ? 0 : 1;

/** What the package exports. */
function entryPoints() {
  const { exports } = JSON.parse(readFileSync(join(ROOT, "deno.json"), "utf8"));
  return /** @type {string[]} */ (Object.values(exports));
}

/**
 * @param {string} name
 * @param {string[]} args
 */
async function step(name, args) {
  const { code, killed, stdout, stderr, seconds } = await exec([deno, ...args], {
    seconds: LIMIT_SECONDS,
  });
  if (code === 0) {
    console.log(`ok      ${name} (${seconds.toFixed(1)} s)`);
    return;
  }
  failed++;
  const why = killed ? `it was not done within ${LIMIT_SECONDS} s\n` : "";
  console.log(`FAILED  ${name}: deno ${args.join(" ")}\n${stdout}${stderr}${why}`);
}

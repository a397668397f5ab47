// @ts-check
/** Runs `examples/greeting.ts` on Deno, then on Bun, and compares the two logs line by line. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { exec, ROOT } from "./lib/exec.mjs";
import { runtimes, versionOf } from "./setup.mjs";

/** What there is to look at next, as far as this folder has it. */
const NEXT = {
  "demo:chat": "a chat: open it in two tabs",
  "demo:dashboard": "connections, messages and the heartbeat, drawn as they happen",
  "demo:cluster": "three servers as one: kill one in the page",
};

const { deno, bun } = await runtimes();
const example = join(ROOT, "examples/greeting.ts");
const onDeno = await run("Deno", [deno, "run", "--quiet", "--no-prompt", "--allow-net", example]);
const onBun = await run("Bun", [bun, "run", example]);
process.exitCode = compare(onDeno, onBun) ? 0 : 1;
showNext();

/**
 * @param {string} name
 * @param {string[]} command
 */
async function run(name, command) {
  console.log(`--- ${name} ${versionOf(command[0] ?? "")} ---`);
  // Twice this is the half minute that the whole may take.
  const ended = await exec(command, { seconds: 15, show: true });
  if (ended.killed) console.log(`${name} did not end within 15 s and was killed.`);
  else if (ended.code !== 0) console.log(`${name} exited with code ${ended.code}.`);
  console.log();
  return { failed: ended.code !== 0, log: ended.stdout.trimEnd().split(/\r?\n/) };
}

/**
 * @param {{ failed: boolean, log: string[] }} deno
 * @param {{ failed: boolean, log: string[] }} bun
 */
function compare(deno, bun) {
  const lines = Math.max(deno.log.length, bun.log.length);
  let differences = 0;
  for (let i = 0; i < lines; i++) {
    if (deno.log[i] === bun.log[i]) continue;
    differences++;
    console.log(`Line ${i + 1} differs:`);
    console.log(`  Deno: ${deno.log[i] ?? "(no such line)"}`);
    console.log(`  Bun:  ${bun.log[i] ?? "(no such line)"}`);
  }
  const all = lines === 1 ? "one line" : `${lines} lines`;
  if (differences > 0) console.log(`The two logs differ: ${differences} of ${all}.`);
  else console.log(`The two logs are identical, line by line: ${all}.`);
  return differences === 0 && !deno.failed && !bun.failed;
}

/** Says which commands open what, by the tool that ran this one. */
function showNext() {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  const isBun = process.versions["bun"] || process.env["npm_config_user_agent"]?.startsWith("bun");
  const run = process.versions["deno"] ? "deno task" : isBun ? "bun run" : "npm run";
  console.log("\nWhat to look at next. Each prints an address for your browser; Ctrl-C ends it:");
  for (const [name, what] of Object.entries(NEXT)) {
    if (name in scripts) console.log(`  ${`${run} ${name}`.padEnd(26)}${what}`);
  }
}

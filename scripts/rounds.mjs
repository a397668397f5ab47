// @ts-check
/**
 * Runs every test file that measures time or waits for it, over and over, with more runners at once than there are
 * cores: `rounds [rounds] [runners]`, 50 and 12 unless told otherwise. A line says how each round went.
 */
import { loadavg } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { check, given, isCount } from "./lib/arguments.mjs";
import { exec, ROOT } from "./lib/exec.mjs";
import { isTimed, testFiles } from "./lib/files.mjs";
import { runtimes } from "./setup.mjs";

/** A round that takes longer hangs. */
const LIMIT_SECONDS = 30 * 60;

const [rounds = "50", runners = "12", ...others] = given;
check([rounds, runners].every(isCount) && others.length === 0, "rounds [rounds] [runners]");
const { bun } = await runtimes();
const files = testFiles([]).filter(isTimed);
const command = [bun, join(ROOT, "scripts/test.mjs"), `--runners=${runners}`, ...files];
let red = 0;
for (let round = 1; round <= Number(rounds); round++) {
  const { code, stdout, stderr, seconds } = await exec(command, { seconds: LIMIT_SECONDS });
  const last = stdout.trimEnd().split("\n").at(-1);
  const load = loadavg()[0]?.toFixed(0);
  console.log(`Round ${round}: ${last} (${seconds.toFixed(0)} s, load ${load})`);
  if (code === 0) continue;
  red++;
  console.log(stdout.slice(-20_000) + stderr);
}
console.log(`${rounds} rounds of ${files.length} files, ${red} with a failure`);
process.exitCode = red === 0 ? 0 : 1;

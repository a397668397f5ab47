// @ts-check
/** Random programs on a cluster in memory: `cluster:model [programs] [seed]`, 100,000 unless told otherwise. */
import { join } from "node:path";
import process from "node:process";
import { check, given, isCount } from "./lib/arguments.mjs";
import { exec, ROOT } from "./lib/exec.mjs";
import { packages, runtimes } from "./setup.mjs";

const [programs = "100000", seed = "0", ...others] = given;
const isRight = isCount(programs) && /^\d+$/.test(seed) && others.length === 0;
check(isRight, "cluster:model [programs] [seed]");
const { bun } = await runtimes();
await packages();
const program = join(ROOT, "tests/programs/cluster_model.ts");
const config = join(ROOT, "tests/tsconfig.json");
const command = [bun, `--tsconfig-override=${config}`, program, ...given];
const seconds = 60 + Number(programs) / 10;
const { code } = await exec(command, { show: true, seconds });
process.exitCode = code ?? 1;

// @ts-check
/** Random programs on a cluster in memory: `cluster:model [programs] [seed]`, 100,000 unless told otherwise. */
import { join } from "node:path";
import process from "node:process";
import { exec, ROOT } from "./lib/exec.mjs";
import { packages, runtimes } from "./setup.mjs";

const [programs = "100000", ...seed] = process.argv.slice(2).filter((arg) => arg !== "--");
const { bun } = await runtimes();
await packages();
const program = join(ROOT, "tests/programs/cluster_model.ts");
const config = join(ROOT, "tests/tsconfig.json");
const command = [bun, `--tsconfig-override=${config}`, program, programs, ...seed];
const seconds = 60 + Number(programs) / 10;
const { code } = await exec(command, { show: true, seconds });
process.exitCode = code ?? 1;

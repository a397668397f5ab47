// @ts-check
/** Kills a node of a cluster, and then its engine: `cluster:kill [redis | nats] [runs] [resume]`. */
import { join } from "node:path";
import process from "node:process";
import { check, given, isCount } from "./lib/arguments.mjs";
import { exec, ROOT } from "./lib/exec.mjs";
import { std } from "./lib/std.mjs";
import { packages, runtimes, system } from "./setup.mjs";

const [engine = "redis", runs = "1", ...how] = given;
const isKnown = ["redis", "nats"].includes(engine) && ["", "resume"].includes(how.join(" "));
check(isKnown && isCount(runs), "cluster:kill [redis | nats] [runs] [resume]");
const { deno } = await runtimes();
await packages();
if (!await system(engine === "nats" ? "nats-server" : "redis-server")) process.exit(1);
const program = join(ROOT, "tests/programs/cluster_kill.ts");
const run = [deno, "run", "-A", "--quiet", ...(await std(deno)).args];
const seconds = 60 + 60 * Number(runs);
const { code } = await exec([...run, program, engine, runs, ...how], { show: true, seconds });
process.exitCode = code ?? 1;

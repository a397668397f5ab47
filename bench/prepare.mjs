// @ts-check
/** What must be there before anything can be measured: runtimes, peers, and the load generator. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, cpus, release, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { exec, ROOT } from "../scripts/lib/exec.mjs";
import { withLock } from "../scripts/lib/lock.mjs";
import { install, runtimes, versionOf } from "../scripts/setup.mjs";

export const BENCH = join(ROOT, "bench");

/** @typedef {"deno" | "bun" | "node"} Runtime */

/**
 * @typedef {object} Tools
 * @property {Record<Runtime, string[] | undefined>} run How a runtime is started, by name.
 * @property {string[]} load How the load generator is started.
 * @property {(what: "load" | "server") => string[]} pin What keeps a process on its own cores.
 * @property {Record<string, string>} versions
 * @property {() => void} clean Removes what was compiled.
 */

/**
 * @param {string | undefined} generator "bun" for the one that needs no compiler.
 * @returns {Promise<Tools>}
 */
export async function prepare(generator) {
  if (!existsSync("/proc/self/schedstat")) {
    throw new Error(
      "Cannot measure CPU time here: there is no /proc/self/schedstat",
    );
  }
  const { deno, bun, node } = await runtimes();
  await withLock(BENCH, async () => {
    if (!hasPeers()) await install("the peers", "from npm", BENCH);
  });
  const load = generator === "bun" ? undefined : await compiled();
  return {
    run: {
      // Not the repository's configuration: it keeps Deno from the peers' node_modules.
      deno: [
        deno,
        "run",
        "-A",
        "--quiet",
        "--no-config",
        "--node-modules-dir=manual",
        "--v8-flags=--expose-gc",
      ],
      bun: [bun],
      node: node ? [node, "--expose-gc"] : undefined,
    },
    load: load ?? [bun, join(BENCH, "load.mjs")],
    pin,
    clean: () => load && rmSync(dirname(load[0] ?? ""), { recursive: true }),
    versions: {
      Deno: versionOf(deno),
      Bun: versionOf(bun),
      Node: node ? versionOf(node) : "none",
      ...readJson(join(BENCH, "package.json")).dependencies,
      "load generator": load ? "compiled, C++" : "Bun",
      machine: `${cpus().length} × ${cpus()[0]?.model.trim()}, Linux ${release()}`,
    },
  };
}

function hasPeers() {
  return Object.entries(readJson(join(BENCH, "package.json")).dependencies)
    .every(([name, version]) => {
      const manifest = join(BENCH, "node_modules", name, "package.json");
      return existsSync(manifest) && readJson(manifest).version === version;
    });
}

/** The generator's cores are its own: it must not take what it measures the time to run. */
const taskset = spawnSync("taskset", ["-c", "0", "true"]).status === 0;

/** @param {"load" | "server"} what */
function pin(what) {
  const last = availableParallelism() - 1;
  if (!taskset || last < 1) return [];
  return ["taskset", "-c", what === "load" ? "0" : `1-${last}`];
}

/** Compiles the load generator where that can be done. */
async function compiled() {
  if (spawnSync("g++", ["--version"]).status !== 0) return undefined;
  const program = join(mkdtempSync(join(tmpdir(), "netkit-bench-")), "load");
  const command = [
    "g++",
    "-O2",
    "-std=c++20",
    "-o",
    program,
    join(BENCH, "load.cpp"),
  ];
  const { code, stderr } = await exec(command, { seconds: 120 });
  if (code === 0) return [program];
  console.error(
    `g++ could not compile load.cpp, Bun makes the load instead:\n${stderr}`,
  );
  return undefined;
}

/** How many files a process may have open: so many connections there can be, and a few less. */
export function fileLimit() {
  const limits = readFileSync("/proc/self/limits", "utf8");
  return Number(/Max open files\s+\d+\s+(\d+)/.exec(limits)?.[1] ?? 1024);
}

/**
 * The CPU time of each thread of a process, in nanoseconds.
 *
 * @param {number} pid
 * @returns {Map<string, number>}
 */
function threads(pid) {
  const tasks = `/proc/${pid}/task`;
  return new Map(
    readdirSync(tasks).flatMap((task) => {
      try {
        return [[
          task,
          Number(
            readFileSync(`${tasks}/${task}/schedstat`, "utf8").split(" ")[0],
          ),
        ]];
      } catch {
        return []; // it has ended meanwhile
      }
    }),
  );
}

/**
 * Starts to count the CPU time of a process.
 *
 * @param {number} pid
 * @returns {() => number} How many nanoseconds it has taken since, all threads together.
 */
export function cpuTime(pid) {
  const before = threads(pid);
  return () => {
    let sum = 0;
    for (const [task, ns] of threads(pid)) sum += ns - (before.get(task) ?? 0);
    return sum;
  };
}

/**
 * The memory a process has for itself, in bytes: its program's own pages come and go.
 *
 * @param {number} pid
 */
export function memory(pid) {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/RssAnon:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

/** @param {string} path */
function readJson(path) {
  return JSON.parse(readFileSync(path, "utf8"));
}

// @ts-check
/** Child processes with a time limit: each in a group of its own, so that nothing outlives it. */
import { spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** The root of the repository. */
export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

const windows = process.platform === "win32";

/** @type {Set<number>} the groups that are running now */
const groups = new Set();

/** @param {number} group */
function kill(group) {
  try {
    // A negative id names the whole group, which Windows does not have.
    process.kill(windows ? group : -group, "SIGKILL");
  } catch {
    // It is gone, which is what we want.
  }
}

let guarded = false;

/** Passes an interruption on, and that the terminal was closed: a group of its own hears of neither. */
function guard() {
  if (guarded) return;
  guarded = true;
  for (const [signal, number] of Object.entries({ SIGINT: 2, SIGTERM: 15, SIGHUP: 1 })) {
    process.on(signal, () => {
      for (const group of groups) kill(group);
      process.exit(128 + number);
    });
  }
}

/**
 * @typedef {object} ExecOptions
 * @property {string} [cwd] Where to run. Default: the root of the repository.
 * @property {Record<string, string>} [env] Additions to the environment.
 * @property {number} seconds After this long the whole group is killed.
 * @property {boolean} [show] Whether to show both streams as they come. Default: no.
 * @property {(text: string, stream: "stdout" | "stderr") => void} [hear] Is told what comes, as it comes.
 *
 * @typedef {object} Ended
 * @property {number} code The exit code; 1 when a signal ended it or it did not start.
 * @property {boolean} killed Whether the time limit ended it.
 * @property {string} stdout
 * @property {string} stderr
 * @property {number} seconds How long it took.
 */

/**
 * Runs a command to its end, or to its time limit.
 *
 * @param {string[]} command
 * @param {ExecOptions} options
 * @returns {Promise<Ended>}
 */
export function exec([file = "", ...args], options) {
  const { cwd = ROOT, env = {}, seconds, show = false, hear } = options;
  guard();
  const start = performance.now();
  const child = spawn(file, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    detached: !windows,
    // On Windows npm is npm.cmd, which only a shell starts.
    shell: windows && file === "npm",
  });
  const group = child.pid;
  if (group !== undefined) groups.add(group);

  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    stdout += text;
    hear?.(text, "stdout");
    if (show) process.stdout.write(text);
  });
  child.stderr.setEncoding("utf8").on("data", (text) => {
    stderr += text;
    hear?.(text, "stderr");
    if (show) process.stderr.write(text);
  });

  return new Promise((resolve) => {
    let killed = false;
    let code = 1;
    const limit = setTimeout(() => {
      killed = true;
      if (group !== undefined) kill(group);
    }, seconds * 1000);
    const end = () => {
      clearTimeout(limit);
      resolve({ code, killed, stdout, stderr, seconds: (performance.now() - start) / 1000 });
    };
    child.on("error", (error) => {
      stderr += `${file}: ${error.message}\n`;
      if (group === undefined) end();
    });
    child.on("exit", (status) => {
      code = status ?? 1;
      // Whatever it left running would hold its streams, and us, open.
      if (group !== undefined) {
        kill(group);
        groups.delete(group);
      }
    });
    child.on("close", end);
  });
}

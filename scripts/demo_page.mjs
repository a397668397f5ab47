// @ts-check
/**
 * Runs an example that has a web page, until Ctrl-C.
 *
 *     demo_page chat|dashboard [port] [redis://…]
 *
 * The port is 8080, or a free one where that is taken. With a Redis it is one of several.
 */
import { spawn } from "node:child_process";
import process from "node:process";
import { check, given, isPort } from "./lib/arguments.mjs";
import { ROOT } from "./lib/exec.mjs";
import { pagePort } from "./lib/page_port.mjs";
import { runtimes } from "./setup.mjs";

/** How long an example that was told to end may take, in ms; `stop` takes 5 s at the most. */
const LIMIT_MS = 8_000;

const [name = "", ...rest] = given;
const redis = rest.filter((arg) => /^rediss?:/.test(arg));
const [port = await pagePort(), ...others] = rest.filter((arg) => !redis.includes(arg));
if (!["chat", "dashboard"].includes(name)) {
  console.error("Say which: demo_page chat, or demo_page dashboard");
  process.exit(1);
}
const isRight = isPort(port) && redis.length <= 1 && others.length === 0;
check(isRight, `demo:${name} [port] [redis://…]`);
const folder = `examples/${name}`;
const flags = ["--quiet", "--no-prompt", "--allow-net=127.0.0.1", `--allow-read=${folder}`];
const { deno, bun } = await runtimes();
if (redis.length > 0) flags.splice(1, Infinity, "--allow-all"); // Redis' client wants a lot of Deno
const command = process.versions["bun"] ? [bun] : [deno, "run", ...flags];
await show([...command, `${folder}/server.ts`, port, ...redis]);

/**
 * Runs it in a group of its own: the terminal's Ctrl-C is for this process, which passes it on once,
 * though npm passes it on, too.
 *
 * @param {string[]} command
 */
async function show([file = "", ...args]) {
  const windows = process.platform === "win32";
  const child = spawn(file, args, { cwd: ROOT, stdio: "inherit", detached: !windows });
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let limit;
  const end = () => {
    if (limit !== undefined || child.exitCode !== null || child.pid === undefined) return;
    // Not by its own `kill`: for Deno whoever was sent a signal so has ended by it, whatever it did.
    process.kill(child.pid, "SIGINT");
    limit = setTimeout(() => child.kill("SIGKILL"), LIMIT_MS);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, end);
  console.log("Ctrl-C ends it.");
  const code = await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", resolve);
  });
  clearTimeout(limit);
  process.exit(code ?? 1);
}

// @ts-check
/**
 * Three servers as one, with a page that shows and kills them: `demo:cluster [redis | nats | memory] [port]`. On
 * Redis or NATS where one of them is there; else in one process, over the log in memory. The port is 8080, or a
 * free one where that is taken.
 */
import { spawn } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { check, given, isPort } from "./lib/arguments.mjs";
import { ROOT } from "./lib/exec.mjs";
import { pagePort } from "./lib/page_port.mjs";
import { runtimes, system } from "./setup.mjs";

const [wanted, ...others] = given.filter((arg) => !isPort(arg));
const isKnown = [undefined, "redis", "nats", "memory"].includes(wanted);
check(isKnown && others.length === 0, "demo:cluster [redis | nats | memory] [port]");
const port = given.find(isPort) ?? await pagePort();
const { deno, bun } = await runtimes();
const [engine, program] = await choose();
console.log(`The servers share a log: ${engine}.`);
const run = [deno, "run", "-A", "--quiet", join(ROOT, "examples/cluster/demo.ts")];
const [command = "", ...args] = [...run, engine, program, port];
const child = spawn(command, args, {
  stdio: "inherit",
  env: { ...process.env, DENO: deno, BUN: bun },
});
for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) {
  process.on(signal, () => child.kill(signal));
}
child.once("close", (code) => process.exitCode = code ?? 0);

/** @returns {Promise<[engine: string, program: string]>} */
async function choose() {
  for (const name of /** @type {const} */ (["redis", "nats"])) {
    if (wanted !== undefined && wanted !== name) continue;
    const path = await system(`${name}-server`);
    if (path) return [name, path];
  }
  const missing = wanted === undefined
    ? "neither redis-server nor nats-server"
    : `no ${wanted}-server`;
  if (wanted !== "memory") console.log(`There is ${missing} here.`);
  return ["memory", ""];
}

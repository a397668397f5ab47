// @ts-check
/** Which `@std` the tests get on Deno: the real one from JSR, or the stand-ins in `tests/std`. */
import process from "node:process";
import { exec } from "./exec.mjs";

/**
 * @typedef {object} Std
 * @property {string[]} args What to add to `deno test`, `deno check`.
 * @property {string} what In words, for the log.
 */

/**
 * Asks Deno itself whether it gets JSR's, as its proxies, certificates and cache are its own. The
 * environment variable `NETKIT_STD`, `jsr` or `local`, spares the question.
 *
 * @param {string} deno
 * @returns {Promise<Std>}
 */
export async function std(deno) {
  const forced = process.env["NETKIT_STD"];
  if (forced && forced !== "jsr" && forced !== "local") {
    throw new Error(`NETKIT_STD must be "jsr" or "local": current value is "${forced}"`);
  }
  const real = forced ? forced === "jsr" : await reaches(deno);
  const why = forced ? "as NETKIT_STD says" : `JSR is ${real ? "" : "not "}reachable`;
  return real
    ? { args: [], what: `the real one from JSR (${why})` }
    : { args: ["--import-map", "tests/std/import_map.json"], what: `tests/std (${why})` };
}

/** @param {string} deno */
async function reaches(deno) {
  const script = 'await import("jsr:@std/assert@^1/equals");';
  const { code } = await exec([deno, "eval", "--no-config", script], { seconds: 10 });
  return code === 0;
}

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
 * Asks Deno itself whether it reaches JSR, since its proxies and certificates are its own. The
 * environment variable `NETKIT_STD`, `jsr` or `local`, spares the question.
 *
 * @param {string} deno
 * @returns {Promise<Std>}
 */
export async function std(deno) {
  const jsr = new URL("@std/assert/meta.json", base());
  const forced = process.env["NETKIT_STD"];
  if (forced && forced !== "jsr" && forced !== "local") {
    throw new Error(`NETKIT_STD must be "jsr" or "local": current value is "${forced}"`);
  }
  const real = forced ? forced === "jsr" : await reaches(deno, jsr);
  const why = forced ? "as NETKIT_STD says" : `${jsr.host} is ${real ? "" : "not "}reachable`;
  return real
    ? { args: [], what: `the real one from JSR (${why})` }
    : { args: ["--import-map", "tests/std/import_map.json"], what: `tests/std (${why})` };
}

/** Deno takes `JSR_URL` with or without the slash at its end, so do we. */
function base() {
  return (process.env["JSR_URL"] || "https://jsr.io").replace(/\/*$/, "/");
}

/**
 * @param {string} deno
 * @param {URL} url
 */
async function reaches(deno, url) {
  const script = `const answer = await fetch(${JSON.stringify(url)}, {
    signal: AbortSignal.timeout(3000),
  });
  Deno.exit(answer.ok ? 0 : 1);`;
  const { code } = await exec([deno, "eval", "--no-config", script], { seconds: 5 });
  return code === 0;
}

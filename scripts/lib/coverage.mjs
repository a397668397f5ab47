// @ts-check
/** What the tests reach, as Deno's own coverage tool counts it. */
import { existsSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { exec, ROOT } from "./exec.mjs";

/**
 * The files of which every branch must be reached: what means the same on every runtime. Of
 * `runtime/` each half is reached on one runtime only.
 */
const WHOLE =
  /^(?:client|server|harmony|heartbeat|errors|otel)\.ts$|^(?:client|server|harmony|internal|otel)\//;

/**
 * @typedef {object} Coverage
 * @property {string[]} whole The files of which every branch was reached.
 * @property {string[]} missed What was not reached, a line each.
 */

/**
 * Reads what a run of the tests has written.
 *
 * @param {string} deno
 * @param {string} folder
 * @returns {Promise<Coverage>}
 */
export async function coverage(deno, folder) {
  const lcov = join(folder, "lcov.info");
  // The report needs the sources as they were compiled. Programs that the tests start elsewhere, with
  // no deno.json, have compiled them anew; this does so with it.
  await exec([deno, "run", "--no-check", "mod.ts"], { seconds: 60 });
  const report = [deno, "coverage", folder, "--lcov", `--output=${lcov}`];
  const { stderr } = await exec(report, { seconds: 120 });
  if (!existsSync(lcov)) return { whole: [], missed: [`no report: ${stderr.trim()}`] };
  /** @type {Coverage} */
  const found = { whole: [], missed: [] };
  for (const record of readFileSync(lcov, "utf8").split("end_of_record")) {
    const [, path = ""] = /^SF:(.+)$/m.exec(record) ?? [];
    const file = relative(ROOT, path).split(sep).join("/");
    if (!WHOLE.test(file)) continue;
    const missed = missedIn(record);
    if (missed.length === 0) found.whole.push(file);
    const lines = readFileSync(join(ROOT, file), "utf8").split("\n");
    found.missed.push(
      ...missed.map((line) => `${file}:${line} is not reached: ${lines[line - 1]?.trim()}`),
    );
  }
  return found;
}

/**
 * The lines of a file that hold a branch, or are one, that was not taken.
 *
 * @param {string} record
 */
function missedIn(record) {
  const branches = record.matchAll(/^BRDA:(\d+),\d+,\d+,(?:0|-)$/gm);
  const lines = record.matchAll(/^DA:(\d+),0$/gm);
  const missed = [...branches, ...lines].map(([, line]) => Number(line));
  return [...new Set(missed)].sort((a, b) => a - b);
}

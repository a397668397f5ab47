// @ts-check
/** The files that the test command works on, as paths from the root with forward slashes. */
import { readdirSync } from "node:fs";
import { join, relative, resolve, sep } from "node:path";
import { ROOT } from "./exec.mjs";

/**
 * The test files, all or those that any of the filters names: a file, a folder, or a part of a path.
 *
 * @param {string[]} filters
 * @returns {string[]}
 */
export function testFiles(filters) {
  const files = readdirSync(join(ROOT, "tests"), { recursive: true, encoding: "utf8" })
    .map((path) => `tests/${path.split(sep).join("/")}`)
    .filter((path) => path.endsWith("_test.ts") && !path.includes("/node_modules/"))
    .sort();
  if (filters.length === 0) return files;
  const wanted = filters.map((filter) => {
    const path = relative(ROOT, resolve(filter)).split(sep).join("/");
    return files.some((file) => file === path || file.startsWith(`${path}/`)) ? path : filter;
  });
  return files.filter((file) => wanted.some((part) => file.includes(part)));
}

/** The modules whose documentation has snippets: those at the root, and what some of them export. */
export function documentedModules() {
  return ["", "harmony/", "shapes/", "testing/"].flatMap((folder) =>
    readdirSync(join(ROOT, folder))
      .filter((name) => name.endsWith(".ts"))
      .map((name) => folder + name)
      .sort()
  );
}

/** The suites that take long, or that need more than a runtime: `--quick` leaves them out. */
const LONG = new RegExp(
  "^tests/(?:chaos|examples|heartbeat|hostile|interop|model|package|runtime|scripts)/|" +
    "^tests/(?:client/(?:proxy|process|reconnect_real)|cluster/(?:nats|redis)|harmony/programs|" +
    "pair/scale)_",
);

/**
 * Whether a test file is among those that `--quick` runs.
 *
 * @param {string} file
 */
export function isQuick(file) {
  return !LONG.test(file);
}

// @ts-check
/**
 * Makes the tarball for npm. `deno pack` compiles the modules and their types; what it has no words
 * for in a package.json comes from ours.
 *
 *     pack [folder]
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import process from "node:process";
import { given } from "./lib/arguments.mjs";
import { exec, ROOT } from "./lib/exec.mjs";
import { readTarball, replaceInTarball } from "./lib/tar.mjs";
import { runtimes } from "./setup.mjs";

/** What our package.json says of the package rather than of this folder. */
const KEPT = [
  "description",
  "keywords",
  "homepage",
  "bugs",
  "repository",
  "sideEffects",
  "engines",
];

const { deno } = await runtimes();
const ours = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
const folder = resolve(given[0] ?? ROOT);
mkdirSync(folder, { recursive: true });
const file = join(folder, `${ours.name.replace("@", "").replace("/", "-")}-${ours.version}.tgz`);

// Source maps would tell where this folder lies. Whether it is clean is the publication's business.
const pack = [deno, "pack", "--no-source-maps", "--allow-dirty", "--output", file];
const { code, stdout, stderr } = await exec(pack, { seconds: 120 });
if (code !== 0) quit(`deno pack failed:\n${stdout}${stderr}`);

const tgz = readFileSync(file);
const packed = JSON.parse(readTarball(tgz).get("package/package.json") ?? "{}");
if (packed.version !== ours.version) {
  quit(`deno.json is ${packed.version} and package.json is ${ours.version}`);
}
const { name, version, ...rest } = packed;
const kept = Object.fromEntries(KEPT.filter((key) => key in ours).map((key) => [key, ours[key]]));
const manifest = { name, version, ...repository(), ...kept, ...rest };
const text = `${JSON.stringify(manifest, null, 2)}\n`;
writeFileSync(file, replaceInTarball(tgz, "package/package.json", text));
console.log(file);

/** Where GitHub builds this: npm's provenance asks that the package names the same place. */
function repository() {
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository } = process.env;
  if (!server || !repository) return {};
  return { repository: { type: "git", url: `git+${server}/${repository}.git` } };
}

/**
 * @param {string} message
 * @returns {never}
 */
function quit(message) {
  console.error(message);
  process.exit(1);
}

// @ts-check
/**
 * Finds Deno, Bun and a peer for the tests, and installs what is missing. Runs on Node, Deno and
 * Bun alike, so that whoever has one of the three gets the others by running any command.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";
import process from "node:process";
import { exec, ROOT } from "./lib/exec.mjs";
import { withLock } from "./lib/lock.mjs";

/** @typedef {"deno" | "bun"} Name */
/** @typedef {{ deno: string, bun: string, node: string | undefined }} Runtimes */

const EXE = process.platform === "win32" ? ".exe" : "";

/** Which program runs this file. Bun and Deno also fill in `process.versions.node`. */
const host = process.versions["deno"] ? "deno" : process.versions["bun"] ? "bun" : "node";

/** @type {Promise<Runtimes> | undefined} */
let found;

/**
 * The absolute paths of the runtimes. Deno and Bun are, in this order: what the environment
 * variable `DENO` or `BUN` names; the program that runs this file, when it is no older than the
 * pinned version; the pinned version under `scripts/runtimes/`, installed there when it is not.
 *
 * @returns {Promise<Runtimes>}
 */
export function runtimes() {
  found ??= (async () => ({
    deno: await runtime("deno"),
    bun: await runtime("bun"),
    node: node(),
  }))();
  return found;
}

/**
 * The beginning of a command that runs an `.mjs` script which imports npm's `ws` or `proxy`: Node
 * where there is one, else Deno. Never Bun, where `ws` is Bun's own imitation and so no independent
 * peer.
 *
 * @returns {Promise<string[]>}
 */
export async function peer() {
  const { deno, node } = await runtimes();
  if (node && host === "node" && !hasPeers()) {
    await withLock(ROOT, async () => {
      if (!hasPeers()) await install("the peers", "from npm", ROOT);
    });
  }
  // Deno needs no installation: it takes them from package.json into its own cache.
  return node && hasPeers() ? [node] : [deno, "run", "-A", "--quiet"];
}

/**
 * Programs of the system's that tests talk to where they are there, by name: a proxy and a reverse
 * proxy. Installed on Debian where root runs this; the tests have counterparts from npm besides.
 */
const SYSTEM = { tinyproxy: "tinyproxy-bin", nginx: "nginx-light", openssl: "openssl" };

/**
 * The absolute path of a program of the system's.
 *
 * @param {keyof typeof SYSTEM} name
 * @returns {Promise<string | undefined>}
 */
export async function system(name) {
  const [apt] = onPath("apt-get");
  if (!find(name) && apt && process.getuid?.() === 0) {
    await withLock(ROOT, async () => {
      if (find(name)) return;
      console.error(`Installing ${SYSTEM[name]} with apt-get, once.`);
      const env = { DEBIAN_FRONTEND: "noninteractive" };
      await exec([apt, "update", "-qq"], { seconds: 120, env });
      // Nothing it brings is to start by itself.
      const install = [apt, "install", "-y", "-qq", "--no-install-recommends", SYSTEM[name]];
      await exec(install, { seconds: 300, env: { ...env, RUNLEVEL: "1" } });
    });
  }
  return find(name);
}

/** @param {string} name */
function find(name) {
  return onPath(name)[0] ?? [`/usr/sbin/${name}`].find((path) => existsSync(path));
}

/**
 * The version that a runtime's binary reports.
 *
 * @param {string} binary
 * @returns {string}
 */
export function versionOf(binary) {
  const { stdout } = spawnSync(binary, ["--version"], { encoding: "utf8", timeout: 20_000 });
  return /\d+\.\d+\.\d+\S*/.exec(stdout ?? "")?.[0] ?? "";
}

/** Whether all of the tests' peers from npm are installed. */
function hasPeers() {
  const { devDependencies } = readJson(join(ROOT, "package.json"));
  return Object.entries(devDependencies).every(([name, version]) => {
    const manifest = join(ROOT, "node_modules", name, "package.json");
    return existsSync(manifest) && readJson(manifest).version === version;
  });
}

/** @param {Name} name */
async function runtime(name) {
  const named = process.env[name.toUpperCase()];
  if (named) {
    const path = resolve(named);
    if (!versionOf(path)) throw new Error(`${name.toUpperCase()} names no runtime: "${named}"`);
    return path;
  }
  const home = join(ROOT, "scripts/runtimes", name);
  const version = pinned(home, name);
  if (host === name && atLeast(process.versions[name] ?? "", version)) return process.execPath;
  return installed(name, version, home) ?? await withLock(home, async () => {
    // Another process may have installed it while this one waited.
    if (!installed(name, version, home)) await install(name, version, home);
    const binary = installed(name, version, home);
    if (!binary) throw new Error(`${name} ${version} was installed in ${home} but does not run`);
    return binary;
  });
}

/**
 * The pinned binary, wherever the package manager put it: the packages `deno` and `bun` leave it to
 * one optional dependency per platform, and only a postinstall script, which most package managers
 * no longer run, would move it. So each place is tried, until one runs and has the right version.
 *
 * @param {Name} name
 * @param {string} version
 * @param {string} home
 */
function installed(name, version, home) {
  const link = join(home, "node_modules", name);
  if (!existsSync(join(link, "package.json"))) return undefined;
  const main = realpathSync(link);
  const platforms = Object.keys(readJson(join(main, "package.json")).optionalDependencies ?? {});
  const folders = platforms.flatMap((dependency) => [
    join(dirname(main), dependency), // beside it: npm, Bun, and Deno's .deno/<package>/node_modules
    join(main, "node_modules", dependency), // below it: nested installations
  ]);
  return [...folders, main]
    .flatMap((folder) => [join(folder, name + EXE), join(folder, "bin", name + EXE)])
    .concat(join(main, "bin", name + ".exe")) // where Bun's postinstall script moves it, on Unix too
    .find((binary) => existsSync(binary) && versionOf(binary) === version);
}

/**
 * @param {string} name
 * @param {string} version
 * @param {string} folder
 */
async function install(name, version, folder) {
  const [manager, command] = installer();
  console.error(`Installing ${name} ${version} with ${manager}, once.`);
  const { code, killed, stdout, stderr } = await exec(command, { cwd: folder, seconds: 300 });
  if (code === 0) return;
  const why = killed ? "it took more than 5 minutes" : `exit code ${code}`;
  throw new Error(`"${command.join(" ")}" failed in ${folder}, ${why}:\n${stdout}${stderr}`);
}

/** @returns {[name: string, command: string[]]} */
function installer() {
  // No lock file but npm's is written, and no package's scripts are run, whoever installs.
  const bun = ["install", "--no-save", "--ignore-scripts", "--silent"];
  if (host === "deno") return ["deno", [process.execPath, "install", "--no-lock", "--quiet"]];
  if (host === "bun") return ["bun", [process.execPath, ...bun]];
  const npm = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  if (onPath("npm").length > 0) return ["npm", ["npm", ...npm]];
  // `bun run` on a machine that has Node without npm: Node runs this file, Bun can install.
  const parent = process.env["npm_execpath"] ?? "";
  if (/\bbun(\.exe)?$/.test(parent)) return ["bun", [parent, ...bun]];
  throw new Error("npm is not on the PATH: cannot install what is missing");
}

/** Node itself: under `bun run`, the `node` on the PATH may be Bun. */
function node() {
  if (host === "node") return process.execPath;
  return onPath("node").find((path) => {
    const script = "process.versions.bun ? 'bun' : process.version";
    const { stdout } = spawnSync(path, ["-p", script], { encoding: "utf8", timeout: 20_000 });
    return Number(/^v(\d+)/.exec(stdout ?? "")?.[1]) >= 20;
  });
}

/** @param {string} program */
function onPath(program) {
  const ends = EXE ? [".exe", ".cmd"] : [""];
  return (process.env["PATH"] ?? "").split(delimiter)
    .flatMap((folder) => ends.map((end) => join(folder, program + end)))
    .filter((path) => existsSync(path));
}

/**
 * @param {string} folder
 * @param {string} name
 * @returns {string}
 */
function pinned(folder, name) {
  const { dependencies, devDependencies } = readJson(join(folder, "package.json"));
  return { ...dependencies, ...devDependencies }[name];
}

/** @param {string} path */
function readJson(path) {
  return JSON.parse(readFileSync(path, "utf8"));
}

/**
 * @param {string} version
 * @param {string} least
 */
function atLeast(version, least) {
  return version.localeCompare(least, "en", { numeric: true }) >= 0;
}

// @ts-check
/**
 * Finds Deno, Bun and a peer for the tests, and installs what is missing. Runs on Node, Deno and
 * Bun alike, so that whoever has one of the three gets the others by running any command.
 */
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";
import process from "node:process";
import { installPackage, unpackPackages } from "./lib/apt.mjs";
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
  found ??= (async () =>
    told() ?? ({
      deno: await runtime("deno"),
      bun: await runtime("bun"),
      node: node(),
    }))();
  return found;
}

/**
 * What the test command tells the tests that it starts: else each would start all three and ask for their versions.
 *
 * @param {Runtimes} runtimes
 * @returns {Record<string, string>}
 */
export function telling(runtimes) {
  const { deno, bun } = runtimes;
  const told = { runtimes, path: process.env["PATH"] ?? "" };
  return { DENO: deno, BUN: bun, NETKIT_RUNTIMES: JSON.stringify(told) };
}

/** What this process was told, unless it was given another environment since. */
function told() {
  const text = process.env["NETKIT_RUNTIMES"];
  if (!text) return undefined;
  /** @type {{ runtimes: Runtimes, path: string }} */
  const { runtimes, path } = JSON.parse(text);
  const { DENO, BUN, PATH } = process.env;
  const holds = runtimes.deno === DENO && runtimes.bun === BUN && path === (PATH ?? "");
  return holds ? { ...runtimes, node: runtimes.node } : undefined;
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
 * What tests talk to where the system has it, by name, and Debian's package: proxies, a browser, and
 * a library of Python's. Installed on Debian where root runs this; the tests have counterparts from
 * npm or of their own besides.
 */
const SYSTEM = {
  tinyproxy: "tinyproxy-bin",
  nginx: "nginx-light",
  openssl: "openssl",
  script: "bsdutils",
  chromium: "chromium",
  "python websockets": "python3-websockets",
  "redis-server": "redis-server",
  "valkey-server": "valkey-server",
  "nats-server": "nats-server",
  prometheus: "prometheus",
  promtool: "prometheus",
};

/** Where what apt is perhaps not configured with is unpacked, instead of installed. */
const UNPACKED = join(ROOT, "scripts/runtimes/system");

/** Of these: their packages, and one that brings the same libraries. */
const UNPACK =
  /** @type {Record<string, { packages: string[], libraries: string } | undefined>} */ ({
    "valkey-server": { packages: ["valkey-server", "valkey-tools"], libraries: "redis-tools" },
  });

/** How long what could not be installed is not tried again, in ms: as long as a run of the tests. */
const AGAIN_MS = 10 * 60_000;

/**
 * The absolute path of a program of the system's; for a library of Python's, that of a Python which
 * has it. Says so where it is missing. An environment variable names another one, by its path or its
 * name: `REDIS_SERVER=valkey-server`.
 *
 * @param {keyof typeof SYSTEM} name
 * @returns {Promise<string | undefined>}
 */
export async function system(name) {
  const variable = name.toUpperCase().replaceAll(/\W/g, "_");
  const named = process.env[variable];
  if (named && named !== name) {
    if (named in SYSTEM) return await system(/** @type {keyof typeof SYSTEM} */ (named));
    if (existsSync(named)) return resolve(named);
    throw new Error(`${variable} names no program: "${named}"`);
  }
  const [apt] = onPath("apt-get");
  const isRoot = process.getuid?.() === 0;
  const unpack = UNPACK[name];
  if (!find(name) && apt && (isRoot || unpack)) {
    await withLock(ROOT, async () => {
      // Each test file asks, and what failed for one fails for the next.
      const tried = join(UNPACKED, `tried-${SYSTEM[name]}`);
      if (find(name) || isRecent(tried)) return;
      mkdirSync(UNPACKED, { recursive: true });
      writeFileSync(tried, "");
      if (!unpack) return await installPackage(apt, SYSTEM[name]);
      await unpackPackages(apt, unpack.packages, UNPACKED);
      if (isRoot && !find(name)) await installPackage(apt, unpack.libraries);
    });
  }
  const path = find(name);
  if (!path) console.error(`${name} is missing, which some tests talk to: "${SYSTEM[name]}".`);
  return path;
}

/** @param {string} path */
function isRecent(path) {
  return existsSync(path) && Date.now() - statSync(path).mtimeMs < AGAIN_MS;
}

/** @param {keyof typeof SYSTEM} name */
function find(name) {
  if (name === "python websockets") return pythonWith("websockets");
  const unpacked = join(UNPACKED, "usr/bin", name);
  return onPath(name)[0] ?? [`/usr/sbin/${name}`].find((path) => existsSync(path)) ??
    [unpacked].find((path) => existsSync(path) && versionOf(path) !== "");
}

/**
 * The system's Python comes first: others on the PATH do not have what its packages bring.
 *
 * @param {string} library
 */
function pythonWith(library) {
  return ["/usr/bin/python3", ...onPath("python3")].find((path) =>
    spawnSync(path, ["-c", `import ${library}`], { timeout: 20_000 }).status === 0
  );
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

/**
 * Installs what the tests on Bun import from npm. Deno needs no installation.
 */
export async function packages() {
  const { bun } = await runtimes();
  if (hasPeers()) return;
  await withLock(ROOT, async () => {
    if (!hasPeers()) {
      await install("the packages", "from npm", ROOT, ["bun", [bun, ...BUN_INSTALL]]);
    }
  });
}

/** Whether all that the tests take from npm is installed. */
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
 * @param {[name: string, command: string[]]} [by]
 */
export async function install(name, version, folder, by = installer()) {
  const [manager, command] = by;
  console.error(`Installing ${name} ${version} with ${manager}, once.`);
  const { code, killed, stdout, stderr } = await exec(command, { cwd: folder, seconds: 300 });
  if (code === 0) return;
  const why = killed ? "it took more than 5 minutes" : `exit code ${code}`;
  throw new Error(`"${command.join(" ")}" failed in ${folder}, ${why}:\n${stdout}${stderr}`);
}

/** How Bun installs: with no lock file of its own, and running no package's scripts. */
const BUN_INSTALL = ["install", "--no-save", "--ignore-scripts", "--silent"];

/** @returns {[name: string, command: string[]]} */
function installer() {
  // No lock file but npm's is written, and no package's scripts are run, whoever installs.
  if (host === "deno") return ["deno", [process.execPath, "install", "--no-lock", "--quiet"]];
  if (host === "bun") return ["bun", [process.execPath, ...BUN_INSTALL]];
  const npm = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  if (onPath("npm").length > 0) return ["npm", ["npm", ...npm]];
  // `bun run` on a machine that has Node without npm: Node runs this file, Bun can install.
  const parent = process.env["npm_execpath"] ?? "";
  if (/\bbun(\.exe)?$/.test(parent)) return ["bun", [parent, ...BUN_INSTALL]];
  throw new Error("npm is not on the PATH: cannot install what is missing");
}

/** Node itself: the `node` on the PATH may be Bun under `bun run`, and is Deno under `deno task`. */
function node() {
  if (host === "node") return process.execPath;
  return onPath("node").find((path) => {
    const script = "process.versions.bun || process.versions.deno ? '' : process.version";
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

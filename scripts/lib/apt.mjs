// @ts-check
/** Packages of Debian's and Ubuntu's, by apt: what it is configured with says where they come from. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exec } from "./exec.mjs";

/**
 * Installs a package, as root, within the time that a lock may be held for.
 *
 * @param {string} apt
 * @param {string} name
 */
export async function installPackage(apt, name) {
  console.error(`Installing ${name} with apt-get, once.`);
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  // Whoever else is installing may take a while to end.
  const get = [apt, "-o", "DPkg::Lock::Timeout=30", "-qq"];
  await exec([...get, "update"], { seconds: 60, env });
  // Nothing it brings is to start by itself.
  const install = [...get, "install", "-y", "--no-install-recommends", name];
  const { code, stderr } = await exec(install, { seconds: 240, env: { ...env, RUNLEVEL: "1" } });
  if (code !== 0) console.error(`apt-get could not install ${name}: ${stderr.trim()}`);
}

/**
 * Unpacks packages into a folder, for which nobody must be root: from the backports of this release,
 * which apt may not be configured with, else from what it is. Their dependencies are not brought.
 *
 * @param {string} apt
 * @param {string[]} names
 * @param {string} folder
 */
export async function unpackPackages(apt, names, folder) {
  console.error(`Unpacking ${names.join(", ")} with apt-get, once.`);
  const work = mkdtempSync(join(tmpdir(), "netkit-apt-"));
  try {
    const backports = [apt, ...await sourcesOf(apt, work)];
    const ways = [
      [[...backports, "update"], [...backports, "download", ...names]],
      [[apt, "download", ...names]],
    ];
    let faults = "";
    for (const way of ways) {
      faults = await inOrder(way, work);
      if (faults === "") break;
    }
    mkdirSync(folder, { recursive: true });
    const unpack = 'for package in *.deb; do dpkg -x "$package" "$0" || exit; done';
    faults ||= await inOrder([["sh", "-c", unpack, folder]], work);
    if (faults !== "") console.error(`They could not be unpacked: ${faults}`);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/**
 * Runs commands until one fails; answers what that one says.
 *
 * @param {string[][]} commands
 * @param {string} cwd
 */
async function inOrder(commands, cwd) {
  for (const command of commands) {
    const { code, stderr } = await exec(command, { cwd, seconds: 60 });
    if (code !== 0) return stderr.trim() || `${command.join(" ")}: ${code}`;
  }
  return "";
}

/**
 * What has apt-get look into the backports alone, and leave its own lists as they are.
 *
 * @param {string} apt
 * @param {string} work
 * @returns {Promise<string[]>}
 */
async function sourcesOf(apt, work) {
  const [, release = ""] =
    /^VERSION_CODENAME=(\S+)$/m.exec(readFileSync("/etc/os-release", "utf8")) ?? [];
  const format = "$(RELEASE) $(COMPONENT) $(SITE)";
  const { stdout } = await exec([apt, "indextargets", "--format", format, "Created-By: Packages"], {
    seconds: 20,
  });
  const lines = stdout.split("\n").map((line) => line.split(" ")).filter(([of]) => of === release)
    .map(([, component, site]) => `deb ${site} ${release}-backports ${component}`);
  writeFileSync(join(work, "sources.list"), [...new Set(lines), ""].join("\n"));
  const options = {
    "Dir::Etc::SourceList": join(work, "sources.list"),
    "Dir::Etc::SourceParts": "/dev/null",
    "Dir::State::Lists": join(work, "lists"),
    "Dir::Cache": join(work, "cache"),
    "Acquire::Languages": "none",
    "APT::Sandbox::User": "root",
  };
  mkdirSync(join(work, "lists/partial"), { recursive: true });
  mkdirSync(join(work, "cache/archives/partial"), { recursive: true });
  return Object.entries(options).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
}

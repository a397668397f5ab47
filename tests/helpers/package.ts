/** The package as it is published, and fresh projects of those who use it. */

import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { readTarball } from "../../scripts/lib/tar.mjs";
import { runtimes } from "../../scripts/setup.mjs";
import { type Ended, HERE, Program, ROOT } from "./programs.ts";

/** Where the runtimes are; Node is not everywhere. */
export const binaries: { deno: string; bun: string; node: string | undefined } = await runtimes();

/** What deno.json says of the package. */
export interface Manifest {
  name: string;
  version: string;
  license: string;
  exports: Record<string, string>;
}

/** A file of the repository's, as text. */
export function textOf(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

/** What the package is called, and what it exports. */
export const manifest: Manifest = JSON.parse(textOf("deno.json"));

/** The README's first program, on a port, and what it says that it prints. */
export function quickStart(port: number): { code: string; output: string } {
  const found = /^```ts\n(.*?)^```\n+```text\n(.*?)^```/ms.exec(textOf("README.md"));
  const [, code = "", output = ""] = found ?? [];
  return { code: code.replaceAll("8080", String(port)), output };
}

/** A block of JSON on the page about porting: what leads a program's imports here. */
export function portingMap(runtime: "deno" | "bun"): Record<string, object> {
  const heading = { deno: "## On Deno", bun: "## On Bun" }[runtime];
  const [, after = ""] = textOf("docs/porting.md").split(heading);
  return JSON.parse(/^```json\n(.*?)^```/ms.exec(after)?.[1] ?? "");
}

/** Programs from HarmonyOS, as the tests of `./harmony` have them: one to run, and all its types. */
export function portedPrograms(port: number): Record<"main.ts" | "types.ts", string> {
  const program = (name: string) =>
    textOf(`tests/harmony/programs/${name}.ts`).replaceAll("8080", String(port));
  return { "main.ts": program("code_not_1000"), "types.ts": program("types") };
}

/** A module that names each entry point, and how often: imports of each, all of them used. */
export function usesEntryPoints(): string {
  return Object.keys(manifest.exports).map((path, i) =>
    `import * as entry${i} from "${manifest.name}${path.slice(1)}";\n` +
    `console.log("${path}", Object.keys(entry${i}).sort().join(" "));\n`
  ).join("");
}

/** Uses of the package that its types forbid, one a line. */
export const WRONG: readonly string[] = [
  "ws.send(42);",
  'ws.on("message", (error, data: number) => {});',
  'ws.connect("ws://localhost/", { pingInterval: "5" });',
  'ws.connect("ws://localhost/", { noSuchOption: 1 });',
  "server.start({});",
  'server.send("text");',
  "const heartbeat: HeartbeatOptions = { pingInterval: true };",
  'new FakeClock().advance("1");',
];

/** A module with {@linkcode WRONG}, and before it the right of it. */
export function wrongProgram(): string {
  return `\
import { createWebSocket } from "${manifest.name}/client";
import { createWebSocketServer } from "${manifest.name}/server";
import type { HeartbeatOptions } from "${manifest.name}/heartbeat";
import { FakeClock } from "${manifest.name}/testing";
const ws = createWebSocket();
const server = createWebSocketServer();
ws.on("message", (error, data: string | ArrayBuffer) => {});
ws.connect("ws://localhost/", { pingInterval: 5 });
const bytes: Uint8Array = new Uint8Array(1);
ws.send(bytes.buffer);
server.start({ serverPort: 0 });
${WRONG.join("\n")}
`;
}

/** The lines of {@linkcode WRONG} that a type checker complains of, by what it prints. */
export function complaints(printed: string): string[] {
  const lines = wrongProgram().split("\n");
  const found = printed.matchAll(/wrong\.ts[:(](\d+)[:,]\d+/g);
  return [...new Set(Array.from(found, ([, line]) => lines[Number(line) - 1] ?? ""))];
}

/** What the tests of types use of the standard library. */
const STD = `
export declare function assertEquals(actual: unknown, expected: unknown): void;
export declare function describe(what: string, tests: () => void): void;
export declare function it(what: string, test: () => unknown): void;
`;

/** The tests of types, on the package: what must not compile in them is marked, and an error where it does. */
export function typeTests(sides: string[]): Record<string, string> {
  const files = sides.map((side) => [
    `types_${side}.ts`,
    textOf(`tests/types/${side}_test.ts`)
      .replace(/"(?:\.\.\/)+mod\.ts"/, `"${manifest.name}"`)
      .replace(/"(?:\.\.\/)+(\w+)\.ts"/g, `"${manifest.name}/$1"`)
      .replace(/"@std\/(assert|testing\/bdd)"/g, '"./std.js"'),
  ]);
  return { ...Object.fromEntries(files), "std.ts": STD };
}

let published: Promise<string[]> | undefined;

/** The files that `deno publish` would publish, as paths from the root. */
export function publishedFiles(): Promise<string[]> {
  return published ??= askPublished();
}

async function askPublished(): Promise<string[]> {
  const publish = ["publish", "--dry-run", "--allow-dirty", "--no-check"];
  const { code, stdout, stderr } = await Program.start([binaries.deno, ...publish]).ended;
  if (code !== 0) throw new Error(stderr);
  const root = pathToFileURL(ROOT).href;
  const urls = (stdout + stderr).matchAll(/^\s+(file:\/\/\S+) \([\d.]+\w+\)$/gm);
  return Array.from(urls, ([, url = ""]) => decodeURI(url.slice(root.length))).sort();
}

/** Makes npm's tarball in a folder. */
export async function pack(folder: string, env: Record<string, string> = {}): Promise<string> {
  // As anywhere but on GitHub.
  const none = { GITHUB_SERVER_URL: "", GITHUB_REPOSITORY: "" };
  const { code, stdout, stderr } = await Program.run(HERE, "scripts/pack.mjs", {
    args: [folder],
    env: { ...none, ...env },
  }).ended;
  if (code !== 0) throw new Error(stderr);
  return stdout.trim();
}

let made: Promise<{ name: string; bytes: Uint8Array }> | undefined;

/** Puts npm's tarball into a folder; for all who ask it is made once. */
export async function packInto(folder: string): Promise<string> {
  made ??= pack(folder).then((file) => ({ name: basename(file), bytes: readFileSync(file) }));
  const { name, bytes } = await made;
  const file = join(folder, name);
  writeFileSync(file, bytes);
  return file;
}

/** The files of a tarball, without the folder that npm's are in. */
export function unpack(tgz: string): Map<string, string> {
  const files = readTarball(readFileSync(tgz));
  return new Map([...files].map(([path, text]) => [path.replace("package/", ""), text]));
}

/** A folder of a user's, which is gone at the end of the block. */
export class Project implements Disposable {
  readonly folder: string = mkdtempSync(join(tmpdir(), "netkit-project-"));

  /** Writes a file; gives its path. */
  write(name: string, text: string): string {
    const path = join(this.folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return path;
  }

  /** Reads a file. */
  read(name: string): string {
    return readFileSync(join(this.folder, name), "utf8");
  }

  /** Puts npm's package there, as npm would. */
  install(files: Map<string, string>): void {
    for (const [path, text] of files) this.write(`node_modules/${manifest.name}/${path}`, text);
  }

  /** Runs a command there to its end. */
  run(command: string[], env: Record<string, string> = {}): Promise<Ended> {
    return Program.start(command, { cwd: this.folder, env }).ended;
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** As much of JSR as serves one version of one package. */
export class Registry implements AsyncDisposable {
  /** What was asked for, and is there: paths in the package. */
  readonly served: string[] = [];
  readonly #files: Map<string, string>;
  readonly #server = createServer(({ url = "" }, response) => {
    const { name, version } = manifest;
    const path = decodeURI(url).replace(`/${name}/`, "");
    const file = path.startsWith(`${version}/`) ? path.slice(version.length) : undefined;
    const body = path === "meta.json"
      ? JSON.stringify({ versions: { [version]: {} } })
      : path === `${version}_meta.json`
      ? this.#meta()
      : this.#files.get(file ?? "");
    if (file !== undefined && body !== undefined) this.served.push(file.slice(1));
    const type = file === undefined ? "application/json" : "text/typescript";
    response.writeHead(body === undefined ? 404 : 200, { "content-type": type }).end(body);
  });

  private constructor(paths: string[]) {
    this.#files = new Map(paths.map((path) => [`/${path}`, textOf(path)]));
  }

  /** Serves the files of the package as JSR would. */
  static async start(): Promise<Registry> {
    const registry = new Registry(await publishedFiles());
    await new Promise<void>((resolve) => registry.#server.listen(0, "127.0.0.1", resolve));
    return registry;
  }

  /** What `JSR_URL` is to say. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #meta(): string {
    const files = Array.from(this.#files, ([path, text]) => {
      const checksum = `sha256-${createHash("sha256").update(text).digest("hex")}`;
      return [path, { size: new TextEncoder().encode(text).length, checksum }];
    });
    return JSON.stringify({ manifest: Object.fromEntries(files), exports: manifest.exports });
  }
}

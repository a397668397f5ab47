/**
 * The package on JSR: what is published, and a fresh project that takes it from a look-alike of the
 * registry. Who adds it there is Deno alone, so that the test run on Bun does not repeat it.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import {
  binaries,
  complaints,
  manifest,
  portedPrograms,
  portingMap,
  Project,
  publishedFiles,
  quickStart,
  Registry,
  textOf,
  usesEntryPoints,
  WRONG,
  wrongProgram,
} from "../helpers/package.ts";
import { disposable, within } from "../helpers/client.ts";
import { freePort, HERE, Program, ROOT } from "../helpers/programs.ts";
import { RawServer, TEXT } from "../peers/raw.ts";

/** The modules that modules lead to, types included, as paths from the root. */
async function graph(paths: string[]): Promise<string[]> {
  const infos = paths.map(async (path) => {
    const { code, stdout, stderr } = await Program.start([binaries.deno, "info", "--json", path])
      .ended;
    assertEquals(code, 0, stderr);
    const { modules } = JSON.parse(stdout) as { modules: { specifier: string }[] };
    // What is Node's is there on every runtime: it is no dependency.
    return modules.map(({ specifier }) => specifier).filter((url) => !url.startsWith("node:"));
  });
  const root = pathToFileURL(ROOT).href;
  const urls = new Set((await Promise.all(infos)).flat());
  return [...urls].map((url) => url.startsWith(root) ? url.slice(root.length) : url).sort();
}

/** Modules that only a server has use for. */
/** The modules of one side, but those of types, which any module may import. */
const ofServers = (paths: string[]) =>
  paths.filter((path) => /(^|[/_])server/.test(path) && !path.endsWith("types.ts"));
const ofClients = (paths: string[]) =>
  paths.filter((path) => /^client(\/connection|\/reconnecting)?\.ts$/.test(path));

describe("the package on JSR", () => {
  it("has its modules, its documents and nothing else", async () => {
    const modules = await graph(Object.values(manifest.exports));
    const docs = readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" })
      .map((name) => `docs/${name.replaceAll("\\", "/")}`)
      .filter((path) => statSync(join(ROOT, path)).isFile())
      .filter((path) => !JSON.parse(textOf("deno.json")).publish.exclude.includes(path));
    const documents = ["CHANGELOG.md", "LICENSE", "README.md", "README.zh.md", "SECURITY.md"]
      .filter((path) => existsSync(join(ROOT, path))).concat(docs);
    assertEquals(await publishedFiles(), [...modules, ...documents, "deno.json"].sort());
    assert(documents.includes("LICENSE") && documents.includes("README.md"));
    assert(
      documents.includes("docs/heartbeat.md") && documents.includes("docs/images/message.svg"),
    );
  });

  it("is the same in deno.json and in package.json", () => {
    const { name, version, license, exports } = JSON.parse(textOf("package.json"));
    assertEquals({ name, version, license, exports }, {
      name: manifest.name,
      version: manifest.version,
      license: manifest.license,
      exports: manifest.exports,
    });
  });

  it("leaves the server out of ./client, and the client out of ./server", async () => {
    const client = await graph(["client.ts"]);
    assertEquals(ofServers(client), []);
    assert(client.includes("runtime/select_client.ts"), "the graph has what it should have");
    const server = await graph(["server.ts"]);
    assert(
      ofServers(server).includes("runtime/select_server.ts"),
      "servers are found by their names",
    );
    assertEquals(ofClients(server), []);
    assertEquals(ofClients(client).length, 3);
  });

  it("has a page of documentation with an example for each entry point", () => {
    for (const path of Object.values(manifest.exports)) {
      const [text = ""] = /^\/\*\*.*?\*\//s.exec(textOf(path)) ?? [];
      assertMatch(text, /\* @example .+\n \* ```ts\n/, path);
      assertMatch(text, /\* @module\n/, path);
      assert(text.includes(`from "${manifest.name}`), `${path} does not import the package`);
    }
  });
});

if (HERE === "deno") {
  describe("deno add jsr:@netkit/websocket", () => {
    let registry: Registry;
    let project: Project;
    let env: Record<string, string>;

    const deno = (...args: string[]) => project.run([binaries.deno, ...args], env);

    beforeAll(async () => {
      registry = await Registry.start();
      project = new Project();
      // A cache of its own, as on a fresh machine.
      env = { JSR_URL: registry.url, DENO_DIR: join(project.folder, ".deno") };
      const { code, stderr } = await deno("add", `jsr:${manifest.name}@^${minor()}`);
      assertEquals(code, 0, stderr);
    });
    afterAll(async () => {
      project[Symbol.dispose]();
      await registry[Symbol.asyncDispose]();
    });

    /** The version's first two numbers: what a caret keeps, below 1.0. */
    function minor(): string {
      return manifest.version.split(".").slice(0, 2).join(".");
    }

    it("adds the version there is", () => {
      const { imports } = JSON.parse(project.read("deno.json"));
      assertEquals(imports, { [manifest.name]: `jsr:${manifest.name}@^${manifest.version}` });
      const { jsr } = JSON.parse(project.read("deno.lock"));
      assertEquals(Object.keys(jsr), [`${manifest.name}@${manifest.version}`]);
    });

    it("fetches nothing of the server's for a program that imports ./client", async () => {
      const program = `import { createWebSocket } from "${manifest.name}/client";\n` +
        `console.log(createWebSocket().state);\n`;
      project.write("client.ts", program);
      const own = { ...env, DENO_DIR: join(project.folder, ".deno-client") };
      registry.served.length = 0;
      const flags = ["run", "--quiet", "--no-prompt", "client.ts"];
      const { stdout, stderr } = await project.run([binaries.deno, ...flags], own);
      assertEquals([stdout, stderr], ["idle\n", ""]);
      assert(registry.served.includes("client.ts"), registry.served.join());
      assertEquals(ofServers(registry.served), []);
    });

    it("runs the README's quick start with --allow-net alone", async () => {
      const { code, output } = quickStart(await freePort());
      project.write("hello.ts", code);
      const flags = ["run", "--quiet", "--no-prompt", "--allow-net", "hello.ts"];
      const ended = await deno(...flags);
      assertEquals([ended.stdout, ended.stderr, ended.code], [output, "", 0]);
      assertMatch(output, /\w/);
    });

    it("has every entry point", async () => {
      project.write("uses.ts", usesEntryPoints());
      const { code, stdout, stderr } = await deno("run", "--quiet", "--no-prompt", "uses.ts");
      assertEquals([stderr, code], ["", 0]);
      assertMatch(stdout, /^\. .*createWebSocket createWebSocketServer webSocket$/m);
      assertMatch(stdout, /^\.\/testing FakeClock MemoryBroker MemoryNetwork$/m);
      assertEquals(stdout.trim().split("\n").length, Object.keys(manifest.exports).length);
    });

    it("has types for all of it, and reports each wrong use, and no other", async () => {
      project.write("hello.ts", quickStart(8080).code);
      project.write("uses.ts", usesEntryPoints());
      project.write("wrong.ts", wrongProgram());
      const { code, stderr } = await deno("check", "hello.ts", "uses.ts", "wrong.ts");
      assertEquals([complaints(stderr), code], [[...WRONG], 1]);
      const errors = stderr.match(/\[ERROR\]/g)!.length;
      assertEquals(stderr.match(/^ +at \S+\/wrong\.ts:\d+:\d+$/gm)!.length, errors, stderr);
    });

    it("runs a program from HarmonyOS by the map of docs/porting.md, type-check included", async () => {
      await using server = await RawServer.listen().then(disposable);
      for (const [name, code] of Object.entries(portedPrograms(server.port))) {
        project.write(`ported/${name}`, code);
      }
      project.write("ported/deno.json", JSON.stringify(portingMap("deno")));
      const config = ["--config", "ported/deno.json"];
      const checked = await deno(
        "check",
        "--quiet",
        ...config,
        "ported/main.ts",
        "ported/types.ts",
      );
      assertEquals([checked.stderr, checked.code], ["", 0]);
      const running = deno(
        "run",
        "--quiet",
        "--no-prompt",
        ...config,
        "--allow-net",
        "ported/main.ts",
      );
      const client = await within(server.accept());
      await within(client.next(TEXT));
      client.close(1000, "bye");
      const { stdout, stderr, code } = await within(running);
      assertEquals(stdout, "say: close 1011 overloaded\nclose: 1000 bye\n");
      assertEquals([stderr, code], ["", 0]);
    });
  });
}

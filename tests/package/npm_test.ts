/**
 * The package on npm: what its tarball holds, and fresh projects that have installed it. Who adds it
 * there is Bun, with TypeScript from the npm registry, so that the test run on Deno does not repeat it.
 */

import { assert, assertEquals, assertFalse, assertMatch, assertStringIncludes } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { readdirSync } from "node:fs";
import { join, posix } from "node:path";
import { versionOf } from "../../scripts/setup.mjs";
import { disposable, within } from "../helpers/client.ts";
import {
  binaries,
  complaints,
  manifest,
  pack,
  packInto,
  portedPrograms,
  portingMap,
  Project,
  quickStart,
  textOf,
  typeTests,
  unpack,
  usesEntryPoints,
  WRONG,
  wrongProgram,
} from "../helpers/package.ts";
import { freePort, HERE, ROOT } from "../helpers/programs.ts";
import { WatchedServer } from "../helpers/watched_server.ts";
import { RawServer, TEXT } from "../peers/raw.ts";

const { name, version, license, exports } = manifest;

/** What a path of a module becomes. */
const js = (path: string) => path.replace(/\.ts$/, ".js");
const dts = (path: string) => path.replace(/\.ts$/, ".d.ts");

describe("npm's tarball", () => {
  const project = new Project();
  let files: Map<string, string>;

  beforeAll(async () => {
    files = unpack(await packInto(project.folder));
  });
  afterAll(() => project[Symbol.dispose]());

  it("is called by the name and the version", () => {
    assertEquals(readdirSync(project.folder), [`netkit-websocket-${version}.tgz`]);
  });

  it("has a manifest with no dependency and no script", () => {
    const ours = JSON.parse(textOf("package.json"));
    const { description, sideEffects, engines } = ours;
    assertEquals(ours.private, true, "nobody publishes the folder itself");
    assertEquals(JSON.parse(files.get("package.json")!), {
      name,
      version,
      description,
      sideEffects,
      engines,
      type: "module",
      license,
      main: js(exports["."]!),
      types: dts(exports["."]!),
      exports: Object.fromEntries(
        Object.entries(exports).map(([path, file]) => [path, {
          types: dts(file),
          import: js(file),
          default: js(file),
        }]),
      ),
    });
    assertEquals(sideEffects, false);
    assertEquals(Object.keys(engines).sort(), ["bun", "deno"]);
  });

  it("names the repository where GitHub builds it", async () => {
    using folder = new Project();
    const env = { GITHUB_SERVER_URL: "https://github.com", GITHUB_REPOSITORY: "a/b" };
    const { repository } = JSON.parse(unpack(await pack(folder.folder, env)).get("package.json")!);
    assertEquals(repository, { type: "git", url: "git+https://github.com/a/b.git" });
  });

  it("has modules that import only what is there, and documents", () => {
    for (const path of Object.values(exports)) {
      assert(files.has(js(path).slice(2)) && files.has(dts(path).slice(2)), path);
    }
    let imports = 0;
    for (const [path, text] of files) {
      if (!/\.[jt]s$/.test(path)) {
        assertMatch(path, /^(LICENSE|package\.json|[A-Z]+(\.zh)?\.md|docs\/.+\.(md|svg|png))$/);
        continue;
      }
      if (path.startsWith("docs/recipes/")) continue; // they are to be read, and import others
      const code = text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
      for (const [, from = ""] of code.matchAll(/^(?:import|export)\b.*?\bfrom "([^"]+)"/gms)) {
        if (/^shapes\/(duplex|ws\w*)\./.test(path) && from.startsWith("node:")) continue;
        imports++;
        const target = posix.join(posix.dirname(path), from);
        assertMatch(from, /^\.\.?\/.*\.js$/, path);
        assert(files.has(path.endsWith(".d.ts") ? dts(target.replace(/js$/, "ts")) : target), from);
      }
    }
    assert(imports > 50, `only ${imports} imports were found`);
    assert(files.has("README.md") && files.has("LICENSE"));
    assertEquals(
      [...files.keys()].filter((path) => /^[^/.]+\.js$/.test(path)).sort(),
      [...new Set([...Object.values(exports), "./errors.ts"])].map((path) => js(path).slice(2))
        .sort(),
      "what somebody has put at the root stays there",
    );
    for (const [path] of files) {
      if (/^docs\/(?!recipes\/)/.test(path)) assertMatch(path, /\.(md|svg|png)$/);
    }
  });

  it("has what its pages lead to, and shows no picture that no page does", () => {
    const pages = [...files].filter(([path]) => path.endsWith(".md"));
    const reached = new Set<string>();
    for (const [page, text] of pages) {
      const prose = text.replace(/^```.*?^```$/gms, "");
      for (const [, link = ""] of prose.matchAll(/(?:\]\(|(?:src|srcset|href)=")([^)"\s]+)[)"]/g)) {
        if (/^(https:|#)/.test(link)) continue;
        const target = posix.join(posix.dirname(page), link.split("#")[0]!);
        assert(files.has(target), `${page} has a link to ${link}, which is not in the tarball`);
        reached.add(target);
      }
    }
    assert(pages.length > 30 && reached.size > 50, `${pages.length} pages, ${reached.size} links`);
    const pictures = [...files.keys()].filter((path) => /\.(svg|png)$/.test(path));
    assertEquals(pictures.filter((path) => !reached.has(path)), []);
  });

  it("has the page that the console sends its reader to", () => {
    const said = textOf("client/dial.ts").match(/See (\S+) in the package/)?.[1];
    assertEquals(said, "docs/heartbeat.md");
    assert(files.has(said!));
  });

  it("tells nothing of where it was made", () => {
    for (const [path, text] of files) {
      assertFalse(text.includes(ROOT) || text.includes("file://"), path);
      assertFalse(text.includes("sourceMappingURL"), path);
    }
  });
});

if (HERE === "bun") {
  describe("bun add ./netkit-websocket.tgz", () => {
    const project = new Project();
    const bun = (...args: string[]) => project.run([binaries.bun, ...args]);
    const tsc = (...args: string[]) =>
      bun("run", "--bun", "tsc", "--pretty", "false", "--singleThreaded", ...args);

    beforeAll(async () => {
      const { code, stderr } = await bun("add", await packInto(project.folder));
      assertEquals(code, 0, stderr);
    });
    afterAll(() => project[Symbol.dispose]());

    // The order of the next two counts: the second brings packages of its own.
    it("brings one package", () => {
      assertEquals(readdirSync(join(project.folder, "node_modules")), ["@netkit"]);
      assertEquals(readdirSync(join(project.folder, "node_modules/@netkit")), ["websocket"]);
      const packages = /"packages": \{(.*)\}/s.exec(project.read("bun.lock"))?.[1] ?? "";
      assertEquals(packages.match(/^ {4}"/gm)?.length, 1, packages);
    });

    it("has types that TypeScript sees, with `strict` and Bun's own, and reports wrong use", async () => {
      const added = await bun("add", "--dev", "typescript@7.0.2", "bun-types@1.4.5");
      assertEquals(added.code, 0, added.stderr);
      const compilerOptions = {
        ...{ strict: true, exactOptionalPropertyTypes: true, noEmit: true },
        ...{ module: "nodenext", target: "esnext", types: ["bun-types"], skipLibCheck: false },
      };
      project.write("package.json", project.read("package.json").replace("{", '{"type":"module",'));
      const sides = ["client", "server", "shapes"];
      const include = [
        "hello.ts",
        "uses.ts",
        "wrong.ts",
        ...sides.map((side) => `types_${side}.ts`),
      ];
      project.write("tsconfig.json", JSON.stringify({ compilerOptions, include }));
      project.write("hello.ts", quickStart(8080).code);
      project.write("uses.ts", usesEntryPoints());
      project.write("wrong.ts", wrongProgram());
      for (const [file, code] of Object.entries(typeTests(sides))) project.write(file, code);
      const { code, stdout } = await tsc();
      assertEquals(complaints(stdout), [...WRONG], stdout);
      const elsewhere = stdout.split("\n").filter((line) => !/^(wrong\.ts|\s|$)/.test(line));
      assertEquals(elsewhere, []);
      assert(code !== 0);
      // Above the platform's types are lib.dom's; here they are Bun's own.
      const own = {
        compilerOptions: { ...compilerOptions, lib: ["esnext"] },
        files: ["types_shapes.ts"],
      };
      project.write("tsconfig.bun.json", JSON.stringify(own));
      const alone = await tsc("-p", "tsconfig.bun.json");
      assertEquals([alone.stdout, alone.code], ["", 0]);
    });

    it("runs the README's quick start", async () => {
      const { code, output } = quickStart(await freePort());
      project.write("hello.ts", code);
      const ended = await bun("hello.ts");
      assertEquals([ended.stdout, ended.stderr, ended.code], [output, "", 0]);
    });

    it("runs a program from HarmonyOS by the map of docs/porting.md, type-check included", async () => {
      await using peer = await RawServer.listen().then(disposable);
      const programs = portedPrograms(peer.port);
      for (const [name, code] of Object.entries(programs)) project.write(`ported/${name}`, code);
      const { compilerOptions } = portingMap("bun");
      const include = ["ported"];
      const options = { ...compilerOptions, noEmit: true };
      project.write("tsconfig.json", JSON.stringify({ compilerOptions: options, include }));
      const checked = await tsc();
      assertEquals([checked.stdout, checked.code], ["", 0]);
      const running = bun("ported/main.ts");
      const client = await within(peer.accept());
      await within(client.next(TEXT));
      client.close(1000, "bye");
      const { stdout, stderr, code } = await within(running);
      assertEquals(stdout, "say: close 1011 overloaded\nclose: 1000 bye\n");
      assertEquals([stderr, code], ["", 0]);
    });

    it("has every entry point", async () => {
      project.write("uses.ts", usesEntryPoints());
      const { code, stdout, stderr } = await bun("uses.ts");
      assertEquals([stderr, code], ["", 0]);
      assertMatch(stdout, /^\. .*createWebSocket createWebSocketServer webSocket$/m);
      assertEquals(stdout.trim().split("\n").length, Object.keys(exports).length);
    });
  });
}

const { node } = binaries;
if (node !== undefined) {
  describe("the package on Node", () => {
    const project = new Project();
    /** Node has a WebSocket from 22 on, and 20 keeps one behind a flag. */
    const isOld = Number(versionOf(node).split(".")[0]) < 22;
    const flags = {
      with: isOld ? ["--experimental-websocket", "--no-warnings"] : [],
      without: isOld ? [] : ["--no-experimental-websocket"],
    };

    beforeAll(async () => project.install(unpack(await packInto(project.folder))));
    afterAll(() => project[Symbol.dispose]());

    /** Runs a program that has a client `ws`, which tells of its events. */
    async function run(
      flags: string[],
      lines: string[],
    ): Promise<[string[], string, number | null]> {
      const prelude = [
        `import { createWebSocket, createWebSocketServer } from "${name}";`,
        "const ws = createWebSocket();",
        "const say = (...what) => console.log(...what.map((it) => JSON.stringify(it)));",
        'for (const event of ["open", "message", "close"])',
        "  ws.on(event, (error, what) => say(event, what));",
        'ws.on("error", (error) => say("error", error));',
      ];
      const file = project.write("program.mjs", [...prelude, ...lines].join("\n"));
      const { stdout, stderr, code } = await project.run([node!, ...flags, file]);
      return [stdout.trim().split("\n"), stderr, code];
    }

    it("is a client where there is a WebSocket, says once that it cannot ping, and ends by itself", async () => {
      // Node sends nothing of a user in the URL: see docs/browsers.md.
      await using watched = await WatchedServer.start({
        authorize: ({ headers }) =>
          !headers.has("authorization") || new Response("", { status: 401 }),
      });
      watched.echo();
      const [stdout, stderr, code] = await run(flags.with, [
        `await ws.connect("ws://me:secret@127.0.0.1:${watched.port}/");`,
        "await ws.opened;",
        'await ws.send("text");',
        'ws.on("message", () => ws.close({ code: 4001, reason: "bye" }));',
        "await ws.closed;",
      ]);
      assertEquals(stdout, [
        '"open" {"status":101,"message":"Switching Protocols"}',
        '"message" "text"',
        '"close" {"code":4001,"reason":"bye"}',
      ]);
      assertMatch(
        stderr,
        /^this platform lets no client send Ping frames: .* docs\/heartbeat\.md in the package\.\n$/,
      );
      assertEquals(code, 0);
      assertEquals(await watched.closed(), { code: 4001, reason: "bye" });
    });

    it("tells of a refused connection, of a refused handshake, and of a lost connection", async () => {
      await using refusing = await WatchedServer.start({
        authorize: () => new Response(null, { status: 401 }),
      });
      await using lossy = await RawServer.listen().then(disposable);
      const lost = lossy.accept().then((peer) => peer.next(TEXT).then(() => peer.reset()));
      const [stdout, , code] = await run(flags.with, [
        `const urls = ["ws://127.0.0.1:${await freePort()}/", "ws://127.0.0.1:${refusing.port}/"];`,
        `for (const url of [...urls, "${lossy.url}"]) {`,
        "  await ws.connect(url);",
        '  await ws.send("here").catch(() => {});',
        "  await ws.closed.catch(() => {});",
        "}",
      ]);
      await within(lost);
      const failed = (why: string) =>
        `"error" {"code":200,"message":"Websocket connect failed: ${why}","data":"0"}`;
      assertEquals(stdout, [
        failed("the connection failed"),
        failed("the connection failed"),
        '"open" {"status":101,"message":"Switching Protocols"}',
        failed("the connection was lost"),
        '"close" {"code":1006,"reason":"The link is down"}',
      ]);
      assertEquals(code, 0);
      assertEquals(refusing.errors.map(({ data }) => data), ["401"]);
    });

    it("says that there is no WebSocket where there is none", async () => {
      const [stdout, stderr, code] = await run(flags.without, [
        'await ws.connect("ws://localhost/").catch(say);',
      ]);
      const message = "Websocket Unknown Other Error: connect: 'WebSocket' cannot be had on this " +
        "platform: Node has it from 22 on";
      assertEquals([stdout, stderr, code], [
        [JSON.stringify({ code: 2302999, message })],
        "",
        0,
      ]);
    });

    it("is no server, and says so", async () => {
      const [[line = ""]] = await run(flags.with, [
        "await createWebSocketServer().start({ serverPort: 0 }).catch(say);",
      ]);
      const { code, message } = JSON.parse(line);
      assertEquals(code, 2302999);
      assertStringIncludes(message, "servers need Deno or Bun");
    });
  });
}

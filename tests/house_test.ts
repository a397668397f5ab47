/** The rules of the house: who may import whom, and what may stand where. */

import { assert, assertEquals, assertFalse } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { INTERNAL } from "../runtime/deno/internal_names.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** The rooms, and the front door: the root. */
const FOLDERS = [
  ...["client", "cluster", "harmony", "internal", "otel", "runtime", "server", "shapes", "testing"],
];

/** What may stand at the root: each an entry point or a word of the domain. */
const FRONT_DOOR = [
  ...["client.ts", "cluster.ts", "errors.ts", "harmony.ts", "heartbeat.ts", "mod.ts", "nats.ts"],
  ...["node.ts", "otel.ts", "redis.ts", "server.ts", "standard.ts", "testing.ts"],
];

function sources(folder: string, recursive = true, ext = ".ts"): string[] {
  return readdirSync(join(ROOT, folder), { recursive, encoding: "utf8" })
    .filter((name) => name.endsWith(ext) && !name.includes("node_modules"))
    .filter((name) => folder !== "" || name !== "hello.ts") // the README has it written there
    .map((name) => join(folder, name).split(sep).join("/"))
    .sort();
}

const FILES = [...sources("", false), ...FOLDERS.flatMap((folder) => sources(folder))];

const textOf = (file: string) => readFileSync(join(ROOT, file), "utf8");

/** A source with its comments, strings and regular expressions blanked out, as far as needed here. */
function codeOf(file: string): string {
  const text = textOf(file);
  // Imports are read elsewhere; templates count as text.
  return text.replace(
    /\/\*[\s\S]*?\*\/|\/\/.*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`/g,
    (found) => found.replace(/[^\n]/g, " "),
  );
}

interface Import {
  from: string;
  typeOnly: boolean;
}

/** What a module imports or exports from another, comments aside. */
function importsOf(file: string): Import[] {
  const code = textOf(file).replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
  const found = code.matchAll(
    /^(?:import|export)\s+(type\s)?(?:[\w*{}\s,$]|\btype\b)*?\bfrom\s+"([^"]+)"|^import\s+"([^"]+)"|\bimport\("([^"]+)"\)/gm,
  );
  return Array.from(found, ([, type, ...paths]) => ({
    from: paths.find((path) => path !== undefined)!,
    typeOnly: type !== undefined,
  }));
}

/** The room a module is in: its folder at the root, or its name there. */
const roomOf = (file: string) => file.includes("/") ? `${file.split("/")[0]}/` : file;

/** What each room may import, beside its own. */
const ARROWS: Record<string, string[]> = {
  "mod.ts": [
    ...["client.ts", "server.ts", "errors.ts", "heartbeat.ts"],
    ...["client/", "harmony/", "server/", "runtime/"],
  ],
  "client.ts": ["client/", "errors.ts", "heartbeat.ts", "internal/", "runtime/"],
  "server.ts": ["server/", "errors.ts", "heartbeat.ts", "internal/", "runtime/"],
  "harmony.ts": ["harmony/"],
  "heartbeat.ts": ["internal/"],
  "otel.ts": ["otel/", "errors.ts", "heartbeat.ts"],
  "otel/": ["heartbeat.ts", "internal/", "runtime/"],
  "standard.ts": ["shapes/"],
  "node.ts": ["shapes/"],
  "testing.ts": ["testing/", "cluster/", "heartbeat.ts", "runtime/", "internal/"],
  "cluster.ts": ["cluster/"],
  "redis.ts": ["cluster/"],
  "nats.ts": ["cluster/"],
  "errors.ts": [],
  "client/": ["errors.ts", "heartbeat.ts", "internal/", "runtime/"],
  "cluster/": ["errors.ts", "internal/"],
  "server/": ["cluster/", "errors.ts", "heartbeat.ts", "internal/", "runtime/"],
  "harmony/": ["client.ts", "server.ts", "client/", "server/", "errors.ts", "internal/"],
  "shapes/": ["client/", "server/", "errors.ts", "heartbeat.ts", "internal/", "runtime/"],
  "testing/": ["heartbeat.ts", "runtime/", "internal/"],
  "runtime/": ["internal/", "errors.ts"],
  "internal/": ["errors.ts"],
};

/** What `./node` is made of: these have Node's own classes as their bases. */
const NODE_SHAPES = [
  "bare_emitter.ts",
  "duplex.ts",
  "ws.ts",
  "ws_control.ts",
  "ws_data.ts",
  "ws_listeners.ts",
  "ws_socket.ts",
  "ws_tcp.ts",
].map((name) => `shapes/${name}`);

/** Types that any room may import, so that no type stands twice. */
const TYPES = ["client/types.ts", "server/types.ts", "server/config_types.ts"];

describe("the house", () => {
  it("has a front door with nothing else in it, and rooms behind it", () => {
    assertEquals(sources("", false), FRONT_DOOR);
    for (const folder of FOLDERS) assert(sources(folder).length > 1, `${folder} is empty`);
    for (const file of ["mod.ts", "client.ts", "server.ts", "heartbeat.ts"]) {
      assert(importsOf(file).length > 0, `${file} imports nothing`);
    }
  });

  for (const file of FILES) {
    it(`has arrows that point down only: ${file}`, () => {
      const allowed = ARROWS[roomOf(file)];
      assert(allowed !== undefined, `${file} is in no room of ARROWS in this test: add it`);
      for (const { from, typeOnly } of importsOf(file)) {
        if (from.startsWith("node:") && NODE_SHAPES.includes(file)) continue;
        assert(from.startsWith("."), `${file} imports ${from}: there are no dependencies at all`);
        const path = relative(ROOT, join(ROOT, dirname(file), from));
        assert(existsSync(join(ROOT, path)), `${file} imports ${from}, which is not there`);
        const mayNameTypes = typeOnly && TYPES.includes(path);
        const isWithin = roomOf(path) === roomOf(file) || allowed.includes(roomOf(path));
        assert(isWithin || mayNameTypes, `${file} must not import ${path}`);
      }
    });

    it(`has runtimes' names in code only in runtime/: ${file}`, () => {
      const named = /\b(Deno|Bun)\b\s*(\?\.|\.|\[)/.exec(codeOf(file));
      if (roomOf(file) !== "runtime/") {
        assertEquals(named?.[0], undefined);
        assertFalse(/globalThis/.test(codeOf(file)), "globalThis");
      }
    });

    it(`has no 'any' but in runtime/: ${file}`, () => {
      if (roomOf(file) === "runtime/") {
        return assert(file !== "runtime/contract.ts" || !hasAny(file));
      }
      assertFalse(hasAny(file));
    });

    it(`has files of 350 lines at the most: ${file}`, () => assertShort(file));
  }

  it("has tests, too, of 350 lines at the most", () => {
    const tests = sources("tests");
    assert(tests.length > 400);
    for (const file of tests) assertShort(file);
  });

  it("has a single 'any' in runtime/, where Deno's internals are touched", () => {
    const with_ = FILES.filter(hasAny);
    assertEquals(with_, ["runtime/deno/internals.ts"]);
  });

  it("names what Deno keeps inside in one file alone", () => {
    const all = [...FILES, ...sources("tests"), ...sources("bench", true, ".mjs")];
    const named = Object.values(INTERNAL);
    const naming = all.filter((file) => named.some((name) => textOf(file).includes(name)));
    assertEquals(naming, ["runtime/deno/internal_names.ts"]);
    const using = FILES.filter((file) => textOf(file).includes("[Deno.internal]"));
    assertEquals(using, ["runtime/deno/internals.ts"]);
  });

  it("has a map of its tests, with every folder on it", () => {
    const map = readFileSync(join(ROOT, "tests/README.md"), "utf8");
    for (const name of readdirSync(join(ROOT, "tests"))) {
      const isFolder = !/\.\w+$/.test(name) && name !== "node_modules";
      if (isFolder) assert(map.includes(`| \`${name}/\` `), `tests/README.md has no row ${name}/`);
    }
  });

  it("has tests of internal/ and testing/ that are named after what they test", () => {
    for (const folder of ["internal", "testing"]) {
      for (const file of sources(`tests/${folder}`)) {
        const source = file.slice("tests/".length).replace("_test.ts", ".ts");
        assert(existsSync(join(ROOT, source)), `${file} tests no file: there is no ${source}`);
      }
    }
  });

  it("names no test file in a comment that is not there", () => {
    const tests = sources("tests");
    for (const file of FILES) {
      for (const [, name] of textOf(file).matchAll(/`([\w/]+_test\.ts)`/g)) {
        const isThere = tests.some((test) => test === name || test.endsWith(`/${name}`));
        assert(isThere, `${file} names ${name}, which is not there`);
      }
    }
  });

  it("has no cycles among its modules, types aside", () => {
    const state = new Map<string, "walking" | "done">();
    const walk = (file: string, path: string[]) => {
      assert(state.get(file) !== "walking", `cycle: ${[...path, file].join(" -> ")}`);
      if (state.has(file)) return;
      state.set(file, "walking");
      for (const { from, typeOnly } of importsOf(file)) {
        if (typeOnly || from.startsWith("node:")) continue;
        walk(relative(ROOT, join(ROOT, dirname(file), from)), [...path, file]);
      }
      state.set(file, "done");
    };
    for (const file of FILES) walk(file, []);
    assertEquals(state.size, FILES.length);
  });

  it("loads nothing of what only servers with a broker and clients that resume need", () => {
    const loaded = new Set<string>();
    const load = (file: string) => {
      if (loaded.has(file)) return;
      loaded.add(file);
      const code = textOf(file).replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
      for (const { from, typeOnly } of importsOf(file)) {
        if (typeOnly || code.includes(`import("${from}")`)) continue;
        load(relative(ROOT, join(ROOT, dirname(file), from)));
      }
    };
    load("mod.ts");
    assert(loaded.has("server/publishing.ts"));
    assertEquals([...loaded].filter((file) => /cluster|resume\.ts|resuming\.ts/.test(file)), []);
  });

  it("is told apart by this test: it finds what it looks for", () => {
    // A test of rules that finds nothing anywhere proves nothing.
    assert(FILES.filter((file) => /\b(Deno|Bun)\b/.test(codeOf(file))).length > 0);
    assert(importsOf("client.ts").some(({ from }) => from === "./runtime/select_client.ts"));
    assert(importsOf("mod.ts").some(({ from }) => from === "./harmony/strict_namespace.ts"));
    assert(importsOf("harmony/namespace.ts").some(({ typeOnly }) => typeOnly));
    assert(hasAny("runtime/deno/internals.ts"));
  });
});

function assertShort(file: string): void {
  const lines = textOf(file).trimEnd().split("\n").length;
  assert(lines <= 350, `${file} has ${lines} lines: it is two files`);
}

function hasAny(file: string): boolean {
  return /(?::|\bas|<|,|\||&|=>)\s*any\b(?!\s*\()/.test(codeOf(file));
}

/** The rules of the house: who may import whom, and what may stand where. */

import { assert, assertEquals, assertFalse } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

function sources(folder: string): string[] {
  return readdirSync(join(ROOT, folder)).filter((name) => name.endsWith(".ts")).map((name) =>
    join(folder, name)
  ).sort();
}

const FILES = [
  ...sources(""),
  ...sources("internal"),
  ...sources("runtime"),
  ...sources("testing"),
];

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

/** The room a module is in: its folder, or its name at the root. */
const roomOf = (file: string) => dirname(file) === "." ? file : `${dirname(file)}/`;

/** What each room may import. */
const BELOW = ["errors.ts", "heartbeat.ts", "internal/", "runtime/"];
const ARROWS: Record<string, string[]> = {
  "mod.ts": [
    ...["kit.ts", "client.ts", "server.ts", "errors.ts", "heartbeat.ts"],
    ...["client_types.ts", "server_types.ts", "runtime/"],
  ],
  "kit.ts": ["client.ts", "server.ts", "client_types.ts", "server_types.ts"],
  "client.ts": [
    ...["client_connection.ts", "client_emitter.ts", "client_reconnect.ts"],
    ...["client_request.ts", "client_types.ts"],
    ...BELOW,
  ],
  "client_emitter.ts": ["client_reconnect.ts", "client_types.ts", ...BELOW],
  "client_reconnect.ts": ["client_connection.ts", ...BELOW],
  "client_request.ts": ["client_types.ts", ...BELOW],
  "client_connection.ts": BELOW,
  "server.ts": [
    ...["server_run.ts", "server_peer.ts", "server_lookup.ts"],
    ...["server_types.ts", "client_types.ts"],
    ...BELOW,
  ],
  "server_lookup.ts": ["server_peer.ts", "server_run.ts", ...BELOW],
  "server_run.ts": [
    ...["server_door.ts", "server_peer.ts", "server_rooms.ts", "server_types.ts"],
    ...BELOW,
  ],
  "server_rooms.ts": ["server_peer.ts", "server_types.ts", ...BELOW],
  "server_door.ts": ["server_peer.ts", ...BELOW],
  "server_peer.ts": BELOW,
  "heartbeat.ts": ["internal/"],
  "client_types.ts": ["errors.ts", "heartbeat.ts", "reconnect_types.ts", "internal/", "runtime/"],
  "reconnect_types.ts": ["internal/"],
  "server_types.ts": ["errors.ts", "heartbeat.ts", "client_types.ts", "internal/", "runtime/"],
  "otel.ts": ["client_types.ts", "server_types.ts", "heartbeat.ts", "internal/"],
  "errors.ts": [],
  "testing.ts": ["testing/", "heartbeat.ts", "runtime/", "internal/"],
  "testing/": ["testing/", "heartbeat.ts", "runtime/", "internal/"],
  "internal/": ["internal/", "errors.ts"],
  "runtime/": ["runtime/", "internal/", "errors.ts"],
};

/** Files that may be longer than 350 lines, and why. */
const LONG: Record<string, { lines: number; why: string }> = {};

describe("the house", () => {
  it("is where we look for it", () => {
    for (const file of ["mod.ts", "client.ts", "server.ts", "heartbeat.ts", "runtime/mod.ts"]) {
      assert(FILES.includes(file), file);
      assert(file === "runtime/mod.ts" || importsOf(file).length > 0, `${file} imports nothing`);
    }
  });

  for (const file of FILES) {
    it(`has arrows that point down only: ${file}`, () => {
      const allowed = ARROWS[roomOf(file)];
      assert(allowed !== undefined, `${file} is in no room of ARROWS in this test: add it`);
      for (const { from, typeOnly } of importsOf(file)) {
        assert(from.startsWith("."), `${file} imports ${from}: there are no dependencies at all`);
        const path = relative(ROOT, join(ROOT, dirname(file), from));
        assert(existsSync(join(ROOT, path)), `${file} imports ${from}, which is not there`);
        assert(allowed.includes(roomOf(path)), `${file} must not import ${path}`);
        if (file === "types.ts") assert(typeOnly, `${file} must import types only: ${path}`);
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
      if (roomOf(file) === "runtime/") return assert(file !== "runtime/mod.ts" || !hasAny(file));
      assertFalse(hasAny(file));
    });

    it(`has files of 350 lines at the most: ${file}`, () => {
      const lines = textOf(file).trimEnd().split("\n").length;
      const most = LONG[file]?.lines ?? 350;
      assert(lines <= most, `${file} has ${lines} lines: it is two files, or a reason in LONG`);
    });
  }

  it("has a single 'any' in runtime/, where Deno's internals are touched", () => {
    const with_ = FILES.filter(hasAny);
    assertEquals(with_, ["runtime/deno_socket.ts"]);
  });

  it("does not list a file as long that is not", () => {
    for (const file of Object.keys(LONG)) {
      assert(textOf(file).split("\n").length > 350, `${file} is short: take it off LONG`);
    }
  });

  it("has no cycles among its modules, types aside", () => {
    const state = new Map<string, "walking" | "done">();
    const walk = (file: string, path: string[]) => {
      assert(state.get(file) !== "walking", `cycle: ${[...path, file].join(" -> ")}`);
      if (state.has(file)) return;
      state.set(file, "walking");
      for (const { from, typeOnly } of importsOf(file)) {
        if (!typeOnly) walk(relative(ROOT, join(ROOT, dirname(file), from)), [...path, file]);
      }
      state.set(file, "done");
    };
    for (const file of FILES) walk(file, []);
    assertEquals(state.size, FILES.length);
  });

  it("is told apart by this test: it finds what it looks for", () => {
    // A test of rules that finds nothing anywhere proves nothing.
    assert(FILES.filter((file) => /\b(Deno|Bun)\b/.test(codeOf(file))).length > 0);
    assert(importsOf("client.ts").some(({ from }) => from === "./runtime/client.ts"));
    assert(importsOf("mod.ts").some(({ from }) => from === "./kit.ts"));
    assert(importsOf("kit.ts").some(({ typeOnly }) => typeOnly));
    assert(hasAny("runtime/deno_socket.ts"));
  });
});

function hasAny(file: string): boolean {
  return /(?::|\bas|<|,|\||&|=>)\s*any\b(?!\s*\()/.test(codeOf(file));
}

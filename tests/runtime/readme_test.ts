/** The list of workarounds and what pins them: that the tests it names are there. */

import { assert, assertEquals, assertGreater } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { existsSync, readdirSync, readFileSync } from "node:fs";

const here = (name: string) => new URL(name, import.meta.url);

const ROWS = readFileSync(here("README.md"), "utf8").split("\n")
  .map((line) => /^\| ([\w/]+) +\| (.+?) +\| `(\w+_test\.ts)`: (.+?) +\|$/.exec(line))
  .filter((match) => match !== null)
  .map(([, source, workaround, file, test]) => ({ source, workaround, file, test }));

describe("tests/runtime/README.md", () => {
  it("has rows of sources, workarounds and tests, and no others", () => {
    const all = readFileSync(here("README.md"), "utf8").match(/^\| \w/gm) ?? [];
    assertEquals(ROWS.length, all.length - 1); // its head
    assertGreater(ROWS.length, 40);
  });

  for (const { source, workaround, file, test } of ROWS) {
    it(`names a test that is there: ${source}, ${workaround}`, () => {
      assert(existsSync(here(`../../runtime/${source!.replace("_", "/")}.ts`)), source);
      assert(readFileSync(here(file!), "utf8").includes(test!), `${file} has no "${test}"`);
    });
  }

  it("names each file of quirks", () => {
    const quirks = readdirSync(here(".")).filter((name) => name.endsWith("_quirks_test.ts"));
    const named = new Set(ROWS.map(({ file }) => file));
    assertEquals(quirks.filter((name) => !named.has(name)), []);
  });
});

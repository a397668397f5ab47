/** The list of the faults that `npm run mutate` does not say: each is of a line that is there, and has its reason. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../helpers/programs.ts";

interface Left {
  fault: string;
  line: string;
  why: string;
}

const textOf = (file: string) => readFileSync(join(ROOT, file), "utf8");
const LEFT: Record<string, Left[]> = JSON.parse(textOf("scripts/mutants_left.json"));

describe("scripts/mutants_left.json", () => {
  it("is in order, and says no fault twice", () => {
    const files = Object.keys(LEFT);
    assertEquals(files, files.toSorted());
    for (const [file, all] of Object.entries(LEFT)) {
      const said = all.map(({ fault, line }) => `${file} ${line} ${fault}`);
      assertEquals(said.length, new Set(said).size, file);
    }
  });

  for (const [file, all] of Object.entries(LEFT)) {
    it(`has lines that are in ${file}, and says why`, () => {
      const lines = new Set(textOf(file).split("\n").map((line) => line.trim()));
      for (const { fault, line, why } of all) {
        assert(
          lines.has(line),
          `${file} has no line '${line}': plant ${fault} again, or leave it out`,
        );
        assertMatch(fault, /^\w+: .* → .*$/);
        assertMatch(why, /^[A-Z].{15,}\.$/);
      }
    });
  }
});

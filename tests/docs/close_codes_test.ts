/** The page of close codes, against the code. */

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as codes from "../../internal/close_codes.ts";
import { ROOT } from "../helpers/programs.ts";

/** The rows of a page's table, in cells. */
const rowsOf = (page: string) =>
  readFileSync(join(ROOT, page), "utf8").split("\n")
    .filter((line) => /^\| \d/.test(line))
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));

/** The kinds that `docs/errors.md` has. */
const KINDS = Array.from(
  readFileSync(join(ROOT, "docs/errors.md"), "utf8").matchAll(/^\| (\w+) +\| -?\d+ /gm),
  ([, kind]) => kind,
);

for (const page of ["docs/close-codes.md", "docs/zh/close-codes.md"]) {
  describe(page, () => {
    it("has each code and reason that this module closes with", () => {
      const rows = rowsOf(page).map(([code, reason]) => `${code} ${reason}`);
      for (const { code, reason } of Object.values(codes)) {
        const shown = reason === "" ? rows.some((row) => row.startsWith(`${code} `)) : undefined;
        assert(shown ?? rows.includes(`${code} \`${reason}\``), `${code} ${reason}`);
      }
    });

    it("names kinds, files and functions that are there", () => {
      for (const row of rowsOf(page)) {
        for (const [, kind] of row[3]!.matchAll(/`(\w+)`/g)) assert(KINDS.includes(kind), kind);
        let source = "";
        for (const [, name] of row[5]!.matchAll(/`([\w/.]+)`/g)) {
          if (name!.endsWith(".ts")) source = readFileSync(join(ROOT, name!), "utf8");
          else assert(new RegExp(`(function |[ #])${name}(\\(| = \\()`).test(source), name);
        }
      }
    });
  });
}

it("all that this module closes with has a reason but a Close frame with no code", () => {
  const empty = Object.entries(codes).filter(([, { reason }]) => reason === "");
  assertEquals(empty.map(([name]) => name), ["NO_CODE"]);
});

it("docs/close-codes.md and its twin have the same codes, reasons, kinds and files", () => {
  const shape = (page: string) =>
    rowsOf(page).map((
      row,
    ) => [row[0], ...[1, 3, 5].flatMap((i) => row[i]!.match(/`[^`]+`/g) ?? [])]);
  assertEquals(shape("docs/zh/close-codes.md"), shape("docs/close-codes.md"));
});

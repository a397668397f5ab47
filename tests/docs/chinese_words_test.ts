/** The words of the Chinese pages, against the table in CONTRIBUTING.md: one for one thing. */

import { assertEquals, assertGreater } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../helpers/programs.ts";

const read = (page: string) => readFileSync(join(ROOT, page), "utf8");

const PAGES = ["README.zh.md"].concat(
  readdirSync(join(ROOT, "docs/zh"), { recursive: true, encoding: "utf8" })
    .map((name) => `docs/zh/${name.replaceAll("\\", "/")}`)
    .filter((page) => page.endsWith(".md")),
);

/** What a page says itself: without its programs and where its links lead, with C for names from code. */
const prose = new Map(PAGES.map((page) => [
  page,
  read(page).replace(/^```.*?^```$/gms, "").replace(/`[^`]*`/g, "C").replace(/\]\([^)]*\)/g, "]"),
]));

/** The rows of the table that has Chinese words. */
const rows = Array.from(
  read("CONTRIBUTING.md").matchAll(/^\| ([^|]+) \| ([^|]*[；\p{Script=Han}][^|]*) \|([^|]*)\|$/gmu),
  ([, word = "", used = "", not = ""]) => ({
    word: word.trim(),
    used: used.trim().split("；"),
    not: not.trim().split("、").filter((one) => one !== ""),
  }),
);

describe("the words of the Chinese pages", () => {
  it("are in a table", () => {
    assertGreater(PAGES.length, 15);
    assertGreater(rows.length, 15);
    assertGreater(rows.flatMap(({ not }) => not).length, 15);
  });

  for (const { word, used, not } of rows) {
    it(`are those for ${word}: ${used.join(", ")}`, () => {
      const all = Array.from(prose.values()).join("\n");
      assertEquals(used.filter((one) => !all.includes(one)), [], "nobody says so");
      const found = not.flatMap((one) =>
        PAGES.filter((page) => prose.get(page)!.includes(one)).map((page) => `${page}: ${one}`)
      );
      assertEquals(found, []);
    });
  }
});

it("Chinese pages have full-width punctuation, and a space between Chinese and Latin", () => {
  const wrong = /\p{Script=Han}[,;:?!()A-Za-z\d]|[,;:?!()A-Za-z\d]\p{Script=Han}/gu;
  const found = Array.from(prose).flatMap(([page, text]) =>
    Array.from(text.matchAll(wrong), ({ index }) => `${page}: ${text.slice(index, index + 12)}`)
  );
  assertEquals(found, []);
});

/** The page of options, against the options there are. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CONNECT_OPTIONS } from "../../client/options.ts";
import { START_OPTIONS } from "../../server/options.ts";
import { ROOT } from "../helpers/programs.ts";

const PAGE = readFileSync(join(ROOT, "docs/options.md"), "utf8");

describe("docs/options.md", () => {
  for (
    const [call, options] of [
      ["connect(url, options)", CONNECT_OPTIONS],
      ["start(config)", START_OPTIONS],
    ] as const
  ) {
    it(`has each option of ${call} in the first column of its table`, () => {
      const [, table = ""] = PAGE.split(`## \`${call}\``);
      const rows = table.slice(0, table.indexOf("\n## ")).match(/^\| `.*?\|/gm) ?? [];
      const named: readonly string[] = rows.join().match(/\w+/g) ?? [];
      assertEquals(options.filter((name) => !named.includes(name)), []);
    });
  }
});

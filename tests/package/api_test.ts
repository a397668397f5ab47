/**
 * All that the package exports, with its types and its defaults, is in `api.txt`: what changes there changes for
 * users, be it a name that is gone or a type that is wider. `API=write npm test -- tests/package/api_test.ts` writes
 * it anew; then it is to be read what has changed.
 */

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { apiOf } from "../helpers/api.ts";
import { manifest } from "../helpers/package.ts";
import { ROOT } from "../helpers/programs.ts";

describe("what the package exports", () => {
  const file = join(ROOT, "tests/package/api.txt");
  const now = apiOf(manifest.exports);
  /** The files that have something of it. */
  const sources = [...new Set(now.match(/(?<=^ .* of )\S+\.ts$/gm))];
  if (process.env["API"] === "write") writeFileSync(file, now);

  it("is what api.txt says", () => {
    const how = "if it is to be so: API=write npm test -- tests/package/api_test.ts";
    assertEquals(now.split("\n"), readFileSync(file, "utf8").split("\n"), how);
  });

  it("has something of each kind in it", () => {
    for (
      const line of [
        "  createWebSocket of client.ts",
        "  type WebSocketData of client/types.ts",
        "  /* @default {20} */ connectTimeout?: number | undefined",
        "  send(data: WebSocketData): Promise<boolean>",
      ]
    ) assert(now.includes(line), line);
  });

  it("marks nothing as what nobody is to use, or sees", () => {
    const tag = /^\s*\/?\*+\s*@(?:deprecated|internal|ignore|private|experimental)\b/m;
    const marked = sources.filter((path) => tag.test(readFileSync(join(ROOT, path), "utf8")));
    assertEquals(marked, [], "an editor strikes a name out that is deprecated, and hides others");
    assert(tag.test("  /** @deprecated */") && tag.test(" * @internal"));
  });
});

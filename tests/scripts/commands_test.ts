/** The commands of this repository: by npm, `bun run` and `deno task` they are the same. */

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../helpers/programs.ts";

const json = (file: string) => JSON.parse(readFileSync(join(ROOT, file), "utf8"));

describe("a command", () => {
  const scripts: Record<string, string> = json("package.json").scripts;
  const tasks: Record<string, { command: string }> = json("deno.json").tasks;

  it("is a script of package.json and a task of deno.json, which run the same", () => {
    const as = (run: string) => ([name, command]: [string, string]) => [name, `${run} ${command}`];
    const ofNode = Object.entries(scripts).map(([name, command]) =>
      [
        name,
        command.replace(/^node /, ""),
      ] as [string, string]
    );
    const ofDeno = Object.entries(tasks).map(([name, { command }]) => [name, command]);
    assertEquals(Object.fromEntries(ofDeno), Object.fromEntries(ofNode.map(as("deno run -A"))));
  });

  it("is there, and stands in the table of CONTRIBUTING.md", () => {
    const guide = readFileSync(join(ROOT, "CONTRIBUTING.md"), "utf8");
    for (const [name, command] of Object.entries(scripts)) {
      assert(existsSync(join(ROOT, command.split(" ")[1]!)), command);
      assert(guide.includes(name), name);
    }
  });
});

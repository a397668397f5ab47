/** `scripts/setup.mjs`: what it takes for what on a machine. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { runtimes } from "../../scripts/setup.mjs";
import { Program, ROOT } from "../helpers/programs.ts";

const found = await runtimes();

const SETUP = pathToFileURL(join(ROOT, "scripts/setup.mjs")).href;
const PROGRAM = `console.log((await (await import("${SETUP}")).runtimes()).node)`;

describe("the setup, asked for Node", () => {
  for (const name of ["deno", "bun"] as const) {
    // `deno task` and `bun run` call themselves so on the PATH of what they run.
    it(`does not take ${name} for it that is called so`, async () => {
      const folder = mkdtempSync(join(tmpdir(), "setup-"));
      try {
        symlinkSync(found[name], join(folder, process.platform === "win32" ? "node.exe" : "node"));
        const env = { PATH: folder, DENO: found.deno, BUN: found.bun };
        const { stdout, stderr } = await Program.start([found.bun, "-e", PROGRAM], { env }).ended;
        assertEquals([stdout, stderr], ["undefined\n", ""]);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  }
});

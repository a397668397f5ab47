/** `scripts/setup.mjs`: what it takes for what on a machine. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { runtimes, system } from "../../scripts/setup.mjs";
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

describe("the setup, asked for a program of the system's", () => {
  const program = `console.log(await (await import("${SETUP}")).system("redis-server"))`;
  const ask = (REDIS_SERVER: string) =>
    Program.start([found.deno, "eval", program], { env: { REDIS_SERVER } }).ended;

  it("takes the path that its variable names", async () => {
    assertEquals((await ask(found.bun)).stdout, `${found.bun}\n`);
  });

  it("takes the program that its variable names, as it finds that one", async () => {
    const openssl = await system("openssl");
    assertEquals((await ask("openssl")).stdout, `${openssl}\n`);
  });

  it("takes no other in the place of one that is not there", async () => {
    const { code, stderr } = await ask("/nowhere/redis");
    assertEquals(code, 1);
    assertStringIncludes(stderr, 'REDIS_SERVER names no program: "/nowhere/redis"');
  });
});

/** The programs in the README, its Chinese twin and docs/: each runs on both runtimes. */

import { assertEquals } from "@std/assert";
import { afterAll, describe, it } from "@std/testing/bdd";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { freePort, Program, ROOT, RUNTIMES } from "./helpers/programs.ts";

const pages = ["README.md", "README.zh.md"]
  .concat(readdirSync(join(ROOT, "docs")).map((name) => join("docs", name)))
  .filter((page) => page.endsWith(".md"));

/** The TypeScript of a page, and the text that follows each, if it is its output. */
function snippets(page: string): { code: string; output: string | undefined }[] {
  const text = readFileSync(join(ROOT, page), "utf8");
  const found = text.matchAll(/^```ts\n(.*?)^```\n+(?:```text\n(.*?)^```)?/gms);
  return Array.from(found, ([, code = "", output]) => ({ code, output }));
}

describe("the programs in the documentation", () => {
  const folder = mkdtempSync(join(tmpdir(), "netkit-readme-"));
  const mod = join(ROOT, "mod.ts");
  const name = "@netkit/websocket";
  const imports = { [name]: pathToFileURL(mod).href };
  writeFileSync(join(folder, "deno.json"), JSON.stringify({ imports }));
  const compilerOptions = { paths: { [name]: [mod] } };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions }));
  afterAll(() => rmSync(folder, { recursive: true }));

  it("are there", () => {
    assertEquals(snippets("README.md").length > 0, true);
    assertEquals(
      snippets("README.zh.md").map(({ output }) => output),
      snippets("README.md").map(({ output }) => output),
    );
  });

  for (const page of pages) {
    for (const [i, { code, output }] of snippets(page).entries()) {
      const file = join(folder, `${page.replace(/\W/g, "_")}_${i}.ts`);

      it(`type-check: ${page}, no. ${i + 1}`, async () => {
        writeFileSync(file, code);
        const { code: exit, stderr } = await Program.check([file], { cwd: folder }).ended;
        assertEquals(exit, 0, stderr);
      });

      for (const runtime of RUNTIMES) {
        it(`run on ${runtime} and end: ${page}, no. ${i + 1}`, async () => {
          const port = String(await freePort());
          writeFileSync(file, code.replaceAll("8080", port));
          const ended = await Program.run(runtime, file, { cwd: folder }).ended;
          assertEquals([ended.stderr, ended.code], ["", 0]);
          if (output !== undefined) assertEquals(ended.stdout, output);
        });
      }
    }
  }
});

/**
 * The programs of the documentation are type-checked: those that need others' packages or another runtime with the
 * real types of Hono, h3, Elysia, Bun and the rest, and beside them those that `readme_test.ts` runs.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { afterAll, describe, it } from "@std/testing/bdd";
import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { onDeno, Program, ROOT } from "../helpers/programs.ts";

const textOf = (file: string) => readFileSync(join(ROOT, file), "utf8");
const json = (file: string) => JSON.parse(textOf(file)) as Record<string, Record<string, string>>;

/** What Bun's types are taken from, where a program names it. */
const BUN = `/// <reference types="npm:@types/bun@${
  /[\d.]+/.exec(json("package.json")["engines"]!["bun"]!)
}" />\n`;

interface Block {
  page: string;
  file: string;
  code: string;
}

/** The programs of a page that are only checked, or are those of hosts. */
function blocksOf(page: string): Block[] {
  const found = Array.from(textOf(page).matchAll(/^```ts(?: (.*))?\n([^]*?)^```$/gm));
  return found.flatMap(([, info, code = ""], i) => {
    if (info === undefined) return [];
    const [, named] = /file=(\S+)/.exec(info) ?? [];
    // One that imports nothing goes on from the program before it.
    const before = /^import /m.test(code) || named !== undefined ? "" : found[i - 1]?.[2] ?? "";
    const whole = `${before}${code}`;
    const file = named ?? `${page.replace(/\W/g, "_")}_${i + 1}.ts`;
    return [{ page, file, code: /\bBun\./.test(whole) ? BUN + whole : whole }];
  });
}

/** The programs of a page that `readme_test.ts` runs. */
function runOf(page: string): { file: string; code: string }[] {
  const found = textOf(page).matchAll(/^```ts\n([^]*?)^```$/gm);
  return Array.from(found, ([, code = ""], i) => ({
    file: `run_${page.replace(/\W/g, "_")}_${i + 1}.ts`,
    code,
  }));
}

const pages = readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" })
  .map((name) => `docs/${name.replaceAll("\\", "/")}`)
  // A twin has the same programs: see readme_test.ts.
  .filter((page) => page.endsWith(".md") && !page.startsWith("docs/zh/"));

describe("the programs of the documentation", () => {
  const folder = mkdtempSync(join(tmpdir(), "netkit-types-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  const { name, exports } = json("deno.json") as unknown as {
    name: string;
    exports: Record<string, string>;
  };
  const imports = Object.fromEntries([
    ...Object.entries(exports).map(([entry, file]) => [
      join(name, entry),
      pathToFileURL(join(ROOT, file)).href,
    ]),
    ...Object.entries(json("package.json")["devDependencies"]!).flatMap(([name, version]) => [
      [name, `npm:${name}@${version}`],
      [`${name}/`, `npm:/${name}@${version}/`],
    ]),
  ]);
  writeFileSync(join(folder, "deno.json"), JSON.stringify({ imports, nodeModulesDir: "none" }));
  // The page of observability has it beside itself, as whoever copies it has.
  copyFileSync(join(ROOT, "docs/recipes/exemplars.ts"), join(folder, "exemplars.ts"));

  const blocks = pages.flatMap(blocksOf);
  const run = [...pages, "README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md"].flatMap(
    runOf,
  );
  for (const { file, code } of [...blocks, ...run]) writeFileSync(join(folder, file), code);

  it("are there", () => {
    const from = (page: string) => blocks.filter((block) => block.page === page).length;
    assertEquals([from("docs/mounting.md"), from("docs/tasks/app.md")], [12, 1]);
    assert(blocks.length > 15);
    const ran = (page: string) => run.some(({ file }) => file.startsWith(`run_${page}_`));
    assert(run.length > 30 && ran("README_md") && ran("docs_client_md"));
  });

  if (!onDeno) return; // Deno checks the types, whoever runs the tests: once is enough

  it("type-check, and do not where they are wrong: nothing in them is of any type", async () => {
    const rows = [
      ["mount.fetch(request, info)", "mount.fetch(1, info)", "'number' is not assignable"],
      ["websocket: mount.websocket,\n});", "websocket: 5,\n});", "type 'WebSocketHandler"],
      ["mount.fetch(event.req)", "mount.fetch(event)", "is not assignable to parameter of type"],
    ] as const;
    const files = rows.map(([right, other], i) => {
      const { code } = blocks.find(({ code, page }) =>
        page === "docs/mounting.md" && code.includes(right)
      )!;
      const file = join(folder, `wrong_${i}.ts`);
      writeFileSync(file, code.replace(right, other));
      return file;
    });
    const complaints = await Program.check(
      [...[...blocks, ...run].map(({ file }) => file), ...files],
      folder,
    );
    assertEquals(complaints.map((one) => one.split(":")[0]), [
      "wrong_0.ts",
      "wrong_1.ts",
      "wrong_2.ts",
    ]);
    for (const [i, [, , message]] of rows.entries()) assertStringIncludes(complaints[i]!, message);
  });
});

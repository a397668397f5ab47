/**
 * The documentation: its programs run on both runtimes, its links lead somewhere, its twin is one.
 * `types_test.ts` type-checks the programs.
 */

import { assert, assertEquals, assertGreater } from "@std/assert";
import { afterAll, describe, it } from "@std/testing/bdd";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, posix } from "node:path";
import { pathToFileURL } from "node:url";
import { freePort, HERE, Program, ROOT } from "../helpers/programs.ts";

const PAGES = ["README.md", "README.zh.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md"]
  .concat(
    readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" })
      .map((name) => `docs/${name.replaceAll("\\", "/")}`).sort(),
  )
  .filter((page) => page.endsWith(".md"));

/** What is in the packages: it may lead only to what is there, too. */
const { exclude } = (JSON.parse(readFileSync(join(ROOT, "deno.json"), "utf8")) as {
  publish: { exclude: string[] };
}).publish;
const isPublished = (page: string) =>
  !exclude.includes(page) &&
  /^(docs\/.+|README(\.zh)?\.md|SECURITY\.md|CHANGELOG\.md|LICENSE)$/.test(page);

const isChinese = (page: string) => page === "README.zh.md" || page.startsWith("docs/zh/");

const textOf = (page: string) => readFileSync(join(ROOT, page), "utf8");

interface Snippet {
  name: string;
  file: string;
  code: string;
  /** The text that follows it, if that is its output. */
  output: string | undefined;
}

/** The TypeScript of a page. */
function snippets(page: string): Snippet[] {
  const found = textOf(page).matchAll(/^```ts\n(.*?)^```\n+(?:```text\n(.*?)^```)?/gms);
  return Array.from(found, ([, code = "", output], i) => ({
    name: `${page}, no. ${i + 1}`,
    file: `${page.replace(/\W/g, "_")}_${i + 1}.ts`,
    code,
    output,
  }));
}

/** A page without its blocks of code. */
function proseOf(page: string): string {
  return textOf(page).replace(/^```.*?^```$/gms, "");
}

/** Where a page's links and pictures lead. */
function linksOf(page: string): string[] {
  return Array.from(proseOf(page).matchAll(/\]\(([^)\s]+)\)/g), ([, link = ""]) => link);
}

/** The anchors of a page: its headings as GitHub spells them. */
function anchorsOf(page: string): string[] {
  return Array.from(
    proseOf(page).matchAll(/^#+ (.*)$/gm),
    ([, heading = ""]) =>
      heading.toLowerCase().replace(/[^\p{L}\p{N}\- ]/gu, "").trim().replaceAll(" ", "-"),
  );
}

/** The file that a link of a page leads to. */
function targetOf(page: string, link: string): string {
  const [path = ""] = link.split("#");
  return path === "" ? page : posix.join(dirname(page), path);
}

describe("the programs in the documentation", () => {
  const folder = mkdtempSync(join(tmpdir(), "netkit-readme-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  const { name, exports } = JSON.parse(textOf("deno.json")) as {
    name: string;
    exports: Record<string, string>;
  };
  const entries = Object.entries(exports).map(([entry, file]) =>
    [join(name, entry), join(ROOT, file)] as const
  );
  const imports = Object.fromEntries(
    entries.map(([name, file]) => [name, pathToFileURL(file).href]),
  );
  const paths = Object.fromEntries(entries.map(([name, file]) => [name, [file]]));
  writeFileSync(join(folder, "deno.json"), JSON.stringify({ imports }));
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions: { paths } }));

  // A twin has the same programs: see below.
  const all = PAGES.filter((page) => !isChinese(page)).flatMap(snippets);
  for (const { file, code } of all) writeFileSync(join(folder, file), code);

  it("are there", () => {
    assertGreater(snippets("README.md").length, 0);
    assertGreater(all.length, 10);
  });

  for (const { name, file, code, output } of all) {
    it(`run and end: ${name}`, async () => {
      writeFileSync(join(folder, file), code.replaceAll("8080", String(await freePort())));
      const ended = await Program.run(HERE, file, { cwd: folder }).ended;
      assertEquals([ended.stderr, ended.code], ["", 0]);
      if (output !== undefined) assertEquals(layout(ended.stdout), layout(output));
    });
  }
});

/** What is printed, without the ways in which the runtimes lay out an object. */
function layout(text: string): string {
  return text.replace(/\s+/g, " ").replaceAll(", }", " }");
}

describe("the links of the documentation", () => {
  for (const page of PAGES) {
    it(`lead somewhere: ${page}`, () => {
      for (const link of linksOf(page)) {
        if (/^https:/.test(link)) continue;
        const [, anchor] = link.split("#");
        const target = targetOf(page, link);
        assert(existsSync(join(ROOT, target)), `${page} has a link to ${link}`);
        if (anchor === undefined) continue;
        assert(
          anchorsOf(target).includes(anchor),
          `${page} has a link to ${link}: no such heading`,
        );
      }
    });
  }

  for (const index of ["README.md", "docs/README.md"]) {
    it(`lead to each page of docs/ from ${index}, in two steps at the most`, () => {
      const pagesOf = (page: string) => linksOf(page).map((link) => targetOf(page, link));
      const near = [index, ...pagesOf(index)].filter((page) => PAGES.includes(page));
      const reached = new Set([...near, ...near.flatMap(pagesOf)]);
      const docs = PAGES.filter((page) => page.startsWith("docs") && !isChinese(page));
      assertEquals(docs.filter((page) => !reached.has(page)), []);
    });
  }

  it("lead from what is published to what is published", () => {
    const outside = PAGES.filter(isPublished).flatMap((page) =>
      linksOf(page).filter((link) => !/^https:/.test(link))
        .map((link) => targetOf(page, link))
        .filter((target) => !isPublished(target)).map((target) => `${page}: ${target}`)
    );
    assertEquals(outside, []);
  });

  it("is a screen long, where a page is about a task, and has a program that says what it prints", () => {
    const tasks = PAGES.filter((page) => /^docs\/(zh\/)?tasks\//.test(page));
    assertEquals(tasks.length, 2 * 6, "each with its twin");
    for (const page of tasks) {
      assert(proseOf(page).trimEnd().split("\n").length <= 45, `${page} is too long`);
      assert(snippets(page).some(({ output }) => output !== undefined), `${page} has no program`);
    }
  });
});

describe("the README", () => {
  it("lists what departs from the device, under a heading of its own", () => {
    const [, section = ""] =
      /^## Differences from HarmonyOS\n(.*?)^## /ms.exec(textOf("README.md")) ?? [];
    for (
      const departure of [
        ...["1006", "3000 to 4999", "listeners", "`header`", "view of a buffer"],
        ...["maxConcurrentClientsNumber", "maxConnectionsForOneClient", "serverCert"],
      ]
    ) {
      assert(section.includes(departure), departure);
    }
  });
});

/** Pages that have a Chinese twin: those of `docs/` in `docs/zh/`, by the same name. */
const TWINS = ["README.md", "SECURITY.md"].concat(
  [
    ...["README", "client", "close-codes", "cluster", "compared", "guarantees", "heartbeat"],
    ...["porting", "questions", "resume", "server", "backpressure", "browsers", "errors"],
    ...["mounting", "options", "reconnect", "testing", "topics"],
    ...["messages", "deploying", "observability", "limits", "stability", "shapes"],
    "recipes/README",
    ...["app", "big", "come_back", "libraries", "machines", "port"].map((name) => `tasks/${name}`),
  ].map((name) => `docs/${name}.md`),
);

describe("a Chinese twin", () => {
  it("is there for each page that is one", () => {
    const twins = PAGES.filter(isChinese);
    assertEquals(twins.sort(), TWINS.map(twinOf).sort());
  });

  for (const english of TWINS) {
    const chinese = twinOf(english);

    it(`has the same programs and commands: ${chinese}`, () => {
      const blocks = (page: string) => textOf(page).match(/^```.*?^```$/gms);
      assertEquals(blocks(chinese), blocks(english));
    });

    it(`has the same headings, tables and links: ${chinese}`, () => {
      const shape = (page: string) => proseOf(page).match(/^#+ |^\|/gm)?.join("");
      assertEquals(shape(chinese), shape(english));
      const links = (page: string) => linksOf(page).map((link) => inEnglish(page, link)).sort();
      assertEquals(links(chinese), links(english));
      // Twins lead to twins.
      const others = linksOf(chinese).map((link) => targetOf(chinese, link))
        .filter((target) => TWINS.includes(target) && target !== english);
      assertEquals(others, []);
    });
  }
});

/** Where a link leads, with an anchor by its place: headings are in the page's own language. */
function inEnglish(page: string, link: string): string {
  if (/^https:/.test(link)) return link;
  const target = targetOf(page, link);
  const english = TWINS.find((page) => twinOf(page) === target) ?? target;
  const [, anchor] = link.split("#");
  return anchor === undefined ? english : `${english}#${anchorsOf(target).indexOf(anchor)}`;
}

function twinOf(page: string): string {
  if (page === "README.md") return "README.zh.md";
  return page === "SECURITY.md" ? "docs/zh/security.md" : page.replace(/^docs\//, "docs/zh/");
}

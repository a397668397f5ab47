/** GitHub's workflows: that they can be read, call what is there, and may do no more than they must. */

import { assert, assertEquals, assertGreater, assertMatch } from "@std/assert";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { testFiles } from "../../scripts/lib/files.mjs";
import { binaries, textOf } from "../helpers/package.ts";
import { Program, ROOT } from "../helpers/programs.ts";

interface Job {
  needs?: string;
  permissions?: Record<string, string>;
  strategy?: { matrix: Record<string, unknown> & { include: Record<string, unknown>[] } };
  steps: { uses?: string; run?: string }[];
  "timeout-minutes"?: number;
}

interface Workflow {
  permissions: Record<string, string>;
  jobs: Record<string, Job>;
}

const folder = ".github/workflows";
const names = readdirSync(join(ROOT, folder)).sort();
const { scripts, engines } = JSON.parse(textOf("package.json"));

/** Bun reads YAML; whatever runs this test asks it to. */
async function read(name: string): Promise<Workflow> {
  const file = JSON.stringify(join(ROOT, folder, name));
  const program = `console.log(JSON.stringify(Bun.YAML.parse(await Bun.file(${file}).text())))`;
  const { stdout, stderr } = await Program.start([binaries.bun, "-e", program]).ended;
  assertEquals(stderr, "");
  return JSON.parse(stdout);
}

/** What a job's steps run, one after the other. */
const runs = (job: Job) => job.steps.map(({ run }) => run ?? "").join("\n");

describe("the workflows", () => {
  const workflows = new Map<string, Workflow>();

  beforeAll(async () => {
    for (const name of names) workflows.set(name, await read(name));
  });

  it("are the two", () => {
    assertEquals(names, ["ci.yml", "publish.yml"]);
  });

  it("run scripts of package.json, and tests, that are there", () => {
    let count = 0;
    for (const { jobs } of workflows.values()) {
      for (
        const [, script = "", args = ""] of Object.values(jobs).map(runs).join("\n")
          .matchAll(/^npm (?:run (?:--silent )?)?([\w:-]+)(?: -- (.*))?$/gm)
      ) {
        count++;
        assert(script in scripts, `package.json has no script "${script}"`);
        if (script !== "test") continue;
        for (const part of args.split(" ").filter(Boolean)) {
          assertGreater(testFiles([part]).length, 0, `no test file's path has "${part}"`);
        }
      }
    }
    assertEquals(count, 8);
  });

  it("take actions by their commit, with the version beside it, and end", () => {
    for (const { jobs } of workflows.values()) {
      for (const [name, job] of Object.entries(jobs)) {
        assertGreater(job["timeout-minutes"] ?? 0, 0, name);
        const used = job.steps.flatMap(({ uses }) => uses ?? []);
        for (const action of used) assertMatch(action, /^[\w-]+\/[\w-]+@[0-9a-f]{40}$/);
        assertMatch(used[0] ?? "", /^actions\/checkout@/, name);
      }
    }
    for (const name of names) {
      const lines = textOf(join(folder, name)).split("\n").filter((line) => /\buses:/.test(line));
      for (const line of lines) assertMatch(line, /@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
    }
  });

  it("name no registry by its address", () => {
    for (const name of names) {
      assert(!/https?:|registry-url/.test(textOf(join(folder, name))), name);
    }
  });

  it("may do nothing but what a job asks for: read, and prove who they are to publish", () => {
    for (const { permissions, jobs } of workflows.values()) {
      assertEquals(permissions, {});
      for (const [name, job] of Object.entries(jobs)) {
        const publishes = /\bpublish\b/.test(runs(job));
        const more: Record<string, string> = publishes ? { "id-token": "write" } : {};
        assertEquals(job.permissions, { contents: "read", ...more }, name);
      }
    }
    assert(!/secrets\./.test(names.map((name) => textOf(join(folder, name))).join()));
  });

  it("publish to both or to none, from one tag, with provenance", () => {
    const { jobs } = workflows.get("publish.yml")!;
    const publishing = Object.values(jobs).filter((job) => /\bpublish\b/.test(runs(job)));
    assertEquals(publishing.length, 1);
    const steps = runs(publishing[0]!).split("\n").filter((run) => /\bpublish\b/.test(run));
    assertEquals(
      steps.map((run) => /(deno|npm) publish( --dry-run)?/.exec(run)?.[0]),
      ["deno publish --dry-run", "npm publish --dry-run", "deno publish", "npm publish"],
    );
    assertMatch(steps.at(-1)!, /npm publish --provenance --access public \.\/dist\/\*\.tgz$/);
  });

  it("publish what has passed everything, and what the tag names, alone", async () => {
    const { jobs } = workflows.get("publish.yml")!;
    const [publishing] = Object.values(jobs).filter((job) => /\bpublish\b/.test(runs(job)));
    const before = jobs[publishing!.needs ?? ""]!;
    assertEquals(runs(before).match(/^npm .*/gm), ["npm run check", "npm test"]);
    const tag = before.steps.find(({ run }) => run?.includes("GITHUB_REF_NAME"))!.run!;
    const { version } = JSON.parse(textOf("package.json"));
    const codes = [`v${version}`, `v${version}0`, version].map(async (GITHUB_REF_NAME) => {
      const env = { GITHUB_REF_NAME, BUN: binaries.bun };
      const script = `node() { "$BUN" "$@"; }\n${tag}`; // Node is not everywhere
      return (await Program.start(["bash", "-c", script], { cwd: ROOT, env }).ended).code;
    });
    assertEquals(await Promise.all(codes), [0, 1, 1]);
  });

  it("test the oldest versions that package.json names, and the newest, on each system", () => {
    const { matrix } = workflows.get("ci.yml")!.jobs["test"]!.strategy!;
    const systems = ["ubuntu-latest", "macos-latest", "windows-latest"];
    assertEquals([matrix["os"], matrix["deno"], matrix["bun"]], [systems, ["v2.x"], ["latest"]]);
    assertEquals(matrix.include.map(({ os }) => os), systems);
    for (const { deno, bun } of matrix.include) {
      assertEquals({ bun: `>=${bun}`, deno: `>=${deno}` }, engines);
    }
  });
});

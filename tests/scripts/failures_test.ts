/** What the commands of this repository answer where something has gone wrong. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { HERE, Program, ROOT } from "../helpers/programs.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "netkit-failures-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A runtime that prints some lines, whatever it is to run, and ends with a code. */
function runtime(name: string, lines: string[], code = 0): string {
  const file = join(folder, name);
  const said = [...lines.map((line) => `echo "${line}"`), `exit ${code}`].join("\n");
  const script = `#!/bin/sh\nif [ "$1" = --version ]; then echo 99.0.0; exit 0; fi\n${said}\n`;
  writeFileSync(file, script, { mode: 0o755 });
  return file;
}

/** Runs a command on such runtimes, as which they may be given to it. */
async function run(script: string, deno: string, bun: string, ...args: string[]) {
  const env = { DENO: deno, BUN: bun, NETKIT_STD: "local" };
  const { code, stdout, stderr } = await Program.run(HERE, `scripts/${script}.mjs`, { env, args })
    .ended;
  return { code, said: stdout + stderr };
}

describe("the demo", () => {
  it("fails where a log differs, or is shorter, or a runtime has failed", async () => {
    const whole = runtime("whole", ["one", "two"]);
    const rows = [
      [whole, 0, "The two logs are identical, line by line: 2 lines."],
      [runtime("other", ["one", "2"]), 1, "Line 2 differs:"],
      [runtime("shorter", ["one"]), 1, "Bun:  (no such line)"],
      [runtime("longer", ["one", "two", "three"]), 1, "Deno: (no such line)"],
      [runtime("failed", ["one", "two"], 3), 1, "Bun exited with code 3."],
    ] as const;
    await Promise.all(rows.map(async ([bun, code, words]) => {
      const ended = await run("demo", whole, bun);
      assertEquals(ended.code, code, ended.said);
      assertStringIncludes(ended.said, words);
    }));
  });
});

describe(".ci/run", () => {
  it("fails where the check or a test does", async () => {
    const codes = ["nothing", "check", "test"].map(async (failing) => {
      const bin = mkdtempSync(join(folder, "bin-"));
      const npm = `#!/bin/sh\ncase "$*" in *${failing}*) exit 3;; esac\n`;
      writeFileSync(join(bin, "npm"), npm, { mode: 0o755 });
      const env = { PATH: `${bin}:${process.env["PATH"]}` };
      return (await Program.start(["bash", ".ci/run"], { cwd: ROOT, env }).ended).code;
    });
    assertEquals(await Promise.all(codes), [0, 3, 3]);
  });
});

describe("the demo of a page", () => {
  it("answers what the page's server does, which has all rights on Deno beside a Redis", async () => {
    const told = runtime("told", ["given: $*"], 3);
    const rights = HERE === "deno"
      ? "run --quiet --no-prompt --allow-net=127.0.0.1 --allow-read="
      : "";
    const all = HERE === "deno" ? "run --quiet --allow-all " : "";
    const redis = "redis://127.0.0.1:1";
    for (const name of ["chat", "dashboard"]) {
      const folder = `examples/${name}`;
      const flags = rights && `${rights}${folder} `;
      const rows = [[`${flags}${folder}/server.ts 7`], [
        `${all}${folder}/server.ts 7 ${redis}`,
        redis,
      ]];
      for (const [given = "", ...more] of rows) {
        const { code, said } = await run("demo_page", told, told, name, "7", ...more);
        assertEquals([code, /^given: (.*)$/m.exec(said)?.[1]], [3, given]);
      }
    }
  });
});

describe("the demo of a cluster", () => {
  it("is on the engine that was asked for, or on the first that there is", async () => {
    const told = runtime("told", ["given: $*"]);
    const [redis, nats] = [runtime("redis-server", []), runtime("nats-server", [])];
    const engines = { REDIS_SERVER: redis, NATS_SERVER: nats };
    const rows = [["redis", redis], ["nats", nats], ["memory", ""], [undefined, redis]] as const;
    await Promise.all(rows.map(async ([name, program]) => {
      const env = { ...engines, DENO: told, BUN: told };
      const args = [...name === undefined ? [] : [name], "7"];
      const { stdout } = await Program.run(HERE, "scripts/demo_cluster.mjs", { env, args }).ended;
      const its = name ?? "redis";
      assertStringIncludes(stdout, `The servers share a log: ${its}.`);
      assertStringIncludes(stdout, `examples/cluster/demo.ts ${its} ${program} 7\n`);
    }));
  });
});

describe("the check", () => {
  const steps = ["formatting", "lint", "types", "documentation", "publication"];

  it("says of each step how it went, and fails where one does", async () => {
    for (const code of [0, 1]) {
      const deno = runtime("deno", ["what is wrong"], code);
      const ended = await run("check", deno, deno);
      assertEquals(ended.code, code, ended.said);
      const found = ended.said.match(/^(?:ok|FAILED) +\w+/gm)?.map((line) => line.split(/ +/));
      const how = code === 0 ? "ok" : "FAILED";
      assertEquals(found, steps.map((step) => [how, step]));
      if (code === 1) assertStringIncludes(ended.said, "publication: deno publish --dry-run ");
    }
  });
});

describe("the tests", () => {
  it("fail where a runner does, and where it has run nothing", async () => {
    for (const code of [0, 1]) {
      const deno = runtime(`runner${code}`, ["what is wrong"], code);
      const ended = await run("test", deno, deno, "--deno", "internal/fifo");
      assertEquals(ended.code, 1, ended.said);
      assertStringIncludes(ended.said, "FAILED on Deno: ");
    }
  });
});

describe("pack", () => {
  it("fails where Deno does", async () => {
    const deno = runtime("deno", ["no package"], 1);
    const { code, said } = await run("pack", deno, deno, folder);
    assertEquals([code, said.trim()], [1, "deno pack failed:\nno package"]);
  });
});

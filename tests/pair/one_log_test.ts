/**
 * Two runtimes, one log: each program of `tests/log_programs` runs in a process of its own, against
 * real sockets, and must print the log that is kept beside it and end by itself. Each runner runs
 * the programs on its own runtime: as both must print the kept log, they print the same, and what
 * both did wrong alike would be noticed, too. Ports and the layout of what is printed on stderr are
 * taken out; nothing else is.
 */

import { assertEquals, assertGreaterOrEqual, assertStringIncludes } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { HERE, RUNTIMES } from "../helpers/programs.ts";
import { assertLog, diff, names, type Printed, read, runAll } from "./log_programs.ts";

/** Those that wait for a deadline; they begin first. */
const SLOW = ["unanswered_close", "limits/tcp_left_open", "heartbeat", "stop_with_clients"];

const programs = names(".", ".ts");

/** Known limits, with a log for each runtime. */
const limits = names("limits", ".ts").map((name) => `limits/${name}`);

describe("the same program", () => {
  let printed = new Map<string, Promise<Printed>>();

  beforeAll(() => {
    printed = runAll([...new Set([...SLOW, ...programs, ...limits])]);
  });

  afterAll(async () => {
    await Promise.allSettled(printed.values());
  });

  for (const name of programs) {
    it(`prints its one log: ${name}`, async () => {
      assertLog(await printed.get(name)!, read(`${name}.log`));
    });
  }

  for (const name of limits) {
    it(`prints a log of its own on each runtime: ${name}`, async () => {
      assertLog(await printed.get(name)!, read(`${name}.${HERE}.log`));
    });
  }
});

describe("the programs of tests/log_programs", () => {
  it("are at least 25, each with its log", () => {
    assertGreaterOrEqual(programs.length, 25);
    assertEquals(names(".", ".log").sort(), [...programs].sort());
    const both = limits.flatMap((name) => RUNTIMES.map((runtime) => `${name}.${runtime}`));
    assertEquals(names("limits", ".log").map((name) => `limits/${name}`).sort(), both.sort());
  });

  it("end by themselves: none calls exit", () => {
    for (const name of [...programs, ...limits]) {
      const [way] = /\bexit\w*\(|\bunref\(|:process|\bprocess\./.exec(read(`${name}.ts`)) ?? [];
      assertEquals(way, undefined, name);
    }
  });

  it("differ on the runtimes where they are known to", () => {
    for (const name of limits) {
      const [deno, bun] = RUNTIMES.map((runtime) => read(`${name}.${runtime}.log`));
      assertEquals(deno === bun, false, name);
    }
  });
});

describe("diff()", () => {
  it("shows the lines that differ, and the one before", () => {
    assertStringIncludes(diff("a\nb\nc\nd", "a\nx\nc\nd\ne"), "  1: a\n- 2: b\n+     x\n");
    assertEquals(diff("a\nb", "a\nb"), "");
    assertEquals(diff("a", "a\nb"), "  1: a\n+     b");
  });
});

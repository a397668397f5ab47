/** How far a run has come: read from the words of both runners, in pieces, as they come. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Progress } from "../../scripts/lib/progress.mjs";
import { Suite } from "../../scripts/lib/queue.mjs";

const FILES = ["tests/a_test.ts", "tests/b_test.ts", "tests/c_test.ts"];

const DENO = `\x1b[0m\x1b[38;5;245mrunning 1 test from ./tests/a_test.ts\x1b[0m
a suite ...
  does this ... \x1b[0m\x1b[32mok\x1b[0m (1ms)
  does that ...
------- output -------
what it prints
----- output end -----
  does that ... ok (2ms)
a suite ... ok (4ms)
running 2 tests from ./tests/b_test.ts
b > does it ... ok (1ms)
b > does not ... FAILED (1ms)

 ERRORS 

b > does not => ./tests/b_test.ts:1:1
error: AssertionError: it does

FAILED | 3 passed | 1 failed (9ms)
`;

const BUN = `bun test v1.4.5

::group::tests/a_test.ts:
(pass) a suite > does this [1.00ms]
(pass) a suite > does that [1.00ms]

tests/b_test.ts:
(pass) b > does it [1.00ms]
error: it does
(fail) b > does not [1.00ms]

1 tests failed:
(fail) b > does not [1.00ms]

 3 pass
 1 fail
`;

/** Feeds a run's output in pieces of so many characters; a second passes before each file. */
function follow(text: string, before: Record<string, number>, size = 7) {
  const said: string[] = [];
  let now = 0;
  const suite = new Suite("Here", FILES, before);
  const progress = new Progress(suite, (line) => said.push(line), undefined, () => now += 1000);
  for (let at = 0; at < text.length; at += size) progress.hear(text.slice(at, at + size));
  progress.end();
  return { said, suite, progress };
}

for (const [runner, text] of Object.entries({ Deno: DENO, Bun: BUN })) {
  describe(`Progress, of ${runner}`, () => {
    it("says a line for each file that is done: its cases, all cases, and the time left", () => {
      const { said } = follow(text, { "tests/b_test.ts": 10, "tests/c_test.ts": 65 });
      assertEquals(said, [
        "Here 1/3  tests/a_test.ts: 2 passed (1.0 s)  [2 passed, 0 failed, 1 min 15 s left]",
        "Here 2/3  tests/b_test.ts: 1 passed, 1 FAILED (1.0 s)  [3 passed, 1 failed, 1 min 5 s left]",
      ]);
    });

    it("guesses what it does not know, and notes how long each file takes", () => {
      const { said, suite } = follow(text, {}, 1000);
      assertStringIncludes(said[0]!, ", 2 s left]");
      assertEquals(suite.times, { "tests/a_test.ts": 1, "tests/b_test.ts": 1 });
    });

    it("keeps of the output what is about failures", () => {
      const faults = follow(text, {}).progress.faults();
      assertStringIncludes(faults, "it does");
      assertEquals(faults.includes("does this"), false);
    });
  });
}

describe("Progress", () => {
  it("does not mix up the lines of two streams", () => {
    const said: string[] = [];
    const suite = new Suite("Here", FILES, {});
    const progress = new Progress(suite, (line) => said.push(line));
    progress.hear("running 1 test from ./tests/a", "stdout");
    progress.hear("Check tests/a_test.ts\n", "stderr");
    progress.hear("_test.ts\na > does ... ok (1ms)\n", "stdout");
    progress.end();
    assertEquals([suite.passed, said.length], [1, 1]);
  });

  it("says nothing of a run that runs nothing", () => {
    assertEquals(follow("error: no such file\n", {}).said, []);
  });

  it("counts what several runners of one suite run, and tells the time of all", () => {
    const said: string[] = [];
    const suite = new Suite("Here", FILES, {});
    const [one, two] = [0, 1].map(() => new Progress(suite, (line) => said.push(line), () => 61));
    one!.hear("tests/a_test.ts:\n(pass) a > does\n");
    two!.hear("tests/c_test.ts:\n(pass) c > does\n(pass) c > is\n");
    two!.end();
    one!.end();
    assertEquals(said.map((line) => line.replace(/\(.*?\)/, "")), [
      "Here 2/3  tests/c_test.ts: 2 passed   [2 passed, 0 failed, 1 min 1 s left]",
      "Here 2/3  tests/a_test.ts: 1 passed   [3 passed, 0 failed, 1 min 1 s left]",
    ]);
  });
});

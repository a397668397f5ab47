/** Which files run where: what is long first, none twice, and no runner idle while there is work. */

import { assert, assertEquals, assertLess } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { runAll, Suite } from "../../scripts/lib/queue.mjs";

const names = (n: number) => Array.from({ length: n }, (_, i) => `tests/${i}_test.ts`);

/** Runs suites on a clock of its own: a part takes as long as its files, and what a runner needs to start. */
async function run(suites: Suite[], runners: number, times: Record<string, number>, starts = 0) {
  const parts: { suite: string; files: string[]; from: number; to: number }[] = [];
  const sleeping: { at: number; wake: () => void }[] = [];
  let now = 0;
  const all = runAll(suites, runners, async (suite, files) => {
    const from = now;
    const to = now + starts + files.reduce((sum, file) => sum + times[file]!, 0);
    parts.push({ suite: suite.name, files, from, to });
    await new Promise<void>((wake) => sleeping.push({ at: to, wake }));
  });
  let over = false;
  void all.then(() => over = true);
  while (!over) {
    sleeping.sort((a, b) => a.at - b.at);
    const next = sleeping.shift();
    if (next !== undefined) now = next.at;
    next?.wake();
    for (let i = 0; i < 10; i++) await Promise.resolve();
  }
  return { parts, end: now };
}

describe("runAll", () => {
  const files = names(200);
  const times = Object.fromEntries(files.map((file, i) => [file, i % 50 === 0 ? 30 : i % 7]));
  const sum = Object.values(times).reduce((a, b) => a + b);

  it("runs each file of each suite once", async () => {
    const suites = ["one", "two"].map((name) => new Suite(name, files, times));
    const { parts } = await run(suites, 3, times);
    for (const name of ["one", "two"]) {
      const ran = parts.filter(({ suite }) => suite === name).flatMap(({ files }) => files);
      assertEquals(ran.toSorted(), files.toSorted());
    }
  });

  it("has all runners end at about the same time, and starts few", async () => {
    for (const runners of [1, 2, 3, 4]) {
      const suites = ["one", "two"].map((name) => new Suite(name, files, times));
      const { parts, end } = await run(suites, runners, times, 1);
      assertLess(end, 2 * sum / runners + 30, `${runners} runners`);
      assertLess(parts.length, 12 * runners, `${runners} runners`);
    }
  });

  it("ends in time where the times are not known", async () => {
    const suites = ["one", "two"].map((name) => new Suite(name, files, {}));
    const { end } = await run(suites, 3, times, 1);
    assertLess(end, 2 * sum / 3 + 90);
  });

  it("gives what is long first, and what is left in parts of some seconds at least", async () => {
    const { parts } = await run([new Suite("one", files, times)], 2, times);
    assertEquals(parts[0]!.files.slice(0, 4), files.filter((_, i) => i % 50 === 0));
    for (const { from, to } of parts.slice(0, -2)) assert(to - from >= 10, `${to - from} s`);
  });

  it("gives a suite that is whole to one runner", async () => {
    const suites = [new Suite("one", files, times), new Suite("whole", names(20), {}, true)];
    const { parts } = await run(suites, 3, times);
    const whole = parts.filter(({ suite }) => suite === "whole");
    assertEquals(whole.map(({ files }) => files.length), [20]);
  });

  it("runs no more at a time than it may", async () => {
    const { parts } = await run([new Suite("one", files, times)], 3, times);
    for (const { from } of parts) {
      const beside = parts.filter((part) => part.from <= from && from < part.to);
      assertLess(beside.length, 4);
    }
  });
});

describe("Suite", () => {
  it("says how long what has not begun takes, and what no runner has", () => {
    const suite = new Suite("one", ["tests/a_test.ts", "tests/b_test.ts"], {
      "tests/a_test.ts": 20,
    });
    assertEquals([suite.secondsWaiting, suite.secondsLeft, suite.begun], [21, 21, 0]);
    assertEquals(suite.take(5), ["tests/a_test.ts"]);
    assertEquals([suite.secondsWaiting, suite.secondsLeft, suite.begun], [21, 1, 0]);
    suite.begin("tests/a_test.ts");
    assertEquals([suite.secondsWaiting, suite.secondsLeft, suite.begun], [1, 1, 1]);
    assertEquals(suite.take(5), ["tests/b_test.ts"]);
    assertEquals(suite.take(5), []);
  });

  it("gives one runner files of one kind, and the others to the next", () => {
    const ofKind = (...parts: number[]) => parts.map((i) => `tests/${i}_test.ts`);
    const times = Object.fromEntries(names(6).map((file, i) => [file, 60 - i]));
    const isOdd = (file: string) => Number(/\d/.exec(file)![0]) % 2 === 1;
    const suite = new Suite("one", names(6), times, false, isOdd);
    assertEquals(suite.take(100), ofKind(0, 2));
    assertEquals(suite.take(1), ofKind(1));
    assertEquals(suite.secondsLeft, 57 + 56 + 55);
    assertEquals(suite.take(1000), ofKind(3, 5));
    assertEquals(suite.take(1000), ofKind(4));
    assertEquals(suite.take(1000), []);

    const whole = new Suite("whole", names(6), times, true, isOdd);
    assertEquals([whole.take(0), whole.take(0)], [ofKind(0, 2, 4), ofKind(1, 3, 5)]);
  });

  it("takes more time for a suite that is known to be long, where it has never run", () => {
    const seconds = ["examples/chat", "chaos/pair", "chaos/client", "client/url"].map((name) =>
      new Suite("one", [`tests/${name}_test.ts`], {}).secondsWaiting
    );
    assertEquals(seconds, [30, 15, 5, 1]);
  });
});

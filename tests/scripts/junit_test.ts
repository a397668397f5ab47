/** What failed, read from the reports of both runners: enough of it to know why. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { cases } from "../../scripts/lib/junit.mjs";

const DENO = `<testsuites name="deno test" tests="3">
  <testsuite name="./tests/std/testing/bdd.ts" tests="3">
    <testcase name="a &gt; passes" classname="./tests/std/testing/bdd.ts"></testcase>
    <testcase name="a &gt; b" classname="./tests/std/testing/bdd.ts">
      <failure message="Uncaught AssertionError: Values are not equal.
  actual: [ 1 ]
expected: [ 2 ]
">AssertionError: Values are not equal.
  actual: [ 1 ]
expected: [ 2 ]

    at assertEquals (file:///tests/std/assert.ts:48:3)
    at file:///tests/a_test.ts:3:39
    at runCase (file:///tests/std/testing/bdd.ts:114:11)</failure>
    </testcase>
    <testcase name="a &gt; leaks" classname="./tests/std/testing/bdd.ts">
      <failure message="Leaks detected"></failure>
    </testcase>
  </testsuite>
</testsuites>`;

const BUN = `<testsuites name="bun test" tests="2">
  <testsuite name="tests/a_test.ts" file="tests/a_test.ts">
    <testcase name="b" classname="inner &gt; a" file="tests/a_test.ts">
      <failure type="AssertionError" message="Values are not equal.&#10;  actual: [ 1 ]&#10;expected: [ 2 ]&#10;">AssertionError&#10;      at assertEquals (tests/std/assert.ts:48:3)&#10;      at tests/a_test.ts:3:39&#10;</failure>
    </testcase>
    <testcase name="is left out" file="tests/a_test.ts"><skipped /></testcase>
  </testsuite>
</testsuites>`;

describe("a report", () => {
  const message = "Values are not equal.\n  actual: [ 1 ]\nexpected: [ 2 ]\nat ";

  it("of Deno tells of each failure its message, and the line of the test", () => {
    assertEquals(cases(DENO).map(({ name, failure }) => [name, failure]), [
      ["a > passes", undefined],
      ["a > b", `Uncaught AssertionError: ${message}file:///tests/a_test.ts:3:39`],
      ["a > leaks", "Leaks detected"],
    ]);
  });

  it("of Bun tells the same, and the file, and what was left out", () => {
    assertEquals(cases(BUN), [
      {
        file: "tests/a_test.ts",
        name: "a > inner > b",
        skipped: false,
        failure: `${message}tests/a_test.ts:3:39`,
      },
      { file: "tests/a_test.ts", name: "is left out", skipped: true, failure: undefined },
    ]);
  });

  it("tells no more than the beginning of a long message", () => {
    const long = Array.from({ length: 100 }, (_, n) => `line ${n}`).join("\n");
    const [{ failure } = {}] = cases(`<testcase name="a"><failure message="${long}"/></testcase>`);
    assertEquals(failure, long.split("\n").slice(0, 10).join("\n"));
  });
});

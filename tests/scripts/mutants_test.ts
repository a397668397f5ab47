/** Which faults `npm run mutate` plants beside those of Stryker's mutators. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { ownMutants } from "../../scripts/lib/mutants.mjs";

/** What a source becomes with each fault of a kind. */
function planted(kind: string, source: string): string[] {
  return ownMutants(source)
    .filter(({ name }) => name === kind)
    .map(({ start, end, is }) => source.slice(0, start) + is + source.slice(end));
}

const CASES: [kind: string, source: string, planted: string[]][] = [
  ["OperandRemoval", "f(a && b);", ["f(a);", "f(b);"]],
  ["OperandRemoval", "f(a || b);", ["f(a);", "f(b);"]],
  ["OperandRemoval", "f(a ?? b);", ["f(a);", "f(b);"]],
  ["OperandRemoval", "f(a && b && c);", ["f(a && c);", "f(b && c);", "f(a && b);"]],
  ["OperandRemoval", "f((a || b) && c);", [
    "f((a || b));",
    "f(c);",
    "f((a) && c);",
    "f((b) && c);",
  ]],
  ["OperandRemoval", "f(a + b, a | b);", []],
  ["CopyRemoval", "f({ ...a });", ["f(a);"]],
  ["CopyRemoval", "f([...a()]);", ["f(a());"]],
  ["CopyRemoval", "f({ ...a, b }, [...a, b], ...a, {}, []);", []],
  ["StatementRemoval", "if (a) {\n    b();\n}", ["if (a) {\n    ;\n}"]],
  ["NumberLiteral", "f(9);", ["f(10);"]],
];

describe("ownMutants", () => {
  for (const [kind, source, expected] of CASES) {
    it(`plants ${expected.length} of ${kind} in ${JSON.stringify(source)}`, () => {
      assertEquals(planted(kind, source).toSorted(), expected.toSorted());
    });
  }

  it("says where each is", () => {
    const source = "f(\n  a &&\n    b,\n);\ng({ ...a });\n";
    assertEquals(
      ownMutants(source).map(({ line, name, was, is }) => ({ line, name, was, is })),
      [
        { line: 2, name: "OperandRemoval", was: "a &&\n    b", is: "a" },
        { line: 2, name: "OperandRemoval", was: "a &&\n    b", is: "b" },
        { line: 5, name: "CopyRemoval", was: "{ ...a }", is: "a" },
      ],
    );
  });

  it("says what does the same: an operand that is always true, or always false", () => {
    const source = "f(a && (b > c), d || e, g ?? h);";
    const same = ownMutants(source).map(({ is, same }) => {
      const [start, end, value] = same?.split(" ") ?? [];
      return same && `${is}: ${source.slice(Number(start), Number(end))} is ${value}`;
    });
    assertEquals(same, [
      "a: b > c is true",
      "(b > c): a is true",
      "d: e is false",
      "e: d is false",
      undefined,
      undefined,
    ]);
  });
});

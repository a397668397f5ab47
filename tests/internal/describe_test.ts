import { assertEquals } from "@std/assert";
import { describe as suite, it } from "@std/testing/bdd";
import { describe } from "../../internal/describe.ts";

suite("describe()", () => {
  it("says in few words what a value is", () => {
    const values: [unknown, string][] = [
      ["text", '"text"'],
      ['a "b"\n', '"a \\"b\\"\\n"'],
      ["x".repeat(500), `"${"x".repeat(100)}…"`],
      [0, "0"],
      [-0, "0"],
      [NaN, "NaN"],
      [5n, "5n"],
      [null, "null"],
      [undefined, "undefined"],
      [true, "true"],
      [Symbol("s"), "Symbol(s)"],
      [() => {}, "a function"],
      [class {}, "a function"],
      [[1, 2], "an array of 2"],
      [{}, "an object (Object)"],
      [new Map(), "an object (Map)"],
      [Object.create(null), "an object (Object)"],
      [new TypeError("no"), "TypeError: no"],
    ];
    for (const [value, text] of values) assertEquals(describe(value), text);
  });

  it("never throws, and is never long", () => {
    const evil = new Proxy({}, {
      get() {
        throw new Error("evil");
      },
      getPrototypeOf() {
        throw new Error("evil");
      },
    });
    assertEquals(describe(evil), "a object");
    const loud = {
      get [Symbol.toStringTag]() {
        return "x".repeat(1e6);
      },
    };
    assertEquals(describe(loud).length < 200, true);
    assertEquals(describe(new Error("x".repeat(1e6))).length < 200, true);
  });
});

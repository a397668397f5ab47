import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { sayOnce } from "../../internal/say_once.ts";

describe("sayOnce()", () => {
  it("says a text on the console once, and another text as well", () => {
    const said: unknown[][] = [];
    const { warn } = console;
    console.warn = (...args: unknown[]) => void said.push(args);
    try {
      for (const what of ["say_once: a", "say_once: b", "say_once: a"]) sayOnce(what);
    } finally {
      console.warn = warn;
    }
    assertEquals(said, [["say_once: a"], ["say_once: b"]]);
  });
});

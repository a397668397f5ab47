/** What the bench measures in process: the runtime that it plays is still what the module asks for. */

import { assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { HERE, onDeno, Program } from "../helpers/programs.ts";

describe("bench/in_process.mjs", () => {
  it("has every message echoed, and says what one costs", async () => {
    const args = ["--rounds=1", "--only=ours text"];
    const flags = onDeno ? ["-A", "--no-config"] : [];
    const { code, stdout, stderr } = await Program.run(HERE, "bench/in_process.mjs", {
      args,
      flags,
    })
      .ended;
    assertEquals(code, 0, stderr);
    assertMatch(stdout, /^ours text: \d+\.\d \d+\.\d ns\n$/);
  });
});

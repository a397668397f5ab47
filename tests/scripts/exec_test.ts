/** What becomes of a command when the script that runs it is interrupted. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import process from "node:process";
import { Program } from "../helpers/programs.ts";
import { until } from "../helpers/until.ts";

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe("a command of a script", () => {
  // A terminal tells the first by Ctrl-C and the last as it is closed.
  for (const [signal, number] of [["SIGINT", 2], ["SIGTERM", 15], ["SIGHUP", 1]] as const) {
    it(`ends with the script, by ${signal}`, async () => {
      const program = Program.here("exec_left.ts", []);
      const { text } = await program.lineFrom("number");
      const pid = Number(text.split(" ")[1]);
      process.kill(program.child.pid!, signal);
      assertEquals((await program.ended).code, 128 + number);
      await until("it has ended", () => !isThere(pid));
    });
  }
});

/**
 * What keeps a process of the bare runtimes, Deno 2.9.6 and Bun 1.4.5, without our module.
 * `runtime/deno/socket.ts` and `runtime/deno/server.ts` work round it: where one of these turns red
 * after an upgrade, the workaround can go.
 */

import { assertEquals } from "@std/assert";
import { deadline } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { onDeno, Program } from "../helpers/programs.ts";
import { PING, RawServer } from "../peers/raw.ts";

/** Whether a program that is done ends by itself. */
async function ends(program: Program): Promise<boolean> {
  await deadline(program.lineFrom("done"), 30_000);
  const ended = await deadline(program.ended, 2000).catch(() => undefined);
  if (ended !== undefined) assertEquals([ended.code, ended.stderr.includes("rror")], [0, false]);
  return ended !== undefined;
}

describe("a process whose WebSocket has sent a Ping, and was reset", () => {
  for (const what of ["parked", "cleared"]) {
    it(`is kept by its timer on Deno unless that is ended: ${what}`, async () => {
      const server = await RawServer.listen();
      try {
        await using program = Program.here("bare_leftovers.ts", [what, String(server.port)]);
        const raw = await deadline(server.accept(), 30_000);
        await deadline(raw.next(PING), 30_000);
        raw.reset();
        assertEquals(await ends(program), !onDeno || what === "cleared");
      } finally {
        await server.close();
      }
    });
  }
});

describe("a process whose server upgrades a client that has left", () => {
  for (const [ms, how] of [[0, "reset"], [50, "reset"], [50, "closed"]] as const) {
    it(`is kept by it on Deno, which knows of it only a moment later: ${how}, ${ms} ms`, async () => {
      await using program = Program.here("bare_leftovers.ts", ["left", String(ms), how]);
      assertEquals(await ends(program), !onDeno);
      const { text } = await program.lineFrom("aborted");
      if (onDeno) assertEquals(text, `aborted ${ms > 0}`);
    });
  }
});

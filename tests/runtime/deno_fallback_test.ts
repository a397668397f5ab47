/** The module on a Deno that lacks the internals, and, for comparison, on Bun, which needs none. */

import { assertEquals, assertGreater, assertMatch } from "@std/assert";
import { deadline } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { onDeno, Program } from "../helpers/programs.ts";
import { assertInTime, Stopwatch } from "../helpers/stopwatch.ts";
import { PING, rawConnect, RawServer } from "../peers/raw.ts";
import { INTERNAL } from "./bare.ts";

/** What a Deno of the future may lack: each alone makes the others useless. */
const INTERNALS = [
  "ping frame",
  INTERNAL.handleIdle,
  INTERNAL.idleTime,
  INTERNAL.rid,
  INTERNAL.role,
  "tryClose",
].slice(0, onDeno ? undefined : 1);

for (const hidden of INTERNALS) {
  describe(`a client where Deno's internals lack ${hidden}`, () => {
    it("connects and warns once; refuses 'pingInterval' and 'pongTimeout' by name", async () => {
      const server = await RawServer.listen();
      try {
        const args = ["client", hidden, String(server.port)];
        await using program = Program.here("without_internals.ts", args);
        const { code, stdout, stderr } = await deadline(program.ended, 30_000);
        const lines = stdout.trimEnd().split("\n");
        const done = '{"code":4000,"reason":"done"}';
        assertEquals(lines.slice(0, 2), [done, done]);
        for (let i = 0; i < 2; i++) {
          assertEquals((await deadline(server.accept(), 30_000)).texts(), ["hello"]);
        }
        if (onDeno) {
          for (const [i, option] of ["pingInterval", "pongTimeout"].entries()) {
            const rule = `^refused 2302999 Websocket Unknown Other Error: .*'${option}'.* Deno \\d`;
            assertMatch(lines[2 + i]!, new RegExp(rule));
          }
          assertMatch(stderr, /^Deno \d\S* lets no client send Ping frames: .*\n$/);
        } else {
          assertEquals(lines.slice(2), [done, done]);
          assertEquals(stderr, "");
        }
        assertEquals(code, 0);
      } finally {
        await server.close();
      }
    });
  });
}

describe("a server where Deno's internals are missing", () => {
  it("drops a peer that answers no Ping with 'error' 200 and 'close' 1006, in time", async () => {
    await using program = Program.here("without_internals.ts", ["server", INTERNALS[0]!]);
    const { text } = await deadline(program.lineFrom("port "), 30_000);
    const raw = await deadline(rawConnect(Number(text.slice(5)), { pong: false }), 30_000);
    try {
      const began = (await deadline(program.lineFrom("connect"), 30_000)).at;
      const watch = new Stopwatch();
      await deadline(raw.next(PING), 30_000);
      const lost = await deadline(program.lineFrom("close"), 30_000);
      assertGreater(lost.at - began, 1000);
      assertInTime(lost.at - began, 2500, watch.short);
      await deadline(raw.ended, 30_000);
      const { code, stdout, stderr, at } = await deadline(program.ended, 30_000);
      assertEquals(stdout.split("\n").slice(1), [
        "connect",
        "error 200",
        'close {"code":1006,"reason":"The link is down"}',
        "stopped true",
        "",
      ]);
      assertEquals([code, stderr], [0, ""]);
      assertInTime(at - lost.at, 1000, watch.short);
    } finally {
      raw.socket.destroy();
    }
  });

  it("lets a peer live that answers, whichever it is", async () => {
    await Promise.all([...INTERNALS, INTERNAL.signal].map(livesWithout));
  });
});

/** A peer that answers Pings lives longer than the heartbeat's time, and leaves by itself. */
async function livesWithout(hidden: string): Promise<void> {
  await using program = Program.here("without_internals.ts", ["server", hidden]);
  const { text } = await deadline(program.lineFrom("port "), 30_000);
  const raw = await deadline(rawConnect(Number(text.slice(5))), 30_000);
  try {
    for (let n = 0; n < 3; n++) await deadline(raw.next(PING, raw.frames.length), 30_000);
    assertEquals(program.lines.map(({ text }) => text).slice(1), ["connect"]);
    raw.close(4000, "bye");
    const { code, stdout } = await deadline(program.ended, 30_000);
    assertEquals(stdout.split("\n")[2], 'close {"code":4000,"reason":"bye"}');
    assertEquals(code, 0);
  } finally {
    raw.socket.destroy();
  }
}

/**
 * A client that closes as the server's answer is there, and is reset: the runtime's own on Deno 2.9.6 and
 * Bun 1.4.5, which `dropResource` in `runtime/deno/internals.ts` works round, and the module's.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { deadline } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { type Ended, onDeno, Program } from "../helpers/programs.ts";
import { acceptHead } from "../peers/raw.ts";

/** How many the program dials together. */
const TOGETHER = 4;

/** Runs the program against a server that accepts all that are dialled together, and resets them right after that. */
async function run(what: string): Promise<Ended> {
  let waiting: [Socket, answer: string][] = [];
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", (head) => {
      waiting.push([socket, acceptHead(String(head))]);
      if (waiting.length < TOGETHER) return;
      for (const [socket, answer] of waiting) socket.write(answer, () => socket.resetAndDestroy());
      waiting = [];
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const { port } = server.address() as AddressInfo;
    await using program = Program.here("closes_late.ts", [what, String(port)]);
    return await deadline(program.ended, 60_000);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

describe("a client that is closed as it is about to open, and reset", () => {
  it("ends the process on Deno where it is the runtime's own", async () => {
    const { code, stdout, stderr } = await run("bare");
    assertEquals([code, stdout], onDeno ? [1, ""] : [0, "done\n"], stderr);
    if (onDeno) assertMatch(stderr, /Uncaught \(in promise\) TypeError: .*os error/);
  });

  it("ends nothing where it is the module's, and the process ends by itself", async () => {
    const { code, stdout, stderr } = await run("client");
    assertEquals([code, stdout, stderr], [0, "done\n", ""]);
  });
});

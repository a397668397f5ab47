/**
 * What changes where a server listens, or which of two programs a connection belongs to, without our
 * module having a say: rows of `docs/limits.md`. Seen on Deno 2.9.6 and Bun 1.4.5. And what Deno asks
 * somebody at a terminal where it was given no permission.
 */

import { assertEquals, assertNotEquals } from "@std/assert";
import { deadline } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { system } from "../../scripts/setup.mjs";
import { within } from "../helpers/client.ts";
import { binaries, freePort, HERE, onDeno, Program } from "../helpers/programs.ts";
import { rawConnect, TEXT, textOf } from "../peers/raw.ts";

/** Gives a program a terminal. */
const script = await system("script");

const MODULE = new URL("../../mod.ts", import.meta.url).href;

/** Runs a program of one file while `task` lasts. */
async function running(
  source: string,
  options: { flags?: string[]; env?: Record<string, string> },
  task: (program: Program, file: string) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "netkit-environment-"));
  try {
    const file = join(folder, "program.ts");
    await writeFile(file, source);
    await using program = Program.run(HERE, file, { cwd: folder, ...options });
    await task(program, file);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** A server that echoes with its name before. */
const echo = (name: string, port: number) => `
import { createWebSocketServer } from ${JSON.stringify(MODULE)};
const server = createWebSocketServer();
server.on("messageReceive", ({ clientConnection, data }) => {
  server.send("${name} " + data, clientConnection);
});
await server.start({ serverIP: "127.0.0.1", serverPort: ${port} });
console.log("${name} listens on " + server.address.port);
`;

/** What a peer is answered to a text. */
async function answer(
  peer: Awaited<ReturnType<typeof rawConnect>>,
  text: string,
): Promise<string> {
  const answered = peer.next(TEXT, peer.frames.length);
  peer.send(TEXT, text);
  return textOf((await deadline(answered, 30_000)).payload);
}

describe("where a server listens", () => {
  it("is said by DENO_SERVE_ADDRESS on Deno, whatever `start` says, and never on Bun", async () => {
    const [asked, named] = [await freePort(), await freePort()];
    assertNotEquals(asked, named);
    const env = { DENO_SERVE_ADDRESS: `tcp:127.0.0.1:${named}` };
    await running(echo("it", asked), { env }, async (program) => {
      const [, port] = await deadline(program.line(/it listens on (\d+)/), 30_000);
      assertEquals(Number(port), onDeno ? named : asked);
    });
  });

  it(
    onDeno
      ? "does not change with the file on Deno, unless the program is started anew"
      : "passes to the new program under `bun --hot`; connections stay with the old one",
    async () => {
      const port = await freePort();
      const flags = onDeno ? ["-A", "--no-prompt"] : ["--hot"];
      await running(echo("old", port), { flags }, async (program, file) => {
        await deadline(program.line(/old listens/), 30_000);
        const first = await deadline(rawConnect(port), 30_000);
        assertEquals(await answer(first, "a"), "old a");
        await writeFile(file, echo("new", port));
        if (!onDeno) await deadline(program.line(/new listens/), 30_000);
        const second = await deadline(rawConnect(port), 30_000);
        assertEquals(await answer(second, "b"), onDeno ? "old b" : "new b");
        assertEquals(await answer(first, "c"), "old c");
        first.socket.destroy();
        second.socket.destroy();
      });
    },
  );
});

if (onDeno && script !== undefined) {
  describe("connect() on Deno where somebody must be asked", () => {
    for (
      const [key, told] of [
        ["y", ["answer true", "error 200"]], // nobody listens there
        ["n", ["answer 201"]],
      ] as const
    ) {
      it(`goes by the answer, and asks once: ${key}`, async () => {
        const command = `${binaries.deno} run --quiet tests/programs/asks_permission.ts`;
        const terminal = [script, "--quiet", "--return", "--command", command, "/dev/null"];
        await using program = Program.start(terminal, { input: true });
        await within(program.line(/Allow\?/));
        // What is typed before Deno reads is thrown away, and makes it wait.
        const typing = setInterval(() => program.write(`${key}\n`), 400);
        const { code, stdout } = await within(program.ended).finally(() => clearInterval(typing));
        assertEquals(code, 0, stdout);
        assertEquals(stdout.match(/^(?:answer|error) \w+/gm), [...told]);
        assertEquals(stdout.match(/Allow\?/g)?.length, 1);
      });
    }
  });
}

/** The examples: each runs to its end on both runtimes, and prints the same on both. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Program, RUNTIMES } from "../helpers/programs.ts";

const GREETING = `\
server  is listening
server  a client has connected, 1 in all
client  is open: 101
server  was told: Hello, server!
client  was told: Hello, client!
wire    client → server: Ping
wire    server → client: Pong
wire    client → server: Ping
wire    server → client: Pong
server  the client has left: 1000 goodbye
client  has closed: 1000 goodbye
server  has stopped
`;

describe("examples/greeting.ts", () => {
  for (const runtime of RUNTIMES) {
    it(`prints its log on ${runtime} and ends within 10 s`, async () => {
      const flags = runtime === "deno" ? ["--allow-net", "--no-prompt"] : [];
      const program = Program.run(runtime, "examples/greeting.ts", { flags });
      const { code, stdout, stderr } = await program.ended;
      assertEquals([stdout, stderr, code], [GREETING, "", 0]);
    });
  }
});

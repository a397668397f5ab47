/** The event of a message, as a console shows it. */

import { assertStringIncludes } from "@std/assert";
import { it } from "@std/testing/bdd";
import { inspect } from "node:util";
import { createWebSocketServer } from "../../mod.ts";
import { WebSocket } from "../../standard.ts";
import { FakeClock, MemoryNetwork } from "../../testing.ts";

it("a 'message' event shows what is in it on the console", async () => {
  const clock = new FakeClock();
  const network = new MemoryNetwork({ clock });
  const server = createWebSocketServer({ clock, runtime: network.server });
  server.on("connect", (connection) => void server.send("hello", connection));
  await server.start({ serverPort: 80 });
  const ws = new WebSocket("ws://localhost/", [], { clock, runtime: network.client });
  const told = new Promise<MessageEvent>((resolve) => ws.onmessage = resolve);
  const shown = inspect(await clock.until(told));
  for (const part of ["type: 'message'", "data: 'hello'", "origin: 'ws://localhost'"]) {
    assertStringIncludes(shown, part);
  }
  await clock.until(server.stop());
});

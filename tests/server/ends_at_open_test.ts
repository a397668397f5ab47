/** A connection that ends within what an observer does as it hears that it is open. */

import { assertEquals } from "@std/assert";
import { it } from "@std/testing/bdd";
import { createWebSocketServer, type WebSocketConnection } from "../../mod.ts";
import { FakeClock } from "../../testing.ts";
import { assertNothingLeft } from "../helpers/leftovers.ts";
import { PausableSocket, ScriptedServer } from "../helpers/scripted_runtime.ts";

it("it tells 'connect' before 'close', each once, and gives its place back", async () => {
  const clock = new FakeClock();
  const runtime = new ScriptedServer();
  const log: string[] = [];
  const server = createWebSocketServer({
    clock,
    runtime,
    observer: {
      opened: (connection) => void server.send("hello", connection as WebSocketConnection),
      closed: () => void log.push("observer closed"),
    },
  });
  server.on("connect", () => log.push("connect"));
  server.on("error", ({ kind }) => log.push(`${kind}`));
  server.on("close", (_, { code }) => log.push(`close ${code}`));
  await server.start({ serverPort: 80, maxConnections: 1 });
  const admission = runtime.enter();
  const socket = new PausableSocket();
  socket.send = () => admission.closed({ code: 1006, reason: "" });
  admission.open(socket);
  assertEquals(log, ["lost", "connect"]);
  await clock.advance(0);
  assertEquals(log, ["lost", "connect", "observer closed", "close 1006"]);
  assertEquals(server.listAllConnections(), []);
  assertEquals(runtime.request() instanceof Response, false);
  await clock.until(server.stop());
  assertNothingLeft();
});

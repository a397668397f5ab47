/** Peers that are sent away as the broker is silent, and a listener that ends one of them meanwhile. */

import { assertEquals } from "@std/assert";
import { it } from "@std/testing/bdd";
import { createWebSocketServer, type WebSocketConnection } from "../../mod.ts";
import { FakeClock, MemoryBroker } from "../../testing.ts";
import { PausableSocket, ScriptedServer } from "../helpers/scripted_runtime.ts";

it("each tells one 'close', and gives one place back", async () => {
  const clock = new FakeClock();
  const runtime = new ScriptedServer();
  const broker = new MemoryBroker({ clock });
  const server = createWebSocketServer({ clock, runtime, broker });
  const log: string[] = [];
  const connections: WebSocketConnection[] = [];
  server.on("connect", (connection) => {
    connections.push(connection);
    void server.join(connection, "t");
  });
  server.on("error", ({ kind }) => {
    log.push(`${kind}`);
    if (kind === "unsent") void server.terminate(connections[1]!);
  });
  server.on("close", ({ clientPort }, { code }) => log.push(`close ${clientPort} ${code}`));
  await clock.until(server.start({ serverPort: 80, maxConnections: 2 }));
  const one = runtime.enter(1);
  const socket = new PausableSocket();
  // It is found gone as it is closed, with something queued.
  socket.close = () => one.closed({ code: 1006, reason: "", unsent: 5 });
  one.open(socket);
  const other = new PausableSocket();
  runtime.enter(2).open(other);
  await clock.advance(0);

  broker.down();
  await clock.advance(15_000);
  assertEquals(log.sort(), ["close 1 1012", "close 2 1006", "unsent"]);
  assertEquals(other.calls, ["terminate"]);
  const answers = [3, 4, 5].map((port) => runtime.request({}, port));
  assertEquals(answers.map((answer) => answer instanceof Response), [false, false, true]);
  broker.up();
  await clock.until(server.stop());
});

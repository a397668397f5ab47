/** A connection that is not read, as its listeners cannot keep up, and that the server closes. */

import { assertEquals } from "@std/assert";
import { it } from "@std/testing/bdd";
import { createWebSocket, createWebSocketServer } from "../../mod.ts";
import { FakeClock, MemoryNetwork } from "../../testing.ts";
import { PausableSocket, ScriptedServer } from "../helpers/scripted_runtime.ts";

it("it is read again, and nothing is told of what comes", async () => {
  const clock = new FakeClock();
  const runtime = new ScriptedServer();
  const server = createWebSocketServer({ clock, runtime });
  const log: unknown[] = [];
  const { promise: work, resolve: done } = Promise.withResolvers<void>();
  server.on("messageReceive", ({ data }) => (log.push(data), work));
  server.on("close", (_, { code }) => log.push(code));
  await server.start({ serverPort: 80, maxPendingAmount: 100 });
  const admission = runtime.enter();
  const socket = new PausableSocket();
  socket.resume = () => {
    socket.calls.push("resume");
    admission.message("late"); // what came meanwhile
  };
  admission.open(socket);
  admission.message("big");
  await server.close(server.listAllConnections()[0]!);
  done();
  await clock.advance(0);
  assertEquals(socket.calls, ["pause", "close 1000", "resume"]);
  assertEquals(log, ["big", 1000]);
});

it('its peer\'s answer to the Close frame is read, so that "stop" need not wait', async () => {
  const clock = new FakeClock();
  const network = new MemoryNetwork({ clock });
  const server = createWebSocketServer({ clock, runtime: network.server });
  server.on("messageReceive", () => new Promise(() => {}));
  await server.start({ serverPort: 80, maxPendingAmount: 100 });
  const ws = createWebSocket({ clock, runtime: network.client });
  await ws.connect("ws://localhost/");
  await clock.until(ws.opened);
  await ws.send("big");
  await clock.advance(10);
  const began = clock.now();
  assertEquals(await clock.until(server.stop()), true);
  assertEquals([clock.now() - began < 1000, network.links.length], [true, 0]);
  assertEquals(await clock.until(ws.closed), { code: 1001, reason: "server is going away" });
});

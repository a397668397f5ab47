/** A program removes the listeners of its server, and what shows the connections in another shape hears on. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocket, createWebSocketServer, type WebSocketServer } from "../../mod.ts";
import harmony from "../../harmony.ts";
import { duplexOf, wsServer } from "../../node.ts";
import { socketOf, streamsOf } from "../../standard.ts";
import { FakeClock, MemoryNetwork } from "../../testing.ts";

/** Shows each connection in a shape, and writes down what that is told. */
const SHAPES: [name: string, show: (server: WebSocketServer, log: unknown[]) => void][] = [
  ["socketOf", (server, log) => {
    server.on("connect", (connection) => {
      const socket = socketOf(server, connection);
      socket.onmessage = ({ data }) => log.push(data);
      socket.onclose = ({ code }) => log.push(code);
    });
  }],
  ["streamsOf", (server, log) => {
    server.on("connect", async (connection) => {
      const { readable, closed } = streamsOf(server, connection);
      for await (const data of readable) log.push(data);
      log.push((await closed).code);
    });
  }],
  ["duplexOf", (server, log) => {
    server.on("connect", (connection) => {
      const duplex = duplexOf(server, connection).on("close", () => log.push(3000));
      duplex.on("data", (data) => log.push(String(data)));
    });
  }],
  ["wsServer", (server, log) => {
    wsServer(server).on("connection", (socket) => {
      socket.on("message", (data) => log.push(String(data)));
      socket.on("close", (code) => log.push(code));
    });
  }],
];

/** A server and what removes, or replaces, all that its program has added. */
const SERVERS: [name: string, make: typeof createWebSocketServer][] = [
  ["the main entry's", createWebSocketServer],
  ["./harmony's", harmony.createWebSocketServer as unknown as typeof createWebSocketServer],
];

describe("what hears a server's connections in another shape", () => {
  for (const [shape, show] of SHAPES) {
    for (const [name, make] of SERVERS) {
      it(`stays where a program removes all listeners of an event: ${shape}, ${name}`, async () => {
        const clock = new FakeClock();
        const network = new MemoryNetwork({ clock });
        const server = make({ clock, runtime: network.server });
        const log: unknown[] = [];
        const own: unknown[] = [];
        show(server, log);
        await server.start({ serverPort: 80 });
        const ws = createWebSocket({ clock, runtime: network.client });
        await ws.connect("ws://localhost/");
        await clock.advance(10);
        server.on("messageReceive", () => own.push("removed"));
        server.off("messageReceive");
        server.off("close");
        server.on("messageReceive", ({ data }) => own.push(data));
        server.on("close", (_, { code }) => own.push(code));
        ws.send("x");
        await clock.advance(10);
        ws.close({ code: 3000 });
        await clock.advance(10);
        assertEquals([log, own], [["x", 3000], ["x", 3000]]);
        await clock.until(server.stop());
      });
    }
  }

  it("replaces no listener of ./harmony's", async () => {
    const clock = new FakeClock();
    const network = new MemoryNetwork({ clock });
    const server = harmony.createWebSocketServer({ clock, runtime: network.server });
    const log: unknown[] = [];
    server.on("messageReceive", ({ data }) => log.push(data));
    server.on("close", (_, { code }) => log.push(code));
    server.on("connect", () => log.push("connect"));
    wsServer(server as unknown as WebSocketServer).on("connection", () => log.push("connection"));
    await server.start({ serverPort: 80 });
    const ws = createWebSocket({ clock, runtime: network.client });
    await ws.connect("ws://localhost/");
    await clock.advance(10);
    ws.send("x");
    ws.close({ code: 3000 });
    await clock.advance(10);
    assertEquals(log, ["connect", "connection", "x", 3000]);
    await clock.until(server.stop());
  });
});

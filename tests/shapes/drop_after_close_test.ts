/** What drops a connection whose 'close' was told as this side closed, while the peer has not answered. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  createWebSocketServer,
  type WebSocketConnection,
  type WebSocketServer,
} from "../../mod.ts";
import { wsServer, type WsSocket } from "../../node.ts";
import { socketOf } from "../../standard.ts";
import { FakeClock } from "../../testing.ts";
import { ScriptedServer, ScriptedSocket } from "../helpers/scripted_runtime.ts";

/** What a program holds of a connection: how it hears of its end, closes it, and drops it. */
interface Held {
  onclose: unknown;
  close(code: number): void;
  terminate(): void;
}

/** How to hold the connections of a server, which calls `take` with each. */
const SHAPES: Record<string, (server: WebSocketServer, take: (one: Held) => void) => void> = {
  "wsServer": (server, take) =>
    void wsServer(server).on("connection", (one: WsSocket) => take(one)),
  "socketOf": (server, take) => {
    server.on("connect", (connection) => take(socketOf(server, connection)));
  },
  "the server itself": (server, take) => {
    server.on("connect", (connection: WebSocketConnection) => {
      const held: Held = {
        onclose: null,
        close: (code) => void server.close(connection, { code }),
        terminate: () => void server.terminate(connection).catch(() => {}),
      };
      server.on("close", () => (held.onclose as () => void)());
      take(held);
    });
  },
};

describe("a peer that does not answer", () => {
  for (const [name, hold] of Object.entries(SHAPES)) {
    it(`is dropped at once, once, and never when it has answered: ${name}`, async () => {
      for (const answers of [false, true]) {
        const clock = new FakeClock();
        const runtime = new ScriptedServer();
        const server = createWebSocketServer({ clock, runtime });
        let socket!: Held;
        hold(server, (one) => socket = one);
        await server.start({ serverPort: 80 });
        const admission = runtime.enter();
        const wire = new ScriptedSocket();
        admission.open(wire);
        let told = 0;
        socket.onclose = () => told++;
        socket.close(4000);
        await clock.advance(1);
        assertEquals([told, wire.calls], [1, ["close 4000"]]);
        if (answers) admission.closed({ code: 4000, reason: "" });
        socket.terminate();
        const calls = answers ? ["close 4000"] : ["close 4000", "terminate"];
        assertEquals(wire.calls, calls);
        if (!answers) admission.closed({ code: 1006, reason: "" });
        socket.terminate();
        await clock.advance(100_000);
        assertEquals([told, wire.calls], [1, calls]);
        await clock.until(server.stop());
        assertEquals(clock.pending, 0);
      }
    });
  }
});

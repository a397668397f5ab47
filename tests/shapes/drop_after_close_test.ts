/** A server's sockets at their end: what drops a peer that has not answered, and what ends in the turn of a send. */

import { assertEquals } from "@std/assert";
import { deadline } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import {
  createWebSocketServer,
  type WebSocketConnection,
  type WebSocketServer,
} from "../../mod.ts";
import { wsServer, type WsSocket } from "../../node.ts";
import { socketOf } from "../../standard.ts";
import { FakeClock } from "../../testing.ts";
import { onDeno } from "../helpers/programs.ts";
import { RawPeers } from "../helpers/raw_peers.ts";
import { ScriptedServer, ScriptedSocket } from "../helpers/scripted_runtime.ts";
import { LIMIT_MS, WatchedServer } from "../helpers/watched_server.ts";
import { CLOSE, readClose } from "../peers/raw.ts";

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

describe("a socket of socketOf", () => {
  it("may end in the turn in which it has sent what has no bytes, in a listener or out of it", async () => {
    for (const inListener of [true, false]) {
      const runtime = new ScriptedServer();
      const clock = new FakeClock();
      const server = createWebSocketServer({ clock, runtime });
      const told: unknown[] = [];
      server.on("error", ({ message }) => told.push(message));
      let socket!: WebSocket;
      server.on("connect", (connection) => void (socket = socketOf(server, connection)));
      await server.start({ serverPort: 80 });
      const admission = runtime.enter();
      admission.open(new ScriptedSocket());
      socket.onclose = ({ code }) => told.push(code);
      const sendAndEnd = () => {
        socket.send("");
        admission.closed({ code: 4000, reason: "" });
        told.push(socket.bufferedAmount);
      };
      socket.onmessage = sendAndEnd;
      if (inListener) admission.message("x");
      else sendAndEnd();
      await clock.advance(10);
      assertEquals(told, [4000, 0]);
      await clock.until(server.stop());
    }
  });
});

describe("terminate() in the turn of close()", () => {
  it("is before the Close frame on Deno, and behind it on Bun", async () => {
    await using watched = await WatchedServer.start();
    await using peers = new RawPeers(watched);
    const peer = await peers.connect();
    const gone = new Promise((resolve) => peer.socket.once("close", resolve));
    await watched.connected(1);
    const { server, connections: [connection] } = watched;
    const closed = server.close(connection!, { code: 4000 });
    const terminated = server.terminate(connection!);
    assertEquals(await Promise.all([closed, terminated]), [true, true]);
    await deadline(gone, LIMIT_MS);
    const codes = peer.frames.filter(({ opcode }) => opcode === CLOSE)
      .map((frame) => readClose(frame).code);
    assertEquals(codes, onDeno ? [] : [4000]);
    await watched.until(() => watched.closes.length === 1);
    assertEquals(watched.closes.map(({ code }) => code), [4000]);
  });
});

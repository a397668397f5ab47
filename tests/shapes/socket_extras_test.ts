/** What `WebSocket` has beyond the standard, so that its type is that of the runtimes' classes. */

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { BusinessError, type CloseResult, createWebSocketServer } from "../../mod.ts";
import { socketOf, WebSocket as Ours, webSocketClass } from "../../standard.ts";
import { FakeClock } from "../../testing.ts";
import { within } from "../helpers/client.ts";
import { ScriptedClient } from "../helpers/scripted_runtime.ts";
import { logOf, next } from "../helpers/sockets.ts";
import { PING, RawServer } from "../peers/raw.ts";

/** A library that asks for a class, as many do. */
function library(options: { WebSocket: typeof WebSocket }): WebSocket {
  return new options.WebSocket("ws://127.0.0.1:1/");
}

describe("WebSocket beyond the standard", () => {
  it("fits where a library asks for the runtime's class", async () => {
    for (const Class of [Ours, webSocketClass({ pingInterval: 5 })]) {
      await next(library({ WebSocket: Class }), "close");
    }
  });

  it("pings, and the heartbeat waits for the answer", async () => {
    const server = await RawServer.listen({ pong: false });
    const ws = new Ours(server.url, [], { pingInterval: 60, pongTimeout: 0.2 });
    const [peer] = await Promise.all([server.accept(), next(ws, "open")]);
    const log = logOf(ws);
    const closed = next(ws, "close");
    ws.ping();
    await within(peer.next(PING));
    await closed;
    assertEquals(log, ["error 3", "close 3 1006 false"]);
    ws.ping();
    await server.close();
  });

  it("pings the connection that there is, where it reconnects", async () => {
    const server = await RawServer.listen();
    const reconnect = { minDelay: 3600, maxDelay: 3600, random: () => 1 };
    const ws = new Ours(server.url, [], { reconnect });
    const [peer] = await Promise.all([server.accept(), next(ws, "open")]);
    ws.ping();
    await within(peer.next(PING));
    const lost = next(ws, "close");
    peer.reset();
    await lost;
    ws.ping(); // there is none
    const closed = next(ws, "close");
    ws.close();
    await closed;
    await server.close();
  });

  it("can be dropped while open, closing, connecting and closed", async () => {
    const server = await RawServer.listen({ answerClose: false });
    for (const reconnect of [false, true]) {
      for (const state of ["open", "closing", "connecting"]) {
        const ws = new Ours(server.url, [], { reconnect });
        if (state !== "connecting") await Promise.all([next(ws, "open"), server.accept()]);
        const log = logOf(ws);
        const closed = next(ws, "close");
        if (state === "closing") ws.close();
        ws.terminate();
        assertEquals([ws.readyState, log.length], [Ours.CLOSING, 0]);
        await closed;
        assertEquals(log, ["error 3", "close 3 1006 false"]);
        ws.terminate();
      }
    }
    await server.close();
  });

  it("is dropped once, where the runtime tells of the end while it drops", async () => {
    for (const reconnect of [false, true]) {
      const clock = new FakeClock();
      const runtime = new ScriptedClient();
      const closed: string[] = [];
      const observer = { closed: (_: unknown, { reason }: CloseResult) => closed.push(reason) };
      const ws = new Ours("ws://localhost/", [], { clock, reconnect, runtime, observer });
      await clock.advance(1);
      runtime.events.open();
      const log = logOf(ws);
      runtime.socket.terminate = () => runtime.events.closed({ code: 1006, reason: "" });
      const over = next(ws, "close");
      ws.terminate();
      await over;
      await clock.advance(10_000);
      assertEquals(log, ["error 3", "close 3 1006 false"]);
      assertEquals([closed, clock.pending], [["Terminated"], 0]);
    }
  });

  it("hears nothing of what the runtime tells while it drops", async () => {
    for (const reconnect of [false, true]) {
      const clock = new FakeClock();
      const runtime = new ScriptedClient();
      const ws = new Ours("ws://localhost/", [], { clock, reconnect, runtime });
      await clock.advance(1);
      runtime.events.open();
      const log = logOf(ws);
      runtime.socket.terminate = () => runtime.events.message("not heard");
      const over = next(ws, "close");
      ws.terminate();
      await over;
      assertEquals(log, ["error 3", "close 3 1006 false"]);
    }
  });

  it("is closed no second time by a close() behind a Blob that is read after it was dropped", async () => {
    const read = Promise.withResolvers<ArrayBuffer>();
    const blob = Object.assign(new Blob(["x"]), { arrayBuffer: () => read.promise });
    for (const reconnect of [false, true]) {
      const [clock, runtime] = [new FakeClock(), new ScriptedClient()];
      const ws = new Ours("ws://localhost/", [], { clock, reconnect, runtime });
      await clock.advance(1);
      runtime.events.open();
      const log = logOf(ws);
      ws.send(blob);
      ws.close(4000);
      ws.terminate();
      read.resolve(new ArrayBuffer(1));
      await next(ws, "close");
      await clock.advance(10_000);
      assertEquals(log, ["error 3", "close 3 1006 false"]);
      assertEquals([runtime.socket.calls, clock.pending], [["terminate"], 0]);
    }
  });

  it("says what cannot be had, and has no URL by its old name", async () => {
    const ws = new Ours("ws://127.0.0.1:1/x");
    assertEquals(["URL" in ws, "URL" in Ours.prototype, ws.isPaused], [false, false, false]);
    assertThrows(() => Ours.prototype.isPaused, TypeError); // which is no socket
    for (const data of ["x", new Uint8Array(1), new ArrayBuffer(1), 0]) {
      assertEquals(assertThrows(() => ws.ping(data as never), BusinessError).kind, "unsupported");
    }
    await next(ws, "close");
  });

  it("has no pause, resume or pong for a library to find and call, on either side", async () => {
    const server = createWebSocketServer();
    const accepted = new Promise<Ours>((resolve) =>
      server.on("connect", (connection) => resolve(socketOf(server, connection)))
    );
    await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
    const ws = new Ours(`ws://127.0.0.1:${server.address!.port}/`);
    for (const socket of [ws, await accepted]) {
      for (const name of ["pause", "resume", "pong"]) assertEquals(name in socket, false, name);
    }
    await server.stop();
  });

  it("has no clean end where what came was too big for the runtime, though it was closing", () => {
    const runtime = new ScriptedClient();
    const ws = new Ours("ws://localhost/", [], { clock: new FakeClock(), runtime });
    runtime.events.open();
    const log = logOf(ws);
    ws.close();
    runtime.events.closed({ code: 1009, reason: "over", tooBig: true });
    assertEquals(log, ["close 3 1006 false"]);
  });

  it("says what was agreed on, from 'open' on, also with 'reconnect'", async () => {
    const agreed = "permessage-deflate; server_no_context_takeover";
    for (const reconnect of [false, true]) {
      const runtime = new ScriptedClient();
      const clock = new FakeClock();
      const init = { clock, runtime, reconnect, compression: true };
      const ws = new Ours("ws://localhost/", "chat", init);
      const told: string[] = [];
      ws.onopen = () => told.push(ws.protocol, ws.extensions);
      await clock.advance(1);
      Object.assign(runtime.socket, { extensions: agreed, protocol: "chat" });
      assertEquals([ws.protocol, ws.extensions], ["", ""]);
      runtime.events.open();
      assertEquals([told, ws.protocol, ws.extensions], [["chat", agreed], "chat", agreed]);
      ws.close();
      runtime.events.closed({ code: 1000, reason: "" });
      assertEquals([ws.readyState, ws.extensions], [3, agreed]);
    }
  });
});

/** Connections as web streams, and their backpressure. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { BusinessError, createWebSocket, createWebSocketServer } from "../../mod.ts";
import { streamsOf } from "../../standard.ts";
import { within } from "../helpers/client.ts";
import { onDeno } from "../helpers/programs.ts";
import { shaped } from "../helpers/shaped_server.ts";
import { MODULE, runSource } from "../helpers/source.ts";
import { BINARY, CLOSE, RawServer, readClose, TEXT } from "../peers/raw.ts";

const STANDARD = new URL("../../standard.ts", import.meta.url).href;

/** A connected client as streams, and its peer. */
async function client() {
  const server = await RawServer.listen();
  const ws = createWebSocket();
  const streams = streamsOf(ws);
  await ws.connect(server.url);
  const [peer] = await within(Promise.all([server.accept(), streams.opened]));
  return { server, ws, peer, ...streams };
}

/** A server's connection as streams, and its peer. */
async function server(config = {}) {
  const { server, one, peer } = await shaped(streamsOf, config);
  return { server, peer, ...one };
}

for (
  const [side, make, stop] of [
    ["a client's", client, (one: Awaited<ReturnType<typeof client>>) => one.server.close()],
    ["a server's", server, (one: Awaited<ReturnType<typeof server>>) => one.server.stop()],
  ] as const
) {
  describe(`streamsOf() ${side} connection`, () => {
    const finish = stop as (one: unknown) => Promise<unknown>;

    it("has an end for who writes nothing, with the code, and none in its reason", async () => {
      const one = await make();
      const writer = one.writable.getWriter();
      const ended = assertRejects(() => within(writer.closed), BusinessError);
      one.peer.close();
      assertEquals((await ended).message.split(": ").at(-1), "1000");
      assertEquals(await within(one.closed), { code: 1000, reason: "" });
      await finish(one);
    });

    it("is aborted with what it is given, be it nothing", async () => {
      const odd = Object.assign(new Error(), { message: { toString: 5 } });
      const rows = [[undefined, ""], ["text", "text"], [new Error("e"), "e"], [odd, ""]];
      for (const [reason, text] of [...rows, [Object.create(null), ""], [Symbol("s"), ""]]) {
        const one = await make();
        const writer = one.writable.getWriter();
        writer.closed.catch(() => {});
        void writer.abort(reason).catch(() => {});
        assertEquals(readClose(await within(one.peer.next(CLOSE))), { code: 1011, reason: text });
        one.peer.end();
        await finish(one);
      }
    });

    it("tells of its opening, and passes messages in both directions", async () => {
      const one = await make();
      assertEquals(await one.opened, { protocol: "" });
      one.peer.send(TEXT, "hello");
      one.peer.send(BINARY, new Uint8Array([1, 2]));
      const reader = one.readable.getReader();
      assertEquals((await within(reader.read())).value, "hello");
      assertEquals(
        new Uint8Array((await within(reader.read())).value as ArrayBuffer),
        new Uint8Array([1, 2]),
      );
      const writer = one.writable.getWriter();
      await within(writer.write("back"));
      await within(writer.write(new Uint8Array([3])));
      while (one.peer.frames.length < 2) await within(one.peer.next(BINARY));
      assertEquals(one.peer.frames.map(({ opcode }) => opcode), [TEXT, BINARY]);
      await within(writer.close());
      assertEquals((await within(reader.read())).done, true);
      assertEquals(readClose(await within(one.peer.next(CLOSE))), { code: 1000, reason: "" });
      assertEquals((await within(one.closed)).code, 1000);
      await finish(one);
    });

    it("ends with the peer's Close frame, and what was read before is there", async () => {
      const one = await make();
      one.peer.send(TEXT, "last");
      one.peer.close(4001, "bye");
      const reader = one.readable.getReader();
      assertEquals((await within(reader.read())).value, "last");
      assertEquals((await within(reader.read())).done, true);
      one.peer.end();
      assertEquals(await within(one.closed), { code: 4001, reason: "bye" });
      await assertRejects(() => within(one.writable.getWriter().write("late")));
      await finish(one);
    });

    it("fails where the connection is lost", async () => {
      const one = await make();
      const reading = one.readable.getReader().read();
      one.peer.reset();
      await assertRejects(() => within(reading), BusinessError);
      assertEquals((await within(one.closed)).code, 1006);
      await assertRejects(() => within(one.writable.getWriter().write("late")));
      await finish(one);
    });

    it("closes where the reader cancels, and with 1011 where the writer aborts", async () => {
      const one = await make();
      await within(one.readable.cancel());
      assertEquals(readClose(await within(one.peer.next(CLOSE))).code, 1000);
      await finish(one);
      const other = await make();
      other.readable.getReader().read().catch(() => {});
      await within(other.writable.abort(new Error("gone wrong")));
      assertEquals(readClose(await within(other.peer.next(CLOSE))), {
        code: 1011,
        reason: "gone wrong",
      });
      await within(other.closed);
      await finish(other);
    });

    it("has a writer that waits for a slow peer", async () => {
      const one = await make();
      one.peer.socket.pause();
      const writer = one.writable.getWriter();
      writer.closed.catch(() => {});
      const chunk = new Uint8Array(1024 * 1024);
      let written = 0;
      let going = true;
      const all = (async () => {
        while (going && written < 64) {
          await writer.ready;
          await writer.write(chunk);
          written++;
        }
      })();
      // What both systems take is some megabytes; then nothing goes on.
      let before = -1;
      while (written !== before) {
        before = written;
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
      assert(written < 32, `${written} MiB were written`);
      going = false;
      one.peer.socket.resume();
      await within(all);
      await within(writer.close());
      await finish(one);
    });
  });
}

describe("streamsOf()", () => {
  it("holds a fast peer back where the runtime can, and drops it where it cannot", async () => {
    const { server: host, peer, readable, closed } = await server({
      maxPendingAmount: 1024 * 1024,
    });
    const told: string[] = [];
    host.on("error", (error) => told.push(String(error.kind)));
    // More than the buffers of both ends of a connection ever grow to.
    const text = "x".repeat(64 * 1024);
    const count = 600;
    for (let i = 0; i < count; i++) peer.send(TEXT, text);
    if (onDeno) {
      assertEquals((await within(closed)).code, 1008);
      assertEquals(told, ["tooFast"]);
      await host.stop();
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert(peer.socket.writableLength > 0, "all of it was taken");
    const reader = readable.getReader();
    for (let i = 0; i < count; i++) assertEquals((await within(reader.read())).value, text);
    assertEquals(told, []);
    await host.stop();
  });

  it("holds a fast server back on a client where the runtime can, and drops it where it cannot", async () => {
    const server = await RawServer.listen();
    const ws = createWebSocket();
    const { readable, opened, closed } = streamsOf(ws);
    const accepted = server.accept();
    await ws.connect(server.url);
    await within(opened);
    const peer = await within(accepted);
    const text = "x".repeat(64 * 1024);
    const count = 600;
    for (let i = 0; i < count; i++) peer.send(TEXT, text);
    if (onDeno) assertEquals((await within(closed)).code, 1008);
    else {
      await new Promise((resolve) => setTimeout(resolve, 300));
      assert(peer.socket.writableLength > 0, "all of it was taken");
      const reader = readable.getReader();
      for (let i = 0; i < count; i++) assertEquals((await within(reader.read())).value, text);
      await within(ws.close());
      await within(closed);
    }
    await server.close();
  });

  it("pipes a server's connection through to itself", async () => {
    const host = createWebSocketServer();
    const upper = new TransformStream<string | ArrayBuffer, string>({
      transform: (chunk, controller) => controller.enqueue(String(chunk).toUpperCase()),
    });
    host.on("connect", (connection) => {
      const { readable, writable } = streamsOf(host, connection);
      readable.pipeThrough(upper).pipeTo(writable).catch(() => {});
    });
    await host.start({ serverPort: 0, serverIP: "127.0.0.1" });
    const ws = createWebSocket();
    const { readable, writable, opened } = streamsOf(ws);
    await ws.connect(`ws://127.0.0.1:${host.address!.port}/`);
    await within(opened);
    await writable.getWriter().write("quiet");
    assertEquals((await within(readable.getReader().read())).value, "QUIET");
    await host.stop();
  });

  it("tells whoever pipes to a connection how it ended, whoever hears of the end first", async () => {
    const { server: host, one, peer } = await shaped(streamsOf);
    const piped = assertRejects(() => within(one.readable.pipeTo(one.writable)), BusinessError);
    peer.close(4001, "bye");
    const { kind, message } = await piped as BusinessError;
    assertEquals([kind, message], [
      "lost",
      "Websocket connect failed: the connection is over: 4001",
    ]);
    peer.end();
    await host.stop();
  });

  it("ends no process where a client is never open and nobody waits for 'opened'", async () => {
    const ended = await runSource(`
      import { createWebSocket } from ${JSON.stringify(MODULE)};
      import { streamsOf } from ${JSON.stringify(STANDARD)};
      const ws = createWebSocket();
      const { closed } = streamsOf(ws);
      await ws.connect("ws://127.0.0.1:1/");
      console.log((await closed).code);
      setTimeout(() => console.log("the end"), 50);
    `);
    assertEquals([ended.code, ended.stdout.trim(), ended.stderr], [0, "1006\nthe end", ""]);
  });

  it("rejects 'opened' where a client never is, and refuses what is no connection", async () => {
    const ws = createWebSocket();
    const { opened, closed, readable } = streamsOf(ws);
    await ws.connect("ws://127.0.0.1:1/");
    await assertRejects(() => within(opened), BusinessError);
    assertEquals((await within(closed)).code, 1006);
    await assertRejects(() => within(readable.getReader().read()));
    const host = createWebSocketServer();
    const nobody = { clientIP: "127.0.0.1", clientPort: 1 };
    assertEquals(assertThrows(() => streamsOf(host, nobody), BusinessError).code, 2302006);
  });
});

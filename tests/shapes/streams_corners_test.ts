/** Streams over a connection: their limits to the message, what is cut off, and what an end says. */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { once } from "node:events";
import { BusinessError, createWebSocketServer, type WebSocketObserver } from "../../mod.ts";
import { duplexOf, wsServer } from "../../node.ts";
import { socketOf, streamsOf, type WebSocketStreams } from "../../standard.ts";
import { FakeClock } from "../../testing.ts";
import { MemoryPair } from "../helpers/memory_pair.ts";
import { PausableSocket, ScriptedServer } from "../helpers/scripted_runtime.ts";

const KIB = 1024;

/** A pair whose two ends are streams. */
async function open() {
  const pair = await MemoryPair.start({ config: { protocol: "chat" } });
  const near = streamsOf(pair.ws);
  const connection = await pair.open({ protocol: "chat" });
  const far = streamsOf(pair.server, connection);
  return { pair, near, far, connection, link: pair.network.links.at(-1)! };
}

/** A server's streams on a runtime that can stop reading, whose messages may not wait at all. */
async function scripted(observer: WebSocketObserver = {}) {
  const clock = new FakeClock();
  const runtime = new ScriptedServer();
  const server = createWebSocketServer({ clock, observer, runtime });
  let streams!: WebSocketStreams;
  server.on("connect", (connection) => void (streams = streamsOf(server, connection)));
  await server.start({ serverPort: 80, maxPendingAmount: 1 });
  const admission = runtime.enter();
  const wire = new PausableSocket();
  admission.open(wire);
  await clock.advance(0);
  const end = async () => {
    admission.closed({ code: 1000, reason: "" });
    await clock.until(server.stop());
  };
  return { clock, admission, calls: wire.calls, streams, end };
}

describe("streamsOf() a server's connection", () => {
  it("stops reading at the 16th message that waits, again and again", async () => {
    const { clock, admission, calls, streams, end } = await scripted();
    for (let n = 1; n <= 15; n++) admission.message(`${n}`);
    assertEquals(calls, []);
    admission.message("16");
    assertEquals(calls.splice(0), ["pause"]);
    const reader = streams.readable.getReader();
    for (let n = 1; n <= 40; n++) {
      assertEquals((await reader.read()).value, `${n}`);
      await clock.advance(0);
      assertEquals(calls.splice(0), ["resume"]);
      admission.message(`${n + 16}`); // as many wait again
      await clock.advance(0);
      assertEquals(calls.splice(0), ["pause"]);
    }
    await end();
  });

  it("reads nothing more once the reader has cancelled, and ends", async () => {
    const { clock, admission, calls, streams, end } = await scripted();
    for (let n = 1; n <= 16; n++) admission.message(`${n}`);
    let isOver = false;
    const over = streams.readable.cancel().then(() => isOver = true);
    assertEquals(isOver, false);
    admission.message("late");
    await clock.advance(0);
    assertEquals(calls, ["pause", "close 1000", "resume"]); // the Close frame of the peer is read
    assertEquals([await over, (await streams.closed).code], [true, 1000]);
    await end();
  });
});

describe("messages of a server's connection that nobody reads", () => {
  it("are not being worked on any more when the peer has closed", async () => {
    let atWork = 0;
    const handling: WebSocketObserver["handling"] = (_, run) => {
      atWork++;
      void Promise.resolve(run()).then(() => atWork--);
    };
    const { clock, admission, end } = await scripted({ handling });
    for (let n = 1; n <= 20; n++) admission.message(`${n}`);
    await clock.advance(0);
    assertEquals(atWork, 5);
    admission.closed({ code: 1000, reason: "" });
    await clock.advance(0);
    assertEquals(atWork, 0);
    await end();
  });
});

describe("shapes of a server's connection", () => {
  it("refuse one that is none, or over, each in its own name", async () => {
    await using pair = await MemoryPair.start();
    const connection = await pair.open();
    await pair.close();
    for (const [name, call] of Object.entries({ streamsOf, duplexOf, socketOf })) {
      const rows = [[{ clientIP: 5 }, 401, "Parameter error"], [connection, 2302006, "websocket"]];
      for (const [given, code, opening] of rows) {
        const error = assertThrows(() => call(pair.server, given as never), BusinessError);
        const { message } = error;
        const isNamed = message.startsWith(`${opening}`) && message.includes(`: ${name}: `);
        assertEquals([error.code, isNamed], [code, true], message);
      }
    }
  });

  it("are told nothing of a message once they are cancelled by who heard of it before", async () => {
    await using pair = await MemoryPair.start();
    const errors: string[] = [];
    pair.server.on("error", ({ message }) => errors.push(message));
    const held: Partial<WebSocketStreams> = {};
    wsServer(pair.server).on("connection", (socket) => {
      socket.on("message", () => void held.readable!.cancel());
    });
    const connection = await pair.open();
    Object.assign(held, streamsOf(pair.server, connection));
    await pair.ws.send("x");
    await pair.clock.advance(20);
    assertEquals([errors, pair.ws.state], [[], "idle"]);
  });
});

describe("'closed' of streams", () => {
  it("says 1000 of a Close frame with no code, and 1006 where a client never was open", async () => {
    const { admission, streams, end } = await scripted();
    admission.closed({ code: 1005, reason: "" });
    assertEquals(await streams.closed, { code: 1000, reason: "" });
    await end();
    const pair = await MemoryPair.start();
    const { closed, opened } = streamsOf(pair.ws);
    const failed = assertRejects(() => opened);
    await pair.ws.connect("ws://localhost:81/"); // where nobody is
    await pair.clock.advance(100);
    await failed;
    assertEquals(await closed, { code: 1006, reason: "" });
    await pair[Symbol.asyncDispose]();
  });

  it("is no object that a listener of 'close' may change", async () => {
    const { pair, near, far } = await open();
    const spoil = (close: { code: number }) => void (close.code = 1);
    pair.server.on("close", (_, close) => spoil(close));
    pair.ws.on("close", (_, close) => spoil(close));
    await pair.ws.close({ code: 4000, reason: "bye" });
    await pair.clock.advance(20);
    const end = { code: 4000, reason: "bye" };
    assertEquals([await far.closed, await near.closed], [end, end]);
    await pair[Symbol.asyncDispose]();
  });
});

describe("streamsOf() either side", () => {
  it("tells which subprotocol was chosen", async () => {
    const { pair, near, far } = await open();
    assertEquals([await near.opened, await far.opened], [
      { protocol: "chat" },
      { protocol: "chat" },
    ]);
    await pair[Symbol.asyncDispose]();
  });

  for (const side of ["near", "far"] as const) {
    it(`fails a write that is cut off before the system had it: ${side}`, async () => {
      const { pair, [side]: one, link } = await open();
      link.hold();
      const writer = one.writable.getWriter();
      const read = assertRejects(() => one.readable.getReader().read(), BusinessError);
      const told: string[] = [];
      writer.closed.catch(({ message }) => told.push(message.split(": ").at(-1)));
      await writer.write(new Uint8Array(64 * KIB)); // as much may be queued
      let isOver = false;
      const written = writer.write(new Uint8Array(1));
      const failed = assertRejects(() => written).finally(() => isOver = true);
      await pair.clock.advance(1000);
      assertEquals(isOver, false);
      link.cut();
      await pair.clock.advance(10);
      const { kind, message } = await failed as BusinessError;
      assertEquals([kind, message.split(": ").at(-1)], ["lost", "1006"]);
      const why = side === "near" ? "the connection was lost" : "the connection is over: 1006";
      assertEquals([(await read).kind, (await read).message.endsWith(why)], ["lost", true]);
      assertEquals([told, (await one.closed).code], [["1006"], 1006]);
      await pair[Symbol.asyncDispose]();
    });

    it(`has a close() that is over with the connection: ${side}`, async () => {
      const { pair, [side]: one, link } = await open();
      link.hold();
      let isOver = false;
      const log: string[] = [];
      void one.closed.then(({ code }) => log.push(`closed ${code}`));
      const writer = one.writable.getWriter();
      const over = writer.close().then(() => {
        isOver = true;
        log.push("close()");
      });
      assertEquals(isOver, false);
      link.release();
      await pair.clock.advance(20);
      await over;
      assertEquals(log, ["closed 1000", "close()"]);
      await pair[Symbol.asyncDispose]();
    });

    it(`has a cancel() that is over with the connection: ${side}`, async () => {
      const { pair, [side]: one } = await open();
      const log: string[] = [];
      void one.closed.then(({ code }) => log.push(`closed ${code}`));
      const over = one.readable.cancel().then(() => log.push("cancel()"));
      await pair.clock.advance(20);
      await over;
      assertEquals(log, ["closed 1000", "cancel()"]);
      await pair[Symbol.asyncDispose]();
    });
  }
});

describe("duplexOf()", () => {
  /** A Duplex over a server's connection, and how the connection ended. */
  async function duplex(options: object = {}) {
    const pair = await MemoryPair.start();
    const closes: number[] = [];
    pair.ws.on("close", (_err, { code }) => closes.push(code));
    const connection = await pair.open();
    const stream = duplexOf(pair.server, connection, options);
    return { pair, stream, closes };
  }

  it("closes with 1000 where it is destroyed for no fault", async () => {
    const { pair, stream, closes } = await duplex();
    const closed = once(stream, "close");
    stream.destroy();
    await pair.clock.advance(20);
    await closed;
    assertEquals([closes, stream.errored], [[1000], null]);
    await pair[Symbol.asyncDispose]();
  });

  it("reads on after a message with nothing in it, and passes that on in object mode alone", async () => {
    const ways = [[false, false], [true, false], [false, true], [true, true]] as const;
    for (const [readableObjectMode, isIterated] of ways) {
      const { pair, stream } = await duplex({ readableObjectMode });
      const read: unknown[] = [];
      const note = (chunk: unknown) =>
        void read.push(typeof chunk === "string" ? chunk : [...chunk as Uint8Array]);
      const all = async () => {
        for await (const chunk of stream) note(chunk);
      };
      if (isIterated) all().catch(() => {}); // it is destroyed
      else stream.on("data", note);
      const bytes = (...all: number[]) => new Uint8Array(all);
      for (const data of ["", "a", bytes(), bytes(1), "", "bc", bytes(2, 3)]) {
        await pair.ws.send(data);
        await pair.clock.advance(10);
      }
      assertEquals(
        read,
        readableObjectMode ? ["", "a", [], [1], "", "bc", [2, 3]] : [[97], [1], [98, 99], [2, 3]],
      );
      stream.destroy();
      await pair[Symbol.asyncDispose]();
    }
  });

  it("ends its writing with its reading, unless it is asked not to", async () => {
    for (const allowHalfOpen of [undefined, true]) {
      const { pair, stream, closes } = await duplex(allowHalfOpen ? { allowHalfOpen } : {});
      assertEquals(stream.allowHalfOpen, allowHalfOpen ?? false);
      const ended = once(stream, "end");
      stream.resume();
      await pair.ws.close();
      await pair.clock.advance(20);
      await ended;
      assertEquals([closes, stream.readableEnded], [[1000], true]);
      stream.destroy();
      await pair[Symbol.asyncDispose]();
    }
  });

  it("lets no write wait once it is destroyed, though the peer answers nothing", async () => {
    const pair = await MemoryPair.start();
    const stream = duplexOf(pair.ws, { window: 4 });
    await pair.open();
    const told: string[] = [];
    stream.write("12345", () => told.push("first"));
    await pair.clock.advance(10);
    stream.write("6", () => told.push("second"));
    pair.network.links[0]!.hold();
    stream.destroy();
    await pair.clock.advance(10);
    assertEquals([told, pair.ws.state], [["first", "second"], "closing"]);
    await pair[Symbol.asyncDispose]();
  });

  it("is over when it is destroyed, also where it was lost and nobody read what came", async () => {
    const { pair, stream } = await duplex({ readableHighWaterMark: 1 });
    await pair.ws.send("12");
    await pair.clock.advance(10);
    assertEquals(stream.readableLength, 2);
    pair.network.links[0]!.cut();
    await pair.clock.advance(20);
    assertEquals(stream.destroyed, false);
    const closed = once(stream, "close");
    stream.destroy();
    await pair.clock.until(closed);
    await pair[Symbol.asyncDispose]();
  });

  it("lets no write wait for room once it is over, however it ended", async () => {
    const ways: [string, (pair: MemoryPair, stream: ReturnType<typeof duplexOf>) => unknown][] = [
      ["the peer closes", ({ ws }) => ws.close()],
      ["it is destroyed", (_pair, stream) => stream.destroy()],
    ];
    for (const [, end] of ways) {
      const { pair, stream } = await duplex({ window: 4 });
      stream.on("error", () => {});
      const told: string[] = [];
      stream.write("12345", () => told.push("first"));
      await pair.clock.advance(10);
      stream.write("6", () => told.push("second"));
      await pair.clock.advance(1000);
      assertEquals(told, ["first"]);
      await end(pair, stream);
      await pair.clock.advance(100);
      await new Promise((resolve) => setTimeout(resolve));
      assertEquals(told, ["first", "second"]);
      stream.destroy();
      await pair[Symbol.asyncDispose]();
    }
  });
});

/** Sockets of a server in the shape of npm's `ws`, and what comes over the wire. */

import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Buffer } from "node:buffer";
import { EventEmitter, once } from "node:events";
import { type BusinessError, createWebSocketServer } from "../../mod.ts";
import { wsServer } from "../../node.ts";
import { socketOf, streamsOf } from "../../standard.ts";
import { within } from "../helpers/client.ts";
import { onDeno } from "../helpers/programs.ts";
import { assertUnsupported, pair, told } from "../helpers/ws_pair.ts";
import {
  BINARY,
  CLOSE,
  PING,
  rawConnect,
  type RawPeer,
  readClose,
  TEXT,
  textOf,
} from "../peers/raw.ts";

describe("a socket of wsServer()", () => {
  it("tells messages as Buffers, and whether they are binary", async () => {
    const { server, socket, peer } = await pair();
    for (const text of ["", "he", "h\u00e9", "\u4e2d", "\u{1f600}", "x".repeat(1001)]) {
      const message = told(socket, "message");
      peer.send(TEXT, text);
      const [data, isBinary] = await message;
      assert(Buffer.isBuffer(data));
      assertEquals([`${data}`, data.equals(Buffer.from(text)), isBinary], [text, true, false]);
    }
    const bytes = told(socket, "message");
    peer.send(BINARY, new Uint8Array([1, 0x80, 0xff]));
    const [buffer, binary] = await bytes;
    assert(Buffer.isBuffer(buffer));
    assertEquals([[...buffer], binary], [[1, 0x80, 0xff], true]);
    socket.binaryType = "arraybuffer";
    const again = told(socket, "message");
    peer.send(BINARY, new Uint8Array([3]));
    assertInstanceOf((await again)[0], ArrayBuffer);
    for (const one of ["fragments", "blob"]) {
      assertUnsupported(() => socket.binaryType = one, `binaryType: '${one}'`);
    }
    await server.stop();
  });

  it("leaves to each that hears of bytes what it asks for", async () => {
    const { server, socket, peer } = await pair();
    const heard: unknown[] = [];
    const named = (data: unknown) => (data as object).constructor.name;
    const hear = async (bytes: Uint8Array) => {
      const message = told(socket, "message");
      peer.send(BINARY, bytes);
      const [data] = await message as [Buffer];
      return named(data) === "ArrayBuffer" ? "ArrayBuffer" : [...data].join();
    };
    assertEquals(await hear(new Uint8Array([1])), "1");
    const listener = ({ data }: { data: unknown }) => heard.push(named(data));
    server.on("messageReceive", listener);
    assertEquals(await hear(new Uint8Array([2])), "2");
    server.off("messageReceive", listener);
    assertEquals(await hear(new Uint8Array([3])), "3");
    const other = socketOf(server, server.listAllConnections()[0]!);
    other.binaryType = "arraybuffer";
    other.onmessage = listener;
    assertEquals(await hear(new Uint8Array([4])), "4");
    socket.binaryType = "arraybuffer";
    assertEquals(await hear(new Uint8Array([5])), "ArrayBuffer");
    socket.binaryType = "nodebuffer";
    assertEquals(await hear(new Uint8Array([6])), "6");
    other.onmessage = null;
    socket.on("message", (data: Buffer) => socket.send(data));
    assertEquals(await hear(new Uint8Array([7, 8])), "7,8");
    assertEquals([...(await within(peer.next(BINARY))).payload], [7, 8]);
    assertEquals(heard, ["ArrayBuffer", "ArrayBuffer", "ArrayBuffer", "ArrayBuffer"]);
    await server.stop();
  });

  it("leaves bytes to the server where that hears them, too, and to what counts them", async () => {
    const server = createWebSocketServer({ stats: true });
    const connected = once(wsServer(server), "connection");
    await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
    const peer = await within(rawConnect(server.address!.port));
    const [socket] = await within(connected);
    const message = told(socket, "message");
    peer.send(BINARY, new Uint8Array(4));
    assert(Buffer.isBuffer((await message)[0]));
    assertEquals(server.stats()!.received, { messages: 1, bytes: 4 });
    await server.stop();
    const { server: other, peer: one } = await pair();
    const heard = new Promise((resolve) => other.on("messageReceive", ({ data }) => resolve(data)));
    one.send(BINARY, new Uint8Array(5));
    assertEquals(await within(heard), new ArrayBuffer(5));
    await other.stop();
  });

  it("has a listener of bytes that fails reported", async () => {
    const { server, socket, peer } = await pair();
    const failed = new Promise<BusinessError>((resolve) => server.on("error", resolve));
    socket.on("message", () => {
      throw new Error("not today");
    });
    peer.send(BINARY, new Uint8Array(3));
    assertEquals((await within(failed)).kind, "listenerFailed");
    await server.stop();
  });

  it("sends text, numbers, bytes, several at once and Blobs, as binary or not", async () => {
    const { server, socket, peer } = await pair();
    socket.send("text");
    socket.send(5);
    socket.send(Buffer.from([1]));
    socket.send([Buffer.from([2]), Buffer.from([3])]);
    socket.send("bytes", { binary: true });
    socket.send(Buffer.from("as text"), { binary: false, compress: true, mask: true });
    socket.send(new Blob(["blob"]));
    while (peer.frames.length < 7) await within(peer.next(BINARY, peer.frames.length));
    assertEquals(peer.frames.map(({ opcode, payload }) => `${opcode} ${textOf(payload)}`), [
      ...["1 text", "1 5", "2 \u0001", "2 \u0002\u0003", "2 bytes", "1 as text", "2 blob"],
    ]);
    assertUnsupported(() => socket.send("part", { fin: false }), "send: 'fin' false");
    await server.stop();
  });

  it("sends bytes as text with the mark of their order", async () => {
    const { server, socket, peer } = await pair();
    const bytes = new TextEncoder().encode("\ufefftext");
    const kinds = [bytes, bytes.buffer, Buffer.from(bytes), new DataView(bytes.buffer)];
    for (const one of kinds) socket.send(one, { binary: false });
    while (peer.frames.length < kinds.length) await within(peer.next(TEXT, peer.frames.length));
    assertEquals(peer.frames.map(({ payload }) => [...payload]), kinds.map(() => [...bytes]));
    await server.stop();
  });

  it("calls back when a message is gone, and with an error when it cannot go", async () => {
    const { server, socket, peer } = await pair();
    const sent = (data: string | Uint8Array) =>
      within(new Promise<Error | undefined>((resolve) => socket.send(data, resolve)));
    assertEquals(await sent("small"), undefined);
    peer.socket.pause();
    let isBack = false;
    const big = sent(new Uint8Array(4 * 1024 * 1024)).then((error) => {
      isBack = true;
      return error;
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    const wasBack = isBack; // where both systems take megabytes it may be
    peer.socket.resume();
    assertEquals(await big, undefined);
    assert(!wasBack || socket.bufferedAmount === 0);
    const closed = told(socket, "close");
    socket.close();
    const pinged = new Promise<Error | undefined>((resolve) => socket.ping("", false, resolve));
    for (const error of await within(Promise.all([sent("late"), pinged]))) {
      assertEquals(error?.message, "WebSocket is not open: readyState 2 (CLOSING)");
    }
    socket.send("unheard");
    assert(socket.bufferedAmount >= 11);
    await closed;
    assertEquals(socket.readyState, socket.CLOSED);
    assertEquals((await sent("late"))?.message, "WebSocket is not open: readyState 3 (CLOSED)");
    await server.stop();
  });

  it("pings, and hears the Pong", async () => {
    const { server, socket, peer } = await pair();
    const pong = told(socket, "pong");
    socket.ping();
    await within(peer.next(PING));
    assertEquals(await pong, [Buffer.alloc(0)]);
    await within(new Promise<void>((resolve) => socket.ping("", false, () => resolve())));
    await server.stop();
  });

  it("closes with a code and a reason, and refuses what cannot be", async () => {
    const { server, socket, peer } = await pair();
    for (const code of [999, 1004, 1005, 1006, 1015, 2999, 5000, 1000.5, "1000"]) {
      assertThrows(() => socket.close(code as number), TypeError);
    }
    assertThrows(() => socket.close(1000, "x".repeat(124)), RangeError);
    const closed = told(socket, "close");
    socket.close(4400, Buffer.from("why"));
    socket.close(4401);
    assertEquals(readClose(await within(peer.next(CLOSE))), { code: 4400, reason: "why" });
    const [code, reason] = await closed;
    assertEquals([code, String(reason)], [4400, "why"]);
    await server.stop();
  });

  it("closes with an empty Close frame where no code is given, as ws does", async () => {
    for (const args of [[], [undefined, "unsaid"]] as [undefined?, string?][]) {
      const { server, socket, peer } = await pair();
      const closed = told(socket, "close");
      socket.close(...args);
      assertEquals((await within(peer.next(CLOSE))).payload.length, 0);
      const [code, reason] = await closed;
      assertEquals([code, String(reason)], [1005, ""]);
      await server.stop();
    }
  });

  for (
    const [how, end, code, reason] of [
      ["a Close frame", (peer: RawPeer) => peer.close(3000, "bye"), 3000, "bye"],
      ["an empty Close frame", (peer: RawPeer) => peer.close(), 1005, ""],
      ["a reset", (peer: RawPeer) => peer.reset(), 1006, ""],
    ] as const
  ) {
    it(`hears of the end by ${how}`, async () => {
      const { server, socket, peer } = await pair();
      const closed = told(socket, "close");
      end(peer);
      const [first, second] = await closed;
      assertEquals([first, String(second)], [code, reason]);
      await server.stop();
    });
  }

  it("can be dropped", async () => {
    const { server, socket, peer } = await pair();
    const closed = told(socket, "close");
    socket.terminate();
    assertEquals((await closed)[0], 1006);
    await within(peer.ended);
    socket.terminate();
    await server.stop();
  });

  it("stops reading where the runtime can", async () => {
    const { server, socket, peer } = await pair();
    if (onDeno) {
      assertUnsupported(() => socket.pause(), "pause");
      assertEquals(socket.isPaused, false);
      return void await server.stop();
    }
    const heard: string[] = [];
    socket.on("message", (data: Buffer) => heard.push(String(data)));
    socket.pause();
    assertEquals(socket.isPaused, true);
    peer.send(TEXT, "wait");
    await new Promise((resolve) => setTimeout(resolve, 100));
    assertEquals(heard, []);
    const message = told(socket, "message");
    socket.resume();
    await message;
    assertEquals([heard, socket.isPaused], [["wait"], false]);
    await server.stop();
  });

  it("has listeners that fail told to the server's 'error', and others hear all the same", async () => {
    const { server, wss, socket, peer } = await pair();
    const causes: unknown[] = [];
    const error = () =>
      within(new Promise<BusinessError>((resolve) => server.once("error", resolve)));
    const fail = (word: string) => {
      socket.once(word, () => {
        throw new Error(word);
      });
    };
    // A second shape of the same connection, which hears after the first.
    const [connection] = server.listAllConnections();
    const other = streamsOf(server, connection!);
    const read = other.readable.getReader().read();
    for (const word of ["message", "pong", "close"]) {
      fail(word);
      const failed = error();
      if (word === "message") peer.send(TEXT, "hello");
      else if (word === "pong") {
        socket.ping();
        await within(peer.next(PING));
      } else peer.close(4001, "bye");
      const { code, cause } = await failed;
      causes.push([code, (cause as Error).message]);
    }
    assertEquals(causes, ["message", "pong", "close"].map((word) => [2302999, word]));
    assertEquals((await within(read)).value, "hello");
    assertEquals(await within(other.closed), { code: 4001, reason: "bye" });
    assertEquals(wss.clients.size, 0);
    await server.stop();
  });

  it("is an EventEmitter in everything", async () => {
    const { server, socket, peer } = await pair();
    assertInstanceOf(socket, EventEmitter);
    // The constructor of an EventEmitter was not run: it makes what has 184 bytes on Deno.
    assertEquals([socket.getMaxListeners(), Object.hasOwn(socket, "_maxListeners")], [10, false]);
    assertEquals([socket.eventNames(), socket.listenerCount("message")], [[], 0]);
    assertEquals(socket.emit("toString"), false);
    const heard: string[] = [];
    const listener = (data: Buffer) => heard.push(`second ${data}`);
    socket.once("message", (data) => heard.push(`once ${data}`));
    socket.addListener("message", listener);
    socket.prependListener("message", (data: Buffer) => heard.push(`first ${data}`));
    assertEquals([socket.eventNames(), socket.listenerCount("message")], [["message"], 3]);
    peer.send(TEXT, "a");
    await told(socket, "message");
    socket.off("message", listener);
    peer.send(TEXT, "b");
    await told(socket, "message");
    assertEquals(heard, ["first a", "once a", "second a", "first b"]);
    socket.removeAllListeners();
    assertEquals(socket.eventNames(), []);
    assertEquals(socket.emit("toString"), false);
    await server.stop();
  });

  it("has the web's listeners and handlers, too", async () => {
    const { server, socket, peer } = await pair();
    const log: string[] = [];
    const both = (event: { type: string; data?: unknown }) =>
      log.push(`${event.type} ${event.data}`);
    socket.addEventListener("message", both);
    socket.addEventListener("message", both);
    socket.addEventListener("message", { handleEvent: () => void log.push("object") }, {
      once: true,
    });
    socket.onmessage = (event) => void log.push(`handler ${event.target === socket}`);
    const handler = socket.onmessage;
    assert(typeof handler === "function");
    const first = told(socket, "message");
    peer.send(TEXT, "one");
    await first;
    assertEquals(log.splice(0), ["message one", "object", "handler true"]);
    socket.removeEventListener("message", both);
    socket.onmessage = null;
    assertEquals(socket.onmessage, null);
    const closed = new Promise<unknown[]>((resolve) =>
      socket.onclose = ({ code, reason, wasClean }) => resolve([code, reason, wasClean])
    );
    peer.send(TEXT, "two");
    peer.close(4000, "end");
    assertEquals(await within(closed), [4000, "end", true]);
    assertEquals(log, []);
    await server.stop();
  });

  it("says once that it does not tell of Pings", async () => {
    const { server, socket } = await pair();
    const { warn } = console;
    const said: string[] = [];
    console.warn = (what: string) => void said.push(what);
    socket.on("ping", () => {}).on("ping", () => {});
    console.warn = warn;
    assert(said.length <= (onDeno ? 1 : 0));
    assert(said.every((what) => what.includes("'ping' is never told")));
    await server.stop();
  });
});

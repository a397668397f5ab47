/** Connections as Duplexes of `node:stream`. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import type { Duplex } from "node:stream";
import { finished } from "node:stream/promises";
import { type BusinessError, createWebSocket } from "../../mod.ts";
import { duplexOf } from "../../node.ts";
import { DEFAULT_MAX_PAYLOAD } from "../../internal/payload.ts";
import { within } from "../helpers/client.ts";
import { MemoryPair } from "../helpers/memory_pair.ts";
import { shaped } from "../helpers/shaped_server.ts";
import { BINARY, CLOSE, RawServer, readClose, TEXT, textOf } from "../peers/raw.ts";

async function client(options = {}) {
  const server = await RawServer.listen();
  const ws = createWebSocket();
  const stream = duplexOf(ws, options);
  await ws.connect(server.url);
  const [peer] = await within(Promise.all([server.accept(), ws.opened]));
  return { stream, peer, stop: () => server.close() };
}

async function server(options = {}) {
  const { server, one, peer } = await shaped((...given) => duplexOf(...given, options));
  return { stream: one, peer, stop: () => server.stop() };
}

/** All that a stream gives, until it has ended. */
async function all(stream: Duplex): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

for (const [side, make] of [["a client's", client], ["a server's", server]] as const) {
  describe(`duplexOf() ${side} connection`, () => {
    it("writes binary messages, and reads Buffers of whatever comes", async () => {
      const { stream, peer, stop } = await make();
      stream.write("one");
      stream.write(Buffer.from([2]));
      while (peer.frames.length < 2) await within(peer.next(BINARY, peer.frames.length));
      assertEquals(peer.frames.map(({ opcode, payload }) => [opcode, textOf(payload)]), [
        [BINARY, "one"],
        [BINARY, "\u0002"],
      ]);
      const read = all(stream);
      peer.send(TEXT, "text, ");
      peer.send(BINARY, "");
      peer.send(BINARY, "bytes");
      peer.close(1000);
      assertEquals(await within(read), "text, bytes");
      peer.end();
      await stop();
    });

    it("closes with 1000 where it is ended, after what was written", async () => {
      const { stream, peer, stop } = await make();
      const closed = once(stream, "close");
      stream.resume();
      stream.end("last");
      assertEquals(readClose(await within(peer.next(CLOSE))), { code: 1000, reason: "" });
      assertEquals(textOf(peer.frames[0]!.payload), "last");
      await within(closed);
      assertEquals(stream.destroyed, true);
      await stop();
    });

    it("ends both ways with the peer's end or its own, though nobody reads or ends it", async () => {
      for (const window of [undefined, 1000]) {
        for (const code of [1000, undefined, "own"] as const) {
          const { stream, peer, stop } = await make({ window });
          const told: string[] = [];
          for (const name of ["end", "close", "error"]) stream.on(name, () => told.push(name));
          const over = finished(stream);
          if (code === "own") stream.end();
          else peer.close(code);
          await within(over);
          assertEquals([told, stream.destroyed], [["end", "close"], true]);
          peer.end();
          await stop();
        }
      }
    });

    it("closes with 1011 where it is destroyed with an error", async () => {
      const { stream, peer, stop } = await make();
      const failed = once(stream, "error");
      stream.destroy(new Error("broken"));
      assertEquals(((await within(failed))[0] as Error).message, "broken");
      assertEquals(readClose(await within(peer.next(CLOSE))), { code: 1011, reason: "broken" });
      await stop();
    });

    it("closes with 1011 where what is written cannot be sent", async () => {
      const { stream, peer, stop } = await make();
      const failed = once(stream, "error");
      const closed = new Promise((resolve) => stream.once("close", resolve));
      stream.write(new Uint8Array(DEFAULT_MAX_PAYLOAD + 1));
      const [{ code, message }] = await within(failed) as [BusinessError];
      assertEquals(code, 401);
      const close = readClose(await within(peer.next(CLOSE)));
      assertEquals([close.code, message.startsWith(close.reason!)], [1011, true]);
      await within(closed);
      await stop();
    });

    it("fails where the connection is lost", async () => {
      const { stream, peer, stop } = await make();
      const failed = once(stream, "error");
      stream.resume();
      peer.reset();
      assert((await within(failed))[0] instanceof Error);
      await stop();
    });

    it("is destroyed with an error where it is lost, though nobody reads", async () => {
      const { stream, peer, stop } = await make();
      const failed = once(stream, "error");
      const closed = new Promise((resolve) => stream.once("close", resolve));
      stream.write("one");
      await within(peer.next(BINARY));
      peer.socket.resetAndDestroy();
      const [{ code, kind }] = await within(failed) as [BusinessError];
      assertEquals([code, kind], [200, "lost"]);
      await within(closed);
      await stop();
    });

    it("holds the writer back", async () => {
      const { stream, peer, stop } = await make();
      peer.socket.pause();
      stream.on("error", () => {});
      let writes = 0;
      const chunk = Buffer.alloc(1024 * 1024);
      while (stream.write(chunk) && writes < 100) writes++;
      assert(writes < 100);
      let before = -1;
      let taken = 0;
      const count = () => void taken++;
      stream.on("drain", count);
      while (taken !== before) {
        before = taken;
        await new Promise((resolve) => setTimeout(resolve, 150));
        if (taken !== before) stream.write(chunk);
      }
      assert(taken < 50, `${taken} MiB`);
      peer.socket.resume();
      stream.resume();
      stream.end();
      await within(peer.next(CLOSE));
      await stop();
    });
  });
}

describe("duplexOf()", () => {
  it("writes once a client is open, and is destroyed where it never is", async () => {
    const raw = await RawServer.listen();
    const ws = createWebSocket();
    const stream = duplexOf(ws);
    stream.write("early");
    await ws.connect(raw.url);
    const peer = await within(raw.accept());
    assertEquals(textOf((await within(peer.next(BINARY))).payload), "early");
    stream.resume().end();
    await within(once(stream, "close"));
    await raw.close();
    const lost = createWebSocket();
    const failing = duplexOf(lost);
    const failed = once(failing, "error");
    await lost.connect("ws://127.0.0.1:1/");
    assert((await within(failed))[0] instanceof Error);
  });

  it("fails where it is ended while the program closes the connection itself", async () => {
    const raw = await RawServer.listen();
    const ws = createWebSocket();
    const stream = duplexOf(ws).resume();
    await ws.connect(raw.url);
    const [peer] = await within(Promise.all([raw.accept(), ws.opened]));
    const failed = once(stream, "error");
    await ws.close();
    stream.end();
    const [error] = await within(failed);
    assertEquals((error as BusinessError).kind, "closing");
    peer.end();
    await raw.close();
  });

  it("ends without an error where it is ended when the connection is over", async () => {
    for (const moment of ["told", "over"]) {
      const raw = await RawServer.listen();
      const ws = createWebSocket();
      const stream = duplexOf(ws).resume();
      const errors: unknown[] = [];
      stream.on("error", (error) => errors.push(error));
      await ws.connect(raw.url);
      const [peer] = await within(Promise.all([raw.accept(), ws.opened]));
      const closed = once(stream, "close");
      if (moment === "told") ws.once("close", () => void stream.end());
      else ws.closed.then(() => stream.end());
      peer.close(1000);
      await within(closed);
      assertEquals([errors, stream.writableFinished], [[], true]);
      await raw.close();
    }
  });

  it("reads a chunk for each message in object mode, and text as text", async () => {
    const { server, one, peer } = await shaped((server, connection) =>
      duplexOf(server, connection, { readableObjectMode: true })
    );
    const chunks: unknown[] = [];
    one.on("data", (chunk) => chunks.push(chunk));
    const ended = once(one, "end");
    peer.send(TEXT, "a");
    peer.send(TEXT, "");
    peer.send(BINARY, "b");
    peer.close(1000);
    await within(ended);
    assertEquals(chunks, ["a", "", Buffer.from("b")]);
    await server.stop();
  });
});

for (const side of ["client", "server"] as const) {
  for (const window of [undefined, 1000]) {
    it(`duplexOf() a ${side} that is not to be read hears of its end, window ${window}`, async () => {
      for (const end of ["close", "cut"] as const) {
        const pair = await MemoryPair.start({ config: { maxPendingAmount: 1 } });
        const made = (one: Duplex) => {
          for (const name of ["error", "finish", "close"]) one.on(name, () => told.push(name));
          return one;
        };
        const told: string[] = [];
        const options = { readable: false, window };
        if (side === "client") made(duplexOf(pair.ws, options));
        const connection = await pair.open();
        if (side === "server") made(duplexOf(pair.server, connection, options));
        for (let n = 0; n < 40; n++) { // more than may wait to be read
          const data = new Uint8Array(window ?? 64 * 1024);
          if (side === "client") await pair.server.send(data, connection);
          else await pair.ws.send(data);
          await pair.clock.advance(20);
        }
        await pair.clock.advance(100_000);
        assertEquals([told, pair.ws.state], [[], "open"]);
        if (end === "cut") pair.network.links[0]!.cut();
        else if (side === "server") await pair.ws.close();
        else await pair.server.close(connection);
        await pair.clock.advance(20);
        await new Promise((resolve) => setTimeout(resolve));
        assertEquals(told, end === "cut" ? ["error", "close"] : ["finish", "close"]);
        await pair[Symbol.asyncDispose]();
      }
    });
  }
}

it("duplexOf() reads text as UTF-8, whatever encoding what is written has", async () => {
  for (const encoding of [undefined, "utf8", "hex"] as const) {
    const pair = await MemoryPair.start();
    const got: string[] = [];
    pair.ws.on("message", (_, data) => void got.push(Buffer.from(data as ArrayBuffer).toString()));
    const options = { defaultEncoding: "hex", ...(encoding && { encoding }) } as const;
    const stream = duplexOf(pair.server, await pair.open(), options);
    const read: string[] = [];
    stream.on("data", (chunk) => void read.push(String(chunk)));
    await pair.ws.send("Grüße");
    stream.write("c3bc");
    await pair.clock.advance(20);
    const shown = encoding === "hex" ? Buffer.from("Grüße").toString("hex") : "Grüße";
    assertEquals([read, got], [[shown], ["ü"]]);
    stream.destroy();
    await pair[Symbol.asyncDispose]();
  }
});

it("duplexOf() a client that does not connect yet keeps what is written until it is open", async () => {
  const server = await RawServer.listen();
  const ws = createWebSocket();
  const stream = duplexOf(ws);
  const told: string[] = [];
  for (const name of ["error", "close"]) stream.on(name, () => told.push(name));
  stream.write("early");
  stream.end("last");
  await new Promise((resolve) => setTimeout(resolve, 5)); // whatever a write does has been done
  assertEquals(told, []);
  await ws.connect(server.url);
  const peer = await within(server.accept());
  stream.resume();
  assertEquals(readClose(await within(peer.next(CLOSE))), { code: 1000, reason: "" });
  assertEquals(peer.frames.slice(0, 2).map(({ payload }) => textOf(payload)), ["early", "last"]);
  if (!stream.closed) await within(once(stream, "close"));
  await server.close();
});

for (const side of ["client", "server"] as const) {
  for (const when of ["before", "after"] as const) {
    it(`duplexOf() a ${side} is destroyed with what its signal aborts with, ${when} it is made`, async () => {
      const pair = await MemoryPair.start();
      const closes: number[] = [];
      pair.ws.on("close", (_, { code }) => void closes.push(code));
      const connection = await pair.open();
      const aborter = new AbortController();
      if (when === "before") aborter.abort();
      const { signal } = aborter;
      const stream = side === "client"
        ? duplexOf(pair.ws, { signal })
        : duplexOf(pair.server, connection, { signal });
      const failed = new Promise<Error>((resolve) => stream.once("error", resolve));
      aborter.abort();
      await pair.clock.advance(100);
      assertEquals([(await failed).name, closes, pair.ws.state], ["AbortError", [1011], "idle"]);
      await pair[Symbol.asyncDispose]();
    });
  }

  it(`duplexOf() a ${side} leaves nothing behind that reads where its options are refused`, async () => {
    await using pair = await MemoryPair.start({ config: { maxPendingAmount: 1 } });
    const connection = await pair.open();
    const got = { client: 0, server: 0 };
    pair.ws.on("message", () => void got.client++);
    pair.server.on("messageReceive", () => void got.server++);
    const duplex = duplexOf as (...given: unknown[]) => unknown;
    for (const wrong of [{ highWaterMark: -1 }, { signal: 5 }]) {
      const given = side === "client" ? [pair.ws, wrong] : [pair.server, connection, wrong];
      assertThrows(() => duplex(...given));
    }
    const half = new Uint8Array(512 * 1024);
    for (let n = 0; n < 25; n++) {
      await pair.ws.send(half);
      await pair.server.send(half, connection);
      await pair.clock.advance(10);
    }
    assertEquals(got, { client: 25, server: 25 });
  });
}

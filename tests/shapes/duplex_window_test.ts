/** Duplexes whose two ends tell each other what was read. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { type Duplex, PassThrough, pipeline } from "node:stream";
import {
  BusinessError,
  createWebSocket,
  createWebSocketServer,
  type WebSocketServer,
} from "../../mod.ts";
import { duplexOf } from "../../node.ts";
import { FlowWindow } from "../../shapes/flow_window.ts";
import { within } from "../helpers/client.ts";
import { MemoryPair } from "../helpers/memory_pair.ts";
import { shaped } from "../helpers/shaped_server.ts";
import { BINARY, CLOSE, type RawPeer, readClose, TEXT, textOf } from "../peers/raw.ts";

const WINDOW = 64 * 1024;
const CHUNK = Buffer.alloc(16 * 1024, "x");

/** A server's Duplex and a client's, over one connection. */
async function pair(
  window = WINDOW,
): Promise<{ near: Duplex; far: Duplex; stop(): Promise<unknown> }> {
  const server = createWebSocketServer();
  // Much less than what is sent: whoever does not read must not be sent more.
  const limits = { maxPendingAmount: 4 * WINDOW, maxBufferedAmount: 16 * WINDOW };
  await server.start({ serverPort: 0, serverIP: "127.0.0.1", ...limits });
  const made = new Promise<Duplex>((resolve) =>
    server.once("connect", (connection) => resolve(duplexOf(server, connection, { window })))
  );
  const ws = createWebSocket();
  const near = duplexOf(ws, { window });
  await ws.connect(`ws://127.0.0.1:${server.address!.port}/`);
  return { near, far: await within(made), stop: () => server.stop() };
}

/** Writes until the stream wants no more for a while; returns how many chunks it took. */
async function fill(stream: Duplex, most: number): Promise<number> {
  let taken = 0;
  const count = () => void taken++;
  for (let i = 0; i < most; i++) stream.write(CHUNK, count);
  let before = -1;
  while (taken !== before) {
    before = taken;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return taken;
}

/** A server's Duplex whose peer speaks for itself. */
function withPeer(window: number) {
  return shaped((server, connection) => duplexOf(server, connection, { window }));
}

describe("duplexOf() with a window", () => {
  for (const way of ["a client to a server", "a server to a client"]) {
    it(`makes ${way} wait while nobody reads, and then takes all`, async () => {
      const { near, far, stop } = await pair();
      const [from, to] = way.startsWith("a client") ? [near, far] : [far, near];
      const failed: unknown[] = [];
      for (const stream of [near, far]) stream.on("error", (error) => failed.push(error));
      const all = 400; // 6.4 MB: a hundred windows
      const taken = await fill(from, all);
      assert(taken >= WINDOW / CHUNK.length && taken <= 2 * WINDOW / CHUNK.length, `${taken}`);
      let bytes = 0;
      to.on("data", (chunk: Buffer) => bytes += chunk.length);
      const ended = once(to, "end");
      from.end();
      await within(ended);
      assertEquals([bytes, failed], [all * CHUNK.length, []]);
      await stop();
    });
  }

  it("lets both ends wait for each other, and sends all back", async () => {
    const { near, far, stop } = await pair(1000); // less than a chunk
    far.pipe(far);
    let bytes = 0;
    const done = new Promise<void>((resolve) =>
      near.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes === 100 * CHUNK.length) resolve();
      })
    );
    for (let i = 0; i < 100; i++) near.write(CHUNK);
    await within(done);
    near.end();
    await within(once(near, "close"));
    await stop();
  });

  it("tells how much was read, once all is or half a window, and sends that much more", async () => {
    const { server, one, peer } = await withPeer(10);
    one.on("error", () => {});
    peer.send(BINARY, "abc");
    peer.send(BINARY, "");
    peer.send(BINARY, "d");
    const read: string[] = [];
    one.on("data", (chunk: Buffer) => read.push(String(chunk)));
    let told = 0;
    for (let i = 0; told < 4; i++) {
      told += Number(textOf((await within(peer.next(TEXT, i))).payload));
    }
    assertEquals([told, read.join("")], [4, "abcd"]);
    const { length } = peer.frames;
    const sent = [0, 0];
    one.write("0123456789", () => sent[0] = 1);
    one.write("more", () => sent[1] = 1);
    assertEquals(textOf((await within(peer.next(BINARY, length))).payload), "0123456789");
    peer.send(BINARY, "e"); // what comes back for it comes after what was sent before
    assertEquals(textOf((await within(peer.next(TEXT, length + 1))).payload), "1");
    assertEquals(peer.frames.length, length + 2);
    peer.send(TEXT, "1");
    assertEquals(textOf((await within(peer.next(BINARY, length + 2))).payload), "more");
    one.write("waits for ever");
    one.destroy();
    await within(once(one, "close"));
    await server.stop();
  });

  for (
    const [what, kind, data] of [
      ["text that is no number", "unacceptable", "hello"],
      ["more than was sent", "unacceptable", "1"],
      ["a number below 0", "unacceptable", "-1"],
      ["more than the window", "tooFast", undefined],
    ] as const
  ) {
    it(`fails with ${kind} where the far end sends ${what}`, async () => {
      const { server, one, peer } = await withPeer(10);
      const failed = once(one, "error");
      if (data !== undefined) peer.send(TEXT, data);
      // Nobody reads: of three the first is taken by the stream, and the others wait.
      else for (let i = 0; i < 40; i++) peer.send(BINARY, "0123456789".repeat(1000));
      const [error] = await within(failed);
      assert(error instanceof BusinessError);
      assertEquals(error.kind, kind);
      assertEquals(readClose(await within(peer.next(CLOSE))).code, 1011);
      await server.stop();
    });
  }

  it("fails a write that waits when the connection is lost", async () => {
    const { server, one, peer } = await withPeer(1);
    const failed = once(one, "error");
    one.resume();
    one.write("a");
    await within(peer.next(BINARY));
    const late = new Promise((resolve) => one.write("b", resolve));
    peer.reset();
    assert(await within(late) instanceof Error);
    await within(failed);
    await server.stop();
  });

  const ends: [
    name: string,
    end: (one: Duplex, peer: RawPeer, server: WebSocketServer) => unknown,
  ][] = [
    ["as the peer closes", (_, peer) => peer.close(1000)],
    ["as the program closes", (_, __, server) => server.close(server.listAllConnections()[0]!)],
    ["as the server stops", (_, __, server) => server.stop()],
    ["as it is destroyed", (one) => one.destroy()],
  ];
  for (const [name, end] of ends) {
    for (const reads of [true, false]) {
      it(`fails a write that waits ${name}, whether it is read from or not: ${reads}`, async () => {
        const { server, one, peer } = await withPeer(100);
        one.on("error", () => {});
        if (reads) one.resume();
        const written: string[] = [];
        one.write(Buffer.alloc(100), (error) => written.push(`${error ?? "written"}`));
        await within(peer.next(BINARY));
        const waits = new Promise<unknown>((resolve) => one.write("waits", resolve));
        void end(one, peer, server);
        const error = await within(waits);
        assertEquals([written, error instanceof Error], [["written"], true]);
        peer.end();
        if (server.address !== undefined) await server.stop();
      });
    }
  }

  it("tells of half a window while more waits to be read", () => {
    const told: string[] = [];
    const pushed: unknown[] = [];
    const window = new FlowWindow(10, (text) => void told.push(text));
    const push = (chunk: Uint8Array | null) => void pushed.push(chunk?.length);
    for (const length of [4, 4, 1]) window.add(Buffer.alloc(length));
    window.take(push);
    assertEquals([told, pushed], [[], [4]]);
    window.take(push);
    assertEquals([told, pushed], [["8"], [4, 4]]);
    window.take(push);
    assertEquals([told, pushed], [["8", "1"], [4, 4, 1]]);
    window.take(push);
    window.add(null);
    assertEquals([told.length, pushed], [2, [4, 4, 1, undefined]]);
  });

  it("refuses what is no window, and one in object mode", () => {
    const ws = createWebSocket();
    const refused = (one: unknown, options: unknown, words: string) => {
      const call = duplexOf as (one: unknown, options: unknown) => unknown;
      const { kind, message } = assertThrows(() => call(one, options), BusinessError);
      assertEquals([kind, message.includes(`duplexOf: ${words}`)], ["argument", true], message);
    };
    for (const window of [0, -1, 1.5, NaN, Infinity]) {
      refused(ws, { window }, "'window' must be an integer above 0");
    }
    for (const mode of ["objectMode", "readableObjectMode", "writableObjectMode"]) {
      refused(ws, { window: 1, [mode]: true }, "'window' must be left out in object mode");
    }
    // Text that is written would go out as text, which says how much was read.
    const text = "'window' must be left out where 'decodeStrings' is false";
    refused(ws, { window: 1, decodeStrings: false }, text);
    for (const options of [null, 5, "x"]) refused(ws, options, "options must be");
    for (const name of ["windows", "highWatermark", "connectTimeout"]) {
      refused(ws, { [name]: 1 }, `'${name}' is no option; there are window, allowHalfOpen, `);
    }
    for (const one of [null, undefined, 5, "x"]) refused(one, {}, "the client must be one that");
    duplexOf(createWebSocket(), { window: undefined, objectMode: true }).on("error", () => {})
      .destroy();
    const ofNode = { captureRejections: true, highWaterMark: 5 }; // what Node's own knows is for Node
    const duplex = duplexOf(createWebSocket(), ofNode).on("error", () => {});
    assertEquals(duplex.writableHighWaterMark, 5);
    duplex.destroy();
  });

  it("refuses the same of a server's connection, and takes what Node's own knows", async () => {
    await using pair = await MemoryPair.start();
    const { server } = pair;
    const connection = await pair.open();
    const call = duplexOf as (...given: unknown[]) => Duplex;
    const wrong = [null, { window: 0 }, { windows: 1 }, { window: 1, objectMode: true }];
    for (const options of wrong) {
      const { kind } = assertThrows(() => call(server, connection, options), BusinessError);
      assertEquals(kind, "argument");
    }
    assertEquals(call(server, connection, { highWaterMark: 5 }).writableHighWaterMark, 5);
  });
});

describe("duplexOf() that is destroyed for no fault", () => {
  for (const side of ["client", "server"]) {
    for (const window of [undefined, 1000]) {
      it(`has no end, and fails a pipeline, as a socket of Node's: ${side}, window ${window}`, async () => {
        await using pair = await MemoryPair.start();
        const near = side === "client" ? duplexOf(pair.ws, { window }) : undefined;
        const connection = await pair.open();
        const stream = near ?? duplexOf(pair.server, connection, { window });
        const told: string[] = [];
        for (const name of ["data", "end", "close"]) stream.on(name, () => told.push(name));
        const piped = new Promise((resolve) =>
          pipeline(stream, new PassThrough(), (error) => resolve(error?.code))
        );
        await pair.clock.advance(10);
        if (near === undefined) void pair.ws.send(new Uint8Array(1));
        else void pair.server.send(new Uint8Array(1), connection);
        stream.destroy();
        await pair.clock.advance(100);
        assertEquals([await piped, told], ["ERR_STREAM_PREMATURE_CLOSE", ["close"]]);
      });
    }
  }
});

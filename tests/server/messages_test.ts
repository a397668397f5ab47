import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertNotStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import { deadline } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import type { WebSocketConnection } from "../../mod.ts";
import { RawPeers } from "../helpers/raw_peers.ts";
import { assertRefused, LIMIT_MS, WatchedServer } from "../helpers/watched_server.ts";
import { BINARY, CLOSE, type RawPeer, readClose, TEXT, textOf } from "../peers/raw.ts";

describe("createWebSocketServer().on('messageReceive')", () => {
  it("tells text as text and bytes as an ArrayBuffer of its own, empty ones too", async () => {
    await using watched = await WatchedServer.start();
    await using peers = new RawPeers(watched);
    const peer = await peers.connect();
    peer.send(TEXT, "Grüße, 世界 👋\0");
    peer.send(BINARY, Uint8Array.of(0, 1, 254, 255));
    peer.send(TEXT, "");
    peer.send(BINARY, "");
    peer.send(BINARY, Uint8Array.of(9, 9));
    await watched.until(() => watched.messages.length === 5);
    const [text, bytes, noText, noBytes, more] = watched.messages.map(({ data }) => data);
    assertEquals([text, noText], ["Grüße, 世界 👋\0", ""]);
    for (const data of [bytes, noBytes, more]) assertInstanceOf(data, ArrayBuffer);
    assertEquals(new Uint8Array(bytes as ArrayBuffer), Uint8Array.of(0, 1, 254, 255));
    assertEquals((noBytes as ArrayBuffer).byteLength, 0);
    assertNotStrictEquals(bytes, more);
    new Uint8Array(bytes as ArrayBuffer).fill(7);
    assertEquals(new Uint8Array(more as ArrayBuffer), Uint8Array.of(9, 9));
    assertEquals((bytes as ArrayBuffer).byteLength, 4); // no more than the message
  });

  it("puts fragments together, with Pings between them, and answers those", async () => {
    await using watched = await WatchedServer.start();
    await using peers = new RawPeers(watched);
    const peer = await peers.connect();
    const bytes = new TextEncoder().encode("世界");
    peer.send(TEXT, bytes.slice(0, 2), { fin: false });
    peer.send(9, "are you there");
    peer.send(0, bytes.slice(2, 4), { fin: false });
    peer.send(0, "", { fin: false });
    peer.send(0, bytes.slice(4));
    assertEquals(textOf((await deadline(peer.next(10), LIMIT_MS)).payload), "are you there");
    await watched.until(() => watched.messages.length === 1);
    assertEquals(watched.log, ["connect", "message 世界"]);
  });

  it("keeps the order of a thousand messages of two kinds", async () => {
    await using watched = await WatchedServer.start();
    await using peers = new RawPeers(watched);
    const peer = await peers.connect();
    const sent = Array.from({ length: 1000 }, (_, i) => `${i}`);
    for (const text of sent) peer.send(Number(text) % 2 === 0 ? TEXT : BINARY, text);
    await watched.until(() => watched.messages.length === 1000);
    assertEquals(watched.log.slice(1), sent.map((text) => `message ${text}`));
  });
});

/** A running server with one raw peer. */
async function withPeer(
  maxPayload: number | undefined,
  run: (
    watched: WatchedServer,
    peer: RawPeer,
    connection: WebSocketConnection,
    peers: RawPeers,
  ) => Promise<void>,
): Promise<void> {
  await using watched = await WatchedServer.start(maxPayload === undefined ? {} : { maxPayload });
  await using peers = new RawPeers(watched);
  const peer = await peers.connect();
  await run(watched, peer, await watched.connected(), peers);
}

describe("createWebSocketServer().send()", () => {
  it("sends text as a text frame and bytes as a binary one, each whole and unmasked", async () => {
    await withPeer(undefined, async ({ server }, peer, connection) => {
      const buffer = Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7).buffer;
      const data = [
        "Grüße, 世界 👋",
        "",
        buffer,
        new ArrayBuffer(0),
        new Uint8Array(buffer, 2, 3),
        new DataView(buffer, 6),
        new Uint16Array(buffer, 2, 2),
        new Float64Array(buffer),
        new Uint8Array(0),
        "x".repeat(126),
        new Uint8Array(65_536).fill(7),
        "end",
      ];
      for (const one of data) assertEquals(await server.send(one, connection), true);
      while (!peer.texts().includes("end")) {
        await deadline(peer.next(TEXT, peer.frames.length), LIMIT_MS);
      }
      const came = peer.frames.map(({ opcode, payload }) =>
        opcode === TEXT ? textOf(payload) : [...payload]
      );
      assertEquals(came, [
        "Grüße, 世界 👋",
        "",
        [0, 1, 2, 3, 4, 5, 6, 7],
        [],
        [2, 3, 4],
        [6, 7],
        [2, 3, 4, 5],
        [0, 1, 2, 3, 4, 5, 6, 7],
        [],
        "x".repeat(126),
        Array(65_536).fill(7),
        "end",
      ]);
      assertEquals(peer.frames.every(({ fin, rsv, masked }) => fin && rsv === 0 && !masked), true);
    });
  });

  it("answers 401 that says what was given when data is anything else", async () => {
    await withPeer(undefined, async ({ server }, peer, connection) => {
      const wrong: [unknown, string][] = [
        [undefined, "undefined"],
        [null, "null"],
        [5, "5"],
        [5n, "5n"],
        [true, "true"],
        [Symbol("x"), "Symbol(x)"],
        [{}, "Object"],
        [["a"], "array"],
        [() => {}, "function"],
        [new Blob(["x"]), "Blob"],
        [new Date(0), "Date"],
        [new String("x"), "String"],
        [new SharedArrayBuffer(4), "SharedArrayBuffer"],
        [new Uint8Array(new SharedArrayBuffer(4)), ""],
        [{ byteLength: 3, buffer: new ArrayBuffer(3) }, "Object"],
      ];
      for (const [data, says] of wrong) {
        await assertRefused(() => server.send(data as never, connection), 401, says);
      }
      await server.send("end", connection);
      await deadline(peer.next(TEXT), LIMIT_MS);
      assertEquals(peer.frames.length, 1);
    });
  });

  it("sends the data as it was at the call, and in order", async () => {
    await withPeer(undefined, async ({ server }, peer, connection) => {
      const bytes = new Uint8Array(70_000);
      for (let i = 0; i < 100; i++) {
        bytes.fill(i);
        void server.send(i % 3 === 0 ? `${i}` : i % 3 === 1 ? bytes : bytes.buffer, connection);
      }
      bytes.fill(255);
      void server.close(connection);
      await deadline(peer.next(CLOSE), LIMIT_MS);
      assertEquals(peer.frames.length, 101);
      for (const [i, { opcode, payload }] of peer.frames.slice(0, 100).entries()) {
        if (i % 3 === 0) assertEquals([opcode, textOf(payload)], [TEXT, `${i}`]);
        else {assert(
            opcode === BINARY && payload.length === 70_000 && payload.every((b) => b === i),
          );}
      }
    });
  });

  it("takes a resizable ArrayBuffer and a view of one", async () => {
    await withPeer(undefined, async ({ server }, peer, connection) => {
      const buffer = new ArrayBuffer(2, { maxByteLength: 8 });
      assertEquals(await server.send(buffer, connection), true);
      assertEquals(await server.send(new Uint8Array(buffer), connection), true);
      await server.send("end", connection);
      await deadline(peer.next(TEXT), LIMIT_MS);
      assertEquals(peer.frames.map(({ payload }) => payload.length), [2, 2, 3]);
    });
  });

  it("sends half a surrogate pair as U+FFFD", async () => {
    await withPeer(undefined, async ({ server }, peer, connection) => {
      assertEquals(await server.send("a\ud800b", connection), true);
      assertEquals(textOf((await deadline(peer.next(TEXT), LIMIT_MS)).payload), "a\ufffdb");
    });
  });

  it("answers 401 when a buffer has been transferred away", async () => {
    await withPeer(undefined, async ({ server }, peer, connection) => {
      const buffer = new ArrayBuffer(8);
      const view = new Uint8Array(buffer);
      structuredClone(buffer, { transfer: [buffer] });
      for (const data of [buffer, view]) {
        await assertRefused(() => server.send(data, connection), 401, "transferred");
      }
      await server.send("end", connection);
      await deadline(peer.next(TEXT), LIMIT_MS);
      assertEquals(peer.frames.length, 1);
    });
  });

  for (const maxPayload of [undefined, 9]) {
    const most = maxPayload ?? 5_242_864;
    it(`sends ${most} bytes and answers 401 to one more`, async () => {
      await withPeer(maxPayload, async ({ server }, peer, connection) => {
        const text = "世".repeat(Math.floor(most / 3)) + "x".repeat(most % 3);
        assertEquals(await server.send(text, connection), true);
        assertEquals(await server.send(new Uint8Array(most), connection), true);
        for (const more of [text + "x", "x".repeat(most + 1), new ArrayBuffer(most + 1)]) {
          const error = await assertRefused(() => server.send(more, connection), 401, `${most}`);
          assertStringIncludes(error.message, `${most + 1}`);
        }
        await server.close(connection);
        await deadline(peer.next(CLOSE), LIMIT_MS);
        assertEquals(peer.frames.slice(0, -1).map(({ payload }) => payload.length), [most, most]);
        assert(textOf(peer.frames[0]!.payload) === text);
      });
    });
  }

  it("answers 2302006 when the server is not running, 401 before that", async () => {
    const { server } = new WatchedServer();
    const connection = { clientIP: "127.0.0.1", clientPort: 5 };
    await assertRefused(() => server.send("x", connection), 2302006);
    await assertRefused(() => server.close(connection), 2302006);
    await assertRefused(() => server.send(5 as never, connection), 401);
    await assertRefused(() => server.send("x", undefined as never), 401);
    await assertRefused(() => server.send("x".repeat(5_242_865), connection), 401);
    await assertRefused(() => server.close(null as never), 401);
    await assertRefused(() => server.close(connection, null as never), 401);
  });

  it("answers -1 while the connection is closing", async () => {
    await withPeer(undefined, async (watched, peer, connection) => {
      const { server } = watched;
      const calls = [
        server.send("before", connection),
        server.close(connection),
        server.send("after", connection),
        server.send("copy", { ...connection }),
        server.send(5 as never, connection),
      ];
      const codes = await Promise.all(calls.map((call) => call.catch(({ code }) => code)));
      assertEquals(codes, [true, true, -1, -1, 401]);
      await deadline(peer.next(CLOSE), LIMIT_MS);
      assertEquals(peer.texts(), ["before"]);
      await watched.closed();
      await assertRefused(() => server.send("x", connection), 2302006);
    });
  });

  it("sends from inside 'messageReceive', to whom it came from", async () => {
    await using watched = await WatchedServer.start();
    watched.echo();
    await using peers = new RawPeers(watched);
    const all = await peers.connectMany(5);
    for (const [i, peer] of all.entries()) {
      for (let n = 0; n < 20; n++) peer.send(TEXT, `${i}:${n}`);
    }
    for (const [i, peer] of all.entries()) {
      while (peer.frames.length < 20) {
        await deadline(peer.next(TEXT, peer.frames.length), LIMIT_MS);
      }
      assertEquals(peer.texts(), Array.from({ length: 20 }, (_, n) => `${i}:${n}`));
    }
  });
});

describe("createWebSocketServer().start({ maxPayload })", () => {
  for (const maxPayload of [undefined, 12]) {
    const most = maxPayload ?? 5_242_864;
    it(`takes messages of ${most} bytes, whole and in fragments`, async () => {
      await withPeer(maxPayload, async (watched, peer) => {
        const text = "世".repeat(Math.floor(most / 3)) + "x".repeat(most % 3);
        const bytes = new TextEncoder().encode(text);
        peer.send(TEXT, bytes);
        peer.send(BINARY, bytes);
        peer.send(TEXT, bytes.slice(0, most / 2), { fin: false });
        peer.send(0, bytes.slice(most / 2));
        await watched.until(() => watched.messages.length === 3 || watched.closes.length > 0);
        assertEquals(watched.closes, []);
        const [one, two, three] = watched.messages.map(({ data }) => data);
        assert(one === text && three === text);
        assertEquals((two as ArrayBuffer).byteLength, most);
        assertEquals(watched.errors, []);
      });
    });

    const over: Record<string, (peer: RawPeer) => void> = {
      "text of one byte more": (peer) => peer.send(TEXT, "x".repeat(most + 1)),
      "text of fewer characters but one byte more": (peer) =>
        peer.send(TEXT, "世".repeat(most / 3) + "x".repeat(most % 3 + 1)),
      "bytes, one more": (peer) => peer.send(BINARY, new Uint8Array(most + 1)),
      "fragments of one byte more together": (peer) => {
        peer.send(BINARY, new Uint8Array(most), { fin: false });
        peer.send(0, "x");
      },
    };
    for (const [what, send] of Object.entries(over)) {
      it(`closes with 1009 after 'error' on ${what} than ${most}`, async () => {
        await withPeer(maxPayload, async (watched, peer, _, peers) => {
          peer.send(TEXT, "small");
          send(peer);
          const close = readClose(await deadline(peer.next(CLOSE), LIMIT_MS));
          assertEquals(close.code, 1009);
          const { code } = await watched.closed();
          assertEquals(code, 1009);
          assertEquals(watched.log.map((line) => line.slice(0, 10)), [
            "connect",
            "message sm",
            "error 200 ",
            "close 1009",
          ]);
          await deadline(peer.ended, LIMIT_MS);
          const next = await peers.connect();
          next.send(TEXT, "next");
          await watched.until(() => watched.messages.length === 2);
          assertEquals(watched.closes.length, 1);
          assertEquals(watched.server.listAllConnections().length, 1);
        });
      });
    }
  }

  // Each in the two parts of a frame's length, of 32 bits.
  for (const [high, low] of [[0, 0x0400_0000], [0, 0xffff_ffff], [1, 0], [0x8000_0000, 0]]) {
    const length = high! * 2 ** 32 + low!;
    it(`closes with 1009 after 'error' on a frame that announces 0x${length.toString(16)} bytes`, async () => {
      await withPeer(undefined, async (watched, peer) => {
        const head = new DataView(new ArrayBuffer(18));
        head.setUint16(0, 0x82ff);
        head.setUint32(2, high!);
        head.setUint32(6, low!);
        peer.write(new Uint8Array(head.buffer));
        const { code } = await watched.closed();
        assertEquals(code, 1009);
        assertEquals(watched.log.map((line) => line.slice(0, 9)), [
          "connect",
          "error 200",
          "close 100",
        ]);
        await deadline(peer.ended, LIMIT_MS);
      });
    });
  }
});

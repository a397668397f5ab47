/** Compressed messages in every form there is, and wherever connections come from. Bun alone has them. */

import { assert, assertEquals, assertLess, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { constants, createDeflateRaw, deflateRawSync, inflateRawSync } from "node:zlib";
import { createWebSocket, createWebSocketServer } from "../../mod.ts";
import { duplexOf, wsServer } from "../../node.ts";
import { socketOf, streamsOf } from "../../standard.ts";
import { within } from "../helpers/client.ts";
import { memoryHeld } from "../helpers/memory.ts";
import { onDeno } from "../helpers/programs.ts";
import { RawPeers } from "../helpers/raw_peers.ts";
import { shaped } from "../helpers/shaped_server.ts";
import { TestHost } from "../helpers/test_host.ts";
import { WatchedServer } from "../helpers/watched_server.ts";
import {
  acceptHead,
  BINARY,
  CLOSE,
  type Frame,
  header,
  PING,
  PONG,
  rawConnect,
  type RawPeer,
  RawServer,
  readClose,
  TEXT,
} from "../peers/raw.ts";

const MIB = 1024 * 1024;
const CONTINUATION = 0;
const RSV1 = 4;

const OFFER = { headers: { "sec-websocket-extensions": "permessage-deflate" } };

/** What ends a compressed message, and is left out on the wire (RFC 7692 §7.2.1). */
const TAIL = [0, 0, 255, 255];

const flush = { finishFlush: constants.Z_SYNC_FLUSH };

function deflate(data: Uint8Array | string): Uint8Array {
  return deflateRawSync(data, flush).subarray(0, -TAIL.length);
}

function inflate({ rsv, payload }: Frame): string {
  assertEquals(rsv, RSV1);
  return String(inflateRawSync(Uint8Array.from([...payload, ...TAIL]), flush));
}

/** Compresses one text after the other with what it remembers of those before. */
class TakingOver {
  readonly #deflate = createDeflateRaw({ level: 9 });

  next(text: string): Promise<Uint8Array> {
    const parts: Buffer[] = [];
    const take = (part: Buffer) => void parts.push(part);
    this.#deflate.on("data", take);
    this.#deflate.write(text);
    return new Promise((resolve) =>
      this.#deflate.flush(constants.Z_SYNC_FLUSH, () => {
        this.#deflate.off("data", take);
        resolve(Buffer.concat(parts).subarray(0, -TAIL.length));
      })
    );
  }
}

/** A text that only what came before it makes short. */
const odd = Array.from({ length: 300 }, (_, i) => Math.sin(i).toString(36)).join();

/** The first frames of a peer with an opcode. */
async function frames(peer: RawPeer, opcode: number, n: number): Promise<Frame[]> {
  for (let from = 0; from < n; from++) {
    const found = peer.frames.filter((frame) => frame.opcode === opcode);
    if (found.length >= n) break;
    await within(peer.next(opcode, peer.frames.length));
  }
  return peer.frames.filter((frame) => frame.opcode === opcode).slice(0, n);
}

/** A server that compresses and echoes. */
async function echoing(): Promise<WatchedServer> {
  const watched = await WatchedServer.start({ compression: true });
  watched.echo();
  return watched;
}

describe("{ compression } of a server", () => {
  it("takes nothing compressed of who has not offered it", async () => {
    await using watched = await WatchedServer.start({ compression: !onDeno });
    await using peers = new RawPeers(watched);
    const peer = await peers.connect();
    peer.send(TEXT, deflate(odd), { rsv: RSV1 });
    assertEquals((await watched.closed()).code, 1006);
    await within(peer.ended);
    assertEquals(watched.messages, []);
    assertEquals(watched.errors.map(({ kind }) => kind), ["lost"]);
  });
});

if (!onDeno) {
  describe("{ compression: true } of a server, on the wire", () => {
    it("agrees that neither side takes a context over, and takes no window that is smaller", async () => {
      await using watched = await echoing();
      await using peers = new RawPeers(watched);
      const plain = "permessage-deflate";
      const agreed = `${plain}; client_no_context_takeover; server_no_context_takeover`;
      for (
        const [offer, answer] of [
          [plain, agreed],
          [`${plain}; client_max_window_bits`, agreed],
          [agreed, agreed],
          [`${plain}; server_max_window_bits=9`, ""],
          [`${plain}; x=1`, ""],
          [`${plain}; server_max_window_bits=9, ${plain}`, agreed],
          ["x-other", ""],
        ]
      ) {
        const { head } = await peers.connect({ headers: { "sec-websocket-extensions": offer } });
        assertEquals([offer, header(head, "sec-websocket-extensions")], [offer, answer]);
      }
    });

    it("reads a message in fragments with a Ping between them, and each that it sends stands alone", async () => {
      await using watched = await echoing();
      await using peers = new RawPeers(watched);
      const peer = await peers.connect(OFFER);
      const bytes = deflate(odd);
      peer.send(TEXT, bytes.subarray(0, 1), { rsv: RSV1, fin: false });
      peer.send(PING, "still there?");
      peer.send(CONTINUATION, bytes.subarray(1, 2), { fin: false });
      peer.send(CONTINUATION, "", { fin: false });
      peer.send(CONTINUATION, bytes.subarray(2));
      peer.send(TEXT, deflate(odd), { rsv: RSV1 });
      peer.send(TEXT, deflate(""), { rsv: RSV1 });
      peer.send(TEXT, Uint8Array.of(0), { rsv: RSV1 }); // empty, as others have it
      await watched.until(() => watched.messages.length === 4);
      assertEquals(watched.messages.map(({ data }) => data), [odd, odd, "", ""]);
      const [one, two] = await frames(peer, TEXT, 2);
      assertEquals([inflate(one!), inflate(two!)], [odd, odd]);
      assertEquals(peer.frames.filter(({ opcode }) => opcode === PONG).length, 1);
    });

    const faults: [string, number, string, (peer: RawPeer) => void][] = [
      ["data that cannot be inflated", 1007, "invalid compressed data", (peer) => {
        peer.send(TEXT, Uint8Array.of(1, 2, 3, 4, 5, 255, 255, 255), { rsv: RSV1 });
      }],
      ["a context that was not agreed on", 1007, "invalid compressed data", async (peer) => {
        const taking = new TakingOver();
        peer.send(TEXT, await taking.next(odd), { rsv: RSV1 });
        peer.send(TEXT, await taking.next(odd), { rsv: RSV1 });
      }],
      ["a compressed Ping", 1002, "RSV1", (peer) => peer.send(PING, "x", { rsv: RSV1 })],
      ["a compressed second fragment", 1002, "RSV1", (peer) => {
        peer.send(TEXT, "x", { fin: false });
        peer.send(CONTINUATION, "x", { rsv: RSV1 });
      }],
      ["a text that is no UTF-8 when it is inflated", 1007, "UTF-8", (peer) => {
        peer.send(TEXT, deflate(Uint8Array.of(0xff, 0xfe)), { rsv: RSV1 });
      }],
    ];
    for (const [what, code, says, send] of faults) {
      it(`closes with ${code} for ${what}, and says why`, async () => {
        await using watched = await WatchedServer.start({ compression: true });
        await using peers = new RawPeers(watched);
        const peer = await peers.connect(OFFER);
        await watched.connected();
        send(peer);
        assertEquals((await watched.closed()).code, 1006);
        assertEquals(readClose(await within(peer.next(CLOSE))).code, code);
        const cause = watched.errors[0]!.cause as Error;
        assertStringIncludes(String((cause.cause as Error).message), says);
      });
    }
  });

  describe("{ compression: true } of a server that is mounted", () => {
    it("compresses both ways, and drops a bomb with 1009 at no cost in memory", async () => {
      const server = createWebSocketServer();
      const mount = await server.mount({ path: "/ours", compression: true });
      await using host = TestHost.of(mount);
      const closes: number[] = [];
      server.on("close", (_, { code }) => closes.push(code));
      server.on("messageReceive", ({ clientConnection, data }) => {
        void server.send(data, clientConnection);
      });
      const line = "GET /ours HTTP/1.1";
      const peer = await within(rawConnect(host.port, { ...OFFER, line }));
      peer.send(TEXT, deflate(odd), { rsv: RSV1 });
      assertEquals(inflate(await within(peer.next(TEXT))), odd);
      const bomb = deflate(new Uint8Array(300 * MIB));
      const before = memoryHeld();
      for (let n = 0; n < 3; n++) {
        const thrower = await within(rawConnect(host.port, { ...OFFER, line }));
        thrower.send(BINARY, bomb, { rsv: RSV1 });
        assertEquals(readClose(await within(thrower.next(CLOSE))).code, 1009);
      }
      assertLess(memoryHeld() - before, 64 * MIB);
      assertEquals(closes, [1009, 1009, 1009]);
      peer.close(1000);
      await within(peer.ended);
      await server.stop();
    });

    it("is off for one that has not asked for it, beside one that has", async () => {
      const [one, other] = [createWebSocketServer(), createWebSocketServer()];
      const mounts = [
        await one.mount({ path: "/one", compression: true }),
        await other.mount({ path: "/other" }),
      ] as const;
      await using host = new TestHost(
        (request, info) => mounts[0].fetch(request, info) ?? mounts[1].fetch(request, info),
        { websocket: mounts[0].websocketWith(mounts[1].websocket) },
      );
      for (const [server, path, rsv] of [[one, "/one", RSV1], [other, "/other", 0]] as const) {
        server.on("connect", (connection) => void server.send(odd, connection));
        const peer = await within(
          rawConnect(host.port, { ...OFFER, line: `GET ${path} HTTP/1.1` }),
        );
        assertEquals([path, (await within(peer.next(TEXT))).rsv], [path, rsv]);
        peer.close(1000);
        await within(peer.ended);
      }
      await Promise.all([one.stop(), other.stop()]);
    });
  });

  describe("{ compression: true } in the shapes of others", () => {
    const config = { compression: true } as const;

    it("socketOf()", async () => {
      const { server, one, peer } = await shaped(socketOf, config, OFFER);
      const heard = once(one, "message");
      peer.send(TEXT, deflate(odd), { rsv: RSV1 });
      assertEquals(((await within(heard))[0] as MessageEvent).data, odd);
      one.send(odd);
      assertEquals(inflate(await within(peer.next(TEXT))), odd);
      peer.end();
      await server.stop();
    });

    it("streamsOf()", async () => {
      const { server, one, peer } = await shaped(streamsOf, config, OFFER);
      const { readable, writable } = one;
      peer.send(TEXT, deflate(odd), { rsv: RSV1 });
      const reader = readable.getReader();
      assertEquals((await within(reader.read())).value, odd);
      await within(writable.getWriter().write(odd));
      assertEquals(inflate(await within(peer.next(TEXT))), odd);
      void one.closed.catch(() => {});
      peer.end();
      await server.stop();
    });

    it("wsServer()", async () => {
      const server = createWebSocketServer();
      const wss = wsServer(server);
      await server.start({ serverPort: 0, serverIP: "127.0.0.1", ...config });
      const connected = once(wss, "connection");
      const peer = await within(rawConnect(server.address!.port, OFFER));
      const [socket] = await within(connected);
      const heard = once(socket, "message");
      peer.send(TEXT, deflate(odd), { rsv: RSV1 });
      assertEquals(String((await within(heard))[0]), odd);
      socket.send(odd);
      assertEquals(inflate(await within(peer.next(TEXT))), odd);
      peer.end();
      await server.stop();
    });

    it("duplexOf()", async () => {
      const { server, one, peer } = await shaped(duplexOf, config, OFFER);
      one.on("error", () => {});
      const heard = once(one, "data");
      peer.send(BINARY, deflate(odd), { rsv: RSV1 });
      assertEquals(String((await within(heard))[0]), odd);
      one.write(odd);
      assertEquals(inflate(await within(peer.next(BINARY))), odd);
      peer.end();
      await server.stop();
    });
  });

  describe("{ compression: true } of a client, on the wire", () => {
    it("reads messages that take the context over, in fragments as well", async () => {
      await using server = await raw("permessage-deflate");
      const { ws, peer, messages } = await server.client();
      const taking = new TakingOver();
      const [first, second] = [await taking.next(odd), await taking.next(odd)];
      assertLess(second.length, first.length / 10);
      peer.send(TEXT, first, { rsv: RSV1 });
      peer.send(TEXT, second.subarray(0, 3), { rsv: RSV1, fin: false });
      peer.send(PING, "");
      peer.send(CONTINUATION, second.subarray(3));
      await within(messages(2));
      assertEquals(await messages(2), [odd, odd]);
      await ws.send(odd);
      assertEquals(inflate(await within(peer.next(TEXT))), odd);
      await ws.close();
      await within(ws.closed);
    });

    it("fails, with why, for what cannot be inflated", async () => {
      await using server = await raw("permessage-deflate");
      const { ws, peer } = await server.client();
      const closed = ws.closed;
      peer.send(TEXT, Uint8Array.of(1, 2, 3, 4, 5, 255, 255, 255), { rsv: RSV1 });
      const { code } = await within(closed);
      assertEquals(code, 1006);
      assert([1002, 1007].includes(readClose(await within(peer.next(CLOSE))).code));
    });
  });
}

/** A raw server that answers so about extensions, and clients of ours. */
async function raw(extensions: string) {
  const server = await RawServer.listen({
    answer: (request) => acceptHead(request, [`Sec-WebSocket-Extensions: ${extensions}`]),
  });
  return {
    async client() {
      const ws = createWebSocket();
      const got: unknown[] = [];
      const checks = new Set<() => void>();
      ws.on("message", (_, data) => {
        got.push(data);
        for (const check of checks) check();
      });
      await ws.connect(server.url, { compression: true });
      const peer = await within(server.accept());
      await within(ws.opened);
      const messages = (n: number) =>
        new Promise<unknown[]>((resolve) => {
          const check = () => void (got.length >= n && resolve(got));
          checks.add(check);
          check();
        });
      return { ws, peer, messages };
    },
    [Symbol.asyncDispose]: () => server.close(),
  };
}

/** Compression: where the runtime has it, and refused where it has not. */

import { assert, assertEquals, assertLess, assertStringIncludes } from "@std/assert";
import { deadline } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { constants, deflateRawSync, inflateRawSync } from "node:zlib";
import { createWebSocket, createWebSocketServer } from "../../mod.ts";
import { memoryHeld } from "../helpers/memory.ts";
import { MemoryPair } from "../helpers/memory_pair.ts";
import { onDeno } from "../helpers/programs.ts";
import { RawPeers } from "../helpers/raw_peers.ts";
import { assertRefused, LIMIT_MS, WatchedServer } from "../helpers/watched_server.ts";
import {
  acceptHead,
  BINARY,
  CLOSE,
  type Frame,
  header,
  RawServer,
  readClose,
  TEXT,
} from "../peers/raw.ts";

const MIB = 1024 * 1024;

/** The bit that says that a message is compressed (RFC 7692 §6). */
const RSV1 = 4;

const OFFER = { headers: { "sec-websocket-extensions": "permessage-deflate" } };

/** What ends a compressed message, and is left out on the wire (RFC 7692 §7.2.1). */
const TAIL = Uint8Array.of(0, 0, 255, 255);

function deflate(bytes: Uint8Array): Uint8Array {
  const all = deflateRawSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH });
  return all.subarray(0, all.length - TAIL.length);
}

/** The text of a message that must be compressed. */
function inflated({ rsv, payload }: Frame): string {
  assertEquals(rsv, RSV1);
  const all = Uint8Array.from([...payload, ...TAIL]);
  const bytes = inflateRawSync(all, { finishFlush: constants.Z_SYNC_FLUSH });
  return new TextDecoder().decode(bytes);
}

const long = "all work and no play ".repeat(1000);

if (onDeno) {
  describe("{ compression: true } on Deno", () => {
    const says = "'compression' cannot be had on Deno 2.";

    it("is refused by 'start' and 'mount' with 2302999", async () => {
      const server = createWebSocketServer();
      const start = () => server.start({ serverPort: 0, compression: true });
      assertEquals((await assertRefused(start, 2302999, `start: ${says}`)).kind, "unsupported");
      const mount = () => server.mount({ compression: true });
      await assertRefused(mount, 2302999, `mount: ${says}`);
      assertEquals(
        await server.start({ serverPort: 0, serverIP: "127.0.0.1", compression: false }),
        true,
      );
      await server.stop();
    });

    it("is refused by 'connect' with 2302999", async () => {
      const connect = () => createWebSocket().connect("ws://127.0.0.1:1/", { compression: true });
      await assertRefused(connect, 2302999, `connect: ${says}`);
    });
  });
} else {
  describe("{ compression: true } of a server on Bun", () => {
    it("compresses for who offers it, and for nobody else", async () => {
      await using watched = await WatchedServer.start({ compression: true });
      const { server } = watched;
      await using peers = new RawPeers(watched);
      const [able, plain] = [await peers.connect(OFFER), await peers.connect()];
      await watched.connected(2);
      assertStringIncludes(header(able.head, "sec-websocket-extensions"), "permessage-deflate");
      assertEquals(header(plain.head, "sec-websocket-extensions"), "");
      for (const connection of watched.connections) {
        await server.send(long, connection);
        await server.join(connection, "news");
      }
      await server.publish("news", `${long}2`);
      await server.publish("news", `${long}3`, { except: watched.connections[1]! });
      await server.broadcast("", { except: watched.connections[1]! });
      await server.broadcast("end");
      for (const peer of [able, plain]) {
        await deadline(
          new Promise<void>((resolve) => {
            const look = () => {
              const texts = peer.frames.filter(({ opcode }) => opcode === TEXT);
              if (texts.length === (peer === able ? 5 : 3)) resolve();
              else peer.socket.once("data", () => setTimeout(look, 0));
            };
            look();
          }),
          LIMIT_MS,
        );
      }
      const texts = able.frames.filter(({ opcode }) => opcode === TEXT);
      assertEquals(
        texts.map((frame) => frame.rsv === 0 ? String(frame.payload) : inflated(frame)),
        [
          long,
          `${long}2`,
          `${long}3`,
          "",
          "end",
        ],
      );
      assertLess(texts[0]!.payload.length, long.length / 50);
      assertEquals(plain.texts(), [long, `${long}2`, "end"]);
      assert(plain.frames.every(({ rsv }) => rsv === 0));
    });

    it("reads what is compressed, up to 'maxPayload' when it is inflated", async () => {
      await using watched = await WatchedServer.start({ compression: true, maxPayload: MIB });
      await using peers = new RawPeers(watched);
      const peer = await peers.connect(OFFER);
      await watched.connected();
      peer.send(BINARY, deflate(new Uint8Array(MIB)), { rsv: RSV1 });
      peer.send(TEXT, "plain");
      await watched.until(() => watched.messages.length === 2);
      assertEquals((watched.messages[0]!.data as ArrayBuffer).byteLength, MIB);
      peer.send(BINARY, deflate(new Uint8Array(MIB + 1)), { rsv: RSV1 });
      assertEquals(await watched.closed(), { code: 1009, reason: "Received too big message" });
      assertEquals(watched.errors.map(({ kind }) => kind), ["tooBig"]);
      assertEquals(readClose(await deadline(peer.next(CLOSE), LIMIT_MS)).code, 1009);
    });

    it("drops a bomb of 1,000 to 1 with 1009, at no cost in memory", async () => {
      const bomb = deflate(new Uint8Array(300 * MIB));
      assertLess(bomb.length, MIB / 2);
      await using watched = await WatchedServer.start({ compression: true });
      await using peers = new RawPeers(watched);
      const before = memoryHeld();
      let most = before;
      for (let n = 1; n <= 5; n++) {
        const peer = await peers.connect(OFFER);
        await watched.connected(n);
        peer.send(BINARY, bomb, { rsv: RSV1 });
        assertEquals((await watched.closed(n)).code, 1009);
        most = Math.max(most, memoryHeld());
      }
      assertLess(most - before, 64 * MIB);
      assertEquals(watched.messages, []);
    });

    it("is off unless it is asked for", async () => {
      await using watched = await WatchedServer.start({ compression: false });
      await using peers = new RawPeers(watched);
      const peer = await peers.connect(OFFER);
      assertEquals(header(peer.head, "sec-websocket-extensions"), "");
      await watched.server.send(long, await watched.connected());
      await deadline(peer.next(TEXT), LIMIT_MS);
      assertEquals(peer.texts(), [long]);
    });
  });

  describe("{ compression: true } of a client on Bun", () => {
    it("compresses both ways with a server of ours", async () => {
      await using watched = await WatchedServer.start({ compression: true });
      watched.echo();
      const ws = createWebSocket();
      const messages: unknown[] = [];
      await ws.connect(`ws://127.0.0.1:${watched.port}/`, { compression: true });
      for (const text of [long, "", "short", long]) {
        const answer = new Promise((resolve) => ws.once("message", (_, data) => resolve(data)));
        await ws.send(text);
        messages.push(await deadline(answer, LIMIT_MS));
      }
      assertEquals(messages, [long, "", "short", long]);
      await ws.close();
      await ws.closed;
    });

    it("offers it, and takes no other extension", async () => {
      for (
        const [answer, opens] of [
          ["permessage-deflate", true],
          ["permessage-deflate; server_no_context_takeover", true],
          ["x-other", false],
          ["permessage-deflate, x-other", false],
        ] as const
      ) {
        const asked: string[] = [];
        const server = await RawServer.listen({
          answer: (request) => {
            asked.push(header(request, "sec-websocket-extensions"));
            return acceptHead(request, [`Sec-WebSocket-Extensions: ${answer}`]);
          },
        });
        const ws = createWebSocket();
        await ws.connect(server.url, { compression: true });
        const opened = await deadline(ws.opened.then(() => true, () => false), LIMIT_MS);
        assertEquals([answer, opened], [answer, opens]);
        assertStringIncludes(asked[0]!, "permessage-deflate");
        await ws[Symbol.asyncDispose]();
        await server.close();
      }
    });

    it("closes with 1009 for a message that inflates to more than 'maxPayload'", async () => {
      const server = await RawServer.listen({
        answer: (request) => acceptHead(request, ["Sec-WebSocket-Extensions: permessage-deflate"]),
      });
      const ws = createWebSocket({ maxPayload: MIB });
      await ws.connect(server.url, { compression: true });
      const peer = await deadline(server.accept(), LIMIT_MS);
      const closed = ws.closed;
      peer.send(BINARY, deflate(new Uint8Array(10 * MIB)), { rsv: RSV1 });
      assertEquals((await deadline(closed, LIMIT_MS)).code, 1009);
      await server.close();
    });
  });
}

describe("{ compression }", () => {
  it("is on the memory network, where there is nothing to compress", async () => {
    await using pair = await MemoryPair.start({ config: { compression: true } });
    const connection = await pair.open({ compression: true });
    assertEquals(await pair.server.send(long, connection), true);
    await pair.close();
  });

  it("must be true or false", async () => {
    for (const wrong of [1, "yes", null, {}]) {
      const compression = wrong as never;
      const server = createWebSocketServer();
      const says = "'compression' must be true or false: current value is";
      await assertRefused(
        () => server.start({ serverPort: 0, compression }),
        401,
        `start: ${says}`,
      );
      await assertRefused(() => server.mount({ compression }), 401, `mount: ${says}`);
      const connect = () => createWebSocket().connect("ws://127.0.0.1:1/", { compression });
      await assertRefused(connect, 401, `connect: ${says}`);
    }
  });
});

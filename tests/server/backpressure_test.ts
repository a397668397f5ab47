/** Peers that read too slowly. */

import { assert, assertEquals, assertGreater, assertLess, assertStringIncludes } from "@std/assert";
import { deadline } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { Buffer } from "node:buffer";
import type { WebSocketConnection } from "../../mod.ts";
import { memoryHeld } from "../helpers/memory.ts";
import { HERE } from "../helpers/programs.ts";
import { RawPeers } from "../helpers/raw_peers.ts";
import { LIMIT_MS, WatchedServer } from "../helpers/watched_server.ts";
import { BINARY, CLOSE, PING, type RawPeer, readClose, TEXT, textOf } from "../peers/raw.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

const DROPPED = ["connect", "error 200 0", "close 1013 Reading too slowly"];

/** A turn of the event loop, in which the system's buffers are filled and emptied. */
const turn = () => new Promise<void>((resolve) => setTimeout(resolve, 0));

/** Sends messages of 1 MiB to a peer until it is dropped; gives how many were accepted. */
async function flood(watched: WatchedServer, connection: WebSocketConnection): Promise<number> {
  const data = new Uint8Array(MIB);
  let sent = 0;
  while (watched.closes.length === 0) {
    assertLess(sent, 400, "400 MiB are queued to a peer that reads nothing");
    await watched.server.send(data, connection);
    sent++;
    await turn();
  }
  return sent;
}

describe("createWebSocketServer().start({ maxBufferedAmount })", () => {
  for (const limit of [undefined, 64 * KIB, 4 * MIB]) {
    it(`drops a peer that reads nothing with 1013 when ${limit ?? "16 MiB"} wait`, async () => {
      const config = limit === undefined ? {} : { maxBufferedAmount: limit };
      await using watched = await WatchedServer.start(config);
      await using peers = new RawPeers(watched);
      const peer = await peers.connect();
      const connection = await watched.connected();
      peer.socket.pause();
      const sent = await flood(watched, connection);
      assertEquals(watched.log, DROPPED);
      assertStringIncludes(watched.errors[0]!.message, `${connection} is too slow`);
      assert(watched.errors[0]!.cause instanceof Error);
      assertEquals(watched.server.listAllConnections(), []);
      assertGreater(sent * MIB, limit ?? 16 * MIB);
      assertLess(sent * MIB, (limit ?? 16 * MIB) + 24 * MIB); // what the system buffers, and one more
      // It may read on: all that was accepted is still there, and then the reason.
      peer.socket.resume();
      const close = await deadline(peer.next(CLOSE), LIMIT_MS);
      assertEquals(readClose(close), { code: 1013, reason: "Reading too slowly" });
      const messages = peer.frames.filter(({ opcode }) => opcode === BINARY);
      assertEquals(messages.length, sent);
      await deadline(peer.ended, LIMIT_MS);
      assertEquals(watched.log, DROPPED);
    });
  }

  it("drops no peer that keeps up for the Pings that it is sent", async () => {
    const config = { maxBufferedAmount: 64 * KIB, pingInterval: 0.4, pongTimeout: 3 };
    await using watched = await WatchedServer.start(config);
    await using peers = new RawPeers(watched);
    const peer = await peers.connect();
    const connection = await watched.connected();
    const data = new Uint8Array(20 * KIB);
    const count = (opcode: number) => peer.frames.filter((frame) => frame.opcode === opcode).length;
    let sent = 0;
    // Until it has been sent four Pings: after 1.6 s, or later where this process is.
    for (const end = performance.now() + 10_000; performance.now() < end; sent++) {
      if (watched.closes.length > 0 || (sent % 100 === 0 && count(PING) > 3)) break;
      assertEquals(await watched.server.send(data, connection), true);
      await turn();
    }
    assertEquals(watched.log, ["connect"]);
    await watched.server.send("end", connection);
    await deadline(peer.next(TEXT), LIMIT_MS);
    assertEquals([count(BINARY), watched.log], [sent, ["connect"]]);
    assertGreater(count(PING), 3);
  });

  it("drops it also when everything is sent in one turn", async () => {
    await using watched = await WatchedServer.start({ maxBufferedAmount: MIB });
    await using peers = new RawPeers(watched);
    const peer = await peers.connect();
    const connection = await watched.connected();
    peer.socket.pause();
    const sent = [];
    const data = new Uint8Array(MIB);
    for (let i = 0; i < 40; i++) sent.push(watched.server.send(data, connection));
    const results = await Promise.allSettled(sent);
    await watched.closed();
    assertEquals(watched.log, DROPPED);
    // Those that came too late are refused, none is accepted and lost.
    const accepted = results.filter(({ status }) => status === "fulfilled").length;
    peer.socket.resume();
    await deadline(peer.next(CLOSE), LIMIT_MS);
    assertEquals(peer.frames.filter(({ opcode }) => opcode === BINARY).length, accepted);
    assertLess(accepted, 40);
    for (const result of results) {
      if (result.status === "rejected") assertEquals(result.reason.code, -1);
    }
  });

  it("never drops a peer that reads, however much passes in all", async () => {
    await using watched = await WatchedServer.start({ maxBufferedAmount: 256 * KIB });
    await using peers = new RawPeers(watched);
    const peer = await peers.connect();
    const connection = await watched.connected();
    const text = "x".repeat(64 * KIB);
    for (let i = 0; i < 200; i++) {
      const next = peer.next(TEXT, i);
      await watched.server.send(text, connection);
      await deadline(next, LIMIT_MS);
    }
    assertEquals(peer.frames.length, 200);
    assertEquals(watched.log, ["connect"]);
  });

  const queues: [string, number, number | undefined][] = [
    ["12 MiB with the default", 12, undefined],
    ["40 MiB where 64 may wait", 40, 64 * MIB],
  ];
  for (const [what, messages, limit] of queues) {
    it(`drops nothing of ${what}, though the peer reads later`, async () => {
      const config = limit === undefined ? {} : { maxBufferedAmount: limit };
      await using watched = await WatchedServer.start(config);
      await using peers = new RawPeers(watched);
      const peer = await peers.connect();
      const connection = await watched.connected();
      peer.socket.pause();
      const data = (n: number) => new Uint8Array(MIB).fill(n + 1);
      for (let n = 0; n < messages; n++) {
        assertEquals(await watched.server.send(data(n), connection), true);
        await turn();
      }
      const last = watched.server.send("last", connection);
      peer.socket.resume();
      await deadline(peer.next(TEXT), LIMIT_MS);
      assertEquals(await last, true);
      assertEquals(peer.frames.length, messages + 1);
      for (let n = 0; n < messages; n++) {
        assertEquals(Buffer.compare(peer.frames[n]!.payload, data(n)), 0, `message ${n}`);
      }
      assertEquals(watched.log, ["connect"]);
    });
  }

  it("lets one slow reader among 100 harm nobody, nor hold memory", async () => {
    const limit = 8 * MIB;
    await using watched = await WatchedServer.start({ maxBufferedAmount: limit });
    await using peers = new RawPeers(watched);
    const readers = await peers.connectMany(99);
    const slow = await peers.connect();
    const connection = await watched.connected(100);
    slow.socket.pause();
    const before = memoryHeld();
    let most = before;
    let accepted = 0;
    const began = performance.now();
    const rounds = 150;
    const big = new Uint8Array(MIB);
    const filler = "x".repeat(2 * KIB);
    for (let round = 0; round < rounds; round++) {
      const text = `${round} ${filler}`;
      for (const client of watched.server.listAllConnections()) {
        void watched.server.send(text, client).catch(() => {});
      }
      await watched.server.send(big, connection).then(() => accepted++, () => {});
      const came = (peer: RawPeer) => deadline(peer.next(TEXT), LIMIT_MS);
      await Promise.all(readers.map(came));
      for (const { frames } of readers) {
        // On a machine that has much to do it is so long that there are Pings, too.
        const texts = frames.filter(({ opcode }) => opcode === TEXT);
        assertEquals(texts.map(({ payload }) => textOf(payload)), [text]);
        frames.length = 0;
      }
      if (round % 20 === 19) most = Math.max(most, memoryHeld());
    }
    await watched.closed();
    // Five seconds later it is told what was not sent, if the rounds take so long.
    const told = watched.errors.slice(1).map(({ kind, data }) => `${kind} ${data}`);
    assert(told.every((one) => /^unsent \d+$/.test(one)), told.join());
    assertEquals(watched.log.slice(100, 102), DROPPED.slice(1));
    assertEquals(watched.closes[0]!.connection, connection);
    assertEquals(watched.server.listAllConnections().length, 99);
    assertLess(accepted * MIB, limit + 24 * MIB);
    const grown = (most - before) / MIB;
    console.log(
      `${HERE}: ${accepted} of ${rounds} MiB accepted for the slow one, RSS ${
        Math.round(before / MIB)
      } MiB + ${Math.round(grown)} MiB at the most, ${Math.round(performance.now() - began)} ms`,
    );
    // Held, it would be the 150 MiB that were sent.
    assertLess(grown, 80);
  });
});

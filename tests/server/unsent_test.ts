import { assert, assertEquals, assertGreater, assertLess, assertMatch } from "@std/assert";
import { deadline, delay } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import type { ConnectionAddress } from "../../mod.ts";
import { RawPeers } from "../helpers/raw_peers.ts";
import { LIMIT_MS, WatchedServer } from "../helpers/watched_server.ts";
import { CLOSE, openTcp, type RawPeer, readClose } from "../peers/raw.ts";

const MIB = 1024 * 1024;
const CONFIG = { maxBufferedAmount: 64 * MIB };

/** What a message of a MiB is on the wire, and the Close frame after it. */
const FRAME = MIB + 10;

/** Queues so many MiB to a peer. */
async function queue({ server }: WatchedServer, to: ConnectionAddress, mib: number): Promise<void> {
  for (let i = 0; i < mib; i++) await server.send(new Uint8Array(MIB), to);
}

/** A peer that counts what it reads, so many bytes in a second. */
class SlowReader implements Disposable {
  bytes = 0;
  readonly ended: Promise<void>;
  readonly #timer;

  constructor({ socket }: RawPeer, perSecond: number) {
    socket.pause();
    socket.removeAllListeners("data");
    let room = 0;
    this.#timer = setInterval(() => {
      room = perSecond / 20;
      socket.resume();
    }, 50);
    socket.on("data", (chunk) => {
      this.bytes += chunk.length;
      room -= chunk.length;
      if (room <= 0) socket.pause();
    });
    this.ended = new Promise((resolve) => socket.once("close", () => resolve()));
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/** One that reads nothing. */
async function deadReader(peers: RawPeers): Promise<RawPeer> {
  const peer = await peers.connect();
  peer.socket.pause();
  return peer;
}

/** What was told of bytes that were not sent. */
function told({ errors }: WatchedServer): number[] {
  return errors.map(({ code, kind, data, message }) => {
    assertEquals([code, kind], [2302999, "unsent"]);
    assertMatch(
      message,
      new RegExp(`: ${data} bytes that were queued to 127.0.0.1:\\d+ could not`),
    );
    return Number(data);
  });
}

describe("createWebSocketServer().close() of a peer that much is queued to", () => {
  it("waits while the peer reads, and tells of what was cut off", async () => {
    await using watched = await WatchedServer.start(CONFIG, { stats: true });
    const { server } = watched;
    await using peers = new RawPeers(watched);
    const slow = await peers.connect();
    using reader = new SlowReader(slow, 2 * MIB);
    await deadReader(peers);
    const [toSlow, toDead] = [await watched.connected(1), await watched.connected(2)];
    await queue(watched, toSlow, 16);
    await queue(watched, toDead, 16);
    const began = performance.now();
    await server.close(toSlow, { code: 4000 });
    await server.close(toDead);
    await watched.closed(2);
    assertLess(performance.now() - began, 1000); // 'close' is told at once
    await watched.until(() => watched.errors.length > 0);
    const cut = performance.now() - began;
    assertGreater(cut, 4500);
    assertLess(cut, 7000);
    const [unsent] = told(watched);
    assertGreater(unsent!, 4 * MIB); // the systems in between have taken the rest
    assertLess(unsent!, 16 * FRAME);
    assertEquals(server.stats()!.unsent, unsent!);
    await deadline(reader.ended, LIMIT_MS);
    // All there was, and the Close frame.
    assertEquals(reader.bytes, 16 * FRAME + 2 + 2 + "CLOSE_NORMAL".length);
    assertEquals(watched.errors.length, 1);
  });

  it("tells of what is lost when the peer vanishes meanwhile", async () => {
    await using watched = await WatchedServer.start(CONFIG, { stats: true });
    await using peers = new RawPeers(watched);
    const dead = await deadReader(peers);
    const connection = await watched.connected();
    await queue(watched, connection, 16);
    await watched.server.close(connection, { code: 4000 });
    assertEquals(await watched.closed(), { code: 4000, reason: "CLOSE_NORMAL" });
    await delay(100);
    dead.reset();
    await watched.until(() => watched.errors.length > 0);
    const [unsent] = told(watched);
    assertGreater(unsent!, MIB);
    assertEquals(watched.server.stats()!.unsent, unsent!);
    assertEquals(watched.log.length, 3);
  });

  it("tells nothing where all has arrived", async () => {
    await using watched = await WatchedServer.start(CONFIG, { stats: true });
    await using peers = new RawPeers(watched);
    const peer = await peers.connect();
    const connection = await watched.connected();
    await queue(watched, connection, 16);
    await watched.server.close(connection);
    await deadline(peer.next(CLOSE), LIMIT_MS);
    await deadline(peer.ended, LIMIT_MS);
    await watched.server.stop();
    assertEquals(peer.frames.map(({ payload }) => payload.length), [...Array(16).fill(MIB), 14]);
    assertEquals(watched.errors, []);
    assertEquals(watched.server.stats()!.unsent, 0);
  });
});

describe("createWebSocketServer().stop() with much queued", () => {
  it("is over in 5 s, and has told of what was cut off before", async () => {
    await using watched = await WatchedServer.start(CONFIG, { stats: true });
    const { server, port } = watched;
    await using peers = new RawPeers(watched);
    const fast = await peers.connect();
    await deadReader(peers);
    const [toFast, toDead] = [await watched.connected(1), await watched.connected(2)];
    await queue(watched, toFast, 16);
    await queue(watched, toDead, 16);
    const began = performance.now();
    const atTheEnd = server.stop().then(() => [...watched.errors]);
    assertEquals((await deadline(atTheEnd, LIMIT_MS)).length, 1);
    const ms = performance.now() - began;
    assertLess(ms, 5000);
    assertGreater(ms, 3000);
    const [unsent] = told(watched);
    assertGreater(unsent!, 4 * MIB);
    assertEquals(server.stats()!.unsent, unsent!);
    assertEquals(readClose(await deadline(fast.next(CLOSE), LIMIT_MS)).code, 1001);
    assertEquals(fast.frames.map(({ payload }) => payload.length), [...Array(16).fill(MIB), 22]);
    assertEquals(server.listAllConnections(), []);
    assert(await openTcp(port).then(() => false, () => true));
    assertEquals(watched.log.filter((line) => line.startsWith("close")).length, 2);
  });
});

describe("createWebSocketServer() that drops a peer", () => {
  it("tells of what was queued to one that reads too slowly, 5 s later", async () => {
    await using watched = await WatchedServer.start({ maxBufferedAmount: MIB }, { stats: true });
    await using peers = new RawPeers(watched);
    await deadReader(peers);
    const connection = await watched.connected();
    while (watched.closes.length === 0) {
      await queue(watched, connection, 1).catch(() => {});
      await delay(1);
    }
    assertEquals(watched.errors.map(({ kind }) => kind), ["tooSlow"]);
    await watched.until(() => watched.errors.length === 2);
    const { kind, data } = watched.errors[1]!;
    assertEquals([kind, watched.server.stats()!.unsent], ["unsent", Number(data)]);
    assertGreater(Number(data), MIB);
  });
});

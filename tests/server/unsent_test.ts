import { assert, assertEquals, assertGreater, assertLess, assertMatch } from "@std/assert";
import { deadline, delay } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { type ConnectionAddress, createWebSocketServer } from "../../mod.ts";
import { FakeClock } from "../../testing.ts";
import { HERE } from "../helpers/programs.ts";
import { RawPeers } from "../helpers/raw_peers.ts";
import { ScriptedServer, ScriptedSocket } from "../helpers/scripted_runtime.ts";
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

/** Lets the time of a server pass, a little slower than sockets work, until something holds: so many ms. */
async function pass(clock: FakeClock, holds: () => boolean): Promise<number> {
  const began = clock.now();
  while (!holds() && clock.now() - began < 60_000) {
    clock.tick(50);
    await delay(2);
  }
  return clock.now() - began;
}

/** One that reads nothing. */
async function deadReader(peers: RawPeers): Promise<RawPeer> {
  const peer = await peers.connect();
  peer.socket.pause();
  return peer;
}

/** What was told of bytes that were not sent. */
function told({ errors }: WatchedServer): number[] {
  return errors.map(({ code, kind, data, message, clientIP, clientPort }) => {
    assertEquals([code, kind, clientIP], [2302999, "unsent", "127.0.0.1"]);
    assertMatch(
      message,
      new RegExp(`: ${data} bytes that were queued to 127.0.0.1:${clientPort} could not`),
    );
    return Number(data);
  });
}

describe("createWebSocketServer().close() of a peer that much is queued to", () => {
  it("waits while the peer reads, and tells of what was cut off", async () => {
    const clock = new FakeClock();
    await using watched = await WatchedServer.start(CONFIG, { stats: true, clock });
    const { server } = watched;
    await using peers = new RawPeers(watched);
    const slow = await peers.connect();
    using reader = new SlowReader(slow, 24 * MIB);
    await deadReader(peers);
    const [toSlow, toDead] = [await watched.connected(1), await watched.connected(2)];
    await queue(watched, toSlow, 16);
    await queue(watched, toDead, 16);
    await server.close(toSlow, { code: 4000 });
    await server.close(toDead);
    await watched.closed(2); // 'close' is told at once
    assertEquals(watched.errors, []);
    assertGreater(await pass(clock, () => watched.errors.length > 0), 4900);
    const [unsent] = told(watched);
    assertGreater(unsent!, 4 * MIB); // the systems in between have taken the rest
    assertLess(unsent!, 16 * FRAME);
    assertEquals(server.stats()!.unsent, unsent!);
    let isRead = false;
    void reader.ended.then(() => isRead = true);
    await pass(clock, () => isRead);
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
    const clock = new FakeClock();
    const watched = await WatchedServer.start(CONFIG, { stats: true, clock });
    const { server, port } = watched;
    await using peers = new RawPeers(watched);
    const fast = await peers.connect();
    await deadReader(peers);
    const [toFast, toDead] = [await watched.connected(1), await watched.connected(2)];
    await queue(watched, toFast, 16);
    await queue(watched, toDead, 16);
    let atTheEnd: unknown[] | undefined;
    const began = clock.now();
    const stopped = server.stop().then(() => {
      atTheEnd = [...watched.errors];
      return clock.now() - began;
    });
    await pass(clock, () => atTheEnd !== undefined);
    const ms = await deadline(stopped, LIMIT_MS);
    assertEquals(atTheEnd?.length, 1);
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
    const clock = new FakeClock();
    const options = { stats: true, clock };
    await using watched = await WatchedServer.start({ maxBufferedAmount: MIB }, options);
    await using peers = new RawPeers(watched);
    await deadReader(peers);
    const connection = await watched.connected();
    while (watched.closes.length === 0) {
      await queue(watched, connection, 1).catch(() => {});
      await delay(1);
    }
    assertEquals(watched.errors.map(({ kind }) => kind), ["tooSlow"]);
    assertGreater(await pass(clock, () => watched.errors.length === 2), 4900);
    const { kind, data } = watched.errors[1]!;
    assertEquals([kind, watched.server.stats()!.unsent], ["unsent", Number(data)]);
    assertGreater(Number(data), MIB);
  });
});

describe("createWebSocketServer() whose peer ends with much queued to it", () => {
  it("sends all of it to one that has closed and reads on, and tells nothing", async () => {
    await using watched = await WatchedServer.start(CONFIG, { stats: true });
    await using peers = new RawPeers(watched);
    const peer = await peers.connect({ answerClose: false });
    peer.socket.pause();
    await queue(watched, await watched.connected(), 16);
    peer.close(4001, "enough");
    await delay(50);
    peer.socket.resume();
    await watched.closed();
    await deadline(peer.next(CLOSE), LIMIT_MS);
    assertEquals(
      peer.frames.slice(0, 16).map(({ payload }) => payload.length),
      Array(16).fill(MIB),
    );
    assertEquals(watched.log, ["connect", "close 4001 enough"]);
    assertEquals(watched.server.stats()!.unsent, 0);
  });

  it("tells nothing where the peer closes as its queue has just drained", async () => {
    await using watched = await WatchedServer.start(CONFIG, { stats: true });
    await using peers = new RawPeers(watched);
    for (let round = 1; round <= 5; round++) {
      const peer = await peers.connect({ answerClose: false });
      peer.socket.pause();
      const connection = await watched.connected(round);
      await queue(watched, connection, 16);
      await watched.server.close(connection, { code: 4000 });
      // It says so when it has read the last message, and not the Close frame that comes after it.
      let bytes = 0;
      peer.socket.on("data", (chunk) => {
        bytes += chunk.length;
        if (bytes >= 16 * FRAME) peer.close(4001, "mine");
      });
      peer.socket.resume();
      await deadline(peer.ended, LIMIT_MS);
      await delay(20);
    }
    assertEquals(watched.errors, []);
    assertEquals(watched.server.stats()!.unsent, 0);
  });

  it("counts what is lost with one that vanishes, as 1006 says it all", async () => {
    await using watched = await WatchedServer.start(CONFIG, { stats: true });
    await using peers = new RawPeers(watched);
    const peer = await deadReader(peers);
    await queue(watched, await watched.connected(), 16);
    await delay(100);
    peer.reset();
    await watched.closed();
    assertEquals(watched.log, ["connect", "error 200 0", "close 1006 The link is down"]);
    const { unsent } = watched.server.stats()!;
    assertGreater(unsent, 4 * MIB);
    assertLess(unsent, 16 * FRAME);
  });

  it("counts what was published to one that vanishes, on Bun as it was when it was last looked at", async () => {
    await using watched = await WatchedServer.start(CONFIG, { stats: true });
    await using peers = new RawPeers(watched);
    const peer = await deadReader(peers);
    const connection = await watched.connected();
    await watched.server.join(connection, "news");
    for (let i = 0; i < 17; i++) {
      await watched.server.publish("news", new Uint8Array(MIB));
      await delay(0);
    }
    peer.reset();
    await watched.closed();
    assertEquals(watched.log, ["connect", "error 200 0", "close 1006 The link is down"]);
    assertGreater(watched.server.stats()!.unsent, 4 * MIB);
  });

  for (const [how, closes] of [["by its Close frame", true], ["with no word", false]] as const) {
    it(`goes by what the runtime knows of one that goes ${how}`, async () => {
      const runtime = new ScriptedServer();
      const server = createWebSocketServer({ runtime, stats: true, clock: new FakeClock() });
      const log: string[] = [];
      server.on("error", ({ kind, data }) => log.push(`${kind} ${data}`));
      server.on("close", (_, { code }) => log.push(`close ${code}`));
      await server.start({ serverPort: 80 });
      const connection = runtime.enter();
      connection.open(new ScriptedSocket());
      const failure = { what: "connection lost", status: "0" };
      connection.closed({ code: 4001, reason: "", unsent: 7, ...(closes ? {} : { failure }) });
      assertEquals(log, closes ? ["unsent 7", "close 4001"] : ["lost 0", "close 1006"]);
      assertEquals(server.stats()!.unsent, 7);
      await server.stop();
    });
  }

  if (HERE === "bun") {
    // It has told 'close' when the system still takes what is queued: who knows what becomes of it?
    it("does not know on Bun what one that has closed does not read, a known limit", async () => {
      await using watched = await WatchedServer.start(CONFIG, { stats: true });
      await using peers = new RawPeers(watched);
      const peer = await deadReader(peers);
      await queue(watched, await watched.connected(), 16);
      peer.close(4001, "enough");
      await watched.closed();
      peer.reset();
      await delay(50);
      assertEquals(watched.log, ["connect", "close 4001 enough"]);
      assertEquals(watched.server.stats()!.unsent, 0);
    });
  }

  it("tells the Close frame of one that does not read, on Deno that it is dead, a known limit", async () => {
    const clock = new FakeClock();
    await using watched = await WatchedServer.start({ ...CONFIG, pingInterval: 5 }, { clock });
    await using peers = new RawPeers(watched);
    const peer = await deadReader(peers);
    await queue(watched, await watched.connected(), 16);
    peer.close(4001, "enough");
    if (HERE === "bun") await watched.until(() => watched.closes.length > 0);
    await pass(clock, () => watched.closes.length > 0);
    const ends = {
      deno: ["error 200 0", "close 1006 The link is down"],
      bun: ["close 4001 enough"],
    };
    assertEquals(watched.log, ["connect", ...ends[HERE]]);
  });
});

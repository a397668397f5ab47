/** Peers that send faster than listeners can follow. */

import { assertEquals, assertGreater, assertLess, assertStringIncludes } from "@std/assert";
import { deadline, delay } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { HERE } from "../helpers/programs.ts";
import { RawPeers } from "../helpers/raw_peers.ts";
import { Stopwatch } from "../helpers/stopwatch.ts";
import { LIMIT_MS, WatchedServer } from "../helpers/watched_server.ts";
import { CLOSE, frame, type RawPeer, readClose, TEXT } from "../peers/raw.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const FLOOD = 1000;
const SIZE = 16 * KIB;

/** The messages of a flood. */
const texts = Array.from({ length: FLOOD }, (_, n) => `${n}:`.padEnd(SIZE, "x"));

const frames = texts.map((text) => frame(TEXT, text, { mask: true }));

/** Sends them as fast as the connection takes them. */
function flood(peer: RawPeer, count = FLOOD): void {
  for (const bytes of frames.slice(0, count)) peer.write(bytes);
}

/** The numbers of the messages that came. */
const numbers = ({ messages }: WatchedServer) =>
  messages.map(({ data }) => parseInt(data as string, 10));

const ALL = texts.map((_, n) => n);

/** Listeners that are at work until they are released. */
class Work {
  readonly #released = Promise.withResolvers<void>();
  readonly #started = Promise.withResolvers<void>();

  constructor(watched: WatchedServer) {
    watched.server.on("messageReceive", () => {
      this.#started.resolve();
      return this.#released.promise;
    });
  }

  started(): Promise<void> {
    return deadline(this.#started.promise, LIMIT_MS);
  }

  release(): void {
    this.#released.resolve();
  }
}

describe("an inbound flood", () => {
  it("does nothing to listeners that are no slower, whatever maxPendingAmount", async () => {
    await using watched = await WatchedServer.start({ maxPendingAmount: 1 });
    await using peers = new RawPeers(watched);
    const peer = await peers.connect();
    flood(peer);
    await watched.until(() => watched.messages.length === FLOOD);
    assertEquals(numbers(watched), ALL);
    assertEquals(watched.errors, []);
    assertEquals(watched.closes, []);
  });

  it("is not what one message alone is, however long", async () => {
    await using watched = await WatchedServer.start({ maxPendingAmount: 1 });
    await using peers = new RawPeers(watched);
    const peer = await peers.connect();
    for (let n = 1; n <= 3; n++) {
      const done = new Promise<void>((resolve) => {
        watched.server.once("messageReceive", () => delay(20).then(resolve));
      });
      peer.send(TEXT, texts[n]!);
      await deadline(done, LIMIT_MS);
    }
    assertEquals(watched.errors, []);
  });

  it("below maxPendingAmount waits for slow listeners", async () => {
    await using watched = await WatchedServer.start(); // 16 MiB
    const work = new Work(watched);
    await using peers = new RawPeers(watched);
    const peer = await peers.connect();
    flood(peer, 900);
    await watched.until(() => watched.messages.length === 900);
    work.release();
    peer.send(TEXT, "900:");
    await watched.until(() => watched.messages.length === 901);
    assertEquals(numbers(watched), ALL.slice(0, 901));
    assertEquals(watched.errors, []);
  });

  if (HERE === "deno") {
    it("closes the peer with 1008 after 'error', where reading cannot pause", async () => {
      await using watched = await WatchedServer.start({ maxPendingAmount: 256 * KIB });
      const work = new Work(watched);
      await using peers = new RawPeers(watched);
      const other = await peers.connect();
      await watched.connected();
      const peer = await peers.connect();
      const connection = await watched.connected(2);
      flood(peer);
      await watched.closed();
      const came = watched.messages.length;
      assertEquals(numbers(watched), ALL.slice(0, came));
      assertLess((came - 1) * SIZE, 256 * KIB);
      assertGreater(came * (SIZE + 64), 256 * KIB);
      assertEquals(watched.log.slice(-2), ["error 200 0", "close 1008 Sending too fast"]);
      assertStringIncludes(watched.errors[0]!.message, `${connection} sends faster`);
      work.release();
      other.send(TEXT, "still here");
      await watched.until(() => watched.messages.length === came + 1);
      assertEquals(watched.closes.length, 1);
      assertEquals(watched.errors.length, 1);
    });

    it("tells the peer 1008, too", async () => {
      await using watched = await WatchedServer.start({ maxPendingAmount: 256 * KIB });
      const work = new Work(watched);
      await using peers = new RawPeers(watched);
      const peer = await peers.connect();
      flood(peer);
      await watched.closed();
      work.release();
      await deadline(Promise.race([peer.next(CLOSE), peer.ended]), LIMIT_MS);
      const closes = peer.frames.filter(({ opcode }) => opcode === CLOSE).map(readClose);
      assertEquals(closes, [{ code: 1008, reason: "Sending too fast" }]);
    });
  } else {
    it("waits in the connection while slow listeners are at work: order kept, memory bounded", async () => {
      await using watched = await WatchedServer.start({ maxPendingAmount: 256 * KIB });
      let inWork = 0;
      let most = 0;
      watched.server.on("messageReceive", async ({ data }) => {
        most = Math.max(most, inWork += (data as string).length);
        await delay(20);
        inWork -= (data as string).length;
      });
      await using peers = new RawPeers(watched);
      flood(await peers.connect());
      await watched.until(() => watched.messages.length === FLOOD);
      assertEquals(numbers(watched), ALL);
      assertEquals(watched.errors, []);
      assertGreater(most, 256 * KIB - SIZE);
      assertLess(most, 256 * KIB + MIB); // what was read at once
    });

    it("closes with 1008 when reading has paused as long as a silent peer may live", async () => {
      await using watched = await WatchedServer.start({
        maxPendingAmount: 256 * KIB,
        pingInterval: 0.2,
        pongTimeout: 0.2,
      });
      const work = new Work(watched);
      await using peers = new RawPeers(watched);
      flood(await peers.connect());
      await work.started();
      assertEquals(await watched.closed(), { code: 1008, reason: "Sending too fast" });
      assertEquals(watched.log.at(-2), "error 200 0");
      work.release();
    });

    it("minds the heartbeat again when reading goes on", async () => {
      await using watched = await WatchedServer.start({
        maxPendingAmount: 256 * KIB,
        pingInterval: 0.5,
        pongTimeout: 0.5,
      });
      const work = new Work(watched);
      await using peers = new RawPeers(watched);
      const peer = await peers.connect();
      flood(peer);
      await work.started();
      await delay(200);
      assertEquals(watched.closes, []);
      assertLess(watched.messages.length, FLOOD / 2);
      work.release();
      await watched.until(() => watched.messages.length === FLOOD);
      assertEquals(numbers(watched), ALL);
      assertEquals(watched.errors, []);
      peer.socket.pause(); // so it answers no Ping
      assertEquals(await watched.closed(), { code: 1006, reason: "The link is down" });
      assertEquals(watched.log.slice(-2), ["error 200 0", "close 1006 The link is down"]);
    });

    const ways: Record<string, [(peer: RawPeer) => void, number]> = {
      "with a Close frame": [(peer) => peer.close(3001, "bye"), 3001],
      "with a FIN": [(peer) => peer.end(), 1006],
    };
    for (const [how, [leave, code]] of Object.entries(ways)) {
      it(`is received to its end when the peer leaves ${how} meanwhile`, async () => {
        await using watched = await WatchedServer.start({ maxPendingAmount: 256 * KIB });
        const work = new Work(watched);
        await using peers = new RawPeers(watched);
        const peer = await peers.connect();
        flood(peer);
        leave(peer);
        await work.started();
        work.release();
        assertEquals((await watched.closed()).code, code);
        assertEquals(numbers(watched), ALL);
      });
    }
  }

  it("from a peer that resets meanwhile ends in one 'close'", async () => {
    await using watched = await WatchedServer.start({ maxPendingAmount: 256 * KIB });
    const work = new Work(watched);
    await using peers = new RawPeers(watched);
    const peer = await peers.connect();
    flood(peer);
    await work.started();
    peer.reset();
    work.release();
    await watched.closed();
    const next = await peers.connect();
    next.send(TEXT, "0:");
    await watched.until(() => watched.messages.at(-1)!.data === "0:");
    assertEquals(watched.closes.length, 1);
    assertEquals(watched.errors.length, 1);
  });

  for (const what of ["close", "stop"] as const) {
    it(`does not keep the server's ${what}() from its end, though listeners never end`, async () => {
      await using watched = await WatchedServer.start({ maxPendingAmount: 256 * KIB });
      const work = new Work(watched);
      await using peers = new RawPeers(watched);
      const peer = await peers.connect();
      const connection = await watched.connected();
      flood(peer);
      await work.started();
      await delay(100); // more of it than may wait
      if (what === "close" && HERE === "bun") await watched.server.close(connection);
      if (what === "stop") {
        const watch = new Stopwatch();
        await deadline(watched.server.stop(), LIMIT_MS);
        watch.assertLess(5500);
      }
      await watched.closed();
      await deadline(peer.ended, LIMIT_MS);
      assertEquals(watched.closes.length, 1);
      work.release();
    });
  }
});

/** Sending as fast as the peer reads: `drained`, `bufferedAmount`, `slowPeer`. */

import { assert, assertEquals, assertGreater, assertLess, assertThrows } from "@std/assert";
import { deadline } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { BusinessError, createWebSocketServer } from "../../mod.ts";
import { MemoryPair } from "../helpers/memory_pair.ts";
import { RawPeers } from "../helpers/raw_peers.ts";
import { assertRefused, LIMIT_MS, WatchedServer } from "../helpers/watched_server.ts";
import { BINARY, type RawPeer, TEXT } from "../peers/raw.ts";
import { fill, NO_CONNECTIONS, stalled } from "../helpers/stalled_peer.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

/** Bytes of a frame's header and of what a runtime rounds up to. */
const SLACK = 64;

/** Reads so many bytes a millisecond, until the function that it gives is called. */
function readSlowly({ socket }: RawPeer, rate: number): () => void {
  let owed = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let last = performance.now();
  socket.on("data", (chunk: Uint8Array) => {
    owed += chunk.length;
    socket.pause();
    const go = () => {
      const now = performance.now();
      owed -= (now - last) * rate;
      last = now;
      if (owed <= 0) owed = 0;
      if (owed === 0) socket.resume();
      else timer = setTimeout(go, 2);
    };
    go();
  });
  return () => clearTimeout(timer);
}

describe("server.drained()", () => {
  for (const [mibs, rate] of [[24, 40_000], [4, 4000]] as const) {
    it(`sends ${mibs} MiB to a reader of ${rate / 1000} MB/s with 1 MiB queued at the most`, async () => {
      await using watched = await WatchedServer.start({ maxBufferedAmount: 2 * MIB });
      await using peers = new RawPeers(watched);
      const peer = await peers.connect();
      const connection = await watched.connected();
      const stopReading = readSlowly(peer, rate);
      const piece = new Uint8Array(64 * KIB);
      let most = 0;
      for (let sent = 0; sent < mibs * MIB; sent += piece.length) {
        await watched.server.send(piece, connection);
        most = Math.max(most, watched.server.bufferedAmount(connection));
        assertEquals(await deadline(watched.server.drained(connection, MIB), LIMIT_MS), true);
        assert(watched.server.bufferedAmount(connection) <= MIB);
      }
      await watched.server.send("end", connection);
      await deadline(peer.next(TEXT), LIMIT_MS);
      stopReading();
      const frames = peer.frames.filter(({ opcode }) => opcode === BINARY);
      assertEquals(frames.reduce((sum, { payload }) => sum + payload.length, 0), mibs * MIB);
      assert(most <= MIB + piece.length + SLACK, `${most} bytes were queued`);
      assertEquals(watched.log, ["connect"]);
    });
  }

  it("is true at once where no more are queued", async () => {
    await using watched = await WatchedServer.start();
    await using peers = new RawPeers(watched);
    await peers.connect();
    const connection = await watched.connected();
    assertEquals(await watched.server.drained(connection), true);
    assertEquals(await watched.server.drained({ ...connection }, 5), true);
  });

  it("waits for nothing queued when it is told nothing", async () => {
    await using it = await stalled();
    await fill(it.watched, it.connection);
    const drained = it.server.drained(it.connection);
    it.peer.socket.resume();
    assertEquals(await deadline(drained, LIMIT_MS), true);
    assertEquals(it.server.bufferedAmount(it.connection), 0);
  });

  const ends: Record<string, (it: Awaited<ReturnType<typeof stalled>>) => unknown> = {
    "the peer resets": ({ peer }) => peer.reset(),
    "the server closes it": ({ server, connection }) => server.close(connection),
    "the server terminates it": ({ server, connection }) => server.terminate(connection),
    "the server stops": ({ server, peer }) => {
      void server.stop();
      peer.socket.resume();
    },
  };
  for (const [what, end] of Object.entries(ends)) {
    it(`is false when ${what}`, async () => {
      await using it = await stalled();
      await fill(it.watched, it.connection);
      const waiting = Promise.all([0, 1, 2].map((n) => it.server.drained(it.connection, n)));
      end(it);
      const late = it.server.drained(it.connection); // in the same turn: the end is not told yet
      assertEquals(await deadline(waiting, LIMIT_MS), [false, false, false]);
      assertEquals(await deadline(late, LIMIT_MS), false);
      assertEquals(await it.server.drained(it.connection), false);
      assertEquals(it.server.bufferedAmount(it.connection), 0);
      it.peer.reset();
    });
  }

  for (const call of ["close", "stop", "terminate"] as const) {
    it(`is false once ${call}() was called, though nothing is queued, and many bytes may be`, async () => {
      await using watched = await WatchedServer.start();
      await using peers = new RawPeers(watched);
      await peers.connect();
      const connection = await watched.connected();
      const { server } = watched;
      const ending = call === "stop" ? server.stop() : server[call](connection);
      const answers = [server.drained(connection), server.drained({ ...connection }, MIB)];
      assertEquals(await Promise.all(answers), [false, false]);
      await deadline(ending, LIMIT_MS);
    });
  }

  it("is false for who is not there, and where nothing runs", async () => {
    const { server } = await WatchedServer.start();
    assertEquals(await server.drained({ clientIP: "127.0.0.1", clientPort: 1 }), false);
    await server.stop();
    assertEquals(await server.drained({ clientIP: "127.0.0.1", clientPort: 1 }), false);
  });

  it("refuses with 401 what is no connection, and what is no number of bytes", async () => {
    await using it = await stalled();
    for (const wrong of NO_CONNECTIONS) {
      await assertRefused(() => it.server.drained(wrong as never), 401, "drained: the connection");
    }
    for (const wrong of [-1, NaN, "0", null, {}, 5n]) {
      const drained = () => it.server.drained(it.connection, wrong as never);
      await assertRefused(
        drained,
        401,
        "drained: bytes must be a number of bytes from 0 on: current",
      );
    }
  });

  it("has no timer on the memory network when nobody waits, and one for all who do", async () => {
    await using pair = await MemoryPair.start();
    const connection = await pair.open();
    const before = pair.clock.pending;
    await pair.server.send("12345", connection);
    assertEquals(pair.server.bufferedAmount(connection), 5);
    const answers = [pair.server.drained(connection), pair.server.drained(connection, 3)];
    assertEquals(pair.clock.pending, before + 2); // the message, and the watch
    assertEquals(await pair.clock.until(Promise.all(answers)), [true, true]);
    assertEquals(pair.clock.pending, before);
    await pair.close();
  });
});

describe("server.bufferedAmount()", () => {
  it("is what is queued, and 0 for one that is over or unknown", async () => {
    await using it = await stalled();
    const { server, connection, peer } = it;
    assertEquals(server.bufferedAmount(connection), 0);
    await fill(it.watched, connection);
    assertGreater(server.bufferedAmount({ ...connection }), MIB);
    peer.reset();
    await it.watched.closed();
    assertEquals(server.bufferedAmount(connection), 0);
    assertEquals(server.bufferedAmount({ clientIP: "::1", clientPort: 9 }), 0);
    await server.stop();
    assertEquals(server.bufferedAmount(connection), 0);
  });

  it("throws 401 for what is no connection", () => {
    const server = createWebSocketServer();
    for (const wrong of NO_CONNECTIONS) {
      const error = assertThrows(() => server.bufferedAmount(wrong as never), BusinessError);
      assertEquals([error.code, error.kind], [401, "argument"]);
      assert(error.message.includes("bufferedAmount: the connection must be an object"));
    }
  });
});

describe("createWebSocketServer().start({ slowPeer: 'refuse' })", () => {
  const config = { slowPeer: "refuse", maxBufferedAmount: MIB } as const;

  it("refuses a message for which there is no room, and the peer stays", async () => {
    await using it = await stalled(config);
    const { server, connection, peer, watched } = it;
    const piece = new Uint8Array(64 * KIB);
    let accepted = 0;
    let refusal: BusinessError | undefined;
    while (refusal === undefined) {
      assertLess(accepted, 1600, "nothing is refused");
      const answer = await server.send(piece, connection).catch((error: BusinessError) => error);
      if (answer === true) accepted++;
      else refusal = answer as BusinessError;
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    assertEquals([refusal.code, refusal.kind], [2302999, "queueFull"]);
    assert(
      /send: 'maxBufferedAmount' is 1048576, and \d+ bytes are queued to 127/.test(refusal.message),
    );
    assert(server.bufferedAmount(connection) <= MIB + SLACK);
    assertEquals(watched.log, ["connect"]);
    peer.socket.resume();
    assertEquals(await deadline(server.drained(connection), LIMIT_MS), true);
    assertEquals(await server.send("again", connection), true);
    await deadline(peer.next(TEXT), LIMIT_MS);
    assertEquals(peer.frames.filter(({ opcode }) => opcode === BINARY).length, accepted);
  });

  it("counts what was published before, however little", async () => {
    await using it = await stalled({ ...config, maxBufferedAmount: 4 * MIB });
    const { server, connection, watched } = it;
    await fill(watched, connection, MIB);
    const send = (bytes: number) => server.send(new Uint8Array(bytes), connection);
    await assertRefused(() => send(4 * MIB), 2302999, "are queued");
    assertEquals(await server.broadcast(new Uint8Array(900 * KIB)), { sent: 1, tooSlow: 0 });
    const room = 4 * MIB - server.bufferedAmount(connection);
    await assertRefused(() => send(room + 500 * KIB), 2302999, "are queued");
    assertEquals(await send(room), true);
  });

  it("refuses a single message over the limit, and takes one of just that size", async () => {
    await using pair = await MemoryPair.start({
      config: { slowPeer: "refuse", maxBufferedAmount: 10 },
    });
    const connection = await pair.open();
    const { server } = pair;
    await assertRefused(
      () => server.send("12345678901", connection),
      2302999,
      "is 10, and 0 bytes",
    );
    assertEquals(await server.send("ä23456789", connection), true); // ten bytes
    await assertRefused(() => server.send("x", connection), 2302999, "is 10, and 10 bytes");
    assertEquals(await server.send("", connection), true);
    await pair.clock.advance(20);
    assertEquals(await server.send(new Uint8Array(10), connection), true);
    await pair.close();
  });

  it("leaves a slow peer out of 'publish' and 'broadcast', and counts it", async () => {
    await using watched = await WatchedServer.start(config);
    await using peers = new RawPeers(watched);
    const { server } = watched;
    const [slow, quick, other] = [
      await peers.connect(),
      await peers.connect(),
      await peers.connect(),
    ];
    await watched.connected(3);
    const [first, second, third] = watched.connections;
    for (const connection of [first!, second!]) await server.join(connection, "news");
    slow.socket.pause();
    const piece = new Uint8Array(256 * KIB);
    let result = await server.publish("news", piece);
    assertEquals(result, { sent: 2, tooSlow: 0 });
    let published = 1;
    while (result.tooSlow === 0) {
      assertLess(++published, 400, "nobody is too slow");
      result = await server.publish("news", piece);
      await server.drained(second!);
    }
    assertEquals(result, { sent: 1, tooSlow: 1 });
    assertEquals(await server.broadcast(piece), { sent: 2, tooSlow: 1 });
    const except = [first!, third!];
    assertEquals(await server.broadcast("1", { except }), { sent: 1, tooSlow: 0 });
    assertEquals(await server.broadcast(piece, { except: third! }), { sent: 1, tooSlow: 1 });
    slow.socket.resume();
    assertEquals(await deadline(server.drained(first!), LIMIT_MS), true);
    assertEquals(await server.broadcast("end"), { sent: 3, tooSlow: 0 });
    await deadline(
      Promise.all([slow, quick, other].map((peer) => peer.next(TEXT))),
      LIMIT_MS,
    );
    const got = (peer: RawPeer) => peer.frames.filter(({ opcode }) => opcode === BINARY).length;
    assertEquals([got(slow), got(quick)], [published - 1, published + 2]);
    assertEquals(watched.log, ["connect", "connect", "connect"]);
  });

  for (const slowPeer of ["", "Drop", "wait", true, null, 5]) {
    it(`takes nothing else: ${JSON.stringify(slowPeer)}`, async () => {
      await assertRefused(
        () => createWebSocketServer().start({ serverPort: 0, slowPeer: slowPeer as never }),
        401,
        `start: 'slowPeer' must be 'drop' or 'refuse': current value is ${
          JSON.stringify(slowPeer)
        }`,
      );
    });
  }
});

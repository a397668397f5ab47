import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { deadline } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { createWebSocket } from "../../mod.ts";
import { RawPeers } from "../helpers/raw_peers.ts";
import { Stopwatch } from "../helpers/stopwatch.ts";
import { assertRefused, LIMIT_MS, WatchedServer } from "../helpers/watched_server.ts";
import {
  CLOSE,
  closePayload,
  frame,
  openTcp,
  type RawPeer,
  readClose,
  requestHead,
  TEXT,
} from "../peers/raw.ts";

const GOING_AWAY = { code: 1001, reason: "server is going away" };
const TOLD = "close 1001 server is going away";

/** The Close frame that comes to a peer. */
async function closeOf(peer: RawPeer): Promise<{ code: number; reason: string }> {
  return readClose(await deadline(peer.next(CLOSE), LIMIT_MS));
}

/** Stops a server, which must take less than 5 s; gives the ms it took. */
async function assertStops({ server }: WatchedServer): Promise<number> {
  const watch = new Stopwatch();
  assertEquals(await deadline(server.stop(), LIMIT_MS), true);
  watch.assertLess(5000);
  return watch.ms;
}

describe("createWebSocketServer().stop()", () => {
  it("tells every peer 1001 on the wire, and every 'close' before it settles", async () => {
    await using watched = await WatchedServer.start();
    const { server, port } = watched;
    await using peers = new RawPeers(watched);
    const all = await peers.connectMany(20);
    await watched.connected(20);
    const stopped = server.stop().then((value) => {
      assertEquals(watched.closes.length, 20);
      return value;
    });
    assertEquals(await deadline(stopped, LIMIT_MS), true);
    assertEquals(watched.log.slice(20), Array(20).fill(TOLD));
    assertEquals(new Set(watched.closes.map(({ connection }) => connection)).size, 20);
    assertEquals(server.listAllConnections(), []);
    assertEquals(server.address, undefined);
    await assertRejects(() => openTcp(port));
    for (const peer of all) {
      assertEquals(await closeOf(peer), GOING_AWAY);
      await deadline(peer.ended, LIMIT_MS);
      assertEquals(peer.frames.length, 1);
    }
  });

  it("has been heard of by a client in this process when it settles", async () => {
    await using watched = await WatchedServer.start();
    const closes: number[] = [];
    for (let i = 0; i < 20; i++) {
      const ws = createWebSocket();
      ws.on("close", (_, { code }) => closes.push(code));
      await ws.connect(`ws://127.0.0.1:${watched.port}/`);
      await ws.opened;
    }
    await watched.connected(20);
    assertEquals(await watched.server.stop(), true);
    assertEquals(closes, Array(20).fill(1001));
  });

  it("delivers what was sent before it", async () => {
    await using watched = await WatchedServer.start();
    const { server } = watched;
    await using peers = new RawPeers(watched);
    const peer = await peers.connect();
    const connection = await watched.connected();
    void server.send("first", connection);
    void server.send(new Uint8Array(3_000_000), connection);
    void server.send("last", connection);
    await assertStops(watched);
    assertEquals(await closeOf(peer), GOING_AWAY);
    assertEquals(peer.frames.map(({ payload }) => payload.length), [5, 3_000_000, 4, 22]);
  });

  it("settles with no peers at all, and the port is free at once", async () => {
    await using watched = await WatchedServer.start();
    const { server, port } = watched;
    for (let i = 0; i < 20; i++) {
      await assertStops(watched);
      assertEquals(await server.start({ serverPort: port, serverIP: "127.0.0.1" }), true);
    }
  });

  it("gives the same promise while stopping", async () => {
    await using watched = await WatchedServer.start();
    const { server } = watched;
    const inClose: Promise<boolean>[] = [];
    server.on("close", () => void inClose.push(server.stop()));
    await using peers = new RawPeers(watched);
    await peers.connectMany(2);
    await watched.connected(2);
    const first = server.stop();
    assertStrictEquals(server.stop(), first);
    assertEquals(await deadline(first, LIMIT_MS), true);
    assertEquals(inClose.length, 2);
    for (const promise of inClose) assertStrictEquals(promise, first);
  });

  it("answers 2302999 when not running", async () => {
    await using watched = new WatchedServer();
    const { server } = watched;
    await assertRefused(() => server.stop(), 2302999);
    await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
    assertEquals(await server.stop(), true);
    await assertRefused(() => server.stop(), 2302999);
    assertEquals(watched.log, []);
  });

  it("tells each peer's own end where it was closed before, in the same turn", async () => {
    await using watched = await WatchedServer.start();
    const { server } = watched;
    await using peers = new RawPeers(watched);
    const [one, two] = await peers.connectMany(2) as [RawPeer, RawPeer];
    const connection = await watched.connected(1);
    await watched.connected(2);
    void server.close(connection, { code: 4000, reason: "before" });
    await assertStops(watched);
    assertEquals(await closeOf(one), { code: 4000, reason: "before" });
    assertEquals(await closeOf(two), GOING_AWAY);
    assertEquals(watched.log.slice(2).sort(), [TOLD, "close 4000 before"]);
  });

  it("refuses send, close and start meanwhile, and no message is told", async () => {
    await using watched = await WatchedServer.start();
    const { server, port } = watched;
    await using peers = new RawPeers(watched);
    const peer = await peers.connect({ answerClose: false });
    const connection = await watched.connected();
    const stopped = server.stop();
    const calls = [
      server.send("x", connection),
      server.close(connection),
      server.start({ serverPort: port, serverIP: "127.0.0.1" }),
      server.start({ serverPort: 0, serverIP: "127.0.0.1" }),
    ];
    const codes = calls.map((call) => call.catch(({ code }) => code));
    assertEquals(await Promise.all(codes), [-1, 2302999, 2302007, 2302999]);
    await closeOf(peer);
    peer.send(TEXT, "late");
    peer.close(1000);
    assertEquals(await deadline(stopped, LIMIT_MS), true);
    assertEquals(watched.log, ["connect", TOLD]);
  });

  it("lets nobody in meanwhile", async () => {
    await using watched = await WatchedServer.start();
    const { server, port } = watched;
    await using peers = new RawPeers(watched);
    await peers.connect({ answerClose: false });
    await watched.connected();
    const stopped = server.stop();
    const status = await peers.handshake().then(({ status }) => status, () => "refused");
    assert(status === 503 || status === "refused", `${status}`);
    assertEquals(await deadline(stopped, LIMIT_MS), true);
    await assertRejects(() => openTcp(port));
    assertEquals(watched.connections.length, 1);
    assertEquals(watched.closes.length, 1);
  });

  it("sends away who is in the middle of the handshake", async () => {
    await using watched = await WatchedServer.start();
    const { port } = watched;
    await using peers = new RawPeers(watched);
    for (let round = 0; round < 10; round++) {
      const coming = Array.from(
        { length: 10 },
        () => peers.handshake().then(({ status, peer }) => ({ status, peer }), () => undefined),
      );
      if (round > 0) await watched.until(() => watched.connections.length > watched.closes.length);
      await assertStops(watched);
      for (const come of await Promise.all(coming)) {
        if (come === undefined || come.status === 503) continue;
        assertEquals(come.status, 101);
        assertEquals(await closeOf(come.peer), GOING_AWAY);
      }
      assertEquals(watched.closes.length, watched.connections.length);
      await watched.server.start({ serverPort: port, serverIP: "127.0.0.1" });
    }
  });

  it("sends away who is let in but not connected yet", async () => {
    await using watched = await WatchedServer.start();
    const { server, port } = watched;
    await using peers = new RawPeers(watched);
    let stopped: Promise<boolean> | undefined;
    // Told while the server answers the second request: the first one's connection is not open yet.
    server.on("error", () => void (stopped ??= server.stop()));
    for (let round = 0; round < 20; round++) {
      stopped = undefined;
      const before = watched.errors.length;
      const [good, bad] = [await peers.tcp(), await peers.tcp()];
      let text = "";
      good.on("data", (chunk) => {
        text += String(chunk);
        if (text.endsWith("server is going away")) {
          good.end(frame(CLOSE, closePayload(1001), { mask: true }));
        }
      });
      const ended = new Promise<void>((resolve) => good.once("close", () => resolve()));
      const wrong = { headers: { "sec-websocket-version": "8" } };
      const requests = [requestHead(port), requestHead(port, wrong)];
      for (const [i, socket] of [good, bad].entries()) socket.write(requests[i]!.slice(0, -2));
      await peers.handshake({ headers: { upgrade: undefined } }); // by now both are being read
      for (const socket of [good, bad]) socket.write("\r\n");
      await watched.until(() => watched.errors.length > before);
      assertEquals(await deadline(stopped!, LIMIT_MS), true);
      await deadline(ended, LIMIT_MS);
      if (text.startsWith("HTTP/1.1 101")) assert(text.endsWith("server is going away"), text);
      assertEquals(watched.closes.length, watched.connections.length);
      assert(watched.closes.every(({ code }) => code === 1001));
      await server.start({ serverPort: port, serverIP: "127.0.0.1" });
    }
  });

  it("takes less than 5 s with peers that never answer", async () => {
    await using watched = await WatchedServer.start();
    await using peers = new RawPeers(watched);
    const all = await peers.connectMany(30, { answerClose: false, pong: false });
    await watched.connected(30);
    await assertStops(watched);
    assertEquals(watched.log.slice(30), Array(30).fill(TOLD));
    for (const peer of all) {
      assertEquals(await closeOf(peer), GOING_AWAY);
      await deadline(peer.ended, LIMIT_MS);
    }
  });

  it("takes less than 5 s with a peer that does not read the megabytes sent to it", async () => {
    await using watched = await WatchedServer.start({ maxBufferedAmount: 100_000_000 });
    await using peers = new RawPeers(watched);
    const peer = await peers.connect();
    peer.socket.pause();
    const connection = await watched.connected();
    for (let i = 0; i < 40; i++) {
      assertEquals(await watched.server.send(new Uint8Array(1_000_000), connection), true);
    }
    await assertStops(watched);
    const { kind, data } = watched.errors[0]!;
    assertEquals(kind, "unsent");
    assertEquals(watched.log, ["connect", TOLD, `error 2302999 ${data}`]);
    assertEquals(watched.server.address, undefined);
  });

  it("lets start work again, on the same port, with the same listeners", async () => {
    await using watched = await WatchedServer.start({ protocol: "chat" });
    const { server, port } = watched;
    watched.echo();
    await using peers = new RawPeers(watched);
    for (let n = 1; n <= 10; n++) {
      const headers = n === 1 ? { "sec-websocket-protocol": "chat" } : {};
      const peer = await peers.connect({ headers, answerClose: n % 2 === 0 });
      peer.send(TEXT, `round ${n}`);
      await deadline(peer.next(TEXT), LIMIT_MS);
      assertEquals(peer.texts(), [`round ${n}`]);
      if (n % 2 === 1) setTimeout(() => peer.reset(), 50);
      await assertStops(watched);
      await server.start({ serverPort: port, serverIP: "127.0.0.1" });
      assertEquals(server.listAllConnections(), []);
    }
    assertEquals(watched.closes.length, 10);
  });

  it("works inside the listeners", async () => {
    await using watched = await WatchedServer.start();
    const { server, port } = watched;
    await using peers = new RawPeers(watched);
    for (const event of ["connect", "messageReceive"] as const) {
      const stopped = Promise.withResolvers<boolean>();
      const stop = () => void server.stop().then(stopped.resolve, stopped.reject);
      server.on(event, stop);
      const peer = await peers.connect();
      peer.send(TEXT, "x");
      assertEquals(await deadline(stopped.promise, LIMIT_MS), true);
      assertEquals(await closeOf(peer), GOING_AWAY);
      server.off(event, stop);
      await server.start({ serverPort: port, serverIP: "127.0.0.1" });
    }
    assertEquals(watched.log, ["connect", TOLD, "connect", "message x", TOLD]);
  });
});

describe("createWebSocketServer().start({ signal })", () => {
  it("stops as stop() does when the signal aborts", async () => {
    const controller = new AbortController();
    await using watched = await WatchedServer.start({ signal: controller.signal });
    const { server, port } = watched;
    await using peers = new RawPeers(watched);
    const peer = await peers.connect();
    await watched.connected();
    controller.abort();
    assertEquals(await deadline(server.stop(), LIMIT_MS), true); // the one under way
    assertEquals(await closeOf(peer), GOING_AWAY);
    assertEquals(watched.log, ["connect", TOLD]);
    await assertRejects(() => openTcp(port));
    await server.start({ serverPort: port, serverIP: "127.0.0.1" });
    await peers.connect();
  });

  it("does nothing when the server it belongs to has stopped", async () => {
    const controller = new AbortController();
    await using watched = await WatchedServer.start({ signal: controller.signal });
    const { server, port } = watched;
    await server.stop();
    await server.start({ serverPort: port, serverIP: "127.0.0.1" });
    controller.abort();
    await using peers = new RawPeers(watched);
    const peer = await peers.connect();
    peer.send(TEXT, "running");
    await watched.until(() => watched.messages.length === 1);
    assertEquals(watched.log, ["connect", "message running"]);
  });
});

describe("createWebSocketServer()[Symbol.asyncDispose]()", () => {
  it("stops the server, and does nothing when it is not running", async () => {
    const watched = await WatchedServer.start();
    await using peers = new RawPeers(watched);
    const peer = await peers.connect();
    await watched.connected();
    await watched.server[Symbol.asyncDispose]();
    assertEquals(await closeOf(peer), GOING_AWAY);
    assertEquals(watched.log, ["connect", TOLD]);
    await watched.server[Symbol.asyncDispose]();
  });
});

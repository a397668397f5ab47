import { assertEquals, assertStringIncludes } from "@std/assert";
import { deadline } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { RawPeers } from "../helpers/raw_peers.ts";
import { LIMIT_MS, WatchedServer } from "../helpers/watched_server.ts";
import { CLOSE, type RawClientOptions, type RawPeer, requestHead } from "../peers/raw.ts";

/** Who comes from an address of its own. */
const from = (n: number): RawClientOptions => ({ from: `127.0.0.${n}` });

/** Asserts that a peer is refused with a status on the wire and in 'error', and never connected. */
async function assertTurnedAway(
  watched: WatchedServer,
  peers: RawPeers,
  options: RawClientOptions,
  expected: number,
): Promise<void> {
  const connects = watched.connections.length;
  const errors = watched.errors.length;
  const { status, peer } = await peers.handshake(options);
  assertEquals(status, expected);
  await watched.until(() => watched.errors.length > errors);
  const error = watched.errors[errors]!;
  assertEquals([error.code, error.data], [200, `${expected}`]);
  assertStringIncludes(error.message, "Websocket connect failed: ");
  assertStringIncludes(error.message, `:${peer.socket.localPort}`);
  assertEquals(watched.errors.length, errors + 1);
  assertEquals(watched.connections.length, connects);
}

describe("createWebSocketServer().start({ maxConcurrentClientsNumber })", () => {
  it("answers 503 to a client of one address more", async () => {
    await using watched = await WatchedServer.start({ maxConcurrentClientsNumber: 2 });
    await using peers = new RawPeers(watched);
    await peers.connect(from(1));
    await peers.connect(from(2));
    await assertTurnedAway(watched, peers, from(3), 503);
    await assertTurnedAway(watched, peers, from(4), 503);
    assertEquals(watched.connections.map(({ clientIP }) => clientIP), ["127.0.0.1", "127.0.0.2"]);
    assertEquals(watched.server.listAllConnections(), watched.connections);
    assertEquals(watched.closes, []);
  });

  it("counts addresses, not connections", async () => {
    await using watched = await WatchedServer.start({ maxConcurrentClientsNumber: 1 });
    await using peers = new RawPeers(watched);
    const all = await peers.connectMany(20, from(2));
    await assertTurnedAway(watched, peers, from(3), 503);
    for (const peer of all.slice(1)) peer.close();
    await watched.closed(19);
    await assertTurnedAway(watched, peers, from(3), 503);
    all[0]!.close();
    await watched.closed(20);
    await peers.connect(from(3));
    await assertTurnedAway(watched, peers, from(2), 503);
  });

  it("counts an IPv4 client once, and an IPv6 client as another", async () => {
    await using watched = new WatchedServer();
    await watched.server.start({ serverPort: 0, maxConcurrentClientsNumber: 1 });
    await using peers = new RawPeers(watched);
    await peers.connectMany(2, { host: "127.0.0.1" });
    await assertTurnedAway(watched, peers, { host: "::1" }, 503);
  });
});

describe("createWebSocketServer().start({ maxConnectionsForOneClient })", () => {
  it("answers 429 to one connection more of the same address, and not of another", async () => {
    await using watched = await WatchedServer.start({ maxConnectionsForOneClient: 3 });
    await using peers = new RawPeers(watched);
    for (const client of [from(1), from(2)]) {
      await peers.connectMany(3, client);
      await assertTurnedAway(watched, peers, client, 429);
    }
    assertEquals(watched.connections.length, 6);
  });

  it("goes with the other limit", async () => {
    await using watched = await WatchedServer.start({
      maxConcurrentClientsNumber: 2,
      maxConnectionsForOneClient: 1,
    });
    await using peers = new RawPeers(watched);
    const first = await peers.connect(from(1));
    await peers.connect(from(2));
    await assertTurnedAway(watched, peers, from(1), 429);
    await assertTurnedAway(watched, peers, from(3), 503);
    first.close();
    await watched.closed();
    await peers.connect(from(3));
    await assertTurnedAway(watched, peers, from(3), 429);
    await assertTurnedAway(watched, peers, from(1), 503);
  });

  it("lets everybody in when no limit is set", async () => {
    await using watched = await WatchedServer.start();
    await using peers = new RawPeers(watched);
    for (let n = 1; n <= 15; n++) await peers.connectMany(15, from(n));
    await watched.connected(225);
    assertEquals(watched.server.listAllConnections().length, 225);
    assertEquals(watched.errors, []);
  });
});

/** The ways a connection ends, all but `stop`. */
const endings: Record<string, (watched: WatchedServer, peer: RawPeer) => void> = {
  "sends a Close frame": (_, peer) => peer.close(1000),
  "resets the connection": (_, peer) => peer.reset(),
  "ends the connection": (_, peer) => peer.end(),
  "is closed by the server, whether it answers or not": ({ server, connections }) =>
    void server.close(connections.at(-1)!),
  "breaks the protocol": (_, peer) => peer.send(1, "x", { rsv: 4 }),
  "sends too much": (_, peer) => peer.send(1, "x".repeat(101)),
};
for (const [what, end] of Object.entries(endings)) {
  describe(`a peer of a full server that ${what}`, () => {
    const config = {
      maxConcurrentClientsNumber: 1,
      maxConnectionsForOneClient: 1,
      maxPayload: 100,
    };

    it("makes room at once, also inside its 'close' listener", async () => {
      await using watched = await WatchedServer.start(config);
      await using peers = new RawPeers(watched);
      const peer = await peers.connect({ answerClose: false });
      await watched.connected();
      await assertTurnedAway(watched, peers, {}, 429);
      const next = new Promise<number>((resolve, reject) => {
        watched.server.on("close", () => {
          if (watched.closes.length > 1) return;
          assertEquals(watched.server.listAllConnections(), []);
          // Of another address, which had no room either.
          peers.handshake(from(2)).then(({ status }) => resolve(status), reject);
        });
      });
      end(watched, peer);
      assertEquals(await deadline(next, LIMIT_MS), 101);
      await watched.connected(2);
      await assertTurnedAway(watched, peers, from(2), 429);
      await assertTurnedAway(watched, peers, {}, 503);
      assertEquals(watched.closes.length, 1);
    });

    it("gives the same place back only once, many times over", async () => {
      await using watched = await WatchedServer.start(config);
      await using peers = new RawPeers(watched);
      for (let n = 1; n <= 20; n++) {
        const peer = await peers.connect();
        await watched.connected(n);
        end(watched, peer);
        await watched.closed(n);
      }
      await peers.connect();
      await assertTurnedAway(watched, peers, {}, 429);
      await assertTurnedAway(watched, peers, from(2), 503);
    });
  });
}

describe("a peer that is refused or vanishes", () => {
  const config = { maxConcurrentClientsNumber: 2, maxConnectionsForOneClient: 3 };

  /** Asserts that there is room for all the limits let in, no more and no less. */
  async function assertRoom(watched: WatchedServer, peers: RawPeers): Promise<void> {
    await peers.fillUp(2, 3);
    await watched.until(() => watched.connections.length - watched.closes.length === 6);
    assertEquals(watched.server.listAllConnections().length, 6);
  }

  it("takes no place when its handshake is wrong", async () => {
    await using watched = await WatchedServer.start({ ...config, protocol: "chat" });
    const right = { "sec-websocket-protocol": "chat" };
    await using peers = new RawPeers(watched);
    for (let i = 0; i < 10; i++) {
      await peers.handshake({ ...from(i + 1), headers: { "sec-websocket-protocol": "other" } });
      await peers.handshake({ headers: { ...right, "sec-websocket-key": "x" } });
      await peers.handshake({ headers: { ...right, upgrade: undefined } });
    }
    for (let n = 1; n <= 3; n++) await peers.connect({ headers: right });
    assertEquals((await peers.handshake({ headers: right })).status, 429);
    await watched.connected(3);
  });

  it("leaks no place when it ends right after its request, or in the middle of it, 50 times", async () => {
    await using watched = await WatchedServer.start(config);
    await using peers = new RawPeers(watched);
    for (let i = 0; i < 50; i++) {
      const socket = await peers.tcp(from(i % 2 + 1));
      const request = requestHead(watched.port);
      socket.end(i % 3 === 0 ? request.slice(0, -2) : request);
      socket.resume();
    }
    await assertRoom(watched, peers);
  });

  it("leaks no place when it resets as soon as it is let in, 50 times", async () => {
    await using watched = await WatchedServer.start(config);
    await using peers = new RawPeers(watched);
    for (let i = 0; i < 50; i++) {
      const { status, peer } = await peers.handshake(from(i % 2 + 1));
      if (status === 101) peer.reset();
    }
    await assertRoom(watched, peers);
  });

  it("leaks no place when the server is stopped and started again", async () => {
    await using watched = await WatchedServer.start(config);
    await using peers = new RawPeers(watched);
    const { port } = watched;
    const all = await peers.connectMany(3, { ...from(1), answerClose: false });
    await watched.connected(3);
    const stopped = watched.server.stop();
    for (const peer of all) {
      await deadline(peer.next(CLOSE), LIMIT_MS);
      peer.reset();
    }
    await deadline(stopped, LIMIT_MS);
    await watched.server.start({ serverPort: port, serverIP: "127.0.0.1", ...config });
    await assertRoom(watched, peers);
  });
});

describe("createWebSocketServer().start({ maxConnections })", () => {
  it("answers 503 to one more, whoever it is, until one leaves", async () => {
    await using watched = await WatchedServer.start({ maxConnections: 2 });
    await using peers = new RawPeers(watched);
    const first = await peers.connect({ from: "127.0.0.2" });
    await peers.connect({ from: "127.0.0.3" });
    for (const from of ["127.0.0.2", "127.0.0.4"]) {
      assertEquals((await peers.handshake({ from })).status, 503);
    }
    await watched.until(() => watched.errors.length === 2);
    for (const { message } of watched.errors) assertStringIncludes(message, "too many connections");
    first.close(1000);
    await watched.closed();
    await peers.connect({ from: "127.0.0.4" });
  });
});

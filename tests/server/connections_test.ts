import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { deadline } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { createWebSocket, createWebSocketServer, type WebSocketConnection } from "../../mod.ts";
import { FakeClock, MemoryNetwork } from "../../testing.ts";
import { RawPeers } from "../helpers/raw_peers.ts";
import { assertRefused, LIMIT_MS, WatchedServer } from "../helpers/watched_server.ts";
import { CLOSE, readClose, TEXT } from "../peers/raw.ts";

describe("WebSocketConnection", () => {
  it("is one frozen object, the same in every event and in the list", async () => {
    await using watched = await WatchedServer.start();
    const { server } = watched;
    const names = new Map<WebSocketConnection, string>();
    const closed: (string | undefined)[] = [];
    server.on("connect", (connection) => void names.set(connection, "Ada"));
    server.on("close", (connection) => void closed.push(names.get(connection)));
    await using peers = new RawPeers(watched);
    const peer = await peers.connect();
    peer.send(TEXT, "one");
    peer.send(TEXT, "two");
    await watched.until(() => watched.messages.length === 2);
    const connection = await watched.connected();
    assert(Object.isFrozen(connection));
    assertEquals(Object.entries(connection), [
      ["clientIP", "127.0.0.1"],
      ["clientPort", peer.socket.localPort],
    ]);
    assertThrows(() => (connection as { clientPort: number }).clientPort = 1, TypeError);
    assertStrictEquals(server.listAllConnections()[0], connection);
    for (const { clientConnection } of watched.messages) {
      assertStrictEquals(clientConnection, connection);
      assertEquals(names.get(clientConnection), "Ada");
    }
    peer.close(1000);
    await watched.closed();
    assertStrictEquals(watched.closes[0]!.connection, connection);
    assertEquals(closed, ["Ada"]);
  });

  it("is ip:port as text, and its two properties as JSON", async () => {
    await using watched = await WatchedServer.start();
    await using peers = new RawPeers(watched);
    const port = (await peers.connect({ from: "127.0.0.2" })).socket.localPort;
    const connection = await watched.connected();
    assertEquals(String(connection), `127.0.0.2:${port}`);
    assertEquals(`${connection}`, `127.0.0.2:${port}`);
    assertEquals(JSON.stringify(connection), `{"clientIP":"127.0.0.2","clientPort":${port}}`);
  });

  it("is [ip]:port as text for IPv6", async () => {
    await using watched = await WatchedServer.start({ serverIP: "::1" });
    await using peers = new RawPeers(watched);
    const port = (await peers.connect({ host: "::1" })).socket.localPort;
    assertEquals(`${await watched.connected()}`, `[::1]:${port}`);
  });

  for (const host of ["127.0.0.1", "::1"]) {
    it(`is its value to send() and close(): a copy or a literal does as well, of ${host}`, async () => {
      await using watched = await WatchedServer.start({ serverIP: host });
      const { server } = watched;
      await using peers = new RawPeers(watched);
      const peer = await peers.connect({ host });
      const other = await peers.connect({ host });
      const connection = await watched.connected(1);
      await watched.connected(2);
      const alike = [
        connection,
        { ...connection },
        { clientIP: host, clientPort: peer.socket.localPort! },
        JSON.parse(JSON.stringify(connection)),
        structuredClone({ ...connection }),
        Object.assign(Object.create(null), connection),
        { ...connection, more: 1 },
      ];
      for (const [i, one] of alike.entries()) assertEquals(await server.send(`${i}`, one), true);
      assertEquals(await server.close({ ...connection }, { code: 4001, reason: "done" }), true);
      assertEquals(readClose(await deadline(peer.next(CLOSE), LIMIT_MS)), {
        code: 4001,
        reason: "done",
      });
      assertEquals(peer.texts(), ["0", "1", "2", "3", "4", "5", "6"]);
      assertEquals(await watched.closed(), { code: 4001, reason: "done" });
      assertStrictEquals(watched.closes[0]!.connection, connection);
      assertEquals(server.listAllConnections().length, 1);
      assertEquals(other.frames, []);
    });
  }

  it("is unknown when nobody has its value: 2302006", async () => {
    await using watched = await WatchedServer.start();
    const { server } = watched;
    await using peers = new RawPeers(watched);
    const peer = await peers.connect();
    const { clientIP, clientPort } = await watched.connected();
    const unknown = [
      { clientIP: "127.0.0.2", clientPort },
      { clientIP, clientPort: clientPort === 1 ? 2 : clientPort - 1 },
      { clientIP: "::1", clientPort },
      { clientIP: "", clientPort },
      { clientIP, clientPort: -1 },
      { clientIP, clientPort: NaN },
      { clientIP: "x".repeat(100_000), clientPort: Infinity },
    ];
    for (const connection of unknown) {
      await assertRefused(() => server.send("x", connection), 2302006);
      await assertRefused(() => server.close(connection), 2302006);
    }
    peer.send(TEXT, "still there");
    await watched.until(() => watched.messages.length === 1);
    assertEquals(watched.log, ["connect", "message still there"]);
  });

  it("is unknown once it is closed, also when the server has been started again: 2302006", async () => {
    await using watched = await WatchedServer.start();
    const { server } = watched;
    await using peers = new RawPeers(watched);
    const peer = await peers.connect();
    const connection = await watched.connected();
    peer.close(1000);
    await watched.closed();
    await assertRefused(() => server.send("x", connection), 2302006);
    await assertRefused(() => server.close(connection), 2302006);
    await peers.connect();
    const other = await watched.connected(2);
    await server.stop();
    await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
    for (const old of [connection, other]) {
      await assertRefused(() => server.send("x", old), 2302006);
      await assertRefused(() => server.close(old), 2302006);
    }
  });

  it("is unknown to another server: 2302006", async () => {
    await using one = await WatchedServer.start();
    await using two = await WatchedServer.start();
    await using peers = new RawPeers(one);
    const peer = await peers.connect();
    const connection = await one.connected();
    await assertRefused(() => two.server.send("x", connection), 2302006);
    await assertRefused(() => two.server.close(connection), 2302006);
    await one.server.send("mine", connection);
    await deadline(peer.next(TEXT), LIMIT_MS);
    assertEquals(peer.texts(), ["mine"]);
  });

  it("is never whoever has its address later", async () => {
    await using watched = await WatchedServer.start();
    const { server } = watched;
    await using peers = new RawPeers(watched);
    const from = "127.0.0.7"; // its ports are nobody else's
    const first = await peers.connect({ from });
    const old = await watched.connected();
    await server.join(old, "room");
    const gone = new Promise((resolve) => first.socket.once("close", resolve));
    first.reset();
    await deadline(gone, LIMIT_MS);
    await watched.closed();
    const second = await peers.connect({ from, localPort: old.clientPort });
    const connection = await watched.connected(2);
    assertEquals(String(connection), String(old));
    await assertRefused(() => server.send("secret", old), 2302006);
    await assertRefused(() => server.close(old), 2302006);
    await assertRefused(() => server.join(old, "room"), 2302006);
    await assertRefused(() => server.leave(old, "room"), 2302006);
    assertEquals(await server.broadcast("all", { except: old }), { sent: 1, tooSlow: 0 });
    assertEquals(await server.broadcast("none", { except: [{ ...old }] }), { sent: 0, tooSlow: 0 });
    assertEquals(await server.send("to a copy", { ...old }), true);
    await deadline(second.next(TEXT, 1), LIMIT_MS);
    assertEquals(second.texts(), ["all", "to a copy"]);
  });

  it("is by its value the newest there is, where two have the same behind two proxies", async () => {
    await using watched = await WatchedServer.start({ clientAddress: () => "192.0.2.1" });
    const { server } = watched;
    await using peers = new RawPeers(watched);
    const older = await peers.connect({ from: "127.0.0.2" });
    const connection = await watched.connected(1);
    const copy = { ...connection };
    const newer = await peers.connect({ from: "127.0.0.3", localPort: copy.clientPort });
    assertEquals(`${await watched.connected(2)}`, `${connection}`);
    await server.send("to the newest", copy);
    await server.send("to itself", connection);
    newer.close(1000);
    await watched.closed();
    await server.send("to the older", copy);
    await deadline(older.next(TEXT, 1), LIMIT_MS);
    assertEquals([older.texts(), newer.texts()], [["to itself", "to the older"], [
      "to the newest",
    ]]);
    older.close(1000);
    await watched.closed(2);
    await assertRefused(() => server.send("to nobody", copy), 2302006);
  });

  it("is found by any spelling of its address", async () => {
    const spellings = {
      "127.0.0.1": ["::ffff:127.0.0.1", "::FFFF:7f00:1", "0:0:0:0:0:ffff:7f00:0001"],
      "::1": ["0:0:0:0:0:0:0:1", "0000::0001"],
    };
    for (const [host, others] of Object.entries(spellings)) {
      await using watched = await WatchedServer.start({ serverIP: host });
      await using peers = new RawPeers(watched);
      const peer = await peers.connect({ host });
      const { clientPort } = await watched.connected();
      for (const clientIP of others) await watched.server.send(clientIP, { clientIP, clientPort });
      await deadline(peer.next(TEXT, others.length - 1), LIMIT_MS);
      assertEquals(peer.texts(), others);
    }
  });

  it("is found by a copy, however a host spells its address", async () => {
    for (const ip of ["2001:DB8::1", "0:0:0:0:0:0:0:1", "::ffff:102:304", "::1.2.3.4"]) {
      const clock = new FakeClock();
      const network = new MemoryNetwork({ clock });
      const server = createWebSocketServer({ clock, runtime: network.server });
      await server.start({ serverPort: 80 });
      const ws = createWebSocket({ clock, runtime: network.clientAt(ip) });
      await ws.connect("ws://localhost/");
      await clock.advance(2);
      const [connection] = server.listAllConnections();
      assertEquals([ip, await server.close({ ...connection! })], [ip, true]);
      await clock.until(server.stop());
    }
  });

  it("is a wrong argument when it is none: 401", async () => {
    await using watched = await WatchedServer.start();
    const { server } = watched;
    await using peers = new RawPeers(watched);
    await peers.connect();
    const { clientIP, clientPort } = await watched.connected();
    const wrong: unknown[] = [
      undefined,
      null,
      5,
      true,
      `${clientIP}:${clientPort}`,
      Symbol("x"),
      {},
      [],
      [clientIP, clientPort],
      () => {},
      { clientIP },
      { clientPort },
      { clientIP, clientPort: `${clientPort}` },
      { clientIP: 127, clientPort },
      { clientIP: null, clientPort: null },
    ];
    for (const connection of wrong) {
      await assertRefused(() => server.send("x", connection as never), 401, "connection");
      await assertRefused(() => server.close(connection as never), 401, "connection");
    }
    assertEquals(server.listAllConnections().length, 1);
  });
});

/** A server in a host of the runtime's own: all that is as after `start`, and what is not. */

import { assertEquals, assertStrictEquals, assertStringIncludes } from "@std/assert";
import { deadline, delay } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { mkdtempSync, rmSync } from "node:fs";
import { connect as connectTcp } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createWebSocketServer } from "../../mod.ts";
import { ask, exchange } from "../helpers/http.ts";
import { HERE } from "../helpers/programs.ts";
import { RawPeers } from "../helpers/raw_peers.ts";
import { TcpServer } from "../helpers/tcp.ts";
import { TestHost } from "../helpers/test_host.ts";
import { until } from "../helpers/until.ts";
import { assertRefused, LIMIT_MS, WatchedServer } from "../helpers/watched_server.ts";
import { CLOSE, PING, readClose, TEXT } from "../peers/raw.ts";
import { MountedServer } from "../helpers/mounted_server.ts";

describe("createWebSocketServer().mount()", () => {
  it("gives the host what it needs, and tells no address", async () => {
    await using world = await MountedServer.start();
    const { host, mount, peers, watched } = world;
    assertEquals(Object.keys(mount), ["fetch", "websocket", "websocketWith", "address"]);
    assertEquals([mount.address, watched.server.address], [undefined, undefined]);
    watched.echo();
    const peer = await peers.connect();
    peer.send(TEXT, "hello");
    await deadline(peer.next(TEXT), LIMIT_MS);
    assertEquals(peer.texts(), ["hello"]);
    const [connection] = watched.server.listAllConnections();
    assertStrictEquals(connection, await watched.connected());
    assertEquals(connection!.clientIP, "127.0.0.1");
    assertEquals((await ask(host.port)).body, "the host's");
    peer.close(4000, "done");
    assertEquals(await watched.closed(), { code: 4000, reason: "done" });
    assertEquals(watched.log, ["connect", "message hello", "close 4000 done"]);
  });

  it("takes no config for an empty one", async () => {
    const server = createWebSocketServer();
    assertEquals((await server.mount()).address, undefined);
    await server.stop();
  });

  const hosts = {
    serverPort: 80,
    serverIP: "127.0.0.1",
    serverCert: { certPath: "a", keyPath: "b" },
    unixPath: "/tmp/x",
    reusePort: true,
  };
  for (const [name, value] of Object.entries(hosts)) {
    it(`refuses '${name}' with 401, which is the host's affair`, async () => {
      const server = createWebSocketServer();
      const says = `mount: '${name}' is the host's affair`;
      await assertRefused(() => server.mount({ [name]: value } as never), 401, says);
      await server.mount({ [name]: undefined } as never);
      await server.stop();
    });
  }

  it("refuses what 'start' refuses, and says where", async () => {
    const server = createWebSocketServer();
    const wrong: [object | null, string][] = [
      [{ maxPayload: 0 }, "mount: 'maxPayload'"],
      [{ maxConnectionsForOneClient: 0 }, "mount: 'maxConnectionsForOneClient'"],
      [{ nope: 1 }, "mount: 'nope' is no option"],
      [null, "mount: config"],
    ];
    for (const [config, says] of wrong) {
      await assertRefused(() => server.mount(config as never), 401, says);
    }
    const bad = (createWebSocketServer as (options: unknown) => typeof server)({ nope: 1 });
    await assertRefused(() => bad.mount({}), 401, "'nope'");
    assertEquals(await server.start({ serverPort: 0, serverIP: "127.0.0.1" }), true);
    await server.stop();
  });

  it("does not go together with start(), nor with itself, until stop()", async () => {
    const server = createWebSocketServer();
    const start = () => server.start({ serverPort: 0, serverIP: "127.0.0.1" });
    const mount = () => server.mount({});
    await mount();
    for (const call of [start, mount]) {
      const { kind } = await assertRefused(call, 2302999, "running already, in a host");
      assertEquals(kind, "alreadyRunning");
    }
    assertEquals(await server.stop(), true);
    await start();
    const says = `running already, on port ${server.address!.port}`;
    assertEquals((await assertRefused(mount, 2302999, says)).kind, "alreadyRunning");
    await server.stop();
    await mount();
    await server.stop();
    assertEquals((await assertRefused(() => server.stop(), 2302999)).kind, "notRunning");
  });

  it("stops when its signal aborts, and is not mounted by one that has", async () => {
    const aborter = new AbortController();
    await using world = await MountedServer.start({ signal: aborter.signal });
    await world.peers.connect();
    await world.watched.connected();
    aborter.abort();
    assertEquals(await world.watched.closed(), { code: 1001, reason: "server is going away" });
    await world.watched.server[Symbol.asyncDispose]();
    const again = () => world.watched.server.mount({ signal: aborter.signal });
    assertEquals((await assertRefused(again, 2302999, "mount: 'signal'")).kind, "aborted");
  });

  it("says what keeps it from it, where the runtime is none for servers", async () => {
    const runtime = {
      mount() {
        throw new Error("no servers here");
      },
      fault() {},
      listen() {},
    };
    const server = createWebSocketServer({ runtime: runtime as never });
    const error = await assertRefused(() => server.mount({}), 2302999, "no servers here");
    assertEquals(error.kind, "listenFailed");
  });
});

describe("a mounted server", () => {
  it("answers undefined at once to what is no upgrade", async () => {
    const server = createWebSocketServer();
    const { fetch } = await server.mount({});
    assertStrictEquals(fetch(new Request("http://localhost/"), undefined), undefined);
    await server.stop();
    assertStrictEquals(fetch(new Request("http://localhost/")), undefined);
  });

  it("answers what is no upgrade by its own 'fetch', where it was given one", async () => {
    await using world = await MountedServer.start({ fetch: () => new Response("ours") });
    assertEquals((await ask(world.host.port)).body, "ours");
  });

  it("answers undefined to an upgrade at another path, unless its own 'fetch' answers it", async () => {
    await using world = await MountedServer.start({ path: ["/chat", "/talk"] });
    const at = (path: string) => world.peers.handshake({ line: `GET ${path} HTTP/1.1` });
    assertEquals((await at("/talk?x=1")).status, 101);
    assertEquals((await at("/other")).status, 200);
    const server = createWebSocketServer();
    const fetch = () => new Response("ours", { status: 404 });
    const mount = await server.mount({ path: "/chat", fetch });
    await using host = TestHost.of(mount);
    const elsewhere = await exchange(host.port, { line: "GET /other HTTP/1.1" });
    assertEquals([elsewhere.status, elsewhere.body], [404, "ours"]);
    await server.stop();
  });

  it("has the limits, the origins and the subprotocol that it was mounted with", async () => {
    await using world = await MountedServer.start({
      maxConnectionsForOneClient: 1,
      protocol: "chat",
    });
    const { peers, watched } = world;
    const chat = { "sec-websocket-protocol": "other,chat" };
    const { head } = await peers.connect({ headers: chat });
    assertStringIncludes(head.toLowerCase(), "sec-websocket-protocol: chat");
    assertEquals((await peers.handshake({ headers: chat })).status, 429);
    assertEquals((await peers.handshake({ from: "127.0.0.2" })).status, 400);
    const page = { ...chat, origin: "https://elsewhere.example" };
    assertEquals((await peers.handshake({ from: "127.0.0.2", headers: page })).status, 403);
    const wrong = { ...chat, "sec-websocket-version": "8" };
    assertEquals((await peers.handshake({ from: "127.0.0.2", headers: wrong })).status, 426);
    assertEquals(watched.log.filter((line) => line !== "connect").length, 4);
  });

  it("asks 'authorize', which may take its time, and refuses as it says", async () => {
    const authorize = async ({ url }: Request) => {
      await delay(20);
      return url.endsWith("/no") ? new Response("no", { status: 401 }) : true;
    };
    await using world = await MountedServer.start({ authorize });
    await world.peers.connect();
    assertEquals((await exchange(world.host.port, { line: "GET /no HTTP/1.1" })).status, 401);
    await world.watched.connected();
  });

  it("sends Pings, and tells of a peer that does not answer them", async () => {
    await using world = await MountedServer.start({ pingInterval: 0.2, pongTimeout: 0.2 });
    const alive = await world.peers.connect();
    const dead = await world.peers.connect({ pong: false });
    await deadline(dead.next(PING), LIMIT_MS);
    assertEquals(await world.watched.closed(), { code: 1006, reason: "The link is down" });
    await deadline(alive.next(PING, alive.frames.length), LIMIT_MS);
    assertEquals(world.watched.server.listAllConnections().length, 1);
  });

  it("holds 'maxPayload'", async () => {
    await using world = await MountedServer.start({ maxPayload: 10 });
    const peer = await world.peers.connect();
    peer.send(TEXT, "0123456789");
    peer.send(TEXT, "0123456789+");
    assertEquals(readClose(await deadline(peer.next(CLOSE), LIMIT_MS)).code, 1009);
    await world.watched.closed();
    assertEquals(world.watched.log, [
      ...["connect", "message 0123456789", "error 200 0"],
      "close 1009 Received too big message",
    ]);
  });

  it("sends to topics and to everybody, with exceptions", async () => {
    await using world = await MountedServer.start();
    const { peers, watched: { server, connections } } = world;
    const [a, b, c] = await peers.connectMany(3);
    await world.watched.connected(3);
    for (const connection of connections.slice(0, 2)) await server.join(connection, "t");
    assertEquals(await server.publish("t", "to t"), { sent: 2, tooSlow: 0 });
    assertEquals(await server.broadcast("to all"), { sent: 3, tooSlow: 0 });
    const [first] = connections;
    assertEquals(await server.broadcast("but one", { except: first! }), { sent: 2, tooSlow: 0 });
    assertEquals(await server.broadcast("last"), { sent: 3, tooSlow: 0 });
    await until("all have all", () => [a, b, c].every((peer) => peer!.texts().at(-1) === "last"));
    assertEquals(a!.texts(), ["to t", "to all", "last"]);
    assertEquals(b!.texts(), ["to t", "to all", "but one", "last"]);
    assertEquals(c!.texts(), ["to all", "but one", "last"]);
  });

  it("numbers those who come by a Unix socket of the host's", async () => {
    const folder = mkdtempSync(join(tmpdir(), "unix-"));
    const path = join(folder, "host.sock");
    await using watched = new WatchedServer();
    const mount = await watched.server.mount({});
    {
      await using _ = new TestHost(mount.fetch, { websocket: mount.websocket, path });
      await using door = await TcpServer.listen((client) => {
        const target = connectTcp(path);
        target.on("error", () => {});
        target.once("close", () => client.destroy());
        client.once("close", () => target.destroy());
        client.pipe(target);
        target.pipe(client);
      });
      await using peers = new RawPeers(door);
      for (const n of [1, 2]) {
        const peer = await peers.connect();
        assertEquals({ ...await watched.connected(n) }, { clientIP: "unix", clientPort: n });
        peer.send(TEXT, "hello");
        await watched.until(() => watched.messages.length === n);
      }
    }
    rmSync(folder, { recursive: true });
  });

  it("finds where a client is wherever a framework has put what the host was given", async () => {
    const places: ((request: Request, info: unknown) => unknown)[] = [
      (_, info) => HERE === "bun" ? { server: info } : info,
      (_, info) => ({ name: HERE, deno: { info }, bun: { server: info } }),
      (request, info) => {
        Object.assign(request, { runtime: { deno: { info }, bun: { server: info } } });
        return undefined;
      },
    ];
    for (const place of places) {
      await using world = await MountedServer.start(
        {},
        ({ fetch }) => (request, info) => fetch(request, place(request, info)),
      );
      await world.peers.connect();
      assertEquals((await world.watched.connected()).clientIP, "127.0.0.1");
      assertEquals(world.watched.errors, []);
    }
  });

  it("may be in two hosts at once", async () => {
    await using world = await MountedServer.start();
    await using second = TestHost.of(world.mount);
    await using more = new RawPeers(second);
    const { watched: { server, connections } } = world;
    const one = await world.peers.connect();
    const two = await more.connect();
    await world.watched.connected(2);
    await server.broadcast("both");
    await server.broadcast("second", { except: connections[0]! });
    await server.broadcast("last");
    await until("both have all", () => [one, two].every((peer) => peer.texts().at(-1) === "last"));
    assertEquals([one.texts(), two.texts()], [["both", "last"], ["both", "second", "last"]]);
    await second.stop(true);
    await world.watched.closed();
    assertEquals(await server.broadcast("one left"), { sent: 1, tooSlow: 0 });
    await until("it has the last", () => one.texts().at(-1) === "one left");
  });
});

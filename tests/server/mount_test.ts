/** A server in a host of the runtime's own: all that is as after `start`, and what is not. */

import { assert, assertEquals, assertStrictEquals, assertStringIncludes } from "@std/assert";
import { deadline, delay } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { mkdtempSync, rmSync } from "node:fs";
import { connect as connectTcp } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createWebSocket,
  createWebSocketServer,
  type WebSocketMount,
  type WebSocketMountConfig,
} from "../../mod.ts";
import { FakeClock } from "../../testing.ts";
import { ask, exchange } from "../helpers/http.ts";
import { HERE } from "../helpers/programs.ts";
import { ScriptedServer } from "../helpers/scripted_runtime.ts";
import { RawPeers } from "../helpers/raw_peers.ts";
import { TcpServer } from "../helpers/tcp.ts";
import { type HostHandler, TestHost } from "../helpers/test_host.ts";
import { assertRefused, LIMIT_MS, WatchedServer } from "../helpers/watched_server.ts";
import { CLOSE, PING, readClose, requestHead, TEXT } from "../peers/raw.ts";

/** A server that is mounted in a host, and peers of the host's. All are gone at the end of the block. */
class World implements AsyncDisposable {
  readonly watched: WatchedServer;
  readonly mount: WebSocketMount;
  readonly host: TestHost;
  readonly peers: RawPeers;

  private constructor(watched: WatchedServer, mount: WebSocketMount, host: TestHost) {
    this.watched = watched;
    this.mount = mount;
    this.host = host;
    this.peers = new RawPeers(host);
  }

  static async start(
    config: WebSocketMountConfig = {},
    handlerOf: (mount: WebSocketMount) => HostHandler = ({ fetch }) => fetch,
    websocketOf: (mount: WebSocketMount) => object | undefined = ({ websocket }) => websocket,
  ): Promise<World> {
    const watched = new WatchedServer();
    const mount = await watched.server.mount(config);
    const host = new TestHost(handlerOf(mount), { websocket: websocketOf(mount) });
    return new World(watched, mount, host);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.peers[Symbol.asyncDispose]();
    await this.watched[Symbol.asyncDispose]();
    await this.host[Symbol.asyncDispose]();
  }
}

/** The text of the only 'error' that was told, which must be about the host. */
function hostFault({ errors }: WatchedServer): string {
  assertEquals(errors.map(({ code, kind }) => [code, kind]), [[2302999, "hostFault"]]);
  return errors[0]!.message;
}

describe("createWebSocketServer().mount()", () => {
  it("gives the host what it needs, and tells no address", async () => {
    await using world = await World.start();
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
    await using world = await World.start({ signal: aborter.signal });
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
    await using world = await World.start({ fetch: () => new Response("ours") });
    assertEquals((await ask(world.host.port)).body, "ours");
  });

  it("answers undefined to an upgrade at another path, unless its own 'fetch' answers it", async () => {
    await using world = await World.start({ path: ["/chat", "/talk"] });
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
    await using world = await World.start({ maxConnectionsForOneClient: 1, protocol: "chat" });
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
    await using world = await World.start({ authorize });
    await world.peers.connect();
    assertEquals((await exchange(world.host.port, { line: "GET /no HTTP/1.1" })).status, 401);
    await world.watched.connected();
  });

  it("sends Pings, and tells of a peer that does not answer them", async () => {
    await using world = await World.start({ pingInterval: 0.2, pongTimeout: 0.2 });
    const alive = await world.peers.connect();
    const dead = await world.peers.connect({ pong: false });
    await deadline(dead.next(PING), LIMIT_MS);
    assertEquals(await world.watched.closed(), { code: 1006, reason: "The link is down" });
    await deadline(alive.next(PING, alive.frames.length), LIMIT_MS);
    assertEquals(world.watched.server.listAllConnections().length, 1);
  });

  it("holds 'maxPayload'", async () => {
    await using world = await World.start({ maxPayload: 10 });
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
    await using world = await World.start();
    const { peers, watched: { server, connections } } = world;
    const [a, b, c] = await peers.connectMany(3);
    await world.watched.connected(3);
    for (const connection of connections.slice(0, 2)) await server.join(connection, "t");
    assertEquals(await server.publish("t", "to t"), { sent: 2, tooSlow: 0 });
    assertEquals(await server.broadcast("to all"), { sent: 3, tooSlow: 0 });
    const [first] = connections;
    assertEquals(await server.broadcast("but one", { except: first! }), { sent: 2, tooSlow: 0 });
    assertEquals(await server.broadcast("last"), { sent: 3, tooSlow: 0 });
    while ([a, b, c].some((peer) => peer!.texts().at(-1) !== "last")) await delay(5);
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
      await using world = await World.start(
        {},
        ({ fetch }) => (request, info) => fetch(request, place(request, info)),
      );
      await world.peers.connect();
      assertEquals((await world.watched.connected()).clientIP, "127.0.0.1");
      assertEquals(world.watched.errors, []);
    }
  });

  it("may be in two hosts at once", async () => {
    await using world = await World.start();
    await using second = TestHost.of(world.mount);
    await using more = new RawPeers(second);
    const { watched: { server, connections } } = world;
    const one = await world.peers.connect();
    const two = await more.connect();
    await world.watched.connected(2);
    await server.broadcast("both");
    await server.broadcast("second", { except: connections[0]! });
    await server.broadcast("last");
    while ([one, two].some((peer) => peer.texts().at(-1) !== "last")) await delay(5);
    assertEquals([one.texts(), two.texts()], [["both", "last"], ["both", "second", "last"]]);
    await second.stop(true);
    await world.watched.closed();
    assertEquals(await server.broadcast("one left"), { sent: 1, tooSlow: 0 });
    while (one.texts().at(-1) !== "one left") await delay(5);
  });
});

describe("a mounted server's stop()", () => {
  it("tells every peer 1001 and leaves the host alone, which has it answer 503", async () => {
    await using world = await World.start();
    const { host, peers, watched } = world;
    const [one, two] = await peers.connectMany(2);
    await watched.connected(2);
    assertEquals(await watched.server.stop(), true);
    for (const peer of [one!, two!]) {
      const close = readClose(await deadline(peer.next(CLOSE), LIMIT_MS));
      assertEquals(close, { code: 1001, reason: "server is going away" });
    }
    assertEquals(watched.closes.length, 2);
    assertEquals((await ask(host.port)).body, "the host's");
    assertEquals((await peers.handshake()).status, 503);
  });

  it("has been heard of by a client in this process when it is over", async () => {
    await using world = await World.start();
    const closes: number[] = [];
    const clients = Array.from({ length: 3 }, () => createWebSocket());
    for (const ws of clients) {
      ws.on("close", (_, { code }) => closes.push(code));
      await ws.connect(`ws://127.0.0.1:${world.host.port}/`);
      await ws.opened;
    }
    await world.watched.connected(3);
    assertEquals(await world.watched.server.stop(), true);
    assertEquals(closes, [1001, 1001, 1001]);
  });

  it("sends away whoever waits to be authorized", async () => {
    const asked = Promise.withResolvers<void>();
    const authorize = () => {
      asked.resolve();
      return new Promise<true>(() => {});
    };
    await using world = await World.start({ authorize });
    const waits = exchange(world.host.port);
    await deadline(asked.promise, LIMIT_MS);
    assertEquals(await world.watched.server.stop(), true);
    assertEquals((await waits).status, 503);
  });

  it("lets it be mounted again, in the same host", async () => {
    let current!: WebSocketMount;
    await using watched = new WatchedServer();
    current = await watched.server.mount({});
    await using host = new TestHost((request, info) => current.fetch(request, info), current);
    await using peers = new RawPeers(host);
    await peers.connect();
    await watched.connected();
    await watched.server.stop();
    current = await watched.server.mount({});
    host.reload(current.websocket);
    const peer = await peers.connect();
    await watched.connected(2);
    peer.send(TEXT, "again");
    await watched.until(() => watched.messages.length === 1);
  });
});

describe("a client that waits to be authorized in a host", () => {
  for (const [how, leave] of [["a FIN", "end"], ["a RST", "resetAndDestroy"]] as const) {
    it(`may leave with ${how}, and makes room`, async () => {
      const verdict = Promise.withResolvers<true>();
      const asked = Promise.withResolvers<void>();
      const authorize = ({ url }: Request) => {
        if (!url.endsWith("/wait")) return true;
        asked.resolve();
        return verdict.promise;
      };
      await using world = await World.start({ authorize, maxConnectionsForOneClient: 1 });
      const { host, peers, watched } = world;
      const socket = await peers.tcp({ from: "127.0.0.2" });
      socket.write(requestHead(host.port, { line: "GET /wait HTTP/1.1" }));
      await deadline(asked.promise, LIMIT_MS);
      socket.resume();
      socket[leave]();
      await peers.connect();
      verdict.resolve(true);
      const end = performance.now() + 10_000;
      while ((await peers.handshake({ from: "127.0.0.2" })).status !== 101) {
        assert(performance.now() < end, "its room is not free after 10 s");
        await delay(20);
      }
      assertEquals(watched.errors.filter(({ kind }) => kind === "hostFault"), []);
    });
  }
});

describe("a host that is stopped under a server", () => {
  for (const force of [false, true]) {
    it(`has every 'close' told ${force ? "when it goes by force" : "when it goes gracefully"}`, async () => {
      await using world = await World.start();
      const { host, peers, watched } = world;
      const all = await peers.connectMany(5);
      await watched.connected(5);
      const stopped = host.stop(force);
      // Bun waits for its connections, for ever; Deno closes them.
      if (HERE === "bun" && !force) { for (const peer of all) peer.close(1000, "bye"); }
      await deadline(stopped, LIMIT_MS);
      await watched.closed(5);
      assertEquals(watched.server.listAllConnections(), []);
      assertEquals(await watched.server.stop(), true);
      // Deno does not say that it was the host (docs/limits.md).
      const bun = force ? "close 1001 Server closed" : "close 1000 bye";
      const told = watched.log.filter((line) => line.startsWith("close"));
      assertEquals(told, Array(5).fill(HERE === "deno" ? "close 1000 " : bun));
    });
  }
});

describe("what a host gets wrong", () => {
  it("is told where 'fetch' is not given what knows the address", async () => {
    await using world = await World.start({}, ({ fetch }) => (request) => fetch(request));
    assertEquals((await exchange(world.host.port)).status, 500);
    const says = HERE === "deno" ? "mount.fetch(request, info)" : "mount.fetch(request, server)";
    assertStringIncludes(hostFault(world.watched), says);
  });

  it("is told where it was given something else for it", async () => {
    const wrong = { remoteAddr: {}, server: {}, bun: {}, deno: { info: 5 } };
    await using world = await World.start({}, ({ fetch }) => (request) => fetch(request, wrong));
    assertEquals((await exchange(world.host.port)).status, 500);
    assertStringIncludes(hostFault(world.watched), "Pass on what the host was given");
  });

  it("is told where 'fetch' is given no Request", async () => {
    await using world = await World.start(
      {},
      ({ fetch }) => (_, info) => fetch("c" as never, info),
    );
    assertEquals((await exchange(world.host.port)).status, 500);
    assertStringIncludes(hostFault(world.watched), "was not given a Request");
  });

  it("is told where the request was upgraded already", async () => {
    await using world = await World.start({}, ({ fetch }) => async (request, info) => {
      const first = await fetch(request, info)!;
      assertEquals((await fetch(request, info)!).status, 500);
      return first;
    });
    const peer = await world.peers.connect();
    await world.watched.until(() => world.watched.log.length === 2);
    assertStringIncludes(hostFault(world.watched), "answered");
    peer.send(TEXT, "here");
    await world.watched.until(() => world.watched.messages.length === 1);
  });

  it("is told where the request was upgraded while it was authorized", async () => {
    const authorize = async () => {
      await delay(1);
      return true as const;
    };
    await using world = await World.start({ authorize }, ({ fetch }) => async (request, info) => {
      const [first, second] = await Promise.all([fetch(request, info)!, fetch(request, info)!]);
      // To Deno such a request is one whose client has left.
      assertEquals(second.status, HERE === "deno" ? 400 : 500);
      return first;
    });
    const peer = await world.peers.connect();
    await world.watched.until(() => world.watched.log.length === (HERE === "deno" ? 1 : 2));
    if (HERE === "bun") assertStringIncludes(hostFault(world.watched), "upgraded already");
    peer.send(TEXT, "here");
    await world.watched.until(() => world.watched.messages.length === 1);
    assertEquals(world.watched.server.listAllConnections().length, 1);
  });

  it("is told where what is used up is asked for by its own 'fetch'", async () => {
    const config = { fetch: () => new Response("ours") };
    await using world = await World.start(config, ({ fetch }) => async (request, info) => {
      const first = await fetch(request, info)!;
      assertEquals((await fetch(request, info)!).status, 500);
      return first;
    });
    await world.peers.connect();
    await world.watched.until(() => world.watched.log.length === 2);
    assertStringIncludes(hostFault(world.watched), "answered or upgraded already");
  });

  it("is told where Bun has no handler; elsewhere there is no need of one", async () => {
    await using world = await World.start({}, undefined, () => undefined);
    const { status } = await world.peers.handshake();
    if (HERE === "deno") return assertEquals(status, 101);
    assertEquals(status, 500);
    assertStringIncludes(hostFault(world.watched), "websocket: mount.websocket");
  });

  it("is told where Bun has another's handler alone; elsewhere each has its own", async () => {
    await using world = await World.start({}, undefined, () => ({ message() {} }));
    assertEquals((await world.peers.handshake()).status, 101);
    if (HERE === "deno") return void await world.watched.connected();
    await world.watched.until(() => world.watched.errors.length === 1);
    assertStringIncludes(hostFault(world.watched), "mount.websocketWith(other)");
  });

  it("is told where nothing comes of a client that was let in", async () => {
    const clock = new FakeClock();
    const runtime = new ScriptedServer();
    await using watched = new WatchedServer({ clock, runtime });
    await watched.server.mount({});
    runtime.enter();
    await clock.advance(2000);
    assertStringIncludes(hostFault(watched), "127.0.0.1:50000 was let in and did not open");
    assertStringIncludes(hostFault(watched), "with the Response of 'fetch'");
  });

  it("is printed where nobody listens to 'error'", async () => {
    const server = createWebSocketServer();
    const mount = await server.mount({});
    await using host = new TestHost((request) => mount.fetch(request), mount);
    const printed: unknown[] = [];
    const { error } = console;
    console.error = (what) => void printed.push(what);
    try {
      assertEquals((await exchange(host.port)).status, 500);
    } finally {
      console.error = error;
    }
    assertEquals((printed as { kind: string }[]).map(({ kind }) => kind), ["hostFault"]);
    await server.stop();
  });
});

/** Two stacks in one host: each has its own connections, limits and topics. */

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { deadline } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import {
  BusinessError,
  createWebSocketServer,
  type HostWebSocketHandler,
  type WebSocketMount,
  type WebSocketMountConfig,
} from "../../mod.ts";
import { HERE } from "../helpers/programs.ts";
import { RawPeers } from "../helpers/raw_peers.ts";
import { type HostHandler, TestHost } from "../helpers/test_host.ts";
import { until } from "../helpers/until.ts";
import { LIMIT_MS, WatchedServer } from "../helpers/watched_server.ts";
import { type BareBunServer, deno } from "../runtime/bare.ts";
import { BINARY, CLOSE, PING, type RawPeer, readClose, TEXT } from "../peers/raw.ts";

/** A connection of Bun's, as another stack has it. */
interface OtherSocket {
  data: { name: string };
  send(data: unknown): number;
  subscribe(topic: string): void;
  publish(topic: string, data: string): number;
}

/** Another stack, as Hono and Elysia are: it echoes, and writes down what it is told. */
class Other {
  readonly log: string[] = [];
  readonly handler: HostWebSocketHandler & Record<string, unknown>;

  constructor(options: object = {}) {
    this.handler = {
      open: (ws) => void this.log.push(`open ${(ws as OtherSocket).data.name}`),
      message: (ws, data) => {
        this.log.push(`message ${(data as string).length}`);
        (ws as OtherSocket).send(data);
      },
      close: (_, code) => void this.log.push(`close ${code}`),
      ...options,
    };
  }

  /** Upgrades, with no help of ours. */
  readonly fetch: HostHandler = (request, info) => {
    if (HERE === "bun") {
      const upgraded = (info as BareBunServer).upgrade(request, { data: { name: "theirs" } });
      return new Response(null, { status: upgraded ? 101 : 500 });
    }
    const { response, socket } = deno.upgradeWebSocket(request, { idleTimeout: 0 });
    socket.onopen = () => void this.log.push("open theirs");
    socket.onmessage = ({ data }) => {
      this.log.push(`message ${data.length}`);
      socket.send(data);
    };
    socket.onclose = ({ code }) => void this.log.push(`close ${code}`);
    return response;
  };
}

/** One of ours at /ours, and another stack everywhere else. */
class World implements AsyncDisposable {
  readonly watched: WatchedServer;
  readonly other: Other;
  readonly mount: WebSocketMount;
  readonly host: TestHost;
  readonly peers: RawPeers;

  private constructor(watched: WatchedServer, other: Other, mount: WebSocketMount) {
    this.watched = watched;
    this.other = other;
    this.mount = mount;
    this.host = new TestHost(
      (request, info) =>
        mount.fetch(request, info) ??
          (request.headers.has("upgrade") ? other.fetch(request, info) : undefined),
      { websocket: mount.websocketWith(other.handler) },
    );
    this.peers = new RawPeers(this.host);
  }

  static async start(config: WebSocketMountConfig = {}, options: object = {}): Promise<World> {
    const watched = new WatchedServer();
    const mount = await watched.server.mount({ path: "/ours", ...config });
    return new World(watched, new Other(options), mount);
  }

  ours(): Promise<RawPeer> {
    return this.peers.connect({ line: "GET /ours HTTP/1.1" });
  }

  theirs(): Promise<RawPeer> {
    return this.peers.connect({ line: "GET /theirs HTTP/1.1" });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.peers[Symbol.asyncDispose]();
    await this.watched[Symbol.asyncDispose]();
    await this.host[Symbol.asyncDispose]();
  }
}

/** A server that is mounted, and gone at the end of the block; only its handlers are looked at. */
async function mounted(config: WebSocketMountConfig = {}) {
  const server = createWebSocketServer();
  const mount = await server.mount(config);
  const end = () => server[Symbol.asyncDispose]();
  return { with: (other: object) => mount.websocketWith(other), [Symbol.asyncDispose]: end };
}

const codeOf = async (peer: RawPeer) => readClose(await deadline(peer.next(CLOSE), LIMIT_MS)).code;

describe("a host that two stacks share", () => {
  it("gives each its own connections, in whatever order they come and go", async () => {
    await using world = await World.start();
    const { other, watched } = world;
    watched.echo();
    const peers = [await world.ours(), await world.theirs(), await world.ours()];
    for (const [i, peer] of peers.entries()) peer.send(TEXT, `hello ${i}`);
    for (const peer of peers) await deadline(peer.next(TEXT), LIMIT_MS);
    assertEquals(peers.map((peer) => peer.texts()), [["hello 0"], ["hello 1"], ["hello 2"]]);
    peers[1]!.close(1000, "theirs");
    peers[0]!.close(4000, "ours");
    assertEquals(await watched.closed(), { code: 4000, reason: "ours" });
    await until("the other has told all", () => other.log.length >= 3);
    assertEquals(other.log, ["open theirs", "message 7", "close 1000"]);
    assertEquals(watched.log.filter((line) => line === "connect").length, 2);
  });

  it("leaves the other's connections alone when ours stops", async () => {
    await using world = await World.start();
    const [ours, theirs] = [await world.ours(), await world.theirs()];
    await world.watched.connected();
    await world.watched.server.stop();
    assertEquals(await codeOf(ours), 1001);
    theirs.send(TEXT, "still here");
    await deadline(theirs.next(TEXT), LIMIT_MS);
    const { status } = await world.peers.handshake({ line: "GET /ours HTTP/1.1" });
    assertEquals(status, 503);
  });

  it("broadcasts to ours alone, and keeps what it sends to all but one from that one", async () => {
    await using world = await World.start({}, { publishToSelf: true });
    const { watched } = world;
    const [one, two, theirs] = [await world.ours(), await world.ours(), await world.theirs()];
    await watched.connected(2);
    await watched.server.broadcast("all");
    await watched.server.broadcast("two", { except: watched.connections[0]! });
    await watched.server.broadcast("end");
    await until("both have all", () => [one, two].every((peer) => peer.texts().at(-1) === "end"));
    theirs.send(TEXT, "echo");
    await deadline(theirs.next(TEXT), LIMIT_MS);
    assertEquals([one.texts(), two.texts()], [["all", "end"], ["all", "two", "end"]]);
    assertEquals(theirs.texts(), ["echo"]);
  });

  it("holds ours to its own 'maxPayload', whatever the other takes", async () => {
    await using world = await World.start({ maxPayload: 10 });
    const [ours, theirs] = [await world.ours(), await world.theirs()];
    theirs.send(TEXT, "x".repeat(1000));
    await deadline(theirs.next(TEXT), LIMIT_MS);
    ours.send(TEXT, "0123456789");
    ours.send(TEXT, "0123456789+");
    assertEquals(await codeOf(ours), 1009);
    await world.watched.closed();
    assertEquals(world.watched.log, [
      ...["connect", "message 0123456789", "error 200 0"],
      "close 1009 Received too big message",
    ]);
    assertEquals(world.watched.errors[0]!.kind, "tooBig");
  });

  it("holds the other to its own limit on Bun, where ours takes more", async () => {
    await using world = await World.start({}, { maxPayloadLength: 100 });
    const [ours, theirs] = [await world.ours(), await world.theirs()];
    ours.send(TEXT, "x".repeat(1000));
    await world.watched.until(() => world.watched.messages.length === 1);
    theirs.send(BINARY, "x".repeat(101));
    if (HERE === "bun") {
      assertEquals(await codeOf(theirs), 1009);
      await until("the other has told both", () => world.other.log.length >= 2);
      assertEquals(world.other.log, ["open theirs", "close 1009"]);
    } else {
      await deadline(theirs.next(BINARY), LIMIT_MS); // Deno has no such limit
    }
  });

  it("has the other's timers on Bun, under which ours lives by its own Pings", async () => {
    const pings: string[] = [];
    const timers = { idleTimeout: 8, sendPings: true, pong: () => void pings.push("pong") };
    await using world = await World.start({ pingInterval: 1, pongTimeout: 1 }, timers);
    const [ours, theirs] = [await world.ours(), await world.theirs()];
    for (let i = 0; i < 3; i++) await deadline(ours.next(PING, ours.frames.length), LIMIT_MS);
    if (HERE === "bun") {
      await deadline(theirs.next(PING), LIMIT_MS);
      await until("a Ping has come", () => pings.length > 0);
    }
    assertEquals(world.watched.log, ["connect"]);
  });

  it("has two of ours at two paths, whose topics do not mix", async () => {
    await using a = new WatchedServer();
    await using b = new WatchedServer();
    const one = await a.server.mount({ path: "/a" });
    const two = await b.server.mount({ path: "/b" });
    const handler: HostHandler = (request, info) =>
      one.fetch(request, info) ?? two.fetch(request, info);
    await using host = new TestHost(handler, { websocket: one.websocketWith(two.websocket) });
    await using peers = new RawPeers(host);
    const [atA, atB] = [
      await peers.connect({ line: "GET /a HTTP/1.1" }),
      await peers.connect({ line: "GET /b HTTP/1.1" }),
    ];
    for (const { server } of [a, b]) server.on("connect", () => {});
    await a.server.join(await a.connected(), "news");
    await b.server.join(await b.connected(), "news");
    assertEquals((await a.server.publish("news", "from a")).sent, 1);
    assertEquals((await b.server.publish("news", "from b")).sent, 1);
    assertEquals((await b.server.broadcast("all of b")).sent, 1);
    await deadline(atA.next(TEXT), LIMIT_MS);
    await until("both have come", () => atB.texts().length >= 2);
    assertEquals([atA.texts(), atB.texts()], [["from a"], ["from b", "all of b"]]);
    atB.send(TEXT, "to b");
    await b.until(() => b.messages.length === 1);
    assertEquals((await peers.handshake({ line: "GET /c HTTP/1.1" })).status, 200);
    await b.server.stop();
    assertEquals(await codeOf(atB), 1001);
    atA.send(TEXT, "to a");
    await a.until(() => a.messages.length === 1);
    assertEquals([a.log.at(-1), b.log.at(-1)], [
      "message to a",
      "close 1001 server is going away",
    ]);
  });

  it("leaves connections to their server where the host is reloaded for another beside another stack", async () => {
    await using first = await World.start({ path: "/ours", maxPayload: 100, pingInterval: 1 });
    await using second = new WatchedServer();
    const mount = await second.server.mount({ path: "/second" });
    const [one, two] = [await first.ours(), await first.ours()];
    await first.watched.connected(2);
    const other = new Other();
    first.host.reload(mount.websocketWith(other.handler));
    one.send(TEXT, "still here");
    two.send(TEXT, "x".repeat(101));
    assertEquals(await codeOf(two), 1009); // each server has its own 'maxPayload'
    await deadline(one.next(PING, one.frames.length), LIMIT_MS);
    await deadline(one.next(PING, one.frames.length), LIMIT_MS);
    one.close(4000, "bye");
    await first.watched.closed(2);
    assertEquals(first.watched.log.filter((line) => !line.startsWith("error")), [
      ...["connect", "connect", "message still here"],
      ...["close 1009 Received too big message", "close 4000 bye"],
    ]);
    assertEquals([other.log, first.host.errors], [[], []]);
  });

  it("tells both servers of ours where the host has the handler of one alone", async () => {
    await using a = new WatchedServer();
    await using b = new WatchedServer();
    const one = await a.server.mount({ path: "/a" });
    const two = await b.server.mount({ path: "/b" });
    await using host = new TestHost(
      (request, info) => one.fetch(request, info) ?? two.fetch(request, info),
      one,
    );
    await using peers = new RawPeers(host);
    const atB = await peers.connect({ line: "GET /b HTTP/1.1" });
    if (HERE === "deno") return void await b.connected(); // which has no such handler
    assertEquals(await codeOf(atB), 1011);
    await b.until(() => b.errors.length === 1);
    assertEquals([b.errors[0]!.kind, a.errors], ["hostFault", []]);
    await peers.connect({ line: "GET /a HTTP/1.1" });
    await a.connected();
  });

  it("closes a connection of another's that comes to our handler alone, and says what to change", async () => {
    await using watched = new WatchedServer();
    const mount = await watched.server.mount({ path: "/ours" });
    const other = new Other();
    await using host = new TestHost(
      (request, info) => mount.fetch(request, info) ?? other.fetch(request, info),
      mount,
    );
    await using peers = new RawPeers(host);
    const theirs = await peers.connect({ line: "GET /theirs HTTP/1.1" });
    if (HERE === "deno") return void assert(other.log.length <= 1); // where it has its own handler
    assertEquals(await codeOf(theirs), 1011);
    assertEquals(watched.errors.map(({ kind }) => kind), ["hostFault"]);
    assert(watched.errors[0]!.message.includes("mount.websocketWith(other)"));
  });
});

describe("websocketWith()", () => {
  it("refuses what is no handler with 401", async () => {
    await using mount = await mounted();
    for (const other of [undefined, null, 5, "x", () => {}]) {
      const error = assertThrows(() => mount.with(other as never), BusinessError);
      assertEquals(error.code, 401);
    }
  });

  it("gives the other's back where the runtime has a handler for each connection", async () => {
    await using mount = await mounted();
    const { handler } = new Other();
    if (HERE === "deno") assertStrictEquals(mount.with(handler), handler);
    else assert(mount.with(handler) !== handler);
  });
});

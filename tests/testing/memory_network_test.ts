/** `./testing`: the network in memory, and the real clients and servers on it. */

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  createWebSocket,
  createWebSocketServer,
  type WebSocketClient,
  type WebSocketServer,
  type WebSocketServerConfig,
} from "../../mod.ts";
import { FakeClock, type MemoryLink, MemoryNetwork } from "../../testing.ts";
import { refusal } from "../helpers/client.ts";
import { assertRefused } from "../helpers/watched_server.ts";

/** A server and clients on a network of their own, and all they tell. */
class World {
  readonly clock = new FakeClock();
  readonly network = new MemoryNetwork({ clock: this.clock, latency: 10 });
  readonly server: WebSocketServer = createWebSocketServer({
    clock: this.clock,
    runtime: this.network.server,
  });
  readonly log: string[] = [];

  static async start(config?: Partial<WebSocketServerConfig>): Promise<World> {
    const world = new World();
    const { server, log } = world;
    const show = (data: string | ArrayBuffer) =>
      typeof data === "string" ? data : `${data.byteLength} bytes`;
    server.on("connect", (connection) => log.push(`server: connect ${connection.clientIP}`));
    server.on("messageReceive", ({ data }) => log.push(`server: message ${show(data)}`));
    server.on("close", (_, { code, reason }) => log.push(`server: close ${code} ${reason}`));
    server.on("error", ({ code, data }) => log.push(`server: error ${code} ${data}`));
    await server.start({ serverPort: 80, ...config });
    return world;
  }

  client(ip = "127.0.0.1", name = "client"): WebSocketClient {
    const { clock, log, network } = this;
    const ws = createWebSocket({ clock, runtime: network.clientAt(ip) });
    const show = (data: string | ArrayBuffer) =>
      typeof data === "string" ? data : `${data.byteLength} bytes`;
    ws.on("open", () => log.push(`${name}: open`));
    ws.on("message", (_, data) => log.push(`${name}: message ${show(data)}`));
    ws.on("close", (_, { code, reason }) => log.push(`${name}: close ${code} ${reason}`));
    ws.on("error", ({ code, data }) => log.push(`${name}: error ${code} ${data}`));
    return ws;
  }

  /** A client that is connected. */
  async pair(config?: { pingInterval: number; pongTimeout: number }): Promise<{
    ws: WebSocketClient;
    link: MemoryLink;
  }> {
    const ws = this.client();
    await ws.connect("ws://localhost/", config);
    await this.clock.advance(20);
    assertEquals(this.log.splice(0), ["server: connect 127.0.0.1", "client: open"]);
    return { ws, link: this.network.links.at(-1)! };
  }

  /** What was told since the last time. */
  async told(ms: number): Promise<string[]> {
    await this.clock.advance(ms);
    return this.log.splice(0);
  }

  /** Stops, and sees that nothing is left. */
  async end(): Promise<void> {
    if (this.server.address !== undefined) await this.clock.until(this.server.stop());
    await this.clock.advance(60_000);
    assertEquals([this.clock.pending, this.network.links], [0, []]);
  }
}

const LOST = ["server: error 200 0", "server: close 1006 The link is down"];
const CLIENT_LOST = ["client: error 200 0", "client: close 1006 The link is down"];

describe("MemoryNetwork", () => {
  it("delivers after its latency, in order", async () => {
    const world = await World.start();
    const { ws } = await world.pair();
    void ws.send("one");
    void ws.send(new Uint8Array(3));
    assertEquals(ws.bufferedAmount, 6);
    assertEquals(await world.told(9), []);
    assertEquals(await world.told(1), ["server: message one", "server: message 3 bytes"]);
    assertEquals(ws.bufferedAmount, 0);
    await ws.close({ code: 4000, reason: "done" });
    assertEquals(await world.told(9), []);
    assertEquals(await world.told(1), ["server: close 4000 done"]);
    assertEquals(await world.told(10), ["client: close 4000 done"]);
    await world.end();
  });

  it("refuses where nobody listens, where the scheme is another, and with the server's status", async () => {
    const world = await World.start({ authorize: () => new Response(null, { status: 401 }) });
    const ws = world.client();
    for (const url of ["ws://localhost:81/", "wss://localhost:80/", "ws://localhost/"]) {
      await ws.connect(url);
      const error = await clockRejection(world, ws.opened);
      world.log.push(String((error.cause as Error).message));
    }
    assertEquals(await world.told(0), [
      ...["client: error 200 0", "connection refused"],
      ...["client: error 200 0", "the TLS handshake failed"],
      ...["server: error 200 401", "client: error 200 401"],
      "the server answered with HTTP status 401",
    ]);
    const { code } = await refusal(
      ws.connect("ws://localhost/", { proxy: { host: "proxy", port: 1 } }),
    );
    assertEquals(code, 2302999);
    await world.end();
  });

  it("knows its servers by their ports, and gives free ones away", async () => {
    const world = await World.start();
    const { clock, network } = world;
    const other = createWebSocketServer({ clock, runtime: network.server });
    await assertRefused(() => other.start({ serverPort: 80 }), 2302007);
    await other.start({ serverPort: 0 });
    assert(other.address!.port >= 49152);
    const ws = createWebSocket({ clock, runtime: network.client });
    await ws.connect(`ws://localhost:${other.address!.port}/`);
    await clock.advance(20);
    assertEquals([other.listAllConnections().length, ws.state], [1, "open"]);
    await clock.until(other.stop());
    await other.start({ serverPort: 0 });
    await clock.until(other.stop());
    await world.end();
    await world.server.start({ serverPort: 80 }); // the port is free again
    await world.end();
  });

  it("gives no port to two clients of one address, however many have come and gone", async () => {
    const world = await World.start();
    await world.pair();
    for (let n = 1; n < 16384; n++) world.network.serve(0, () => new Response()).stop();
    await world.client().connect("ws://localhost/");
    await world.told(20);
    assertEquals(new Set(world.server.listAllConnections().map(String)).size, 2);
    await world.end();
  });

  it("has clients of several addresses, for limits to count", async () => {
    const world = await World.start({
      maxConcurrentClientsNumber: 2,
      maxConnectionsForOneClient: 1,
    });
    for (
      const [ip, name] of [["10.0.0.1", "a"], ["10.0.0.1", "b"], ["::2", "c"], ["10.0.0.3", "d"]]
    ) {
      await world.client(ip, name).connect("ws://localhost/");
    }
    assertEquals((await world.told(20)).sort(), [
      ...["a: open", "b: error 200 429", "c: open", "d: error 200 503"],
      ...["server: connect 10.0.0.1", "server: connect ::2"],
      ...["server: error 200 429", "server: error 200 503"],
    ]);
    await world.end();
  });

  it("closes with 1009 what sends more than 'maxPayload'", async () => {
    const world = await World.start({ maxPayload: 10 });
    const { ws } = await world.pair();
    void ws.send("0123456789");
    void ws.send("0123456789+");
    assertEquals(await world.told(10), [
      ...["server: message 0123456789", "server: error 200 0"],
      "server: close 1009 Received too big message",
    ]);
    assertEquals(await world.told(10), ["client: close 1009 Received too big message"]);
    await world.end();
  });

  it("stops reading where the server asks it to", async () => {
    const work = Promise.withResolvers<void>();
    const world = await World.start({ maxPendingAmount: 1100 });
    world.server.on("messageReceive", () => work.promise);
    const { ws } = await world.pair();
    for (const data of ["one", "two", "three", "four"]) void ws.send(data);
    assertEquals(await world.told(10), ["server: message one", "server: message two"]);
    assertEquals(ws.bufferedAmount, 9);
    work.resolve();
    assertEquals(await world.told(10), ["server: message three", "server: message four"]);
    assertEquals(ws.bufferedAmount, 0);
    await world.end();
  });

  it("drops clients that wait when the server stops", async () => {
    const world = await World.start({ authorize: () => new Promise<true>(() => {}) });
    void world.client().connect("ws://localhost/");
    await world.clock.advance(10);
    await world.clock.until(world.server.stop());
    assertEquals(await world.told(10), ["server: error 200 503", "client: error 200 503"]);
    await world.end();
  });

  it("works on the system's clock, which it has unless told otherwise", async () => {
    const network = new MemoryNetwork();
    const server = createWebSocketServer({ runtime: network.server });
    server.on("messageReceive", ({ clientConnection, data }) => {
      void server.send(data, clientConnection);
    });
    await server.start({ serverPort: 0 });
    const ws = createWebSocket({ runtime: network.client });
    await ws.connect(`ws://localhost:${server.address!.port}/`);
    const sent = Array.from({ length: 100 }, (_, i) => `message ${i}`);
    for (const data of sent) void ws.send(data);
    const seen: unknown[] = [];
    for await (const data of ws) {
      if (seen.push(data) === sent.length) await ws.close();
    }
    assertEquals(seen, sent);
    await server.stop();
    assertEquals(network.links, []);
  });
});

describe("MemoryNetwork.serve()", () => {
  it("has a host in which a server is mounted, beside what is the host's", async () => {
    const world = new World();
    const { clock, log, network, server } = world;
    const mount = await server.mount({ path: "/chat" });
    const seen: string[] = [];
    const host = network.serve(80, async (request, info) => {
      await undefined;
      seen.push(`${new URL(request.url).pathname} ${info.remoteAddr.hostname}`);
      return await mount.fetch(request, info) ?? new Response(null, { status: 404 });
    });
    assertEquals(host.address, { hostname: "127.0.0.1", port: 80 });
    server.on("close", (_, { code }) => log.push(`server: close ${code}`));
    const [ws, lost] = [world.client(), world.client("10.0.0.2", "lost")];
    await lost.connect("ws://localhost/nowhere");
    await ws.connect("ws://localhost/chat");
    assertEquals((await world.told(20)).sort(), ["client: open", "lost: error 200 404"]);
    assertEquals(seen, ["/nowhere 10.0.0.2", "/chat 127.0.0.1"]);
    host.stop();
    assertEquals((await world.told(20)).sort(), [...CLIENT_LOST, "server: close 1006"].sort());
    network.serve(80, () => new Response()).stop(); // the port is free again
    await clock.until(server.stop());
    assertEquals([network.links, clock.pending], [[], 0]);
  });

  it("has whoever is not told where a client is say so", async () => {
    const world = new World();
    const { network, server } = world;
    const kinds: unknown[] = [];
    server.on("error", ({ kind }) => kinds.push(kind));
    const mount = await server.mount();
    const host = network.serve(0, (request) => mount.fetch(request)!);
    await world.client().connect(`ws://localhost:${host.address.port}/`);
    assertEquals(await world.told(20), ["client: error 200 500"]);
    assertEquals(kinds, ["hostFault"]);
    const handler = { message() {} };
    assertStrictEquals(mount.websocketWith(handler), handler);
    mount.websocket.message(undefined, ""); // which nobody calls here
    host.stop();
    await world.clock.until(server.stop());
  });
});

describe("MemoryLink", () => {
  it("cut() is seen by both sides one latency later, and loses what is under way", async () => {
    const world = await World.start();
    const { ws, link } = await world.pair();
    assertEquals([link.url, link.peer.hostname], ["ws://localhost/", "127.0.0.1"]);
    void ws.send("lost");
    link.cut();
    void ws.send("lost, too");
    assertEquals(await world.told(9), []);
    assertEquals(await world.told(1), [...LOST, ...CLIENT_LOST]);
    assertEquals(ws.state, "idle");
    link.cut(); // nothing is left to cut
    link.hold();
    link.release();
    await world.end();
  });

  it("cut() while connecting is a reset", async () => {
    const world = await World.start();
    const ws = world.client();
    await ws.connect("ws://localhost/");
    world.network.links[0]!.cut();
    assertEquals(await world.told(10), ["client: error 200 0"]);
    await world.end();
  });

  it("hold() lets nothing through and tells nobody, until the heartbeats run out", async () => {
    const world = await World.start({ pingInterval: 4, pongTimeout: 2 });
    const { ws, link } = await world.pair({ pingInterval: 3, pongTimeout: 2 });
    assertEquals(await world.told(60_000), []); // pings are answered
    link.hold();
    void ws.send("into the void");
    assertEquals(await world.told(1900), []);
    assertEquals((await world.told(5000)).sort(), [...CLIENT_LOST, ...LOST].sort());
    assertEquals([world.network.links, world.clock.pending], [[], 0]);
    await world.end();
  });

  it("hold() of one direction lets the other through", async () => {
    const world = await World.start();
    const { ws, link } = await world.pair();
    const [connection] = world.server.listAllConnections();
    link.hold("toServer");
    void ws.send("up");
    void world.server.send("down", connection!);
    assertEquals(await world.told(100), ["client: message down"]);
    link.release("toServer");
    link.hold("toClient");
    void world.server.send("down", connection!);
    assertEquals(await world.told(100), ["server: message up"]);
    link.cut();
    await world.end();
  });

  it("release() lets through what was held, in order", async () => {
    const world = await World.start();
    const { ws, link } = await world.pair();
    link.hold();
    link.hold(); // twice is once
    for (const data of ["one", "two"]) void ws.send(data);
    assertEquals(await world.told(1000), []);
    void ws.send("three");
    link.release();
    void ws.send("four");
    const all = ["one", "two", "three", "four"].map((data) => `server: message ${data}`);
    assertEquals(await world.told(10), all);
    await world.end();
  });

  it("keeps the end of a connection from the side that nothing reaches", async () => {
    const world = await World.start();
    const { ws, link } = await world.pair({ pingInterval: 1, pongTimeout: 1 });
    link.hold("toServer");
    assertEquals(await world.told(2500), CLIENT_LOST);
    assertEquals(ws.state, "idle");
    assertEquals(world.server.listAllConnections().length, 1);
    link.release();
    assertEquals(await world.told(10), LOST);
    await world.end();
  });
});

/** The error a promise rejects with while time passes. */
async function clockRejection(world: World, promise: Promise<unknown>): Promise<Error> {
  return await assertRejects(() => world.clock.until(promise), Error);
}

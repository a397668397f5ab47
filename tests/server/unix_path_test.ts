/** A server on a Unix socket, behind a proxy. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { deadline } from "@std/async";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createWebSocket, createWebSocketServer, type WebSocketUnixConfig } from "../../mod.ts";
import { FakeClock, MemoryNetwork } from "../../testing.ts";
import { ask } from "../helpers/http.ts";
import { RawPeers } from "../helpers/raw_peers.ts";
import { nginxBefore } from "../helpers/reverse_proxies.ts";
import { TcpServer } from "../helpers/tcp.ts";
import { assertRefused, LIMIT_MS, WatchedServer } from "../helpers/watched_server.ts";
import { TEXT } from "../peers/raw.ts";

let folder: string;
let path: string;

/** A server on the socket. */
async function start(config: Partial<WebSocketUnixConfig> = {}): Promise<WatchedServer> {
  const watched = new WatchedServer();
  assertEquals(await watched.server.start({ unixPath: path, ...config }), true);
  return watched;
}

/** A port of 127.0.0.1 that leads to the socket and changes nothing. */
function door(): Promise<TcpServer> {
  return TcpServer.listen((client) => {
    const target = connect(path);
    target.on("error", () => {});
    target.once("close", () => client.destroy());
    client.once("close", () => target.destroy());
    client.pipe(target);
    target.pipe(client);
  });
}

describe("createWebSocketServer().start({ unixPath })", () => {
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "unix-"));
    path = join(folder, "ws.sock");
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("serves peers that have no address, and numbers them", async () => {
    const watched = await start({ path: "/chat" });
    assertEquals(watched.server.address, { hostname: "unix", port: 0, path });
    watched.echo();
    {
      await using tcp = await door();
      await using peers = new RawPeers(tcp);
      for (const n of [1, 2]) {
        const peer = await peers.connect({ line: "GET /chat?x HTTP/1.1" });
        const connection = await watched.connected(n);
        assertEquals({ ...connection }, { clientIP: "unix", clientPort: n });
        assertEquals([String(connection), connection.url], [`unix:${n}`, "/chat?x"]);
        peer.send(TEXT, `hello ${n}`);
        await deadline(peer.next(TEXT), LIMIT_MS);
        assertEquals(peer.texts(), [`hello ${n}`]);
        assertEquals(await watched.server.send("by a copy", { ...connection }), true);
      }
      const { status } = await peers.handshake({ line: "GET /other HTTP/1.1" });
      assertEquals(status, 404);
      assertEquals(await deadline(watched.server.stop(), LIMIT_MS), true);
    }
    assertEquals(existsSync(path), false);
    assertEquals(watched.server.address, undefined);
    assertEquals(watched.errors, []);
  });

  it("counts all of them as one client, and tells 'fetch' and 'authorize' who asks", async () => {
    const told: unknown[] = [];
    await using watched = await start({
      maxConnectionsForOneClient: 1,
      authorize: (_, { clientIP, clientPort }) => (told.push([clientIP, clientPort]), true),
      fetch: (request, { clientIP, remoteAddr }) =>
        Response.json([clientIP, remoteAddr.transport, new URL(request.url).pathname]),
    });
    await using tcp = await door();
    await using peers = new RawPeers(tcp);
    await peers.connect();
    assertEquals((await peers.handshake()).status, 429);
    assertEquals(told, [["unix", 1]]);
    const { body } = await ask(tcp.port, { line: "GET /page HTTP/1.1" });
    assertEquals(JSON.parse(body), ["unix", "unix", "/page"]);
    await watched.server.stop();
  });

  if (nginxBefore !== undefined) {
    const before = nginxBefore;
    it("works behind nginx, which says who the client is", async () => {
      const watched = await start({
        clientAddress: ({ headers }, peer) => headers.get("x-forwarded-for") ?? peer.clientIP,
        allowedOrigins: "same-host",
      });
      watched.echo();
      await using proxy = await before(path);
      const url = `ws://127.0.0.1:${proxy.port}/a?b`;
      const ws = createWebSocket();
      const message = new Promise((resolve) => ws.on("message", (_, data) => resolve(data)));
      await ws.connect(url, { header: { origin: `http://127.0.0.1:${proxy.port}` } });
      await deadline(ws.opened, LIMIT_MS);
      const connection = await watched.connected();
      assertEquals([connection.clientIP, connection.url], ["127.0.0.1", "/a?b"]);
      await ws.send("through nginx");
      assertEquals(await deadline(message, LIMIT_MS), "through nginx");
      await ws.close();
      await ws.closed;
      const stranger = createWebSocket();
      await stranger.connect(url, { header: { origin: "http://example.com" } });
      const error = await stranger.opened.catch((error: { data?: string }) => error);
      assertEquals((error as { data?: string }).data, "403");
      await watched.server.stop();
    });
  }

  it("lets 'clientAddress' say no more than who is connected", async () => {
    const watched = await start({
      clientAddress: ({ headers }, peer) => headers.get("x-real-ip") ?? peer.clientIP,
    });
    {
      await using tcp = await door();
      await using peers = new RawPeers(tcp);
      await peers.connect();
      assertEquals(String(await watched.connected()), "unix:1");
      await peers.connect({ headers: { "x-real-ip": "192.0.2.7" } });
      assertEquals(String(await watched.connected(2)), "192.0.2.7:2");
      await deadline(watched.server.stop(), LIMIT_MS);
    }
    assertEquals(watched.errors, []);
  });

  it("is refused where the path is taken, by a server or by a file", async () => {
    const watched = await start();
    const other = createWebSocketServer();
    await assertRefused(() => other.start({ unixPath: path }), 2302007, path);
    await assertRefused(() => watched.server.start({ unixPath: path }), 2302007, `on ${path}`);
    const elsewhere = () => watched.server.start({ unixPath: `${path}2` });
    await assertRefused(elsewhere, 2302999, `running already, on ${path}`);
    await assertRefused(() => watched.server.start({ serverPort: 0 }), 2302999, `on ${path}`);
    await watched.server.stop();
    writeFileSync(path, "");
    await assertRefused(() => other.start({ unixPath: path }), 2302007, path);
    rmSync(path);
    assertEquals(await other.start({ unixPath: path }), true);
    await other.stop();
  });

  it("is refused with 2302999 where there can be no socket", async () => {
    for (const bad of [join(folder, "nowhere", "x"), join(folder, "x".repeat(120))]) {
      const start = () => createWebSocketServer().start({ unixPath: bad });
      const error = await assertRefused(start, 2302999, `start: ${bad}: `);
      assertEquals(error.kind, "listenFailed");
    }
  });

  it("takes no options of a port beside it", async () => {
    const cert = { certPath: "a", keyPath: "b" };
    const beside = { serverPort: 0, serverIP: "127.0.0.1", serverCert: cert, reusePort: true };
    for (const [name, value] of Object.entries(beside)) {
      const config = { unixPath: path, [name]: value } as never;
      await assertRefused(
        () => createWebSocketServer().start(config),
        401,
        `start: '${name}' must be left out where 'unixPath' is given: current value is`,
      );
    }
  });

  it("must be a path; '' is none", async () => {
    for (const wrong of [5, null, true, {}, "a\0b"]) {
      const config = { unixPath: wrong } as never;
      await assertRefused(() => createWebSocketServer().start(config), 401, "start: 'unixPath'");
    }
    const none = { unixPath: "" } as never;
    await assertRefused(() => createWebSocketServer().start(none), 401, "start: 'serverPort'");
  });

  it("is on the memory network, too", async () => {
    const clock = new FakeClock();
    const network = new MemoryNetwork({ clock });
    const server = createWebSocketServer({ clock, runtime: network.server });
    await server.start({ unixPath: "/run/ws" });
    assertEquals(server.address, { hostname: "unix", port: 0, path: "/run/ws" });
    const other = createWebSocketServer({ clock, runtime: network.server });
    await assertRefused(() => other.start({ unixPath: "/run/ws" }), 2302007);
    const ws = createWebSocket({ clock, runtime: network.clientAt("unix:/run/ws") });
    await ws.connect("ws://localhost/x");
    await clock.advance(10);
    const [connection] = server.listAllConnections();
    assertEquals([String(connection), connection!.url], ["unix:1", "/x"]);
    const lost = createWebSocket({ clock, runtime: network.clientAt("unix:/run/other") });
    await lost.connect("ws://localhost/x");
    const failed = lost.opened.catch((error: Error) => error);
    await clock.advance(10);
    assertStringIncludes(((await failed) as Error).message, "connection refused");
    await clock.until(server.stop());
    await clock.advance(10);
    assertEquals(clock.pending, 0);
  });
});

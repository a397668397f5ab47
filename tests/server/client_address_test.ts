import { assert, assertEquals, assertMatch } from "@std/assert";
import { deadline } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import type { WebSocketServerConfig } from "../../mod.ts";
import { exchange } from "../helpers/http.ts";
import { RawPeers } from "../helpers/raw_peers.ts";
import { REVERSE_PROXIES } from "../helpers/reverse_proxies.ts";
import { LIMIT_MS, WatchedServer } from "../helpers/watched_server.ts";
import { TEXT } from "../peers/raw.ts";

type ClientAddress = NonNullable<WebSocketServerConfig["clientAddress"]>;

/** What a proxy says. */
const forwardedFor: ClientAddress = ({ headers }) => headers.get("x-forwarded-for") ?? "";

/** A request that names a client itself, as a proxy would. */
const claim = (ip: string) => ({ headers: { "x-forwarded-for": ip } });

for (const [name, startProxy] of Object.entries(REVERSE_PROXIES)) {
  describe(`createWebSocketServer().start({ clientAddress }) behind ${name}`, () => {
    it("makes the address that the proxy names the client's", async () => {
      await using watched = await WatchedServer.start({ clientAddress: forwardedFor });
      watched.echo();
      await using proxy = await startProxy(watched.port);
      await using peers = new RawPeers(proxy);
      for (const n of [2, 3]) {
        // What the client claims itself does not count.
        const peer = await peers.connect({ from: `127.0.0.${n}`, ...claim("9.9.9.9") });
        const connection = await watched.connected(n - 1);
        assertEquals(connection.clientIP, `127.0.0.${n}`);
        assertEquals(`${connection}`, `127.0.0.${n}:${connection.clientPort}`);
        peer.send(TEXT, `I am ${n}`);
        await deadline(peer.next(TEXT), LIMIT_MS);
        assertEquals(peer.texts(), [`I am ${n}`]);
      }
      assertEquals(watched.errors, []);
    });

    it("makes the limits count that address", async () => {
      await using watched = await WatchedServer.start({
        clientAddress: forwardedFor,
        maxConcurrentClientsNumber: 2,
        maxConnectionsForOneClient: 2,
      });
      await using proxy = await startProxy(watched.port);
      await using peers = new RawPeers(proxy);
      const [first] = await peers.fillUp(2, 2);
      first!.close();
      await watched.closed();
      await peers.connect({ from: "127.0.0.1" });
      assertEquals((await peers.handshake({ from: "127.0.0.1" })).status, 429);
    });

    it("is the proxy's own address when left out", async () => {
      await using watched = await WatchedServer.start({ maxConnectionsForOneClient: 1 });
      await using proxy = await startProxy(watched.port);
      await using peers = new RawPeers(proxy);
      await peers.connect({ from: "127.0.0.2" });
      assertEquals((await watched.connected()).clientIP, "127.0.0.1");
      assertEquals((await peers.handshake({ from: "127.0.0.3" })).status, 429);
    });
  });
}

describe("createWebSocketServer().start({ clientAddress })", () => {
  it("is asked with the request and the address of who is connected", async () => {
    const seen: unknown[] = [];
    const clientAddress: ClientAddress = ({ url }, { clientIP, clientPort }) => {
      seen.push([new URL(url).pathname, clientIP, clientPort]);
      return "192.0.2.1";
    };
    await using watched = await WatchedServer.start({ clientAddress });
    await using peers = new RawPeers(watched);
    const { socket } = await peers.connect({ line: "GET /room HTTP/1.1", from: "127.0.0.2" });
    const connection = await watched.connected();
    assertEquals(seen, [["/room", "127.0.0.2", socket.localPort]]);
    assertEquals([connection.clientIP, connection.clientPort], ["192.0.2.1", socket.localPort!]);
  });

  it("may take its time", async () => {
    const clientAddress: ClientAddress = async (request, peer) => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      return forwardedFor(request, peer);
    };
    await using watched = await WatchedServer.start({ clientAddress });
    await using peers = new RawPeers(watched);
    await peers.connect(claim("192.0.2.1"));
    assertEquals((await watched.connected()).clientIP, "192.0.2.1");
  });

  it("may name IPv6 addresses, and mapped ones, which are plain IPv4", async () => {
    await using watched = await WatchedServer.start({
      clientAddress: forwardedFor,
      maxConnectionsForOneClient: 1,
    });
    await using peers = new RawPeers(watched);
    await peers.connect(claim("2001:db8::1"));
    const connection = await watched.connected();
    assertEquals(`${connection}`, `[2001:db8::1]:${connection.clientPort}`);
    await peers.connect(claim("::ffff:192.0.2.1"));
    assertEquals((await watched.connected(2)).clientIP, "192.0.2.1");
    for (const alike of ["192.0.2.1", "::ffff:c000:201", "0:0:0:0:0:FFFF:c000:0201"]) {
      assertEquals((await peers.handshake(claim(alike))).status, 429, alike);
    }
  });

  const failures: Record<string, (request: Request) => unknown> = {
    "fails": () => {
      throw new RangeError("who?");
    },
    "answers no address": () => "garbage",
    "answers two": () => "192.0.2.1, 192.0.2.2",
    "answers an address with a port": () => "192.0.2.1:80",
    "answers nothing": () => "",
    "answers undefined": () => undefined,
    "answers a number": () => 127,
  };
  for (const [what, fail] of Object.entries(failures)) {
    it(`answers 500 and tells 'error' when it ${what}`, async () => {
      const clientAddress = ((request: Request) =>
        request.headers.has("cookie") ? "192.0.2.1" : fail(request)) as ClientAddress;
      await using watched = await WatchedServer.start({
        clientAddress,
        maxConnectionsForOneClient: 1,
      });
      for (let n = 1; n <= 2; n++) {
        const { status, body } = await exchange(watched.port);
        assertEquals([status, body], [500, ""]);
      }
      await using peers = new RawPeers(watched);
      await peers.connect({ headers: { cookie: "a=1" } });
      await watched.connected();
      assertEquals(watched.log, [...Array(2).fill("error 2302999 undefined"), "connect"]);
      const [error] = watched.errors;
      assertMatch(error!.message, /^Websocket Unknown Other Error: 'clientAddress' failed: /);
      assert(error!.cause instanceof (what === "fails" ? RangeError : TypeError));
    });
  }
});

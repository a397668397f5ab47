/** A server in the shape of npm's `ws`. */

import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { IncomingMessage } from "node:http";
import { inspect } from "node:util";
import { BusinessError, createWebSocketServer } from "../../mod.ts";
import { type WsServer, wsServer } from "../../node.ts";
import { within } from "../helpers/client.ts";
import { assertUnsupported, pair, told } from "../helpers/ws_pair.ts";
import { CLOSE, rawConnect, readClose } from "../peers/raw.ts";

describe("wsServer()", () => {
  it("tells of each connection with a socket and the request", async () => {
    const { server, wss, socket, request, peer } = await pair({ protocol: "chat" }, {
      line: "GET /room?a=1 HTTP/1.1",
      headers: { "sec-websocket-protocol": "chat", "x-user": "anna" },
    });
    assertInstanceOf(request, IncomingMessage);
    assertEquals([request.method, request.url, request.headers["x-user"]], [
      ...["GET", "/room?a=1", "anna"],
    ]);
    // As Node's own: who takes a request for one that is still to be read listens to its socket.
    const { complete, httpVersionMajor, httpVersionMinor } = request;
    assertEquals([complete, httpVersionMajor, httpVersionMinor], [true, 1, 1]);
    assertEquals((request as { upgrade?: unknown }).upgrade, true);
    const { remoteAddress, remotePort } = request.socket;
    assertEquals([remoteAddress, remotePort], ["127.0.0.1", peer.socket.localPort]);
    assertEquals([socket.protocol, socket.url, socket.extensions], ["chat", "/room?a=1", ""]);
    assertEquals([socket.readyState, socket.OPEN, socket.bufferedAmount], [1, 1, 0]);
    assertEquals([...wss.clients], [socket]);
    assertEquals(wss.address(), {
      address: "127.0.0.1",
      family: "IPv4",
      port: server.address!.port,
    });
    const closed = told(socket, "close");
    await server.stop();
    await closed;
    assertEquals(wss.clients.size, 0);
    assertEquals(wss.address(), null);
  });

  it("shows its sockets as a Set that nobody can change", async () => {
    const { server, wss, socket } = await pair();
    const { clients } = wss;
    assertInstanceOf(clients, Set);
    assertEquals([clients.size, clients.has(socket)], [1, true]);
    assertEquals([[...clients.keys()], [...clients.values()]], [[socket], [socket]]);
    assertEquals([...clients.entries()], [[socket, socket]]);
    assertEquals(inspect(clients), inspect(new Set([socket])));
    const seen: unknown[] = [];
    clients.forEach(function (this: unknown, ...all) {
      seen.push(this, ...all);
    }, "this");
    assertEquals(seen.length, 4);
    assert(
      String(seen[0]) === "this" && seen[1] === socket && seen[2] === socket && seen[3] === clients,
    );
    const others = new Set<unknown>(["another"]);
    assertEquals([...clients.union(others)], [socket, "another"]);
    assertEquals([...clients.difference(others)], [socket]);
    assertEquals([...clients.difference(new Set([socket]))], []);
    assertEquals([...clients.intersection(new Set([socket, "another"]))], [socket]);
    assertEquals([...clients.symmetricDifference(others)], [socket, "another"]);
    assertEquals([clients.isSubsetOf(others), clients.isSubsetOf(new Set([socket]))], [
      false,
      true,
    ]);
    assertEquals([clients.isSupersetOf(others), clients.isSupersetOf(clients)], [false, true]);
    assertEquals([clients.isDisjointFrom(others), clients.isDisjointFrom(clients)], [true, false]);
    assertEquals([...new Set([socket]).union(clients)], [socket]);
    assertUnsupported(() => clients.add(socket), "clients.add");
    assertUnsupported(() => clients.delete(socket), "clients.delete");
    assertUnsupported(() => clients.clear(), "clients.clear");
    const closed = told(socket, "close");
    for (const one of clients) one.terminate();
    await closed;
    assertEquals([clients.size, clients.has(socket), [...clients]], [0, false, []]);
    await server.stop();
  });

  it("stops with close(), and calls back", async () => {
    const { wss, socket, peer } = await pair();
    const ended = Promise.all([told(socket, "close"), told(wss, "close")]);
    await within(new Promise<void>((resolve) => wss.close(() => resolve())));
    const [[code, reason]] = await ended;
    assertEquals([code, String(reason)], [1001, "server is going away"]);
    assertEquals(readClose(await within(peer.next(CLOSE))).code, 1001);
    const error = await within(new Promise((resolve) => wss.close(resolve)));
    assertInstanceOf(error, BusinessError);
  });

  it("throws for what it cannot do", () => {
    const wss = wsServer(createWebSocketServer());
    assertUnsupported(() => wss.handleUpgrade(), "handleUpgrade");
    assertUnsupported(() => wss.shouldHandle(), "shouldHandle");
  });

  it("leaves a server alone that says nothing of requests", async () => {
    const inner = createWebSocketServer();
    // A server behind an object of one's own, as a test may have it.
    const proxy = new Proxy(inner, {
      get: (target, name) => {
        const value = Reflect.get(target, name, target);
        if (typeof name === "symbol") return undefined;
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    const wss = wsServer(proxy);
    await inner.start({ serverPort: 0, serverIP: "127.0.0.1" });
    const connected = requestFrom(wss);
    const peer = await within(rawConnect(inner.address!.port));
    assertEquals((await within(connected)).headers, {});
    peer.end();
    await inner.stop();
  });
});

function requestFrom(wss: WsServer): Promise<IncomingMessage> {
  return new Promise((resolve) => wss.on("connection", (_, request) => resolve(request)));
}

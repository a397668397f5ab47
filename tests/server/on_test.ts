/** `on` and `off` of a server, and what may be done in a listener of 'connect'. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { deadline } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { BusinessError, type WebSocketConnection } from "../../mod.ts";
import { RawPeers } from "../helpers/raw_peers.ts";
import { LIMIT_MS, WatchedServer } from "../helpers/watched_server.ts";
import { BINARY, CLOSE, readClose, TEXT } from "../peers/raw.ts";

describe("createWebSocketServer().on('connect')", () => {
  it("can send, list and close inside the listener", async () => {
    await using watched = await WatchedServer.start();
    const { server } = watched;
    const seen: unknown[] = [];
    server.on("connect", (connection) => {
      seen.push(server.listAllConnections().includes(connection));
      void server.send("one", connection);
      void server.send(new Uint8Array([2]), connection);
      void server.close(connection, { code: 3001, reason: "that is all" });
      void server.send("late", connection).catch((error) => seen.push(error.code));
      void server.close(connection).catch((error) => seen.push(error.code));
    });
    await using peers = new RawPeers(watched);
    const peer = await peers.connect();
    const close = await deadline(peer.next(CLOSE), LIMIT_MS);
    assertEquals(readClose(close), { code: 3001, reason: "that is all" });
    assertEquals(peer.frames.map(({ opcode }) => opcode), [TEXT, BINARY, CLOSE]);
    assertEquals(await watched.closed(), { code: 3001, reason: "that is all" });
    assertEquals(seen, [true, -1, 2302999]);
    assertEquals(watched.log, ["connect", "close 3001 that is all"]);
    assertEquals(server.listAllConnections(), []);
  });

  it("comes before the peer's first message", async () => {
    await using watched = await WatchedServer.start();
    await using peers = new RawPeers(watched);
    for (let i = 0; i < 20; i++) {
      const peer = await peers.connect();
      peer.send(TEXT, "first");
    }
    await watched.until(() => watched.messages.length === 20);
    const known = new Set<WebSocketConnection>();
    let at = 0;
    for (const line of watched.log) {
      if (line === "connect") known.add(watched.connections[known.size]!);
      else assert(known.has(watched.messages[at++]!.clientConnection));
    }
    assertEquals(at, 20);
  });

  it("tells no message of a peer that is being closed", async () => {
    await using watched = await WatchedServer.start();
    const { server } = watched;
    server.on("messageReceive", ({ clientConnection }) => void server.close(clientConnection));
    await using peers = new RawPeers(watched);
    const peer = await peers.connect();
    for (let i = 0; i < 10; i++) peer.send(TEXT, `${i}`);
    await deadline(peer.ended, LIMIT_MS);
    const next = await peers.connect();
    next.send(TEXT, "next");
    await watched.until(() => watched.closes.length === 2);
    assertEquals(watched.log, [
      "connect",
      "message 0",
      "close 1000 CLOSE_NORMAL",
      "connect",
      "message next",
      "close 1000 CLOSE_NORMAL",
    ]);
  });
});

describe("createWebSocketServer().on() and off()", () => {
  it("throw 401 when an argument is of the wrong type, and ignore an unknown event", async () => {
    await using watched = await WatchedServer.start();
    const { server } = watched;
    const call = (method: "on" | "off", ...args: unknown[]) => () =>
      (server[method] as (...args: unknown[]) => void)(...args);
    for (const type of [undefined, null, 5, {}, Symbol("connect"), ["connect"]]) {
      for (const method of ["on", "off"] as const) {
        const error = assertThrows(call(method, type, () => {}), BusinessError, "Parameter error");
        assertEquals(error.code, 401);
      }
    }
    for (const listener of [null, 5, "x", {}]) {
      for (const method of ["on", "off"] as const) {
        const error = assertThrows(call(method, "connect", listener), BusinessError);
        assertEquals(error.code, 401);
      }
    }
    assertEquals(assertThrows(call("on", "connect"), BusinessError).code, 401);
    for (const name of ["nothing", "", "toString", "__proto__", "constructor", "open"]) {
      call("on", name, () => {})();
      call("off", name, () => {})();
      call("off", name)();
    }
    await using peers = new RawPeers(watched);
    await peers.connect();
    await watched.connected();
  });

  it("keep several listeners in the order they were added, one and the same once", async () => {
    await using watched = await WatchedServer.start();
    const { server } = watched;
    const log: string[] = [];
    const one = () => void log.push("one");
    const two = () => void log.push("two");
    const three = () => {
      log.push("three");
      server.off("connect", one); // counts from the next event on
    };
    for (const listener of [one, two, one, three]) server.on("connect", listener);
    await using peers = new RawPeers(watched);
    await peers.connect();
    await watched.connected(1);
    assertEquals(log, ["one", "two", "three"]);
    await peers.connect();
    await watched.connected(2);
    assertEquals(log.slice(3), ["two", "three"]);
    server.off("connect", two);
    server.off("connect", () => {});
    const { promise, resolve } = Promise.withResolvers<void>();
    server.on("connect", () => resolve());
    await peers.connect();
    await deadline(promise, LIMIT_MS);
    assertEquals(log.slice(5), ["three"]);
    server.off("connect");
    const last = await peers.connect();
    last.send(TEXT, "x");
    await watched.until(() => watched.messages.length === 1);
    assertEquals(log.length, 6);
    assertEquals(watched.connections.length, 3);
  });
});

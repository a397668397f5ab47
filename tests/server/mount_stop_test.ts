/** The end of a mounted server, of its host, and of who waits in between. */

import { assert, assertEquals } from "@std/assert";
import { deadline, delay } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { createWebSocket, type WebSocketMount } from "../../mod.ts";
import { ask, exchange } from "../helpers/http.ts";
import { HERE, onDeno } from "../helpers/programs.ts";
import { RawPeers } from "../helpers/raw_peers.ts";
import { Stopwatch } from "../helpers/stopwatch.ts";
import { type HostHandler, TestHost } from "../helpers/test_host.ts";
import { LIMIT_MS, WatchedServer } from "../helpers/watched_server.ts";
import { CLOSE, readClose, requestHead, TEXT } from "../peers/raw.ts";
import type { BareBunServer } from "../runtime/bare.ts";
import { MountedServer } from "../helpers/mounted_server.ts";

describe("a mounted server's stop()", () => {
  it("tells every peer 1001 and leaves the host alone, which has it answer 503", async () => {
    await using world = await MountedServer.start();
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
    await using world = await MountedServer.start();
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
    await using world = await MountedServer.start({ authorize });
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

describe("a host that is given to another server while the first has connections", () => {
  for (const end of ["peer", "stop"] as const) {
    it(`has their 'close' told by the first: ${end}`, async () => {
      await using first = new WatchedServer();
      await using second = new WatchedServer();
      const [one, other] = [await first.server.mount({}), await second.server.mount({})];
      let current = one;
      await using host = new TestHost((request, info) => current.fetch(request, info), one);
      await using peers = new RawPeers(host);
      const peer = await peers.connect();
      await first.connected();
      current = other;
      host.reload(other.websocket);
      const next = await peers.connect();
      await second.connected();
      peer.send(TEXT, "still here");
      await first.until(() => first.messages.length === 1);
      const watch = new Stopwatch();
      if (end === "peer") peer.close(4000, "bye");
      else assertEquals(await first.server.stop(), true);
      await first.closed();
      watch.assertLess(2000); // where the end of a connection is not told, stop() takes 4 s
      const told = end === "peer" ? "close 4000 bye" : "close 1001 server is going away";
      assertEquals(first.log.at(-1), told);
      next.send(TEXT, "here, too");
      await second.until(() => second.messages.length === 1);
      assertEquals([first.errors, second.errors, second.closes.length], [[], [], 0]);
    });
  }
});

describe("a host that another stack has had before, on Bun", () => {
  it("has what that has left closed with 1011 as it says something, and hears why", async () => {
    if (onDeno) return; // each connection has its own handler
    await using watched = new WatchedServer();
    const mount = await watched.server.mount({});
    let current: HostHandler = (request, info) => void (info as BareBunServer).upgrade(request);
    const websocket = { message() {} };
    await using host = new TestHost((request, info) => current(request, info), { websocket });
    await using peers = new RawPeers(host);
    const stranger = await peers.connect();
    current = mount.fetch;
    host.reload(mount.websocket);
    await peers.connect();
    await watched.connected();
    for (let i = 0; i < 2; i++) stranger.send(TEXT, "still here");
    assertEquals(readClose(await deadline(stranger.next(CLOSE), LIMIT_MS)).code, 1011);
    assertEquals(watched.errors.map(({ kind }) => kind), ["hostFault"]);
    assertEquals([watched.messages, watched.closes], [[], []]);
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
      await using world = await MountedServer.start({ authorize, maxConnectionsForOneClient: 1 });
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
      await using world = await MountedServer.start();
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
      // By force, Deno 2.9.6 sends a code that nobody may send, and takes no answer.
      const deno = force ? { code: 1005, reason: "" } : {
        code: 1001,
        reason: "Server shutting down",
      };
      const { code, reason } = readClose(await deadline(all[0]!.next(CLOSE), LIMIT_MS))!;
      const sent = HERE === "deno"
        ? deno
        : force
        ? { code: 1001, reason: "Server closed" }
        : { code: 1000, reason: "bye" };
      assertEquals({ code, reason }, sent);
    });
  }
});

/** What a host gets wrong, and what the server that is mounted in it says. */

import { assertEquals, assertStrictEquals, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { type BusinessError, createWebSocketServer, type WebSocketObserver } from "../../mod.ts";
import { FakeClock } from "../../testing.ts";
import { exchange } from "../helpers/http.ts";
import { HERE } from "../helpers/programs.ts";
import { ScriptedServer } from "../helpers/scripted_runtime.ts";
import { TestHost } from "../helpers/test_host.ts";
import { WatchedServer } from "../helpers/watched_server.ts";
import { openTcp, requestHead, TEXT } from "../peers/raw.ts";
import { hostFault, MountedServer } from "../helpers/mounted_server.ts";

describe("what a host gets wrong", () => {
  it("is told where 'fetch' is not given what knows the address", async () => {
    await using world = await MountedServer.start({}, ({ fetch }) => (request) => fetch(request));
    assertEquals((await exchange(world.host.port)).status, 500);
    const says = HERE === "deno" ? "mount.fetch(request, info)" : "mount.fetch(request, server)";
    assertStringIncludes(hostFault(world.watched), says);
  });

  it("is told where it was given something else for it", async () => {
    const wrong = { remoteAddr: {}, server: {}, bun: {}, deno: { info: 5 } };
    await using world = await MountedServer.start(
      {},
      ({ fetch }) => (request) => fetch(request, wrong),
    );
    assertEquals((await exchange(world.host.port)).status, 500);
    assertStringIncludes(hostFault(world.watched), "Pass on what the host was given");
  });

  it("is told where 'fetch' is given no Request", async () => {
    await using world = await MountedServer.start(
      {},
      ({ fetch }) => (_, info) => fetch("c" as never, info),
    );
    assertEquals((await exchange(world.host.port)).status, 500);
    assertStringIncludes(hostFault(world.watched), "was not given a Request");
  });

  it("is told on Bun where a router hands on a Proxy of the request, as itty-router's does", async () => {
    await using world = await MountedServer.start({}, ({ fetch }) => (request, info) => {
      const handed = new Proxy(request, {
        get(one, name) {
          const found = Reflect.get(one, name);
          return typeof found === "function" ? found.bind(one) : found;
        },
      });
      return fetch(handed, info);
    });
    const { status } = await exchange(world.host.port);
    assertEquals(status, HERE === "deno" ? 101 : 500);
    if (HERE === "bun") assertStringIncludes(hostFault(world.watched), "is a Proxy");
  });

  it("is told where the request was upgraded already", async () => {
    await using world = await MountedServer.start({}, ({ fetch }) => async (request, info) => {
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
    await using world = await MountedServer.start(
      { authorize },
      ({ fetch }) => async (request, info) => {
        const [first, second] = await Promise.all([fetch(request, info)!, fetch(request, info)!]);
        // To Deno such a request is one whose client has left.
        assertEquals(second.status, HERE === "deno" ? 400 : 500);
        return first;
      },
    );
    const peer = await world.peers.connect();
    await world.watched.until(() => world.watched.log.length === (HERE === "deno" ? 1 : 2));
    if (HERE === "bun") assertStringIncludes(hostFault(world.watched), "upgraded already");
    peer.send(TEXT, "here");
    await world.watched.until(() => world.watched.messages.length === 1);
    assertEquals(world.watched.server.listAllConnections().length, 1);
  });

  it("is told where what is used up is asked for by its own 'fetch'", async () => {
    const config = { fetch: () => new Response("ours") };
    await using world = await MountedServer.start(config, ({ fetch }) => async (request, info) => {
      const first = await fetch(request, info)!;
      assertEquals((await fetch(request, info)!).status, 500);
      return first;
    });
    await world.peers.connect();
    await world.watched.until(() => world.watched.log.length === 2);
    assertStringIncludes(hostFault(world.watched), "answered or upgraded already");
  });

  it("is not what clients do who leave as they ask, on Bun, where that is known", async () => {
    if (HERE === "deno") return;
    await using world = await MountedServer.start();
    const { host: { port }, peers, watched } = world;
    for (let left = 0; left < 20; left++) {
      const socket = await openTcp(port);
      socket.write(requestHead(port), () => socket.resetAndDestroy());
    }
    (await peers.connect()).send(TEXT, "here");
    await watched.until(() => watched.messages.length === 1);
    assertEquals(watched.errors.filter(({ kind }) => kind === "hostFault"), []);
  });

  it("is told where Bun has no handler; elsewhere there is no need of one", async () => {
    await using world = await MountedServer.start({}, undefined, () => undefined);
    const { status } = await world.peers.handshake();
    if (HERE === "deno") return assertEquals(status, 101);
    assertEquals(status, 500);
    assertStringIncludes(hostFault(world.watched), "websocket: mount.websocket");
  });

  it("is told where Bun has another's handler alone; elsewhere each has its own", async () => {
    await using world = await MountedServer.start({}, undefined, () => ({ message() {} }));
    assertEquals((await world.peers.handshake()).status, 101);
    if (HERE === "deno") return void await world.watched.connected();
    await world.watched.until(() => world.watched.errors.length === 1);
    assertStringIncludes(hostFault(world.watched), "mount.websocketWith(other)");
  });

  it("is told where nothing comes of a client that was let in", async () => {
    const clock = new FakeClock();
    const runtime = new ScriptedServer();
    const handshakes: unknown[] = [];
    const observer: WebSocketObserver = {
      asked: (handshake) => handshakes.push(handshake),
      refused: (status, _, reason, handshake) => handshakes.push(status, reason, handshake),
      abandoned: () => handshakes.push("abandoned"),
    };
    await using watched = new WatchedServer({ clock, runtime, observer });
    await watched.server.mount({});
    runtime.enter();
    await clock.advance(2000);
    const [asked, status, reason, refused, ...more] = handshakes;
    assertEquals([status, reason, more], [500, "upgrade_failed", []]);
    assertStrictEquals(refused, asked);
    assertStringIncludes(hostFault(watched), "127.0.0.1:50000 was let in and did not open");
    assertStringIncludes(hostFault(watched), "with the Response of 'fetch'");
    const [{ clientIP, clientPort }] = watched.errors as [BusinessError];
    assertEquals([clientIP, clientPort], ["127.0.0.1", 50_000]);
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

/** `./testing`: where servers are on the network in memory, and who comes to which. */

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocket, createWebSocketServer, type WebSocketServer } from "../../mod.ts";
import { FakeClock, MemoryNetwork } from "../../testing.ts";
import { Certificates } from "../helpers/certificates.ts";
import { refusal } from "../helpers/client.ts";
import { assertRefused } from "../helpers/watched_server.ts";

/** A network, and what makes servers and clients on it. All are ended at the end of the block. */
class World implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly network = new MemoryNetwork({ clock: this.clock });
  readonly #servers: WebSocketServer[] = [];

  server(): WebSocketServer {
    const { clock, network } = this;
    const server = createWebSocketServer({ clock, runtime: network.server });
    this.#servers.push(server);
    return server;
  }

  /** Lets a client connect; gives what came of it. */
  async connect(url: string, options: object = {}, from = "127.0.0.1") {
    const { clock, network } = this;
    const ws = createWebSocket({ clock, runtime: network.clientAt(from) });
    const told: string[] = [];
    ws.on("error", ({ message }) => told.push(message));
    await ws.connect(url, options);
    await clock.advance(10);
    return { ws, told };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers) {
      if (server.address !== undefined) await this.clock.until(server.stop());
    }
    await this.clock.advance(60_000);
    assertEquals([this.clock.pending, this.network.links], [0, []]);
  }
}

/** How long a server that stops waits for answers that are under way, in ms (docs/server.md). */
const WAITED_MS = 4400;

const FAILED = "Websocket connect failed: ";

describe("a server on the network in memory", () => {
  it("is given the first free port, then the next", async () => {
    await using world = new World();
    const ports: number[] = [];
    await world.server().start({ serverPort: 49_153 });
    for (let i = 0; i < 3; i++) {
      const server = world.server();
      await server.start({ serverPort: 0 });
      ports.push(server.address!.port);
    }
    assertEquals(ports, [49_152, 49_154, 49_155]);
  });

  it("is told in a header whom a URL names, as on the runtimes", async () => {
    await using world = new World();
    const seen: (string | null)[] = [];
    const host = world.network.serve(80, ({ url, headers }) => {
      seen.push(url, headers.get("authorization"));
      return new Response();
    });
    await world.connect("ws://ada:l%C3%A9@localhost/chat");
    await world.connect("ws://:b@localhost/chat");
    await world.connect("ws://ada:b@localhost/chat", { header: { authorization: "mine" } });
    host.stop();
    const url = "http://localhost/chat";
    assertEquals(seen, [url, "Basic YWRhOmzDqQ==", url, "Basic OmI=", url, "mine"]);
  });

  it("is given the last port that is free, and none where none is", async () => {
    await using world = new World();
    const serve = () => world.network.serve(0, () => new Response());
    const hosts = Array.from({ length: 16_384 }, serve);
    hosts.at(-1)!.stop();
    assertEquals(serve().address.port, 65_535);
    assertThrows(serve, Error, "all ports");
  });

  it("begins anew with the free ports once it is through", async () => {
    await using world = new World();
    const ports = new Set<number>();
    for (let i = 0; i < 16_384 + 2; i++) {
      const host = world.network.serve(0, () => new Response());
      ports.add(host.address.port);
      host.stop();
    }
    assertEquals([ports.size, Math.min(...ports), Math.max(...ports)], [16_384, 49_152, 65_535]);
  });

  it("shares a port where all of those do, who take turns, and with nobody else", async () => {
    await using world = new World();
    const shared = { serverPort: 80, reusePort: true };
    const [one, two, other] = [world.server(), world.server(), world.server()];
    for (const server of [one, two]) await server.start(shared);
    await assertRefused(() => other.start({ serverPort: 80 }), 2302007);
    for (let i = 0; i < 4; i++) await world.connect("ws://localhost/");
    const counts = () => [one, two].map((server) => server.listAllConnections().length);
    assertEquals(counts(), [2, 2]);
    await world.clock.until(one.stop());
    await assertRefused(() => other.start({ serverPort: 80 }), 2302007); // one is left
    await world.connect("ws://localhost/");
    assertEquals(counts(), [0, 3]);
    await world.clock.until(two.stop());
    await other.start({ serverPort: 80 });
    await assertRefused(() => one.start(shared), 2302007);
    const { told } = await world.connect("ws://localhost:81/");
    assertEquals(told, [`${FAILED}connection refused`]);
  });

  it("is found by its path by who comes by that, whatever the port of the URL", async () => {
    await using world = new World();
    const server = world.server();
    await server.start({ unixPath: "/run/chat" });
    assertEquals(server.address, { hostname: "unix", port: 0, path: "/run/chat" });
    await assertRefused(() => world.server().start({ unixPath: "/run/chat" }), 2302007);
    for (const url of ["ws://localhost/", "ws://localhost:7/"]) {
      assertEquals((await world.connect(url, {}, "unix:/run/chat")).told, []);
    }
    const names = server.listAllConnections().map(({ clientIP, clientPort }) =>
      `${clientIP} ${clientPort}`
    );
    assertEquals(names, ["unix 1", "unix 2"]);
    assertEquals((await world.connect("ws://localhost/")).told.length, 1);
    assertEquals((await world.connect("ws://localhost/", {}, "unix:/run")).told.length, 1);
  });
});

describe("a host on the network in memory", () => {
  it("answers 500 where its handler throws, rejects, or gives nothing, and prints why", async () => {
    const { error } = console;
    const printed: unknown[] = [];
    console.error = (cause: Error) => void printed.push(cause.message);
    try {
      await using world = new World();
      const { clock, network } = world;
      const server = world.server();
      const mount = await server.mount();
      const ways: ((request: Request) => Promise<Response>)[] = [
        () => {
          throw new Error("thrown");
        },
        () => Promise.reject(new Error("rejected")),
        () => Promise.resolve(undefined as never),
      ];
      const host = network.serve(80, (request, info) => {
        const way = ways.shift();
        if (way !== undefined) return way(request);
        void mount.fetch(request, info);
        return undefined as never; // it has become a connection: whatever is answered is ignored
      });
      for (let n = 0; n < 3; n++) {
        const { told } = await world.connect("ws://localhost/");
        assertEquals(told, [`${FAILED}the server answered with HTTP status 500`]);
      }
      assertEquals((await world.connect("ws://localhost/")).told, []);
      assertEquals([printed, network.links.length], [
        ["thrown", "rejected", "the handler has given no Response"],
        1,
      ]);
      await clock.until(server.stop());
      host.stop();
    } finally {
      console.error = error;
    }
  });
});

describe("a server in a host on the network in memory", () => {
  it("knows where a client is, whatever the host writes into what it was told of that", async () => {
    await using world = new World();
    const server = world.server();
    const mount = await server.mount();
    const ports: number[] = [];
    const host = world.network.serve(80, (request, info) => {
      ports.push(info.remoteAddr.port);
      const answer = mount.fetch(request, info)!;
      Object.assign(info.remoteAddr, { hostname: "spoilt", port: 1 });
      return answer;
    });
    await world.connect("ws://localhost/");
    const [connection] = server.listAllConnections();
    assertEquals([connection?.clientIP, connection?.clientPort], ["127.0.0.1", ports[0]]);
    await world.clock.until(server.stop());
    host.stop();
  });

  it("is given what came of a client that has left while the host was at work", async () => {
    await using world = new World();
    const { clock, network } = world;
    const server = world.server();
    const told: string[] = [];
    server.on("connect", () => told.push("connect"));
    server.on("close", () => told.push("close"));
    const mount = await server.mount();
    const work = Promise.withResolvers<void>();
    const host = network.serve(80, async (request, info) => {
      await work.promise;
      return mount.fetch(request, info)!;
    });
    const { ws } = await world.connect("ws://localhost/");
    await ws.close();
    await clock.advance(10);
    work.resolve();
    await clock.advance(60_000);
    assertEquals([told, server.listAllConnections(), network.links], [[], [], []]);
    host.stop();
  });

  it("says so where 'fetch' is given something else than what the network tells", async () => {
    await using world = new World();
    const server = world.server();
    const told: string[] = [];
    server.on("error", ({ message }) => told.push(message));
    const mount = await server.mount();
    const headers = {
      ...{ host: "localhost", connection: "Upgrade", upgrade: "websocket" },
      ...{ "sec-websocket-version": "13", "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==" },
    };
    const answer = await mount.fetch(new Request("http://localhost/", { headers }), {} as never);
    assertEquals([answer?.status, told.length], [500, 1]);
    assertStringIncludes(told[0]!, "'fetch' was not given what the memory network tells");
  });
});

describe("a port on the network in memory", () => {
  it("must be one, with a function that answers", async () => {
    await using world = new World();
    const serve = (...args: unknown[]) => world.network.serve(...args as [number, () => Response]);
    const answer = () => new Response();
    for (const wrong of [[-1, answer], [65_536, answer], [1.5, answer], ["80", answer], [80, {}]]) {
      assertThrows(() => serve(...wrong), Error, "Parameter error: serve: the ");
    }
  });

  it("is one host's, until that stops", async () => {
    await using world = new World();
    const serve = () => world.network.serve(80, () => new Response());
    const host = serve();
    assertThrows(serve, Error);
    await assertRefused(() => world.server().start({ serverPort: 80 }), 2302007);
    host.stop();
    serve().stop();
  });

  it("is given back by a server whose 'fetch' never answers, when it has waited for that", async () => {
    await using world = new World();
    const server = world.server();
    await server.start({ serverPort: 80, path: "/chat", fetch: () => new Promise(() => {}) });
    const { told } = await world.connect("ws://localhost/elsewhere");
    const before = world.clock.now();
    await world.clock.until(server.stop());
    assertEquals([world.clock.now() - before, told], [WAITED_MS, []]);
    await world.server().start({ serverPort: 80 });
    await world.clock.advance(10);
    assertEquals(told, [`${FAILED}the connection was reset`]);
  });

  it("leaves no timer where 'fetch' answers while its server stops", async () => {
    await using world = new World();
    const server = world.server();
    const { promise, resolve } = Promise.withResolvers<Response>();
    await server.start({ serverPort: 80, path: "/chat", fetch: () => promise });
    const { told } = await world.connect("ws://localhost/elsewhere");
    const stopped = server.stop();
    await world.clock.advance(1);
    resolve(new Response(null, { status: 404 }));
    await world.clock.until(stopped);
    await world.clock.advance(1);
    assertEquals([told, world.clock.pending], [[
      `${FAILED}the server answered with HTTP status 404`,
    ], 0]);
  });

  it("speaks TLS, and nothing else, where its server has a certificate", async () => {
    await using world = new World();
    const serverCert = new Certificates().selfSigned("CA:TRUE");
    await world.server().start({ serverPort: 443, serverCert });
    assertEquals((await world.connect("wss://example.com/")).told, []);
    const { told } = await world.connect("ws://example.com:443/");
    assertEquals(told, [`${FAILED}the server does not speak HTTP`]);
  });

  it("is a millisecond away, unless it is told otherwise", async () => {
    for (const latency of [undefined, 0, 7]) {
      const clock = new FakeClock();
      const network = new MemoryNetwork({ clock, latency: latency! });
      const server = createWebSocketServer({ clock, runtime: network.server });
      const start = clock.now();
      const moments: number[] = [];
      server.on("connect", () => void moments.push(clock.now() - start));
      await server.start({ serverPort: 80 });
      const ws = createWebSocket({ clock, runtime: network.client });
      ws.on("open", () => moments.push(clock.now() - start));
      await ws.connect("ws://localhost/");
      await clock.advance(100);
      const way = Math.max(1, latency ?? 1); // no timer fires in the moment it is set
      assertEquals(moments, [way, 2 * way]);
      await clock.until(server.stop());
    }
  });
});

describe("a client on the network in memory", () => {
  it("comes from where it was put, and to the port of its scheme", async () => {
    await using world = new World();
    const server = world.server();
    await server.start({ serverPort: 80 });
    await world.connect("ws://example.com");
    await world.connect("ws://example.com/?q", {}, "192.0.2.1");
    const urls = world.network.links.map(({ url }) => url); // as they were dialled
    assertEquals(urls, ["ws://example.com", "ws://example.com/?q"]);
    const ips = server.listAllConnections().map(({ clientIP }) => clientIP);
    assertEquals(ips, ["127.0.0.1", "192.0.2.1"]);
    const { told } = await world.connect("wss://example.com:80/"); // that is no TLS
    assertEquals(told.length, 1);
    assertStringIncludes(told[0]!, FAILED);
    const secure = await world.connect("wss://example.com/");
    assertEquals(secure.told, [`${FAILED}connection refused`]);
  });

  it("offers its subprotocols as one header, and none where it has none", async () => {
    await using world = new World();
    const server = world.server();
    const offered: unknown[] = [];
    await server.start({
      serverPort: 80,
      authorize: ({ headers }) => (offered.push(headers.get("sec-websocket-protocol")), true),
    });
    await world.connect("ws://localhost/", { protocol: "a,b" }).catch(() => {});
    await world.connect("ws://localhost/");
    assertEquals(offered, ["a, b", null]);
  });

  it("goes through no proxy, and says so", async () => {
    await using world = new World();
    const proxy = { host: "p", port: 1 };
    const { message } = await refusal(world.connect("ws://localhost/", { proxy }));
    assertStringIncludes(
      message,
      "'proxy' cannot be had on the memory network: there is none on it",
    );
  });
});

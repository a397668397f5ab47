import { assert, assertEquals, assertNotStrictEquals, assertStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createServer, type Server } from "node:net";
import { createWebSocketServer } from "../../mod.ts";
import { FakeClock } from "../../testing.ts";
import { freePort, HERE, Program } from "../helpers/programs.ts";
import { RawPeers } from "../helpers/raw_peers.ts";
import { assertRefused, WatchedServer } from "../helpers/watched_server.ts";
import { TEXT, textOf } from "../peers/raw.ts";

const HOST = "127.0.0.1";

/** A port somebody else listens on. */
class TakenPort implements AsyncDisposable {
  readonly #server: Server = createServer();

  static async listen(host: string): Promise<TakenPort> {
    const taken = new TakenPort();
    await new Promise<void>((resolve) => taken.#server.listen(0, host, resolve));
    return taken;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** Starts a fresh server with anything, which must be refused; afterwards it must start all the same. */
async function assertStartRefused(config: unknown, code: number, says?: string): Promise<void> {
  await using watched = new WatchedServer();
  const { server } = watched;
  await assertRefused(() => server.start(config as never), code, says);
  assertEquals(server.address, undefined);
  assertEquals(server.listAllConnections(), []);
  assertEquals(await server.start({ serverPort: 0, serverIP: HOST }), true);
  assertEquals(watched.log, []);
}

describe("createWebSocketServer()", () => {
  it("returns a fresh server each call", () => {
    assertNotStrictEquals(createWebSocketServer(), createWebSocketServer());
  });

  it("never throws, and start() answers 401 when an option is wrong", async () => {
    const wrong: unknown[] = [null, 5, "x", [], () => {}, { clock: 5 }, { clock: null }, {
      nope: 1,
    }];
    for (const options of wrong) {
      const server = createWebSocketServer(options as never);
      await assertRefused(() => server.start({ serverPort: 0, serverIP: HOST }), 401);
      assertEquals(server.address, undefined);
    }
  });

  it("takes a clock", async () => {
    await using watched = await WatchedServer.start({}, { clock: new FakeClock() });
    assert(watched.port > 0);
  });
});

describe("createWebSocketServer().start()", () => {
  it("answers true once it listens", async () => {
    await using watched = new WatchedServer();
    const { server } = watched;
    assertEquals(await server.start({ serverPort: 0, serverIP: HOST }), true);
    await using peers = new RawPeers(watched);
    await peers.connect();
    await watched.connected();
  });

  it("tells the free port it took for 0 in address, and nothing when not running", async () => {
    const { server } = new WatchedServer();
    assertEquals(server.address, undefined);
    await server.start({ serverPort: 0, serverIP: HOST });
    try {
      const { address } = server;
      assert(address!.port > 0 && address!.port < 65536);
      assertEquals(address!.hostname, HOST);
      address!.port = 1; // a copy
      assert(server.address!.port > 1);
    } finally {
      await server.stop();
    }
    assertEquals(server.address, undefined);
  });

  it("listens on the port it was told", async () => {
    const port = await freePort();
    await using watched = await WatchedServer.start({ serverPort: port });
    assertEquals(watched.server.address, { hostname: HOST, port });
    await using peers = new RawPeers({ port });
    await peers.connect();
  });

  it("answers 401 when the config is no object", async () => {
    for (const config of [undefined, null, 5, "8080", true, 5n, Symbol("x"), [], () => {}]) {
      await assertStartRefused(config, 401);
    }
  });

  const wrong: Record<string, unknown[]> = {
    serverPort: [undefined, null, "8080", true, {}, [8080], 8080n],
    serverIP: [null, 5, {}, ["127.0.0.1"], true],
    maxConcurrentClientsNumber: [0, -1, 1.5, NaN, Infinity, "5", null, {}, 5n],
    maxConnectionsForOneClient: [0, -1, 1.5, NaN, Infinity, "5", null, {}, 5n],
    serverCert: [null, 5, "cert.pem", [], true],
    protocol: [null, 5, "a b", "a,b", "ä", {}, [], ["a", "a"], ["a b"], [5]],
    maxPayload: [0, -1, 1.5, NaN, Infinity, 2 ** 31, "5", null],
    maxBufferedAmount: [0, -1, 1.5, NaN, "5", null],
    allowedOrigins: [null, 5, "nobody", [5], {}],
    authorize: [null, 5, "yes", {}, true],
    fetch: [null, 5, "yes", {}, true],
    signal: [null, 5, {}, new AbortController(), new EventTarget()],
    noSuchOption: [null, 0, "x", {}],
  };
  for (const [name, values] of Object.entries(wrong)) {
    it(`answers 401 that names the option when '${name}' is wrong`, async () => {
      for (const value of values) {
        await assertStartRefused({ serverPort: 0, serverIP: HOST, [name]: value }, 401, name);
      }
    });
  }

  it("says in a 401 what was given", async () => {
    await assertStartRefused({ serverPort: "8080x" }, 401, "8080x");
    await assertStartRefused({ serverPort: 0, maxPayload: -17 }, 401, "-17");
    await assertStartRefused({ serverPort: 0, maxConnectionsForOneClient: -18 }, 401, "-18");
  });

  it("takes undefined for an option that is left out", async () => {
    const names = Object.keys(wrong).filter((name) => !["serverPort", "serverIP"].includes(name));
    const options = Object.fromEntries(names.map((name) => [name, undefined]));
    await using watched = await WatchedServer.start(options);
    assert(watched.port > 0);
  });

  it("takes any value for the heartbeat, as it falls back", async () => {
    for (const value of [0, -1, NaN, Infinity, 30_001, "5", null, {}]) {
      await using watched = await WatchedServer.start(
        { pingInterval: value, pongTimeout: value } as never,
      );
      assert(watched.port > 0);
    }
  });

  it("answers 2302004 when serverIP is no literal address", async () => {
    const names = [
      " ",
      "localhost",
      "example.com",
      "1.2.3",
      "127.1",
      "1.2.3.4.5",
      "256.0.0.1",
      "999.1.1.1",
      "01.2.3.4",
      "0x7f.0.0.1",
      "2130706433",
      " 127.0.0.1",
      "127.0.0.1 ",
      "127.0.0.1:80",
      "127.0.0.1\n",
      "[::1]",
      "::g",
      ":",
      ":::",
      "1::2::3",
      "::1/64",
      "a b c",
    ];
    for (const serverIP of names) {
      await assertStartRefused({ serverPort: 0, serverIP }, 2302004, JSON.stringify(serverIP));
    }
  });

  it("takes '' for a certificate that is left out", async () => {
    await using watched = await WatchedServer.start({ serverCert: { certPath: "", keyPath: "" } });
    await using peers = new RawPeers(watched);
    await peers.connect();
    for (const [certPath, keyPath] of [["", "key.pem"], ["cert.pem", ""]]) {
      const serverCert = { certPath, keyPath };
      await assertStartRefused({ serverPort: 0, serverIP: HOST, serverCert }, 2302002);
    }
  });

  it("answers 2302004 when serverIP is none of this machine", async () => {
    for (const serverIP of ["203.0.113.1", "192.0.2.77", "2001:db8::1"]) {
      await assertStartRefused({ serverPort: 0, serverIP }, 2302004, serverIP);
    }
  });

  it("answers 2302005 when serverPort is out of range", async () => {
    for (const serverPort of [-1, 65536, 1.5, NaN, Infinity, -Infinity, 1e9, 2 ** 32 + 80]) {
      await assertStartRefused({ serverPort, serverIP: HOST }, 2302005, String(serverPort));
    }
  });

  it("checks types, then the address, the port, the limits, and listens last", async () => {
    await using taken = await TakenPort.listen(HOST);
    const wrong = [
      { protocol: 5 },
      { serverIP: "localhost" },
      { serverPort: 65536 },
      { maxConcurrentClientsNumber: 0 },
      { serverPort: taken.port },
    ];
    // Each with all that come after it: the first one counts.
    for (const [i, code] of [401, 2302004, 2302005, 401, 2302007].entries()) {
      const config = {
        serverPort: 0,
        serverIP: HOST,
        ...Object.assign({}, ...wrong.slice(i).reverse()),
      };
      await assertStartRefused(config, code);
    }
    await assertStartRefused({ serverPort: 65536, serverIP: HOST, nope: 1 }, 401, "nope");
    await assertStartRefused({ serverPort: NaN, serverIP: "203.0.113.1", maxPayload: 0 }, 401);
  });

  it("answers 2302007 when somebody listens on the port", async () => {
    for (
      const [host, serverIP] of [[HOST, HOST], ["0.0.0.0", HOST], [HOST, undefined], ["::1", "::1"]]
    ) {
      await using taken = await TakenPort.listen(host!);
      const config = serverIP === undefined ? {} : { serverIP };
      await assertStartRefused({ serverPort: taken.port, ...config }, 2302007, `${taken.port}`);
    }
  });

  it("answers 2302007 when another server of ours listens on the port", async () => {
    await using watched = await WatchedServer.start();
    await assertStartRefused({ serverPort: watched.port, serverIP: HOST }, 2302007);
  });

  it("can be called again after it was refused, and when the port is free", async () => {
    await using watched = new WatchedServer();
    const config = { serverPort: 0, serverIP: HOST };
    {
      await using taken = await TakenPort.listen(HOST);
      config.serverPort = taken.port;
      await assertRefused(() => watched.server.start(config), 2302007);
    }
    assertEquals(await watched.server.start(config), true);
  });

  it("answers 2302007 for its own port and 2302999 for another, and is untouched", async () => {
    await using watched = await WatchedServer.start({ maxConnectionsForOneClient: 2 });
    const { server, port } = watched;
    await using peers = new RawPeers(watched);
    const before = await peers.connect();
    const connection = await watched.connected();
    const { address } = server;
    for (const serverIP of [HOST, "::1", "203.0.113.1"]) {
      await assertRefused(() => server.start({ serverPort: port, serverIP }), 2302007, `${port}`);
    }
    await assertRefused(() => server.start({ serverPort: port, protocol: "chat" }), 2302007);
    await assertRefused(() => server.start({ serverPort: 0, serverIP: HOST }), 2302999);
    await assertRefused(() => server.start({ serverPort: port + 1, serverIP: HOST }), 2302999);
    await assertRefused(() => server.start({ serverPort: "x" } as never), 401);
    await assertRefused(() => server.start({ serverPort: 70_000 }), 2302005);

    assertEquals(server.address, address);
    assertStrictEquals(server.listAllConnections()[0], connection);
    before.send(TEXT, "still there");
    await watched.until(() => watched.messages.length === 1);
    assertEquals(await server.send("me too", connection), true);
    assertEquals(textOf((await before.next(TEXT)).payload), "me too");
    await peers.connect();
    assertEquals((await peers.handshake()).status, 429); // of the config it runs with
    assertEquals(watched.closes, []);
  });

  it("is refused when it is called twice in one turn", async () => {
    await using watched = new WatchedServer();
    const { server } = watched;
    const first = server.start({ serverPort: 0, serverIP: HOST });
    await assertRefused(() => server.start({ serverPort: 0, serverIP: HOST }), 2302999);
    assertEquals(await first, true);
  });

  it("answers 2302999 when its signal has aborted already", async () => {
    const signal = AbortSignal.abort();
    await assertStartRefused({ serverPort: 0, serverIP: HOST, signal }, 2302999, "signal");
  });

  it("answers as the system does when the port is privileged and the user is not: 2302005", async () => {
    const program = await Program.run(HERE, "tests/programs/start_unprivileged.ts");
    const { code, stdout, stderr } = await program.ended;
    const [system, ours] = stdout.trim().split("\n");
    assertEquals(code, 0, stderr);
    // A container may let everybody have any port: then there is nothing to refuse.
    assertEquals(ours, system === "EACCES" ? "2302005" : "true", stdout);
  });

  it("answers 201 when Deno was not given --allow-net", async () => {
    // With no permission at all, Deno's node:child_process gives a Deno it starts every one.
    for (const flag of ["--allow-env", "--allow-net=127.0.0.1:1"]) {
      const flags = ["--no-prompt", flag];
      const program = await Program.run("deno", "tests/programs/start_denied.ts", { flags });
      const { code, stdout, stderr } = await program.ended;
      assertEquals(stdout.trim(), "201 Permission denied", stderr);
      assertEquals(code, 0);
    }
  });
});

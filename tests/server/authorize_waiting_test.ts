/** What happens while `authorize` has not made up its mind. */

import { assert, assertEquals, assertGreater, assertLess, assertStringIncludes } from "@std/assert";
import { deadline, delay } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import type { Socket } from "node:net";
import { createWebSocket, createWebSocketServer, type WebSocketServerConfig } from "../../mod.ts";
import { FakeClock, MemoryNetwork } from "../../testing.ts";
import { exchange } from "../helpers/http.ts";
import { HERE, Program } from "../helpers/programs.ts";
import { RawPeers } from "../helpers/raw_peers.ts";
import { Stopwatch } from "../helpers/stopwatch.ts";
import { until } from "../helpers/until.ts";
import { assertRefused, LIMIT_MS, WatchedServer } from "../helpers/watched_server.ts";
import { header, requestHead, TEXT } from "../peers/raw.ts";

type Verdict = true | Response | { name: string };

/** Keeps who asks for `/wait` waiting until told; lets in everybody else. */
class Gate {
  readonly #opened = Promise.withResolvers<Verdict>();
  readonly #arrived = Promise.withResolvers<void>();
  asked = 0;

  readonly authorize = ({ url }: Request): true | Promise<Verdict> => {
    if (!url.endsWith("/wait")) return true;
    this.asked++;
    this.#arrived.resolve();
    return this.#opened.promise;
  };

  /** Somebody waits. */
  arrived(): Promise<void> {
    return deadline(this.#arrived.promise, LIMIT_MS);
  }

  open(verdict: Verdict = true): void {
    this.#opened.resolve(verdict);
  }
}

const WAIT = { line: "GET /wait HTTP/1.1" };

/** A server with a gate. */
async function guarded(config: Partial<WebSocketServerConfig> = {}) {
  const gate = new Gate();
  return { gate, watched: await WatchedServer.start({ ...config, authorize: gate.authorize }) };
}

/** A client that waits at the gate. */
async function waiting(gate: Gate, peers: RawPeers, port: number, from: string): Promise<Socket> {
  const socket = await peers.tcp({ from });
  socket.write(requestHead(port, WAIT));
  await gate.arrived();
  return socket;
}

/** Asserts that the only room of an address is or gets free, though not twice. */
async function assertOneRoom(watched: WatchedServer, peers: RawPeers, from: string) {
  const end = performance.now() + 30_000;
  while ((await peers.handshake({ from })).status !== 101) {
    assertLess(performance.now(), end, `the room of ${from} is not free after 30 s`);
    await delay(20);
  }
  assertEquals((await peers.handshake({ from })).status, 429);
  await watched.until(() => watched.connections.some(({ clientIP }) => clientIP === from));
  const connects = watched.connections.filter(({ clientIP }) => clientIP === from).length;
  const closes = watched.closes.filter(({ connection }) => connection.clientIP === from).length;
  assertEquals(connects - closes, 1);
}

describe("a client that is being authorized", () => {
  it("counts for the limits, and those over them are told to try again", async () => {
    const limits = { maxConcurrentClientsNumber: 1, maxConnectionsForOneClient: 2 };
    const { gate, watched } = await guarded(limits);
    await using _ = watched;
    await using peers = new RawPeers(watched);
    const one = peers.connect(WAIT);
    const two = peers.connect(WAIT);
    await gate.arrived();
    await until("both are asked for", () => gate.asked >= 2);
    for (const [from, expected] of [["127.0.0.1", 429], ["127.0.0.2", 503]] as const) {
      const { status, head } = await exchange(watched.port, { from });
      assertEquals([status, header(head, "retry-after")], [expected, "1"]);
    }
    assertEquals(watched.log, ["error 200 429", "error 200 503"]);
    gate.open();
    for (const peer of [await one, await two]) peer.send(TEXT, "in");
    await watched.until(() => watched.messages.length === 2);
    assertEquals(watched.connections.length, 2);
  });

  it("does not keep others waiting", async () => {
    const { gate, watched } = await guarded();
    await using _ = watched;
    await using peers = new RawPeers(watched);
    const slow = peers.connect(WAIT);
    await gate.arrived();
    const [quick] = await peers.connectMany(5);
    quick!.send(TEXT, "quick");
    await watched.until(() => watched.messages.length === 1);
    assertEquals(watched.connections.length, 5);
    gate.open();
    await slow;
    await watched.connected(6);
  });

  const ways: Record<string, (socket: Socket) => unknown> = {
    "with a FIN": (socket) => (socket.resume(), socket.end()),
    "with a RST": (socket) => socket.resetAndDestroy(),
  };
  for (const [how, leave] of Object.entries(ways)) {
    const verdicts = {
      "let in": true as const,
      "refused": new Response("no", { status: 403 }),
    };
    for (const [what, verdict] of Object.entries(verdicts)) {
      it(`may leave ${how} before it is ${what}`, async () => {
        const { gate, watched } = await guarded({ maxConnectionsForOneClient: 1 });
        await using _ = watched;
        await using peers = new RawPeers(watched);
        const socket = await waiting(gate, peers, watched.port, "127.0.0.2");
        leave(socket);
        await peers.connect(); // a turn around the server: it may have noticed by now
        gate.open(verdict);
        await assertOneRoom(watched, peers, "127.0.0.2");
      });

      it(`may leave ${how} just when it is ${what}`, async () => {
        const { gate, watched } = await guarded({ maxConnectionsForOneClient: 1 });
        await using _ = watched;
        await using peers = new RawPeers(watched);
        const socket = await waiting(gate, peers, watched.port, "127.0.0.2");
        leave(socket);
        gate.open(verdict);
        await assertOneRoom(watched, peers, "127.0.0.2");
      });
    }

    it(`makes room when it leaves ${how} and the verdict never comes`, async () => {
      const { gate, watched } = await guarded({ maxConnectionsForOneClient: 1 });
      await using _ = watched;
      await using peers = new RawPeers(watched);
      leave(await waiting(gate, peers, watched.port, "127.0.0.2"));
      await assertOneRoom(watched, peers, "127.0.0.2");
      assertEquals(watched.connections.length, 1);
    });
  }

  it("is not let in any more when the server stops, which takes no longer than 5 s", async () => {
    const { gate, watched } = await guarded({ maxConnectionsForOneClient: 1 });
    await using _ = watched;
    await using peers = new RawPeers(watched);
    const { port } = watched;
    const socket = await waiting(gate, peers, port, "127.0.0.1");
    const ended = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    let answer = "";
    socket.on("data", (chunk) => answer += chunk.toString("latin1"));
    const watch = new Stopwatch();
    assertEquals(await deadline(watched.server.stop(), LIMIT_MS), true); // the verdict never comes
    watch.assertLess(5500);
    socket.end();
    await deadline(ended, LIMIT_MS);
    assert(answer === "" || answer.startsWith("HTTP/1.1 503"), answer);
    assertEquals(watched.connections, []);
    // And another run has nothing of it left.
    await watched.server.start({ serverPort: 0, serverIP: "127.0.0.1" });
    await using next = new RawPeers(watched);
    await next.connect();
    gate.open();
    await next.connect();
    await watched.connected(2);
    assertEquals(watched.closes, []);
  });

  for (const [how, verdict] of [["true", true], ["a context", { name: "Ada" }]] as const) {
    it(`is answered 503 or dropped when it is authorized after 'stop': ${how}`, async () => {
      const { gate, watched } = await guarded();
      await using _ = watched;
      await using peers = new RawPeers(watched);
      // Somebody who does not answer the Close frame, so that stopping takes its time.
      await peers.connect({ answerClose: false });
      const socket = await waiting(gate, peers, watched.port, "127.0.0.1");
      const ended = new Promise<void>((resolve) => socket.once("close", () => resolve()));
      let answer = "";
      socket.on("data", (chunk) => answer += chunk.toString("latin1"));
      const watch = new Stopwatch();
      const stopped = watched.server.stop();
      gate.open(verdict);
      assertEquals(await deadline(stopped, LIMIT_MS), true);
      watch.assertLess(5500);
      socket.end();
      await deadline(ended, LIMIT_MS);
      assert(answer === "" || answer.startsWith("HTTP/1.1 503"), answer);
      assertEquals(watched.connections.length, 1);
    });
  }
});

describe("a program that authorizes later", () => {
  /** Runs one with so many clients that stay, and that leave; it must end by itself. */
  const run = (...args: number[]) =>
    Program.run(HERE, "tests/programs/authorize_left.ts", { args: args.map(String) }).ended;

  it("ends by itself after 'stop', and has said nothing else on the console", async () => {
    const { code, stdout, stderr } = await run(3, 0);
    // Deno 2.9.6 says once that it tells of a client's leaving in a way that will change.
    const said = stderr.split("\n").filter((line) =>
      !line.startsWith("Deno.serve: request.signal")
    );
    assertEquals([code, stdout, said], [0, "stopped\n", [""]]);
  });

  it("ends by itself when clients left just when they were let in", async () => {
    const { code, signal, stdout } = await run(0, 5);
    assertEquals([code, signal, stdout], [0, null, "stopped\n"]);
  });
});

describe("createWebSocketServer().start({ authorizeTimeout })", () => {
  const never = () => new Promise<never>(() => {});
  const hooks: Record<string, Partial<WebSocketServerConfig>> = {
    authorize: { authorize: never },
    clientAddress: { clientAddress: never as never },
  };
  for (const [name, hook] of Object.entries(hooks)) {
    it(`answers 503 and tells 'error' when ${name} gives no answer in time`, async () => {
      const config = { ...hook, authorizeTimeout: 0.2, maxConnectionsForOneClient: 1 };
      await using watched = await WatchedServer.start(config);
      for (let n = 1; n <= 2; n++) { // whoever is sent away makes room
        const watch = new Stopwatch();
        assertEquals((await exchange(watched.port)).status, 503);
        assertGreater(watch.ms, 150);
        watch.assertLess(3000);
      }
      assertEquals(watched.log, Array(2).fill("error 200 503"));
      for (const { kind, message } of watched.errors) {
        assertEquals(kind, "handshakeRefused");
        assertStringIncludes(message, `'${name}' gave no answer within 0.2 s`);
      }
    });
  }

  it("is 10 s when left out, on the server's clock", async () => {
    const clock = new FakeClock();
    const network = new MemoryNetwork({ clock });
    const server = createWebSocketServer({ clock, runtime: network.server });
    const errors: unknown[] = [];
    server.on("error", ({ data }) => errors.push(data));
    await server.start({ serverPort: 80, authorize: never });
    const ws = createWebSocket({ clock, runtime: network.client });
    ws.on("error", () => {});
    await ws.connect("ws://localhost/");
    await clock.advance(10_000);
    assertEquals(errors, []);
    await clock.advance(10);
    assertEquals(errors, ["503"]);
    await clock.until(server.stop());
  });

  for (const who of ["a listener", "'authorize'"]) {
    it(`leaves no timer where ${who} has stopped the server meanwhile`, async () => {
      const clock = new FakeClock();
      const network = new MemoryNetwork({ clock });
      const server = createWebSocketServer({ clock, runtime: network.server });
      const { promise: stopped, resolve } = Promise.withResolvers<boolean>();
      server.on("error", ({ kind }) => {
        // It is told before `authorize` is asked.
        if (kind === "noSubprotocol" && who === "a listener") resolve(server.stop());
      });
      let asked = 0;
      const authorize = () => {
        asked++;
        resolve(server.stop());
        return Promise.reject(new Error("nobody is told"));
      };
      await server.start({ serverPort: 80, authorize });
      const ws = createWebSocket({ clock, runtime: network.client });
      const errors: unknown[] = [];
      ws.on("error", ({ data }) => errors.push(data));
      await ws.connect("ws://localhost/", { protocol: "chat" });
      assertEquals(await clock.until(stopped), true);
      await clock.advance(20);
      assertEquals([asked, errors, clock.pending], [who === "a listener" ? 0 : 1, ["503"], 0]);
    });
  }

  it("is refused with 401 where it is no time", async () => {
    for (const wrong of [0, -1, NaN, Infinity, 30_001, "10", null]) {
      await using watched = new WatchedServer();
      const config = { serverPort: 0, authorizeTimeout: wrong as number };
      await assertRefused(() => watched.server.start(config), 401, "'authorizeTimeout'");
    }
  });
});

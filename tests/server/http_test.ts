import { assert, assertEquals, assertGreater, assertMatch } from "@std/assert";
import { deadline, delay } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import type { Socket } from "node:net";
import type { BusinessError, WebSocketServerConfig } from "../../mod.ts";
import { ask, exchange } from "../helpers/http.ts";
import { onDeno } from "../helpers/programs.ts";
import { RawPeers } from "../helpers/raw_peers.ts";
import { Stopwatch } from "../helpers/stopwatch.ts";
import { LIMIT_MS, WatchedServer } from "../helpers/watched_server.ts";
import { CLOSE, type RawClientOptions, requestHead } from "../peers/raw.ts";

type Fetch = NonNullable<WebSocketServerConfig["fetch"]>;

const PAGE: RawClientOptions = {
  headers: {
    connection: undefined,
    upgrade: undefined,
    "sec-websocket-version": undefined,
    "sec-websocket-key": undefined,
  },
};

/** What has come over a TCP connection. */
class Reader {
  text = "";
  readonly ended: Promise<void>;
  readonly #waiting = new Set<() => void>();

  constructor(socket: Socket) {
    socket.on("data", (chunk) => {
      this.text += chunk.toString("latin1");
      for (const look of this.#waiting) look();
    });
    this.ended = new Promise((resolve) => socket.once("close", () => resolve()));
  }

  /** Asks for a page, and reads what comes. */
  static async ask(peers: RawPeers, port: number): Promise<Reader> {
    const socket = await peers.tcp();
    const reader = new Reader(socket);
    socket.write(requestHead(port, PAGE));
    return reader;
  }

  /** Waits until text has come. */
  until(text: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = () => this.text.includes(text) && resolve();
    this.#waiting.add(look);
    look();
    return deadline(promise, LIMIT_MS);
  }
}

const encoder = new TextEncoder();

/** A stream that says something again and again, and notes that it is cancelled. */
function endless(cancelled: () => void): ReadableStream<Uint8Array> {
  let timer: ReturnType<typeof setInterval>;
  return new ReadableStream({
    start(controller) {
      timer = setInterval(() => controller.enqueue(encoder.encode("data: tick\n\n")), 5);
    },
    cancel() {
      clearInterval(timer);
      cancelled();
    },
  });
}

describe("createWebSocketServer().start({ fetch })", () => {
  it("may be silent for long, before an answer and in the middle of one", async () => {
    const fetch: Fetch = async ({ url }) => {
      if (url.endsWith("/late")) return await delay(4600).then(() => new Response("late"));
      return new Response(
        new ReadableStream({
          async start(controller) {
            controller.enqueue(encoder.encode("begun, "));
            await delay(4600);
            controller.enqueue(encoder.encode("done"));
            controller.close();
          },
        }),
      );
    };
    await using watched = new WatchedServer();
    using _impatient = impatientBun();
    await watched.server.start({ serverPort: 0, serverIP: "127.0.0.1", fetch });
    const [late, silent, upgraded] = await Promise.all([
      ask(watched.port, { line: "GET /late HTTP/1.1" }),
      ask(watched.port, { line: "GET /silent HTTP/1.1" }),
      exchange(watched.port, { line: "GET / HTTP/1.1" }),
    ]);
    assertEquals([late.body, silent.body], ["late", "begun, done"]);
    assertEquals(upgraded.status, 101);
  });
});

/** Has Bun cut off what is silent for 1 s, which it looks at every 4 s, instead of 10. */
function impatientBun(): Disposable {
  const bun = (globalThis as { Bun?: { serve(options: object): unknown } }).Bun;
  if (bun === undefined) return { [Symbol.dispose]() {} };
  const { serve } = bun;
  bun.serve = (options) => serve.call(bun, { ...options, idleTimeout: 1 });
  return { [Symbol.dispose]: () => void (bun.serve = serve) };
}

describe("createWebSocketServer().start({ fetch }) while it stops", () => {
  it("lets an answer come to its end that takes its time", async () => {
    const isAsked = Promise.withResolvers<void>();
    const fetch: Fetch = async () => {
      isAsked.resolve();
      await delay(800);
      return new Response("slow, and whole");
    };
    await using watched = await WatchedServer.start({ fetch });
    await using peers = new RawPeers(watched);
    const peer = await peers.connect();
    await watched.connected();
    const asked = ask(watched.port);
    await deadline(isAsked.promise, LIMIT_MS);
    const watch = new Stopwatch();
    assertEquals(await deadline(watched.server.stop(), LIMIT_MS), true);
    watch.assertLess(2500);
    assertEquals((await asked).body, "slow, and whole");
    await deadline(peer.next(CLOSE), LIMIT_MS); // which was told at once
    assertEquals(watched.errors, []);
  });

  it("lets a stream come to its end", async () => {
    const fetch: Fetch = () => {
      let left = 5;
      return new Response(
        new ReadableStream({
          async pull(controller) {
            await delay(50);
            controller.enqueue(encoder.encode(`${left}`));
            if (--left === 0) controller.close();
          },
        }),
      );
    };
    await using watched = await WatchedServer.start({ fetch });
    await using peers = new RawPeers(watched);
    const reader = await Reader.ask(peers, watched.port);
    await reader.until("5");
    await deadline(watched.server.stop(), LIMIT_MS);
    await deadline(reader.ended, LIMIT_MS);
    assert(reader.text.endsWith("1\r\n0\r\n\r\n"), reader.text);
  });

  it("ends what has no end: the stream is cancelled, and the server starts again", async () => {
    let cancelled = 0;
    const fetch: Fetch = () => new Response(endless(() => cancelled++));
    await using watched = await WatchedServer.start({ fetch });
    const { server, port } = watched;
    await using peers = new RawPeers(watched);
    const readers = [await Reader.ask(peers, port), await Reader.ask(peers, port)];
    for (const reader of readers) await reader.until("tick");
    const watch = new Stopwatch();
    assertEquals(await deadline(server.stop(), LIMIT_MS), true);
    assertGreater(watch.ms, 1000);
    watch.assertLess(5000);
    for (const reader of readers) await deadline(reader.ended, LIMIT_MS);
    assertEquals(cancelled, 2);
    assertEquals(watched.errors, []);
    await server.start({ serverPort: port, serverIP: "127.0.0.1" });
    assertEquals((await ask(port)).status, 426);
  });

  it("answers 503 to who asks meanwhile", async () => {
    let asked = 0;
    const fetch: Fetch = () => (asked++, new Response());
    await using watched = await WatchedServer.start({ fetch });
    await using peers = new RawPeers(watched);
    // Its queue never drains, so the server waits for it.
    const peer = await peers.connect();
    peer.socket.pause();
    void watched.server.send(new Uint8Array(5_000_000), await watched.connected());
    void watched.server.send(new Uint8Array(5_000_000), await watched.connected());
    const stopped = watched.server.stop();
    assertEquals((await ask(watched.port)).status, 503);
    assertEquals(asked, 0);
    peer.reset();
    assertEquals(await deadline(stopped, LIMIT_MS), true);
  });
});

describe("createWebSocketServer().start({ fetch }) whose stream fails", () => {
  // Bun prints it, and tells nobody: a known limit.
  it("ends the answer, goes on, and tells 'error' where the runtime tells of it", async () => {
    const fetch: Fetch = () => {
      let pulled = 0;
      return new Response(
        new ReadableStream({
          async pull(controller) {
            await delay(10);
            if (pulled++ > 0) throw new RangeError("no more");
            controller.enqueue(encoder.encode("begun"));
          },
        }),
      );
    };
    await using watched = await WatchedServer.start({ fetch });
    await using peers = new RawPeers(watched);
    const reader = await Reader.ask(peers, watched.port);
    await deadline(reader.ended, LIMIT_MS);
    assert(!reader.text.endsWith("0\r\n\r\n"), reader.text);
    await peers.connect();
    await watched.connected();
    const errors = watched.errors as BusinessError[];
    assertEquals(
      errors.map(({ code, kind }) => [code, kind]),
      onDeno ? [[2302999, "hookFailed"]] : [],
    );
    if (onDeno) {
      assertMatch(errors[0]!.message, /an answer could not be sent: "?RangeError: no more/);
      assert(errors[0]!.cause instanceof RangeError);
    }
  });
});

describe("createWebSocketServer() that is asked without a URL", () => {
  const odd = ["a/b", "a?b", "a#b", "a\\b", "a@b", "a{b", 'a"b', "\u00e9", "", "[::1", "a:99999"];
  const none: Record<string, RawClientOptions> = {
    "with a Host that is none": { headers: { host: "a b" } },
    "with a Host that is none, and Origin": {
      headers: { host: "a b", origin: "http://a.example" },
    },
    ...Object.fromEntries(
      odd.map((host) => [`with '${host}' as its Host`, { headers: { host } }]),
    ),
  };
  for (const [what, { headers }] of Object.entries(none)) {
    it(`answers 400 before any function is asked, ${what}`, async () => {
      const asked: string[] = [];
      const config = {
        fetch: () => (asked.push("fetch"), new Response()),
        authorize: () => (asked.push("authorize"), true as const),
        clientAddress: () => (asked.push("clientAddress"), "192.0.2.1"),
      };
      await using watched = await WatchedServer.start(config);
      assertEquals((await ask(watched.port, { headers: headers! })).status, 400);
      assertEquals((await exchange(watched.port, { headers: headers! })).status, 400);
      assertEquals(asked, []);
      assertEquals(watched.log, ["error 200 400"]);
    });
  }

  it("answers an upgrade by HTTP/1.0 without Host, be there an Origin, with what it tells", async () => {
    for (const origin of [undefined, "http://a.example"]) {
      await using watched = await WatchedServer.start();
      const options = { line: "GET / HTTP/1.0", headers: { host: undefined, origin } };
      const { status } = await exchange(watched.port, options);
      assertEquals(status, 400);
      assertEquals(watched.log, ["error 200 400"]);
    }
  });
});

describe("createWebSocketServer().stop() while a function of the user's has the word", () => {
  const ways: Record<string, (stop: () => void) => Partial<WebSocketServerConfig>> = {
    "called inside authorize, which then says yes": (stop) => ({
      authorize: () => (stop(), true),
    }),
    "called inside authorize, which then says no": (stop) => ({
      authorize: () => (stop(), new Response(null, { status: 401 })),
    }),
    "called inside authorize, which then never answers": (stop) => ({
      authorize: () => (stop(), new Promise<true>(() => {})),
    }),
    "called inside clientAddress, which then answers": (stop) => ({
      clientAddress: () => (stop(), "192.0.2.1"),
    }),
    "called inside clientAddress, which then never answers": (stop) => ({
      clientAddress: (() => (stop(), new Promise(() => {}))) as never,
    }),
    "while clientAddress never answers": (stop) => ({
      clientAddress: (() => (setTimeout(stop, 20), new Promise(() => {}))) as never,
    }),
    "while authorize never answers": (stop) => ({
      authorize: () => (setTimeout(stop, 20), new Promise<true>(() => {})),
    }),
  };
  for (const [what, configOf] of Object.entries(ways)) {
    it(`answers 503 at once, ${what}`, async () => {
      const stopped = Promise.withResolvers<boolean>();
      const config = configOf(() => void watched.server.stop().then(stopped.resolve));
      await using watched = await WatchedServer.start(config);
      const watch = new Stopwatch();
      assertEquals((await exchange(watched.port)).status, 503);
      assertEquals(await deadline(stopped.promise, LIMIT_MS), true);
      watch.assertLess(1000);
      assertEquals(watched.log, ["error 200 503"]);
    });
  }
});

describe("createWebSocketServer().start({ fetch }) where the runtimes differ", () => {
  it("is asked by HTTP/1.0 without Host where there is a URL all the same", async () => {
    await using watched = await WatchedServer.start({ fetch: ({ url }) => new Response(url) });
    const { port } = watched;
    const { status } = await ask(port, { line: "GET / HTTP/1.0", headers: { host: undefined } });
    assertEquals(status, onDeno ? 200 : 400);
    assertEquals(watched.log, []);
  });

  it("may answer with a stream of text where the runtime takes one", async () => {
    const stream = () =>
      new ReadableStream({
        start(controller) {
          controller.enqueue("text");
          controller.close();
        },
      });
    await using watched = await WatchedServer.start({ fetch: () => new Response(stream()) });
    await using peers = new RawPeers(watched);
    const reader = await Reader.ask(peers, watched.port);
    if (onDeno) {
      await watched.until(() => watched.errors.length > 0);
      await deadline(reader.ended, LIMIT_MS);
    } else await reader.until("text");
    assertEquals(watched.errors.map(({ kind }) => kind), onDeno ? ["hookFailed"] : []);
  });
});

describe("createWebSocketServer() and large requests", () => {
  it("leaves it to fetch how large a body may be", async () => {
    const fetch: Fetch = ({ headers }) => new Response(headers.get("content-length"));
    await using watched = await WatchedServer.start({ fetch });
    await using peers = new RawPeers(watched);
    const socket = await peers.tcp();
    const reader = new Reader(socket);
    const headers = { ...PAGE.headers, "content-length": `${200 * 1024 * 1024}` };
    socket.write(requestHead(watched.port, { line: "POST / HTTP/1.1", headers }));
    await reader.until("209715200");
    assertMatch(reader.text, /^HTTP\/1\.1 200/);
  });

  it("has the runtime's own limits on a head", async () => {
    await using watched = await WatchedServer.start({ fetch: () => new Response() });
    const status = async (bytes: number) =>
      (await ask(watched.port, { headers: { "x-large": "x".repeat(bytes) } })).status;
    assertEquals(await status(12_000), 200);
    assertEquals(await status(20_000), onDeno ? 200 : 431);
    assertEquals(await status(70_000), onDeno ? 400 : 431);
  });
});

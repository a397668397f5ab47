/** What is sent by a client that reconnects, what it asks for, and what it does after a sleep. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocket, createWebSocketServer, type ReconnectOptions } from "../../mod.ts";
import { FakeClock, MemoryNetwork } from "../../testing.ts";
import { answerOf, createUntyped, refusal } from "../helpers/client.ts";

const URL = "ws://localhost:80/";

async function world(reconnect: true | ReconnectOptions = true, options = {}) {
  const clock = new FakeClock();
  const network = new MemoryNetwork({ clock });
  const server = createWebSocketServer({ clock, runtime: network.server });
  const received: unknown[] = [];
  server.on("messageReceive", ({ data }) => received.push(data));
  const heads: Request[] = [];
  const listen = (port = 80) =>
    server.start({
      serverPort: port,
      authorize(request) {
        heads.push(request);
        return true;
      },
    });
  await listen();
  const ws = createWebSocket({ clock, runtime: network.client, reconnect, ...options });
  const cut = async () => {
    for (const link of network.links) link.cut();
    await clock.advance(1);
  };
  return {
    ...{ clock, network, server, ws, received, heads, listen, cut },
    async [Symbol.asyncDispose]() {
      if (ws.state !== "idle") void ws.close();
      if (server.address !== undefined) await clock.until(server.stop());
      await clock.advance(10_000);
      assertEquals([ws.state, clock.pending], ["idle", 0]);
    },
  };
}

describe("createWebSocket({ reconnect }).send()", () => {
  it("is limited by 'maxQueued' only while there is no connection", async () => {
    await using it = await world({ maxQueued: 10 }, { maxBufferedAmount: 100 });
    const { ws, clock, network } = it;
    void ws.connect(URL);
    assertEquals(await ws.send("x".repeat(10)), false);
    assertEquals((await refusal(ws.send("x"))).kind, "queueFull");
    await clock.advance(10);
    for (const link of network.links) link.hold("toServer");
    assertEquals(await ws.send("x".repeat(60)), true);
    assertEquals(await ws.send("x".repeat(40)), true);
    const { kind, message } = await refusal(ws.send("x"));
    assertEquals([kind, ws.bufferedAmount], ["queueFull", 100]);
    assertStringIncludes(
      message,
      "send: 'maxBufferedAmount' is 100, and 100 bytes are queued already",
    );
    for (const link of network.links) link.release();
    await clock.advance(10);
  });

  it("is over for who waits in drained() when a connection is, though another follows", async () => {
    for (const end of ["close", "cut"] as const) {
      await using it = await world({ minDelay: 5, maxDelay: 5, random: () => 1 });
      const { ws, clock, network, server } = it;
      void ws.connect(URL);
      await clock.advance(10);
      const [link] = network.links;
      link!.hold("toServer");
      assertEquals(await ws.send("12345"), true);
      let drained: boolean | undefined;
      void ws.drained().then((value) => drained = value);
      await clock.advance(10);
      assertEquals(drained, undefined);
      if (end === "close") void server.close(server.listAllConnections()[0]!, { code: 4000 });
      else link!.cut();
      await clock.advance(10);
      assertEquals([ws.state, drained], ["reconnecting", false], end);
      link!.release();
    }
  });

  it("is counted once, and told once, where the client closes before it is open", async () => {
    await using it = await world(true, { stats: true });
    const { ws, clock } = it;
    const log: string[] = [];
    ws.on("error", ({ kind }) => log.push(`error ${kind}`));
    ws.on("close", (_, { code }) => log.push(`close ${code}`));
    void ws.connect(URL);
    assertEquals(await ws.send("12345"), false);
    await ws.close();
    await clock.advance(1);
    assertEquals(log, ["error unsent", "close 1000"]);
    assertEquals(ws.stats()!.unsent, 5);
  });

  it("answers true when open and false when queued, to a callback too", async () => {
    await using it = await world();
    const { ws, clock, cut, received } = it;
    void ws.connect(URL);
    assertEquals(await ws.send("1"), false);
    await clock.advance(10);
    assertEquals(await ws.send("2"), true);
    await clock.advance(10);
    await cut();
    assertEquals(ws.state, "reconnecting");
    assertEquals(await ws.send("3"), false);
    assertEquals(await answerOf((callback) => ws.send("4", callback)), [undefined, false]);
    assertEquals(ws.bufferedAmount, 2);
    await clock.advance(2000);
    assertEquals(await ws.send("5"), true);
    await clock.advance(10);
    assertEquals(received, ["1", "2", "3", "4", "5"]);
  });

  it("keeps what is queued, in order and as it was, over failed attempts", async () => {
    await using it = await world({ random: () => 0.5 });
    const { ws, clock, cut, received, server, listen } = it;
    await ws.connect(URL);
    await clock.advance(10);
    await cut();
    await clock.until(server.stop());
    const bytes = Uint8Array.of(1, 2, 3);
    void ws.send(bytes);
    bytes.fill(9);
    for (let i = 0; i < 100; i++) {
      void ws.send(`${i}`);
      if (i % 10 === 0) await clock.advance(300);
    }
    await listen();
    await clock.advance(60_000);
    const [first, ...rest] = received;
    assertEquals(new Uint8Array(first as ArrayBuffer), Uint8Array.of(1, 2, 3));
    assertEquals(rest, Array.from({ length: 100 }, (_, i) => `${i}`));
  });

  it("is refused with 2302999 over maxQueued, which counts bytes while there is no connection", async () => {
    await using it = await world({ maxQueued: 10, random: () => 0.5 });
    const { ws, clock, cut, received } = it;
    void ws.connect(URL);
    await clock.advance(10);
    assertEquals(await ws.send("x".repeat(1000)), true);
    await clock.advance(10);
    await cut();
    assertEquals(await ws.send("€€"), false);
    const error = await refusal(ws.send("12345"));
    assertEquals(error.code, 2302999);
    assertStringIncludes(error.message, "'reconnect.maxQueued' is 10, and 6 bytes are queued");
    assertEquals(await ws.send("1234"), false);
    await clock.advance(2000);
    assertEquals(received.slice(1), ["€€", "1234"]);
  });

  it("says how many were never sent when it is over", async () => {
    await using it = await world({ attempts: 1 });
    const { ws, clock, cut, server } = it;
    const log: string[] = [];
    ws.on("error", (error) => log.push(`${error.code} ${error.message}`));
    await ws.connect(URL);
    await clock.advance(10);
    await clock.until(server.stop());
    await cut();
    void ws.send("a");
    void ws.send("b");
    log.splice(0);
    await clock.advance(60_000);
    assertEquals(log.slice(-2), [
      "2302999 Websocket Unknown Other Error: send: 2 queued messages were never sent, of 2 bytes",
      "200 Websocket connect failed: connection refused",
    ]);
  });
});

describe("createWebSocket({ reconnect }).connect()", () => {
  it("asks for the URL and the headers before each attempt", async () => {
    await using it = await world({ random: () => 0 });
    const { ws, clock, cut, heads } = it;
    let n = 0;
    const header = () => Promise.resolve({ authorization: `Bearer ${++n}` });
    assertEquals(await ws.connect(() => Promise.resolve(`${URL}${n}`), { header }), true);
    assertEquals(ws.state, "connecting");
    await clock.advance(10);
    await cut();
    await clock.advance(10);
    assertEquals(ws.state, "open");
    assertEquals(
      heads.map((
        head,
      ) => [new globalThis.URL(head.url).pathname, head.headers.get("authorization")]),
      [["/0", "Bearer 1"], ["/1", "Bearer 2"]],
    );
  });

  it("answers to a callback behind a function", async () => {
    await using it = await world();
    const { ws, clock } = it;
    assertEquals(await answerOf((callback) => ws.connect(() => URL, callback)), [undefined, true]);
    await clock.advance(10);
    assertEquals(ws.state, "open");
  });

  it("tries again when it is not told, or told what is wrong: that may be better next time", async () => {
    await using it = await world({ random: () => 0.5, minDelay: 0.01 });
    const { ws, clock } = it;
    const log: string[] = [];
    const causes: unknown[] = [];
    ws.on("error", ({ code, message, cause }) => {
      log.push(`${code} ${message}, ${ws.state}`);
      causes.push((cause as { code?: number }).code);
    });
    let n = 0;
    const url = () => {
      if (n++ === 0) throw new Error("no token yet");
      return n === 2 ? "http://localhost/" : URL;
    };
    void ws.connect(url);
    await clock.advance(100);
    assertEquals(
      log[0],
      "200 Websocket connect failed: 'url' or 'header' failed: Error: no token yet, reconnecting",
    );
    const wrong =
      /^200 Websocket connect failed: 'url' or 'header' failed: .*url error.*, reconnecting$/;
    assertMatch(log[1]!, wrong);
    assertEquals([log.length, ws.state], [2, "open"]);
    await ws.close();
    await clock.advance(100);
    for (
      const [given, options, code] of [
        [() => undefined, {}, 401],
        [() => "", {}, 2302001],
        [() => "ws://", {}, 200],
        [() => URL, { header: () => undefined }, 401],
        [() => URL, { header: () => "" }, 401],
        [() => URL, { header: () => ({ host: "x" }) }, 401],
        [() => URL, { header: () => ({ authorization: undefined }) }, 401],
      ] as const
    ) {
      log.splice(0);
      causes.splice(0);
      void (ws as unknown as { connect(...args: unknown[]): Promise<boolean> }).connect(
        given,
        options,
      );
      await clock.advance(1);
      assertEquals([log.length, ws.state], [1, "reconnecting"]);
      assertMatch(log[0]!, /^200 Websocket connect failed: 'url' or 'header' failed: /);
      assertEquals(causes, [code]);
      await ws.close();
      await clock.advance(10);
      assertEquals(ws.state, "idle");
    }
  });

  it("can be closed while it asks, and forgets the answer", async () => {
    await using it = await world();
    const { ws, clock, network } = it;
    let tell!: (url: string) => void;
    void ws.connect(() => new Promise<string>((resolve) => tell = resolve));
    await clock.advance(10);
    void ws.close();
    await clock.advance(10);
    assertEquals(ws.state, "idle");
    tell(URL);
    await clock.advance(10);
    assertEquals([ws.state, network.links.length], ["idle", 0]);
  });

  it("refuses functions with 401 when it does not reconnect", async () => {
    const ws = createUntyped() as unknown as { connect(...args: unknown[]): Promise<boolean> };
    let calls = 0;
    const { code, message } = await refusal(ws.connect(() => void calls++, {}));
    assertEquals([code, calls], [401, 0]);
    assertStringIncludes(
      message,
      "the URL must be text unless there is 'reconnect': current value is a function",
    );
    assertEquals((await refusal(ws.connect(URL, { header: () => ({}) }))).code, 401);
  });

  for (
    const [reconnect, words] of [
      [1, "'reconnect'"],
      ["yes", "'reconnect'"],
      [{ minDelay: 0 }, "'minDelay'"],
      [{ minDelay: 40 }, "at most 'maxDelay', which is 30"],
      [{ maxDelay: Infinity }, "'maxDelay'"],
      [{ factor: 0.5 }, "'factor'"],
      [{ attempts: 0 }, "'attempts'"],
      [{ attempts: 1.5 }, "'attempts'"],
      [{ stableAfter: -1 }, "'stableAfter'"],
      [{ maxQueued: -1 }, "'maxQueued'"],
      [{ shouldReconnect: true }, "'shouldReconnect'"],
      [{ random: 1 }, "'random'"],
      [{ tries: 1 }, "'tries' is no option"],
    ] as const
  ) {
    it(`answers 401 to { reconnect: ${JSON.stringify(reconnect)} }`, async () => {
      const error = await refusal(createUntyped({ reconnect }).connect(URL));
      assertEquals(error.code, 401);
      assertStringIncludes(error.message, words);
    });
  }

  it("does not reconnect where 'reconnect' is false or undefined", async () => {
    for (const reconnect of [false, undefined]) {
      const clock = new FakeClock();
      const runtime = new MemoryNetwork({ clock }).client;
      const ws = createUntyped({ clock, runtime, reconnect });
      await ws.connect(URL);
      await clock.advance(60_000);
      assertEquals([ws.state, clock.pending], ["idle", 0]);
    }
  });
});

describe("a client that reconnects", () => {
  it("goes on with `for await` over a loss, and ends it at the end", async () => {
    await using it = await world({ random: () => 0 });
    const { ws, clock, cut, server } = it;
    const got: unknown[] = [];
    await ws.connect(URL);
    const loop = (async () => {
      for await (const message of ws) got.push(message);
    })();
    for (const text of ["1", "2", "3"]) {
      await clock.advance(10);
      await server.broadcast(text);
      await clock.advance(10);
      await cut();
    }
    await clock.advance(10);
    void ws.close();
    await clock.until(loop);
    assertEquals(got, ["1", "2", "3"]);
  });

  it("makes the next attempt at once when the machine has slept", async () => {
    await using it = await world({ random: () => 1, minDelay: 3600, maxDelay: 3600 });
    const { ws, clock, cut } = it;
    await ws.connect(URL);
    await clock.advance(10);
    await cut();
    await clock.advance(10_000);
    assertEquals(ws.state, "reconnecting");
    clock.sleep(3_600_000);
    await clock.advance(2010);
    assertEquals(ws.state, "open");
  });

  it("pings at once when the machine has slept, and notices that the server is gone", async () => {
    await using it = await world({ random: () => 1 });
    const { ws, clock, network } = it;
    await ws.connect(URL, { pingInterval: 600, pongTimeout: 2 });
    await clock.advance(10_000);
    network.links[0]!.hold();
    await clock.advance(10_000);
    assertEquals(ws.state, "open");
    clock.sleep(60_000);
    await clock.advance(4001);
    assertEquals(ws.state, "reconnecting");
  });

  it("lets a living server be when the machine has slept", async () => {
    await using it = await world();
    const { ws, clock } = it;
    await ws.connect(URL, { pingInterval: 600, pongTimeout: 2 });
    await clock.advance(1000);
    clock.sleep(60_000);
    await clock.advance(60_000);
    assertEquals([ws.state, it.heads.length], ["open", 1]);
  });

  it("takes no notice of sleep on a clock that knows no calendar", async () => {
    const clock = new FakeClock();
    const { now, setTimer, clearTimer } = clock;
    const plain = {
      now: now.bind(clock),
      setTimer: setTimer.bind(clock),
      clearTimer: clearTimer.bind(clock),
    };
    const network = new MemoryNetwork({ clock: plain });
    const ws = createWebSocket({ clock: plain, runtime: network.client, reconnect: true });
    await ws.connect(URL);
    await clock.advance(100);
    assertEquals(ws.state, "reconnecting");
    assertEquals(clock.pending, 1);
    void ws.close();
    await clock.advance(10);
    assertEquals([ws.state, clock.pending], ["idle", 0]);
  });
});

/** A client that reconnects: what it sends, and what it keeps. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { answerOf, refusal } from "../helpers/client.ts";
import { Stopwatch } from "../helpers/stopwatch.ts";
import { scripted, URL, world } from "./reconnect_world.ts";

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

  it("is not taken for sent while a connection closes for what came in", async () => {
    const { clock, runtime, ws } = scripted({ random: () => 0 }, { maxPayload: 5 });
    void ws.connect(URL);
    runtime.events.open();
    runtime.socket.bufferedAmount = 1000;
    const waiting = [ws.drained()];
    ws.once("error", () => waiting.push(ws.drained()));
    runtime.events.message("123456");
    waiting.push(ws.drained());
    let ended = 0;
    for (const one of waiting) void one.then(() => ended++);
    await clock.advance(4900);
    assertEquals([ws.state, ended], ["reconnecting", 0]);
    await clock.advance(200); // it is given up
    assertEquals(await Promise.all(waiting), [false, false, false]);
    assertEquals([ws.state, clock.pending], ["idle", 0]);
  });

  it("is waited for over the next connection by who asks within the 'close' of the last", async () => {
    const { clock, runtime, ws } = scripted();
    void ws.connect(URL);
    await clock.advance(1);
    runtime.events.open();
    let drained: Promise<boolean> | undefined;
    ws.once("close", () => {
      void ws.send("x");
      drained = ws.drained();
    });
    runtime.events.closed({ code: 1001, reason: "" });
    await clock.advance(1);
    runtime.events.open();
    assertEquals(await clock.until(drained!), true);
    void ws.close();
    runtime.events.closed({ code: 1000, reason: "" });
    assertEquals(clock.pending, 0);
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
    ws.on("error", ({ code, data, message }) => log.push(`${code} ${data} ${message}`));
    await ws.connect(URL);
    await clock.advance(10);
    await clock.until(server.stop());
    await cut();
    void ws.send("a");
    void ws.send("bä");
    log.splice(0);
    await clock.advance(60_000);
    assertEquals(log.slice(-2), [
      "2302999 4 Websocket Unknown Other Error: send: 2 queued messages were never sent, of 4 bytes",
      "200 0 Websocket connect failed: connection refused",
    ]);
  });

  it("queues thousands of messages in no time", async () => {
    const { clock, ws } = scripted({ maxQueued: 10_000_000 });
    await ws.connect(URL);
    const watch = new Stopwatch();
    for (let i = 0; i < 20_000; i++) void ws.send("x".repeat(100));
    assertEquals(ws.bufferedAmount, 2_000_000);
    watch.assertLess(2000); // it took minutes
    ws.on("error", () => {}); // they are never sent
    void ws.close();
    await clock.advance(1);
  });
});

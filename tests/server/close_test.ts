import { assert, assertEquals } from "@std/assert";
import { deadline } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import type { BusinessError } from "../../mod.ts";
import { FakeClock } from "../../testing.ts";
import { RawPeers } from "../helpers/raw_peers.ts";
import { assertRefused, LIMIT_MS, WatchedServer } from "../helpers/watched_server.ts";
import { CLOSE, type RawPeer, readClose, TEXT } from "../peers/raw.ts";

/** The Close frame that comes to a peer. */
async function closeOf(peer: RawPeer): Promise<{ code: number; reason: string }> {
  return readClose(await deadline(peer.next(CLOSE), LIMIT_MS));
}

describe("createWebSocketServer().close()", () => {
  it("answers true, sends 1000 CLOSE_NORMAL, and tells the same in 'close'", async () => {
    await using watched = await WatchedServer.start();
    await using peers = new RawPeers(watched);
    const peer = await peers.connect();
    const connection = await watched.connected();
    assertEquals(await watched.server.close(connection), true);
    assertEquals(await closeOf(peer), { code: 1000, reason: "CLOSE_NORMAL" });
    assertEquals(await watched.closed(), { code: 1000, reason: "CLOSE_NORMAL" });
    await deadline(peer.ended, LIMIT_MS);
    assertEquals(watched.log, ["connect", "close 1000 CLOSE_NORMAL"]);
    assertEquals(peer.frames.length, 1);
  });

  const same = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014];
  const own = [3000, 3001, 3999, 4000, 4999];
  const hidden = [1004, 1005, 1006, 1015]; // RFC 6455 §7.4.1
  const outside = [0, 1, 999, 1016, 1999, 2000, 2999, 5000, -1, 65_535, 65_536, 1000.5, NaN, 1e99];
  const rows: [what: string, codes: number[], told: (code: number) => [number, number]][] = [
    ["sends and tells a code of the protocol's", same, (code) => [code, code]],
    ["sends and tells a code of the application's", own, (code) => [code, code]],
    ["sends 1000 for one that must not be sent, and tells it", hidden, (code) => [1000, code]],
    ["sends and tells 1000 for any other", outside, () => [1000, 1000]],
  ];
  for (const [what, codes, told] of rows) {
    it(what, async () => {
      await using watched = await WatchedServer.start();
      await using peers = new RawPeers(watched);
      for (const [i, code] of codes.entries()) {
        const peer = await peers.connect();
        const connection = await watched.connected(i + 1);
        const reason = `as ${code}`;
        assertEquals(await watched.server.close(connection, { code, reason }), true);
        const [onWire, inEvent] = told(code);
        assertEquals(await closeOf(peer), { code: onWire, reason });
        assertEquals(await watched.closed(i + 1), { code: inEvent, reason });
      }
      assertEquals(watched.errors, []);
    });
  }

  it("takes either option alone, and none of them", async () => {
    await using watched = await WatchedServer.start();
    await using peers = new RawPeers(watched);
    const rows = [
      [{ code: 3333 }, 3333, "CLOSE_NORMAL"],
      [{ reason: "bye" }, 1000, "bye"],
      [{ reason: "" }, 1000, ""],
      [{ code: 1001, reason: "" }, 1001, ""],
      [{}, 1000, "CLOSE_NORMAL"],
      [{ code: undefined, reason: undefined }, 1000, "CLOSE_NORMAL"],
      [undefined, 1000, "CLOSE_NORMAL"],
    ] as const;
    for (const [i, [options, code, reason]] of rows.entries()) {
      const peer = await peers.connect();
      await watched.server.close(await watched.connected(i + 1), options as { code: number });
      assertEquals(await closeOf(peer), { code, reason });
      assertEquals(await watched.closed(i + 1), { code, reason });
    }
  });

  it("cuts the reason on the wire to 123 bytes between two characters, and tells all of it", async () => {
    await using watched = await WatchedServer.start();
    await using peers = new RawPeers(watched);
    const rows = [
      ["x".repeat(123), "x".repeat(123)],
      ["x".repeat(124), "x".repeat(123)],
      ["世".repeat(41), "世".repeat(41)],
      ["x" + "世".repeat(41), "x" + "世".repeat(40)],
      ["👋".repeat(31), "👋".repeat(30)],
      ["é".repeat(5000), "é".repeat(61)],
    ];
    for (const [i, [reason, cut]] of rows.entries()) {
      const peer = await peers.connect();
      await watched.server.close(await watched.connected(i + 1), { code: 4000, reason: reason! });
      assertEquals(await closeOf(peer), { code: 4000, reason: cut! });
      assertEquals(await watched.closed(i + 1), { code: 4000, reason: reason! });
    }
  });

  it("answers 401 when an option is wrong, and closes nothing", async () => {
    await using watched = await WatchedServer.start();
    await using peers = new RawPeers(watched);
    const peer = await peers.connect();
    const connection = await watched.connected();
    const wrong: unknown[] = [
      null,
      5,
      "bye",
      true,
      [],
      [1000, "bye"],
      () => {},
      { code: "1000" },
      { code: null },
      { code: 1000n },
      { reason: 5 },
      { reason: null },
      { reason: {} },
    ];
    for (const options of wrong) {
      await assertRefused(() => watched.server.close(connection, options as never), 401);
    }
    peer.send(TEXT, "still open");
    await watched.until(() => watched.messages.length === 1);
    assertEquals(peer.frames, []);
  });

  it("answers 2302999 to a second call, and 2302006 after 'close'", async () => {
    await using watched = await WatchedServer.start();
    const { server } = watched;
    await using peers = new RawPeers(watched);
    const peer = await peers.connect({ answerClose: false });
    const connection = await watched.connected();
    const first = server.close(connection, { code: 4001, reason: "first" });
    await assertRefused(() => server.close(connection, { code: 4002 }), 2302999);
    assertEquals(await first, true);
    await watched.closed();
    await assertRefused(() => server.close(connection), 2302006);
    assertEquals(await closeOf(peer), { code: 4001, reason: "first" });
    peer.send(TEXT, "too late");
    peer.close(4003, "my own");
    await deadline(peer.ended, LIMIT_MS);
    const next = await peers.connect(); // and nothing of the old one comes before this one
    next.send(TEXT, "next");
    await watched.until(() => watched.messages.length === 1);
    assertEquals(watched.log, ["connect", "close 4001 first", "connect", "message next"]);
  });

  it("is closing to the end of the turn, however the program awaits the first call", async () => {
    await using watched = await WatchedServer.start();
    const { server } = watched;
    await using peers = new RawPeers(watched);
    const answer = (call: Promise<boolean>) =>
      call.then((value) => value, ({ code }: BusinessError) => code);
    const asked: ((call: Promise<boolean>) => Promise<boolean | number>)[] = [
      answer,
      async (call) => await answer(call),
      async (call) => await deadline(answer(call), LIMIT_MS),
      async (call) => (await Promise.all([deadline(answer(call), LIMIT_MS)]))[0]!,
    ];
    for (const [i, ask] of asked.entries()) {
      await peers.connect();
      const connection = await watched.connected(i + 1);
      assertEquals(await ask(server.close(connection)), true);
      assertEquals(await answer(server.close(connection)), 2302999);
      assertEquals(await answer(server.send("x", connection)), -1);
      assertEquals(await watched.closed(i + 1), { code: 1000, reason: "CLOSE_NORMAL" });
      assertEquals(await answer(server.close(connection)), 2302006);
    }
  });

  it("delivers what was sent before it", async () => {
    await using watched = await WatchedServer.start();
    const { server } = watched;
    await using peers = new RawPeers(watched);
    const peer = await peers.connect();
    const connection = await watched.connected();
    const big = new Uint8Array(3_000_000).fill(7);
    const calls = [
      server.send("first", connection),
      server.send(big, connection),
      server.send(big, connection),
      server.send("last", connection),
      server.close(connection, { code: 1000, reason: "done" }),
    ];
    assertEquals(await Promise.all(calls), [true, true, true, true, true]);
    assertEquals(await closeOf(peer), { code: 1000, reason: "done" });
    assertEquals(peer.texts(), ["first", "last"]);
    assertEquals(peer.frames.map(({ payload }) => payload.length).slice(1, 3), [3e6, 3e6]);
    assertEquals(peer.frames.at(-1)!.opcode, CLOSE);
  });

  it("drops a peer that does not answer after 5 s, on its clock; 'close' came once", async () => {
    const clock = new FakeClock();
    await using watched = await WatchedServer.start({}, { clock });
    await using peers = new RawPeers(watched);
    const peer = await peers.connect({ answerClose: false });
    await watched.server.close(await watched.connected(), { code: 4000, reason: "go" });
    assertEquals(await closeOf(peer), { code: 4000, reason: "go" });
    assertEquals(await watched.closed(), { code: 4000, reason: "go" });
    clock.tick(5001);
    await deadline(peer.ended, LIMIT_MS);
    const next = await peers.connect();
    next.send(TEXT, "next");
    await watched.until(() => watched.messages.length === 1);
    assertEquals(watched.log, ["connect", "close 4000 go", "connect", "message next"]);
  });

  it("tells 'close' once when both sides close at the same time, fifty times", async () => {
    await using watched = await WatchedServer.start();
    await using peers = new RawPeers(watched);
    for (let n = 1; n <= 50; n++) {
      const peer = await peers.connect();
      const connection = await watched.connected(n);
      peer.close(4001, "peer");
      if (n % 2 === 0) await new Promise((resolve) => setImmediate(resolve));
      await watched.server.close(connection, { code: 4002, reason: "server" }).catch(() => {});
      const { code } = await watched.closed(n);
      assert(code === 4001 || code === 4002);
      await deadline(peer.ended, LIMIT_MS);
    }
    await peers.connect();
    await watched.connected(51);
    assertEquals(watched.closes.length, 50);
    assertEquals(new Set(watched.closes.map(({ connection }) => connection)).size, 50);
    assertEquals(watched.errors, []);
  });
});

describe("createWebSocketServer().on('close')", () => {
  const rows: [code: number | undefined, reason: string][] = [
    [1000, "bye"],
    [1000, ""],
    [1001, "the tab was closed"],
    [1011, "世界"],
    [3000, ""],
    [4999, "x".repeat(123)],
  ];
  for (const [code, reason] of rows) {
    it(`tells a peer's ${code} ${JSON.stringify(reason).slice(0, 12)}, and answers it`, async () => {
      await using watched = await WatchedServer.start();
      await using peers = new RawPeers(watched);
      const peer = await peers.connect({ answerClose: false });
      peer.close(code, reason);
      assertEquals(await watched.closed(), { code: code!, reason });
      assertEquals((await closeOf(peer)).code, code);
      await deadline(peer.ended, LIMIT_MS);
      assertEquals(watched.log, ["connect", `close ${code} ${reason}`]);
      assertEquals(watched.server.listAllConnections(), []);
    });
  }

  it("tells 1000 and '' when the peer's Close frame has no code", async () => {
    await using watched = await WatchedServer.start();
    await using peers = new RawPeers(watched);
    const peer = await peers.connect({ answerClose: false });
    peer.close();
    assertEquals(await watched.closed(), { code: 1000, reason: "" });
    await closeOf(peer);
    assertEquals(watched.log, ["connect", "close 1000 "]);
  });

  it("tells what the peer sent before its Close frame first, and nothing it sent after", async () => {
    await using watched = await WatchedServer.start();
    await using peers = new RawPeers(watched);
    const peer = await peers.connect();
    for (let i = 0; i < 5; i++) peer.send(TEXT, `${i}`);
    peer.close(1000, "all sent");
    peer.send(TEXT, "after");
    await watched.closed();
    await deadline(peer.ended, LIMIT_MS);
    await peers.connect();
    await watched.connected(2);
    const messages = [0, 1, 2, 3, 4].map((n) => `message ${n}`);
    assertEquals(watched.log, ["connect", ...messages, "close 1000 all sent", "connect"]);
  });

  it("comes when the connection is in the list no more, and with a result of one's own", async () => {
    await using watched = await WatchedServer.start();
    const { server } = watched;
    const seen: unknown[] = [];
    server.on("close", (connection, result) => {
      seen.push(server.listAllConnections().length, result.code);
      result.code = 5;
      void server.send("x", connection).catch(({ code }) => seen.push(code));
    });
    await using peers = new RawPeers(watched);
    for (const peer of await peers.connectMany(2)) peer.close(4000);
    await watched.closed(2);
    await assertRefused(() => server.close(watched.closes[1]!.connection), 2302006);
    assertEquals(seen.filter((one) => one !== 2302006).sort(), [0, 1, 4000, 4000]);
    assertEquals(seen.filter((one) => one === 2302006).length, 2);
  });
});

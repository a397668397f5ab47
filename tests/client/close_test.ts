import { assertEquals, assertGreaterOrEqual, assertLess } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { FakeClock } from "../../testing.ts";
import { answerOf, refusal, Session, untyped, within } from "../helpers/client.ts";
import { BINARY, CLOSE, closePayload, readClose, TEXT } from "../peers/raw.ts";

describe("createWebSocket().close() with code", () => {
  const same = (code: number): [number, number, number] => [code, code, code];
  const codes: [asked: number, onWire: number, reported: number][] = [
    [-1, 1000, 1000],
    [0, 1000, 1000],
    [1, 1000, 1000],
    [999, 1000, 1000],
    ...[1000, 1001, 1002, 1003].map(same),
    [1004, 1000, 1004],
    [1005, 1000, 1005],
    [1006, 1000, 1006],
    ...[1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014].map(same),
    [1015, 1000, 1015],
    [1016, 1000, 1000],
    [2000, 1000, 1000],
    [2999, 1000, 1000],
    ...[3000, 3999, 4000, 4999].map(same),
    [5000, 1000, 1000],
    [65_536 + 4000, 1000, 1000],
    [1.5, 1000, 1000],
    [1000.5, 1000, 1000],
    [3000.5, 1000, 1000],
    [NaN, 1000, 1000],
    [Infinity, 1000, 1000],
  ];
  for (const [code, onWire, reported] of codes) {
    it(`sends ${onWire} and reports ${reported} when asked for ${code}`, async () => {
      await using session = await Session.start();
      const peer = await session.open();
      const [error, value] = await answerOf((callback) =>
        session.ws.close({ code, reason: "bye" }, callback)
      );
      assertEquals([error, value], [undefined, true]);
      const close = await within(peer.next(CLOSE));
      assertEquals(readClose(close), { code: onWire, reason: "bye" });
      assertEquals(close.masked, true);
      const [failure, result] = await session.log.next("close");
      assertEquals([failure, result], [undefined, { code: reported, reason: "bye" }]);
      await session.assertEvents("open", "openInfo", "close");
    });
  }
});

describe("createWebSocket().close() with reason", () => {
  const reasons: [what: string, asked: string | undefined, onWire: string][] = [
    ["left out", undefined, "CLOSE_NORMAL"],
    ["empty", "", ""],
    ["of 123 bytes", "a".repeat(123), "a".repeat(123)],
    ["of 124 bytes", "a".repeat(124), "a".repeat(123)],
    ["of 100,000 bytes", "a".repeat(100_000), "a".repeat(123)],
    ["of two-byte characters", "é".repeat(62), "é".repeat(61)],
    ["of three-byte characters", "€".repeat(42), "€".repeat(41)],
    ["of four-byte characters", "😀".repeat(31), "😀".repeat(30)],
    ["cut before a two-byte character", "a".repeat(122) + "é", "a".repeat(122)],
    ["cut before a three-byte character", "a".repeat(121) + "€", "a".repeat(121)],
    ["cut before a four-byte character", "a".repeat(120) + "😀", "a".repeat(120)],
    ["cut after a four-byte character", "a".repeat(119) + "😀b", "a".repeat(119) + "😀"],
  ];
  for (const [what, reason, onWire] of reasons) {
    it(`sends at most 123 bytes and reports all when it is ${what}`, async () => {
      await using session = await Session.start();
      const peer = await session.open();
      await within(untyped(session.ws).close({ code: 4000, reason }));
      const close = await within(peer.next(CLOSE));
      assertEquals(readClose(close), { code: 4000, reason: onWire });
      assertLess(close.payload.length, 126);
      await session.log.next("close");
      assertEquals(session.log.closes, [{ code: 4000, reason: reason ?? "CLOSE_NORMAL" }]);
    });
  }

  it("sends half a surrogate pair as U+FFFD", async () => {
    await using session = await Session.start();
    const peer = await session.open();
    await within(session.ws.close({ reason: "a\ud83d" }));
    const { payload } = await within(peer.next(CLOSE));
    assertEquals([...payload.subarray(2)], [97, 0xef, 0xbf, 0xbd]);
  });

  it("sends 1000 when there is a reason but no code", async () => {
    await using session = await Session.start();
    const peer = await session.open();
    await within(session.ws.close({ reason: "bye" }));
    assertEquals(readClose(await within(peer.next(CLOSE))), { code: 1000, reason: "bye" });
    await session.log.next("close");
    assertEquals(session.log.closes, [{ code: 1000, reason: "bye" }]);
  });
});

describe("createWebSocket().close()", () => {
  it("reports what was asked for whatever the peer answers", async () => {
    await using session = await Session.start({ server: { answerClose: false } });
    const peer = await session.open();
    await within(session.ws.close({ code: 4001, reason: "mine" }));
    await within(peer.next(CLOSE));
    peer.close(4002, "yours");
    peer.end();
    await session.log.next("close");
    assertEquals(session.log.closes, [{ code: 4001, reason: "mine" }]);
    await session.assertEvents("open", "openInfo", "close");
  });

  for (const [what, end] of [["ends", "end"], ["resets", "reset"]] as const) {
    it(`tells one 'close' and no 'error' when the peer ${what} instead of answering`, async () => {
      await using session = await Session.start({ server: { answerClose: false } });
      const peer = await session.open();
      await within(session.ws.close({ code: 4001, reason: "mine" }));
      await within(peer.next(CLOSE));
      peer[end]();
      await session.log.next("close");
      assertEquals(session.log.closes, [{ code: 4001, reason: "mine" }]);
      await session.assertEvents("open", "openInfo", "close");
    });
  }

  it("tells one 'close' when both sides close at once", async () => {
    await using session = await Session.start();
    const peer = await session.open();
    peer.close(4002, "yours");
    void session.ws.close({ code: 4001, reason: "mine" });
    await session.log.next("close");
    assertEquals(session.log.closes, [{ code: 4001, reason: "mine" }]);
    await session.assertEvents("open", "openInfo", "close");
  });

  it("drops a peer that never answers after 5 s, and tells one 'close'", async () => {
    await using session = await Session.start({ server: { answerClose: false } });
    const peer = await session.open();
    const began = performance.now();
    await within(session.ws.close({ code: 4001, reason: "mine" }));
    await session.log.next("close");
    const took = performance.now() - began;
    assertGreaterOrEqual(took, 4950);
    assertLess(took, 8000);
    assertEquals(session.log.closes, [{ code: 4001, reason: "mine" }]);
    assertEquals(session.log.entries.at(-1)!.state, "idle");
    await within(peer.ended);
    peer.close(4002, "too late");
    await session.assertEvents("open", "openInfo", "close");
  });

  it("drops a peer that answers nothing, keeps the TCP connection and goes on talking", async () => {
    const clock = new FakeClock();
    await using session = await Session.start({
      client: { clock },
      server: { answerClose: false },
    });
    const peer = await session.open();
    await within(session.ws.close());
    await within(peer.next(CLOSE));
    peer.send(TEXT, "still talking");
    clock.tick(4999);
    assertEquals(session.ws.state, "closing");
    clock.tick(1);
    assertEquals([session.ws.state, ...session.log.closes], [
      "idle",
      { code: 1000, reason: "CLOSE_NORMAL" },
    ]);
    await within(peer.ended);
    assertEquals(clock.pending, 0);
  });

  it("drops a peer that does not read what is queued, and tells that it is lost", async () => {
    const clock = new FakeClock();
    await using session = await Session.start({ client: { clock } });
    const peer = await session.open();
    peer.socket.pause();
    const chunk = new Uint8Array(5_000_000);
    for (let i = 0; i < 6; i++) void session.ws.send(chunk);
    await within(session.ws.close({ code: 4001 }));
    clock.tick(10_000);
    await session.log.next("close");
    assertEquals(session.log.names, ["open", "openInfo", "error", "close"]);
    assertEquals(session.log.closes, [{ code: 4001, reason: "CLOSE_NORMAL" }]);
    assertEquals([session.ws.state, session.ws.bufferedAmount], ["idle", 0]);
  });

  it("ends although the peer answers and never ends the TCP connection", async () => {
    await using session = await Session.start({ server: { answerClose: false } });
    const peer = await session.open();
    await within(session.ws.close());
    await within(peer.next(CLOSE));
    peer.close(1000);
    await session.log.next("close");
    await within(peer.ended);
    assertEquals(session.log.closes, [{ code: 1000, reason: "CLOSE_NORMAL" }]);
  });

  it("answers 2302999 the second time, and changes nothing", async () => {
    await using session = await Session.start();
    const peer = await session.open();
    const first = session.ws.close({ code: 4001, reason: "first" });
    const second = refusal(session.ws.close({ code: 4002, reason: "second" }));
    assertEquals([await within(first), (await second).code], [true, 2302999]);
    await session.log.next("close");
    assertEquals((await refusal(session.ws.close())).code, 2302999);
    assertEquals(peer.frames.map(readClose), [{ code: 4001, reason: "first" }]);
    assertEquals(session.log.closes, [{ code: 4001, reason: "first" }]);
  });

  for (const event of ["open", "openInfo", "message", "dataEnd"] as const) {
    it(`works inside a listener of '${event}'`, async () => {
      await using session = await Session.start();
      const answers: Promise<boolean>[] = [];
      session.ws.on(event, () => {
        if (session.ws.state === "open") answers.push(session.ws.close({ code: 4001 }));
      });
      const accepted = session.server.accept();
      await within(session.ws.connect(session.url));
      const peer = await within(accepted);
      await session.log.next("openInfo");
      peer.send(TEXT, "hello");
      assertEquals(readClose(await within(peer.next(CLOSE))).code, 4001);
      await session.log.next("close");
      assertEquals(await within(Promise.all(answers)), [true]);
      assertEquals(session.log.closes, [{ code: 4001, reason: "CLOSE_NORMAL" }]);
    });
  }

  it("tells no 'close' before it returns, and answers though nothing is left", async () => {
    await using session = await Session.start({ server: { answer: () => undefined } });
    await within(session.ws.connect(session.url));
    const closed = session.ws.close();
    assertEquals(session.log.names, []);
    assertEquals(await within(closed), true);
    await session.log.next("close");
  });

  it("sends its Close frame after data the peer has not answered", async () => {
    await using session = await Session.start();
    const peer = await session.open();
    for (let i = 0; i < 100; i++) void session.ws.send(new Uint8Array([i]));
    await within(session.ws.close());
    const close = await within(peer.next(CLOSE));
    assertEquals(close.payload, closePayload(1000, "CLOSE_NORMAL"));
    assertEquals(
      peer.frames.slice(0, 100).map(({ opcode, payload }) => [opcode, payload[0]]),
      Array.from({ length: 100 }, (_, i) => [BINARY, i]),
    );
  });
});

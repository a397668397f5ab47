/** The client's `maxBufferedAmount`: what it refuses, and that nothing else is lost. */

import { assert, assertEquals, assertInstanceOf, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { BusinessError, createWebSocket } from "../../mod.ts";
import { refusal, Session, within } from "../helpers/client.ts";
import { TEXT } from "../peers/raw.ts";

/** Waits until little is queued: nothing is told about that. */
async function drained(ws: { bufferedAmount: number }, atMost: number): Promise<void> {
  const end = performance.now() + 15_000;
  while (ws.bufferedAmount > atMost) {
    assert(performance.now() < end, `${ws.bufferedAmount} bytes are queued still`);
    await delay(5);
  }
}

describe("createWebSocket({ maxBufferedAmount })", () => {
  it("refuses 2302999 what would be over it while connecting, and sends the rest", async () => {
    await using session = await Session.start({ client: { maxBufferedAmount: 10 } });
    const { ws } = session;
    const accepted = session.server.accept();
    const connecting = ws.connect(session.url);
    // In the same turn: nothing can be open yet.
    const told = (call: Promise<unknown>) => call.catch((error: unknown) => error);
    const six = ws.send("123456");
    const eleven = told(ws.send("ABCDEFGHIJK"));
    const five = told(ws.send("abcde"));
    const four = ws.send("äö");
    const one = told(ws.send("x"));
    assertEquals([ws.state, ws.bufferedAmount], ["connecting", 10]);
    assertEquals(await connecting, true);
    assertEquals([await six, await four], [true, true]);
    for (const [refused, queued] of [[eleven, 6], [five, 6], [one, 10]] as const) {
      const error = await refused;
      assertInstanceOf(error, BusinessError);
      assertEquals(error.code, 2302999);
      assertStringIncludes(
        error.message,
        `Websocket Unknown Other Error: send: 'maxBufferedAmount' is 10, and ${queued} bytes`,
      );
    }
    const peer = await within(accepted);
    await session.log.next("openInfo");
    await drained(ws, 0);
    assertEquals(await ws.send("0123456789"), true);
    assertEquals(await ws.close(), true);
    await session.log.next("close");
    assertEquals(peer.texts(), ["123456", "äö", "0123456789"]);
    assertEquals(session.log.names, ["open", "openInfo", "close"]);
  });

  it("refuses a single message over it, and an empty one never", async () => {
    await using session = await Session.start({ client: { maxBufferedAmount: 10 } });
    const peer = await session.open();
    assertEquals((await refusal(session.ws.send(new Uint8Array(11)))).code, 2302999);
    assertEquals(await session.ws.send(new ArrayBuffer(10)), true);
    assertEquals(await session.ws.send(""), true);
    await within(peer.next(TEXT));
    assertEquals(peer.frames.map(({ payload }) => payload.length), [10, 0]);
    await session.ws.close();
    await session.log.next("close");
  });

  it("refuses before a peer that does not read, and sends again once it does", async () => {
    const limit = 1_000_000;
    await using session = await Session.start({ client: { maxBufferedAmount: limit } });
    const peer = await session.open();
    const { ws } = session;
    peer.socket.pause();
    const pad = "x".repeat(100_000);
    let sent = 0;
    let error: unknown;
    while (error === undefined && sent < 1000) {
      const before = ws.bufferedAmount;
      try {
        await ws.send(`${sent} ${pad}`);
        sent++;
      } catch (refused) {
        error = refused;
        assert(before > limit - pad.length - 10, `${before} bytes only are queued`);
      }
      assert(ws.bufferedAmount <= limit, `${ws.bufferedAmount} bytes are queued`);
    }
    assertEquals((error as { code?: number })?.code, 2302999);
    assertEquals(ws.state, "open");
    peer.socket.resume();
    await drained(ws, 0);
    assertEquals(await ws.send("last"), true);
    assertEquals(await ws.close(), true);
    await session.log.next("close");
    const expected = Array.from({ length: sent }, (_, i) => `${i} ${pad}`.length);
    const numbers = peer.texts().slice(0, -1).map((text) => Number(text.split(" ")[0]));
    assertEquals(numbers, [...expected.keys()]);
    assertEquals(peer.texts().map((text) => text.length), [...expected, 4]);
    assertEquals(session.log.names, ["open", "openInfo", "close"]);
  });

  it("counts each connection for itself", async () => {
    await using session = await Session.start({ client: { maxBufferedAmount: 5 } });
    const { ws } = session;
    for (let round = 1; round <= 2; round++) {
      const connecting = ws.connect(session.url);
      const send = ws.send("12345");
      const over = ws.send("6").catch(({ code }) => code);
      assertEquals([await connecting, await send, await over], [true, true, 2302999]);
      await ws.close();
      await session.log.next("close", round);
    }
  });

  it("is 401 unless it is a whole number above 0", async () => {
    for (const value of [0, -1, 1.5, NaN, "5"]) {
      const ws = createWebSocket({ maxBufferedAmount: value as number });
      const error = await refusal(ws.connect("ws://127.0.0.1:1/"));
      assertEquals(error.code, 401);
      assertStringIncludes(error.message, "'maxBufferedAmount'");
    }
  });
});

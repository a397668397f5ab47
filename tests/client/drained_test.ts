/** The client's `drained`. */

import { assert, assertEquals, assertLess } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocket, type WebSocketClient } from "../../mod.ts";
import { FakeClock, MemoryNetwork } from "../../testing.ts";
import { refusal, Session, within } from "../helpers/client.ts";
import { MemoryPair } from "../helpers/memory_pair.ts";
import { BINARY, TEXT } from "../peers/raw.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

/** Sends to a server that reads nothing until something is queued. */
async function fill(ws: WebSocketClient): Promise<void> {
  for (let sent = 0; ws.bufferedAmount < 2 * MIB; sent++) {
    assertLess(sent, 100, "nothing is queued");
    await ws.send(new Uint8Array(MIB));
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

describe("client.drained()", () => {
  it("sends 16 MiB with 1 MiB queued at the most", async () => {
    await using session = await Session.start();
    const peer = await session.open();
    const piece = new Uint8Array(64 * KIB);
    for (let sent = 0; sent < 16 * MIB; sent += piece.length) {
      await session.ws.send(piece);
      assertEquals(await within(session.ws.drained(MIB)), true);
      assert(session.ws.bufferedAmount <= MIB);
    }
    await session.ws.send("end");
    await within(peer.next(TEXT));
    const got = peer.frames.filter(({ opcode }) => opcode === BINARY);
    assertEquals(got.reduce((sum, { payload }) => sum + payload.length, 0), 16 * MIB);
  });

  it("waits for the open connection, too", async () => {
    await using pair = await MemoryPair.start();
    await pair.ws.connect("ws://localhost:80/");
    await pair.ws.send("12345");
    let drained: boolean | undefined;
    void pair.ws.drained().then((value) => drained = value);
    await pair.clock.advance(9);
    assertEquals([pair.ws.state, drained], ["connecting", undefined]);
    assertEquals(await pair.ws.drained(5), true);
    await pair.clock.advance(100);
    assertEquals([pair.ws.state, drained], ["open", true]);
  });

  const ends: Record<string, (session: Session) => unknown> = {
    "it is lost": async ({ log, server }) => {
      await server.close();
      await log.next("close");
    },
    "it is closed, and the server does not read that": ({ ws }) => ws.close(),
  };
  for (const [what, end] of Object.entries(ends)) {
    it(`is false when ${what}`, async () => {
      await using session = await Session.start();
      const peer = await session.open();
      peer.socket.pause();
      await fill(session.ws);
      const waiting = Promise.all([session.ws.drained(), session.ws.drained(1)]);
      await end(session);
      assertEquals(await within(waiting), [false, false]);
      assertEquals(await session.ws.drained(), false);
    });
  }

  it("is false as soon as it closes, however little is queued, and however soon that is read", async () => {
    await using pair = await MemoryPair.start();
    for (const queued of [0, 1]) {
      await pair.open();
      const link = pair.network.links.at(-1)!;
      link.hold();
      if (queued > 0) await pair.ws.send("x");
      const waiting = [pair.ws.drained()];
      void pair.ws.close();
      assertEquals(pair.ws.state, "closing");
      waiting.push(pair.ws.drained(), pair.ws.drained(1e9));
      link.release();
      assertEquals(await pair.clock.until(Promise.all(waiting)), [queued === 0, false, false]);
      await pair.clock.until(pair.ws.closed);
    }
  });

  it("is false where there is no connection", async () => {
    assertEquals(await createWebSocket().drained(), false);
    assertEquals(await createWebSocket().drained(1e9), false);
  });

  it("is false when a connection is lost, though another follows, and true for that one's", async () => {
    const reconnect = { random: () => 1 };
    await using pair = await MemoryPair.start({ client: { reconnect } });
    await pair.open();
    pair.network.links[0]!.hold();
    await pair.ws.send("lost");
    const [lost] = [pair.ws.drained()];
    pair.network.links[0]!.cut();
    assertEquals(await pair.clock.until(lost!), false);
    assertEquals(pair.ws.state, "reconnecting");
    await pair.ws.send("kept");
    assertEquals(await pair.clock.until(pair.ws.drained()), true);
    assertEquals(pair.ws.state, "open");
  });

  it("shares one timer among all clients on a clock", async () => {
    const clock = new FakeClock();
    const network = new MemoryNetwork({ clock });
    const clients = Array.from(
      { length: 50 },
      () => createWebSocket({ clock, runtime: network.client }),
    );
    for (const ws of clients) await ws.connect("ws://localhost:80/"); // nobody listens there
    for (const ws of clients) await ws.send("x");
    const before = clock.pending;
    const waiting = Promise.all(clients.map((ws) => ws.drained()));
    assertEquals(clock.pending, before + 1);
    await clock.advance(1000);
    assertEquals(new Set(await waiting), new Set([false]));
    assertEquals(clock.pending, 0);
  });

  it("refuses with 401 what is no number of bytes", async () => {
    for (const wrong of [-1, NaN, "0", null, {}, () => {}]) {
      const error = await refusal(createWebSocket().drained(wrong as never));
      assertEquals([error.code, error.kind], [401, "argument"]);
      assert(error.message.includes("drained: bytes must be a number of bytes from 0 on"));
    }
  });
});

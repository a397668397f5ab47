/** What was accepted is sent, as long as the peer takes it, or its loss is told: contract, section 7. */

import { assert, assertEquals, assertGreater, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type CloseResult, createWebSocket } from "../../mod.ts";
import { FakeClock } from "../../testing.ts";
import { EventLog, Session, within } from "../helpers/client.ts";
import { ScriptedClient } from "../helpers/scripted_runtime.ts";
import { BINARY, CLOSE, readClose } from "../peers/raw.ts";

const PIECE = new Uint8Array(2_000_000);
const PIECES = 12;

/** A client with 24 MB queued to a peer that does not read, on a clock that stands still. */
async function queued() {
  const clock = new FakeClock();
  const session = await Session.start({ client: { clock, stats: true } });
  const peer = await session.open();
  peer.socket.pause();
  for (let i = 0; i < PIECES; i++) void session.ws.send(PIECE);
  const until = async (is: () => boolean) => {
    for (let i = 0; i < 1000 && !is(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
    assert(is(), "it did not happen in time");
  };
  return { clock, session, peer, until };
}

const codeOf = (close: unknown) => (close as CloseResult).code;

/** How many bytes the peer has read of its socket. */
const read = (peer: { socket: { bytesRead: number } }) => peer.socket.bytesRead;

describe("createWebSocket().close() with megabytes queued", () => {
  it("waits as long as the peer reads, sends all of it, and then the Close frame", async () => {
    const { clock, session, peer, until } = await queued();
    await using _ = session;
    await within(session.ws.close({ code: 4000, reason: "done" }));
    for (let part = 1;; part++) {
      clock.tick(4900);
      assertEquals(session.log.closes, []);
      peer.socket.resume();
      const before = session.ws.bufferedAmount;
      if (part > 3 || before === 0) break; // a quick peer has read all of it
      await until(() =>
        before - session.ws.bufferedAmount >= 2_000_000 || !session.ws.bufferedAmount
      );
      peer.socket.pause();
    }
    const close = await within(peer.next(CLOSE));
    assertEquals(readClose(close), { code: 4000, reason: "done" });
    await session.log.next("close");
    const sizes = peer.frames.filter(({ opcode }) => opcode === BINARY).map((f) =>
      f.payload.length
    );
    assertEquals(sizes, Array(PIECES).fill(PIECE.length));
    assertEquals(session.log.names, ["open", "openInfo", "close"]);
    assertEquals(session.log.closes, [{ code: 4000, reason: "done" }]);
    assertEquals([session.ws.stats()!.unsent, clock.pending], [0, 0]);
  });

  it("tells 'error' with how much is lost, then 'close', when the peer reads nothing", async () => {
    const { clock, session } = await queued();
    await using _ = session;
    await within(session.ws.close({ code: 4000, reason: "done" }));
    // What the system takes at first counts as read.
    for (let last = -1; last !== session.ws.bufferedAmount;) {
      last = session.ws.bufferedAmount;
      clock.tick(250);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const lost = session.ws.bufferedAmount;
    assertGreater(lost, 1_000_000);
    clock.tick(5000);
    await session.log.next("close");
    assertEquals(session.log.names, ["open", "openInfo", "error", "close"]);
    const [error] = session.log.errors;
    assertEquals([error!.code, error!.kind], [2302999, "unsent"]);
    assertMatch(
      error!.message,
      new RegExp(`: close: ${lost} bytes that were queued were not sent`),
    );
    assertEquals(session.log.closes, [{ code: 4000, reason: "done" }]);
    assertEquals([session.ws.stats()!.unsent, clock.pending], [lost, 0]);
    assertEquals([session.ws.state, session.ws.bufferedAmount], ["idle", 0]);
  });

  for (const end of ["reset", "close"] as const) {
    it(`tells what is lost when the peer's ${end} comes in between`, async () => {
      const { session, peer } = await queued();
      await using _ = session;
      await within(session.ws.close({ code: 4000, reason: "done" }));
      await new Promise((resolve) => setTimeout(resolve, 200)); // the system takes what it can
      if (end === "reset") peer.reset();
      else peer.close(4001, "mine");
      if (end === "close") setTimeout(() => peer.reset(), 100);
      await session.log.next("close");
      assertEquals(session.log.names, ["open", "openInfo", "error", "close"]);
      assertEquals(session.log.errors.map(({ kind }) => kind), ["unsent"]);
      assertEquals(session.log.closes, [{ code: 4000, reason: "done" }]);
      const { unsent } = session.ws.stats()!;
      assertGreater(unsent, 1_000_000);
      assertMatch(session.log.errors[0]!.message, new RegExp(`close: ${unsent} bytes`));
      assert(read(peer) + unsent <= PIECES * (PIECE.length + 14) + 1000);
    });
  }
});

describe("createWebSocket() whose server ends with megabytes queued to it", () => {
  it("sends all of it to one that has closed and reads on", async () => {
    const { session, peer } = await queued();
    await using _ = session;
    peer.close(4001, "enough");
    const ended = session.log.next("close");
    await new Promise((resolve) => setTimeout(resolve, 100));
    peer.socket.resume();
    await within(peer.next(CLOSE));
    await within(ended);
    const sizes = peer.frames.filter(({ opcode }) => opcode === BINARY).map((f) =>
      f.payload.length
    );
    assertEquals(sizes, Array(PIECES).fill(PIECE.length));
    assertEquals(session.log.closes, [{ code: 4001, reason: "enough" }]);
    assertEquals([session.log.errors, session.ws.stats()!.unsent], [[], 0]);
  });

  it("counts what is lost, and tells it where no 1006 does", async () => {
    const { session, peer } = await queued();
    await using _ = session;
    await new Promise((resolve) => setTimeout(resolve, 100)); // the system takes what it can
    peer.reset();
    await session.log.next("close");
    assertEquals(session.log.names, ["open", "openInfo", "error", "close"]);
    assertEquals(session.log.errors.map(({ kind }) => kind), ["lost"]);
    assertGreater(session.ws.stats()!.unsent, 1_000_000);
  });

  for (const [how, closes] of [["by its Close frame", true], ["with no word", false]] as const) {
    it(`goes by what the runtime knows of one that goes ${how}`, async () => {
      const { runtime, ws, log } = await closing(7, false);
      const failure = { what: "connection lost", status: "0" };
      runtime.events.closed({ code: 4001, reason: "", unsent: 7, ...(closes ? {} : { failure }) });
      assertEquals(log.closes.map(codeOf), [closes ? 4001 : 1006]);
      assertEquals(log.errors.map(({ kind }) => kind), [closes ? "unsent" : "lost"]);
      if (closes) {
        assertMatch(log.errors[0]!.message, /: 7 bytes that .* before the server closed$/);
      }
      assertEquals([ws.stats()!.unsent, log.names.at(-1)], [7, "close"]);
    });
  }

  it("counts what was queued to one that is dead", async () => {
    const { clock, ws, log } = await closing(7, false);
    clock.tick(61_000);
    assertEquals(log.errors.map(({ kind }) => kind), ["heartbeatTimeout"]);
    assertEquals([ws.stats()!.unsent, log.closes.map(codeOf)], [7, [1006]]);
  });
});

/** A client on a script, open, with so many bytes queued; it closes. */
async function closing(bufferedAmount: number, closes = true) {
  const clock = new FakeClock();
  const runtime = new ScriptedClient();
  const ws = createWebSocket({ clock, runtime, stats: true });
  const log = new EventLog(ws);
  await ws.connect("ws://localhost/");
  runtime.events.open();
  runtime.socket.bufferedAmount = bufferedAmount;
  if (closes) await ws.close({ code: 4000, reason: "done" });
  return { clock, runtime, ws, log, socket: runtime.socket };
}

describe("createWebSocket().close() and its deadline", () => {
  it("begins anew with each 64 KiB that the peer takes, and not with less", async () => {
    const { clock, log, socket, ws } = await closing(1_000_000);
    socket.bufferedAmount -= 65_536;
    clock.tick(4999);
    socket.bufferedAmount -= 65_535;
    clock.tick(250); // the 64 KiB were noticed after 250 ms
    assertEquals(log.closes, []);
    clock.tick(1);
    assertEquals(socket.calls, ["close 4000", "terminate"]);
    assertEquals(log.errors.map(({ kind }) => kind), ["unsent"]);
    assertEquals([ws.stats()!.unsent, clock.pending], [1_000_000 - 65_536 - 65_535, 0]);
  });

  it("begins anew when the queue is empty, for the answer", async () => {
    const { clock, log, socket, ws } = await closing(1000);
    clock.tick(4900);
    socket.bufferedAmount = 0;
    clock.tick(4900);
    assertEquals(log.closes, []);
    clock.tick(350);
    assertEquals([log.names.slice(2), ws.stats()!.unsent], [["close"], 0]);
    assertEquals([socket.calls, clock.pending], [["close 4000", "terminate"], 0]);
  });

  it("is over after two minutes, however much the peer takes", async () => {
    const { clock, log, socket, ws } = await closing(100_000_000);
    for (let s = 0; s < 119; s++) {
      socket.bufferedAmount -= 100_000;
      clock.tick(1000);
      assertEquals(log.closes, []);
    }
    const { bufferedAmount } = socket;
    clock.tick(1000);
    assertEquals(log.names.slice(2), ["error", "close"]);
    assertEquals([ws.stats()!.unsent, clock.pending], [bufferedAmount, 0]);
  });

  it("is told to an observer as well, before 'close'", async () => {
    const clock = new FakeClock();
    const runtime = new ScriptedClient();
    const told: unknown[] = [];
    const observer = {
      unsent: (_: unknown, bytes: number) => told.push(bytes),
      closed: () => told.push("closed"),
    };
    const ws = createWebSocket({ clock, runtime, observer });
    ws.on("error", () => told.push("error"));
    ws.on("close", () => told.push("close"));
    await ws.connect("ws://localhost/");
    runtime.events.open();
    runtime.socket.bufferedAmount = 5;
    await ws.close();
    clock.tick(5000);
    assertEquals(told, [5, "error", "closed", "close"]);
  });

  it("counts what was sent before it was open, and tells of its end by 'close' alone", async () => {
    const runtime = new ScriptedClient();
    const clock = new FakeClock();
    const ws = createWebSocket({ clock, runtime, stats: true });
    const log = new EventLog(ws);
    await ws.connect("ws://localhost/");
    void ws.send("12345");
    await ws.close();
    await clock.advance(0);
    assertEquals([log.names, ws.stats()!.unsent, clock.pending], [["close"], 5, 0]);
  });
});

describe("createWebSocket({ reconnect }).close()", () => {
  it("counts what waited for another connection, and what the last one did not send", async () => {
    const clock = new FakeClock();
    const runtime = new ScriptedClient();
    const ws = createWebSocket({ clock, runtime, stats: true, reconnect: true });
    const log = new EventLog(ws);
    await ws.connect("ws://localhost/");
    runtime.events.open();
    runtime.socket.bufferedAmount = 7;
    await ws.close();
    clock.tick(5000);
    assertEquals([log.names.slice(2), log.errors[0]!.kind], [["error", "close"], "unsent"]);
    assertEquals(ws.stats()!.unsent, 7);
    await ws.connect("ws://localhost/");
    await ws.send("12345");
    await ws.close();
    await clock.advance(0);
    assertMatch(log.errors[1]!.message, /1 queued messages were never sent, of 5 bytes/);
    assertEquals([ws.stats()!.unsent, clock.pending], [12, 0]);
  });
});

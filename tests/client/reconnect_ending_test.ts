/** A client that reconnects, whose server has said Close: what is sent before the end is told. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocket } from "../../mod.ts";
import { refusal, within } from "../helpers/client.ts";
import { Script } from "../helpers/resuming_session.ts";
import { CLOSE, RawServer, TEXT } from "../peers/raw.ts";
import { scripted, URL } from "./reconnect_world.ts";

describe("createWebSocket({ reconnect }).send() once the server has said Close", () => {
  it("is kept for the next connection, also where the server leaves the old one open", async () => {
    const server = await RawServer.listen({ answerClose: false });
    const ws = createWebSocket({ reconnect: { minDelay: 0.01 }, stats: true });
    const errors: unknown[] = [];
    ws.on("error", ({ kind }) => errors.push(kind));
    try {
      await ws.connect(server.url);
      const first = await within(server.accept());
      await within(ws.opened);
      first.close(1012, "retry after 10 ms");
      await within(first.next(CLOSE));
      assertEquals([await ws.send("a move"), await ws.send("another")], [false, false]);
      const second = await within(server.accept());
      await within(second.next(TEXT));
      await within(second.next(TEXT, 1));
      assertEquals(second.texts(), ["a move", "another"]);
      assertEquals([errors, ws.stats()!.unsent, ws.bufferedAmount], [[], 0, 0]);
      void ws.close();
      second.close(1000);
      await within(ws.closed);
    } finally {
      await server.close();
    }
  });

  it("counts against 'maxQueued', and is sent in order", async () => {
    const { clock, runtime, ws, log } = scripted({ random: () => 0, maxQueued: 5 });
    await ws.connect(URL);
    runtime.events.open();
    const first = runtime.socket;
    assertEquals(await ws.send("123456"), true);
    first.isEnding = true;
    assertEquals([await ws.send("12345"), ws.bufferedAmount], [false, 5]);
    assertEquals((await refusal(ws.send("6"))).kind, "queueFull");
    assertEquals([first.calls, ws.state], [["send"], "open"]);
    runtime.events.closed({ code: 1012, reason: "" });
    await clock.advance(1);
    runtime.events.open();
    assertEquals([runtime.socket.calls, ws.bufferedAmount], [["send"], 0]);
    void ws.close();
    runtime.events.closed({ code: 1000, reason: "" });
    await clock.advance(10_000);
    assertEquals([log.errors, clock.pending], [[], 0]);
  });

  it("is told as unsent where no other connection follows", async () => {
    const { clock, runtime, ws, log } = scripted();
    await ws.connect(URL);
    runtime.events.open();
    runtime.socket.isEnding = true;
    assertEquals(await ws.send("12345"), false);
    runtime.events.closed({ code: 1000, reason: "" });
    await clock.advance(10_000);
    assertEquals(log.names, ["open", "openInfo", "error", "close"]);
    assertEquals(log.errors.map(({ kind }) => kind), ["unsent"]);
    assertEquals([ws.state, clock.pending], ["idle", 0]);
  });

  it("is queued, beside what goes out still, until the client is closed", async () => {
    const { clock, runtime, ws } = scripted();
    await ws.connect(URL);
    runtime.events.open();
    Object.assign(runtime.socket, { bufferedAmount: 9, isEnding: true });
    await ws.send("12345");
    assertEquals(ws.bufferedAmount, 14);
    await ws.close();
    assertEquals([ws.state, ws.bufferedAmount], ["closing", 14]);
    runtime.events.closed({ code: 1000, reason: "" });
    await clock.advance(10_000);
    assertEquals([ws.state, ws.bufferedAmount, clock.pending], ["idle", 0, 0]);
    await ws.connect(URL);
    runtime.events.closed({ code: 1006, reason: "" });
    await ws.close(); // with no connection
    assertEquals([ws.state, ws.bufferedAmount], ["closing", 0]);
    await clock.advance(10_000);
  });

  it("is kept for the next connection, however much of the last goes out still", async () => {
    const { clock, runtime, ws, log } = scripted({ random: () => 0, maxQueued: 5 }, {
      maxBufferedAmount: 12,
    });
    await ws.connect(URL);
    runtime.events.open();
    Object.assign(runtime.socket, { bufferedAmount: 6, isEnding: true });
    assertEquals([await ws.send("1234"), ws.bufferedAmount], [false, 10]);
    const says = async () => (await refusal(ws.send("56"))).message.split(": ").at(-1);
    assertEquals(await says(), "'reconnect.maxQueued' is 5, and 4 bytes are queued already");
    runtime.socket.bufferedAmount = 8;
    const all = (await refusal(ws.send("5"))).message.split(": ").at(-1);
    assertEquals(all, "'maxBufferedAmount' is 12, and 12 bytes are queued already");
    runtime.events.closed({ code: 1012, reason: "" });
    await clock.advance(1);
    runtime.events.open();
    assertEquals([runtime.socket.calls, log.errors], [["send"], []]);
    void ws.close();
    runtime.events.closed({ code: 1000, reason: "" });
    await clock.advance(10_000);
    assertEquals(clock.pending, 0);
  });

  it("is accepted as ever where the client does not reconnect", async () => {
    const { clock, runtime, ws } = scripted(undefined, { reconnect: false });
    await ws.connect(URL);
    runtime.events.open();
    runtime.socket.isEnding = true;
    assertEquals([await ws.send("12345"), runtime.socket.calls], [true, ["send"]]);
    runtime.events.closed({ code: 1000, reason: "" });
    await clock.advance(10_000);
  });
});

describe("a socket that resumes", () => {
  it("is ending when the one below it is", () => {
    const script = new Script();
    const socket = script.dial();
    assertEquals(socket.isEnding, false);
    script.runtime.last.isEnding = true;
    assertEquals(socket.isEnding, true);
  });
});

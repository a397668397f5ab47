/** A client that reconnects, and what seldom happens to one. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { BusinessError } from "../../mod.ts";
import { countListeners } from "../helpers/leftovers.ts";
import { scripted, URL } from "./reconnect_world.ts";

describe("createWebSocket({ reconnect }) on a runtime", () => {
  it("ends with 2302001 when it throws at the first dial, and tries again when later", async () => {
    const { clock, runtime, ws, log } = scripted();
    await ws.connect(URL);
    runtime.events.open();
    runtime.fault = new SyntaxError("not this time");
    runtime.events.closed({ code: 1001, reason: "" });
    await clock.advance(1);
    assertEquals(log.names, ["open", "openInfo", "close", "error"]);
    const [{ code, kind, data, message, cause }] = log.errors as [BusinessError];
    assertEquals([code, kind, data, ws.state], [200, "connectFailed", "0", "reconnecting"]);
    assertEquals(message, "Websocket connect failed: the runtime refused to dial");
    assertEquals(String(cause), "SyntaxError: not this time");
    runtime.fault = undefined;
    await clock.advance(1);
    assertEquals(ws.state, "connecting");
    void ws.close();
    await clock.advance(1);
    assertEquals([ws.state, clock.pending], ["idle", 0]);
    runtime.fault = new SyntaxError("no such URL");
    const { signal } = new AbortController();
    const listeners = countListeners(signal);
    const error = await ws.connect(URL, { signal }).catch((error) => error);
    assertEquals([error.code, ws.state], [2302001, "idle"]);
    assertEquals([listeners(), clock.pending], [0, 0]);
    assertEquals(error.message, "Websocket url error: connect: the runtime refused the URL");
    assertEquals(String(error.cause), "SyntaxError: no such URL");
  });

  it("waits once where a listener of the loss had it dial, which the runtime refused", async () => {
    const { clock, runtime, ws } = scripted({ minDelay: 10, random: () => 1 });
    const told: unknown[] = [];
    ws.on("reconnecting", ({ attempt, delay }) => told.push([attempt, delay]));
    const dial = () => {
      runtime.fault = new SyntaxError("not this time");
      void ws.reconnect();
      runtime.fault = undefined;
    };
    await ws.connect(URL);
    runtime.events.open();
    ws.once("close", dial);
    runtime.events.closed({ code: 1001, reason: "" });
    assertEquals(told, [[2, 20]]);
    await clock.advance(19_999);
    assertEquals(ws.state, "reconnecting");
    await clock.advance(1);
    assertEquals(ws.state, "connecting");
    ws.once("error", dial);
    runtime.events.closed({ code: 1006, reason: "" });
    assertEquals(told, [[2, 20], [4, 30]]);
    await clock.advance(0);
    assertEquals(ws.state, "reconnecting");
    void ws.close();
    await clock.advance(1);
    assertEquals([ws.state, clock.pending], ["idle", 0]);
  });

  it("has a subprotocol only while it is open", async () => {
    const { clock, runtime, ws } = scripted();
    await ws.connect(URL, { protocol: "chat" });
    runtime.socket.protocol = "chat";
    runtime.events.open();
    assertEquals(ws.protocol, "chat");
    runtime.events.closed({ code: 1001, reason: "" });
    assertEquals([ws.state, ws.protocol], ["reconnecting", ""]);
    void ws.close();
    await clock.advance(1);
    assertEquals(clock.pending, 0);
  });

  it("is closed at once by a signal that has aborted before", async () => {
    const { clock, ws, log } = scripted();
    await ws.connect(URL, { signal: AbortSignal.abort() });
    await clock.advance(1);
    assertEquals([log.names, ws.state, clock.pending], [["close"], "idle", 0]);
  });

  it("asks for the headers alone, and ends when a file has gone meanwhile", async () => {
    const { clock, ws, log } = scripted();
    const header = () => ({ "x-n": "1" });
    await ws.connect(URL, { header, caPath: "/nowhere/ca.pem" });
    await clock.advance(1);
    assertEquals(log.errors.map(({ code }) => code), [2302002]);
    assertEquals([ws.state, clock.pending], ["idle", 0]);
  });

  it("takes no second close() of a connection that closes by itself", async () => {
    const { clock, runtime, ws, log } = scripted();
    await ws.connect(URL);
    runtime.events.open();
    ws.on("error", () => void ws.close({ code: 4000, reason: "mine" }));
    runtime.events.message("x".repeat(5_242_865));
    assertEquals([runtime.socket.calls, ws.state], [["close 1009"], "closing"]);
    runtime.events.closed({ code: 1009, reason: "Received too big message" });
    await clock.advance(1);
    assertEquals(log.names, ["open", "openInfo", "error", "close"]);
    assertEquals([log.closes, clock.pending], [
      [{ code: 1009, reason: "Received too big message" }],
      0,
    ]);
  });

  for (const closesOn of ["close", "error"] as const) {
    it(`plans nothing more where a listener of '${closesOn}' closes`, async () => {
      const log: string[] = [];
      const random = () => {
        log.push("random");
        throw new Error("no luck");
      };
      const observer = { reconnecting: () => void log.push("planned") };
      const { clock, runtime, ws } = scripted({ random }, { observer });
      for (const event of ["close", "error"] as const) {
        ws.on(event, () => {
          log.push(event);
          if (event === closesOn && ws.state !== "idle") void ws.close();
        });
      }
      await ws.connect(URL);
      runtime.events.open();
      runtime.events.closed({ code: 1001, reason: "" });
      await clock.advance(100_000);
      const told = closesOn === "close"
        ? ["close", "close"]
        : ["close", "random", "error", "close"];
      assertEquals([log, ws.state, clock.pending], [told, "idle", 0]);
    });
  }

  it("counts nothing of what is queued to a connection that closes by itself", async () => {
    const { clock, runtime, ws } = scripted();
    await ws.connect(URL);
    runtime.events.open();
    runtime.socket.bufferedAmount = 9;
    assertEquals(ws.bufferedAmount, 9);
    runtime.events.message("x".repeat(5_242_865));
    assertEquals([ws.state, ws.bufferedAmount], ["reconnecting", 0]);
    assertEquals([await ws.send("12"), ws.bufferedAmount], [false, 2]);
    runtime.events.closed({ code: 1009, reason: "" });
    await clock.advance(1);
    assertEquals([ws.state, ws.bufferedAmount, clock.pending], ["idle", 0, 0]);
  });

  it("is bounded by maxBufferedAmount, too, where that is less than maxQueued", async () => {
    const { clock, ws } = scripted(true, { maxBufferedAmount: 2 });
    await ws.connect(URL);
    assertEquals(await ws.send("ab"), false);
    const { message } = await ws.send("c").catch((error) => error);
    assertEquals(message.includes("'maxBufferedAmount' is 2"), true);
    void ws.close();
    await clock.advance(1);
  });
});

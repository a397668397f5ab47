/** Functions of the user's that a client calls as it reconnects: what they may do, and where they fail. */

import { assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { EventLog } from "../helpers/client.ts";
import { scripted, URL, world } from "./reconnect_world.ts";

describe("a function that a client that reconnects was given", () => {
  it("tells one 'close' when it is closed in shouldReconnect, and can connect again in it", async () => {
    for (const answer of [true, false]) {
      let close = () => {};
      await using it = await world({ shouldReconnect: () => (close(), answer) });
      const { clock, network, ws, server } = it;
      close = () => void ws.close();
      const log = new EventLog(ws);
      await ws.connect(URL);
      await clock.advance(10);
      ws.once("close", () => void ws.connect(URL));
      network.links[0]!.cut();
      await clock.advance(10);
      assertEquals(log.names, ["open", "openInfo", "error", "close", "open", "openInfo"]);
      assertEquals([ws.state, server.listAllConnections().length], ["open", 1]);
    }
  });

  it("may dispose of the client in shouldReconnect, after an attempt that failed: that settles", async () => {
    let disposed = Promise.resolve();
    const { clock, runtime, ws, log } = scripted({
      shouldReconnect() {
        disposed = ws[Symbol.asyncDispose]();
        return true;
      },
    });
    await ws.connect(URL);
    runtime.events.closed({
      ...{ code: 0, reason: "" },
      failure: { what: "connection refused", status: "0" },
    });
    assertEquals(await clock.until(disposed.then(() => "disposed")), "disposed");
    assertEquals([log.names, ws.state, clock.pending], [["error", "close"], "idle", 0]);
  });

  for (const place of ["shouldReconnect", "'failed' of the observer", "'error'"]) {
    it(`tells what it is closed with, once, after the 'error' of an attempt that fails: ${place}`, async () => {
      const states: string[] = [];
      const close = (where: string) => {
        if (where !== place || states.length > 0) return true;
        states.push(ws.state);
        void ws.close({ code: 4000 }).then((is) => states.push(`${is}`));
        return true;
      };
      const { clock, runtime, ws, log } = scripted(
        { shouldReconnect: () => close("shouldReconnect") },
        { observer: { failed: () => close("'failed' of the observer") } },
      );
      ws.on("error", () => void close("'error'"));
      ws.on("close", (_err, { code }) => void states.push(ws.state, `${code}`));
      await ws.connect(URL);
      const messages = ws[Symbol.asyncIterator]();
      runtime.events.closed({
        ...{ code: 0, reason: "" },
        failure: { what: "connection refused", status: "0" },
      });
      const { code } = await clock.until(ws.closed);
      assertEquals([states, code], [["reconnecting", "true", "idle", "4000"], 4000]);
      assertEquals([log.names, clock.pending], [["error", "close"], 0]);
      assertEquals((await messages.next()).done, true);
    });
  }

  for (
    const [what, random] of [
      ["throws", () => {
        throw new RangeError("no dice");
      }],
      ["answers with no number", () => Promise.reject(new Error("no"))],
    ] as const
  ) {
    it(`is waited for the longest, and told as 'error' 2302999, where 'random' ${what}`, async () => {
      const { clock, runtime, ws, log } = scripted({ random: random as unknown as () => number });
      const delays: number[] = [];
      ws.on("reconnecting", ({ delay }) => delays.push(delay));
      await ws.connect(URL);
      runtime.events.closed({ code: 1006, reason: "" });
      assertEquals([delays, log.errors.map(({ code }) => code)], [[1], [200, 2302999]]);
      assertMatch(
        log.errors[1]!.message,
        what === "throws"
          ? /'random' failed: RangeError: no dice$/
          : /'random' must answer with a number: current value is /,
      );
      await clock.advance(1000);
      assertEquals(ws.state, "connecting");
      void ws.close();
      await clock.advance(1);
    });
  }

  it("ends when it is closed in the report of a `random` that throws", async () => {
    const { clock, runtime, ws, log } = scripted({
      random() {
        throw new RangeError("no dice");
      },
    });
    ws.on("error", ({ code }) => {
      if (code === 2302999) void ws.close();
    });
    await ws.connect(URL);
    runtime.events.closed({ code: 1006, reason: "" });
    await clock.advance(60_000);
    assertEquals([log.names, ws.state, clock.pending], [["error", "error", "close"], "idle", 0]);
  });

  for (
    const [what, answer] of [
      ["a promise of false", () => Promise.resolve(false)],
      ["a promise that rejects", () => Promise.reject(new Error("no"))],
      ["nothing", () => undefined],
      ["a text", () => "true"],
      ["1", () => 1],
    ] as const
  ) {
    it(`ends, and tells 'error' 2302999, when shouldReconnect answers with ${what}`, async () => {
      const shouldReconnect = answer as unknown as () => boolean;
      const { clock, runtime, ws, log } = scripted({ shouldReconnect });
      await ws.connect(URL);
      runtime.events.open();
      runtime.events.closed({ code: 1001, reason: "" });
      await clock.advance(60_000);
      assertEquals(log.names, ["open", "openInfo", "error", "close"]);
      assertEquals(log.errors.map(({ code, kind }) => [code, kind]), [[2302999, "hookFailed"]]);
      assertMatch(log.errors[0]!.message, /'shouldReconnect' must answer with a boolean: current/);
      assertEquals([ws.state, clock.pending], ["idle", 0]);
    });
  }

  it("may be disposed of as the last attempt fails, which is no fault of whoever does", async () => {
    const { clock, runtime, ws, log } = scripted({ shouldReconnect: () => false });
    await ws.connect(URL);
    await ws.send("never sent");
    const disposed: unknown[] = [];
    ws.once("error", () => {
      disposed.push(ws.state);
      void ws[Symbol.asyncDispose]().then(() => disposed.push("done"), (why) => disposed.push(why));
    });
    runtime.events.closed({ code: 1006, reason: "" });
    await clock.advance(1);
    assertEquals(log.errors.map(({ kind }) => kind), ["unsent", "connectFailed"]);
    assertEquals([disposed, ws.state], [["closing", "done"], "idle"]);
  });

  it("is not asked whether to connect again where no attempt is left", async () => {
    let asked = 0;
    const shouldReconnect = () => ++asked > 0;
    const { clock, runtime, ws, log } = scripted({ attempts: 1, random: () => 0, shouldReconnect });
    await ws.connect(URL);
    for (let attempt = 0; attempt < 2; attempt++) {
      runtime.events.closed({ code: 1006, reason: "" });
      await clock.advance(1);
    }
    assertEquals([log.errors.length, asked, ws.state, clock.pending], [2, 1, "idle", 0]);
  });

  it("goes on after a message that is not accepted, where shouldReconnect says so", async () => {
    const schema = {
      "~standard": {
        version: 1,
        vendor: "test",
        validate: () => ({ issues: [{ message: "no" }] }),
      },
    } as const;
    const reconnect = { shouldReconnect: () => true, random: () => 0 };
    const { clock, runtime, ws } = scripted(reconnect, { schema });
    await ws.connect(URL);
    runtime.events.open();
    runtime.events.message("{}");
    assertEquals(runtime.socket.calls, ["close 1008"]);
    runtime.events.closed({ code: 1008, reason: "" });
    assertEquals(ws.state, "reconnecting");
    void ws.close();
    await clock.advance(1);
    assertEquals(clock.pending, 0);
  });
});

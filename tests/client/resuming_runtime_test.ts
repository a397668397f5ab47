/** What a client that resumes takes of its runtime, beside the connections. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocket, type WebSocketObserver } from "../../mod.ts";
import { streamsOf } from "../../standard.ts";
import { FakeClock } from "../../testing.ts";
import { ScriptedClient } from "../helpers/scripted_runtime.ts";

/** A client that has dialled, its runtime, and how often that has. */
async function dialled(runtime: object, options: { observer?: WebSocketObserver } = {}) {
  const script: ScriptedClient = Object.assign(new ScriptedClient(), runtime);
  const clock = new FakeClock();
  const reconnect = { minDelay: 10, maxDelay: 10, random: () => 1 };
  const ws = createWebSocket({ ...options, clock, runtime: script, resume: true, reconnect });
  const { dial } = script;
  let dials = 0;
  const first = new Promise<void>((resolve) => {
    script.dial = (...args) => {
      dials++;
      resolve();
      return dial.apply(script, args);
    };
  });
  await ws.connect("ws://localhost/");
  await first; // what resumes is loaded when it is needed
  return { clock, script, ws, dials: () => dials };
}

describe("a client that resumes", () => {
  it("asks nobody what to dial where it is closed before it has loaded what resumes", async () => {
    const clock = new FakeClock();
    const runtime = new ScriptedClient();
    const ws = createWebSocket({ clock, runtime, resume: true, reconnect: true });
    let asked = 0;
    const closed = ws.closed;
    await ws.connect(() => `ws://localhost/${++asked}`);
    await ws.close();
    assertEquals((await closed).code, 1000);
    for (let turn = 0; turn < 20; turn++) await clock.advance(0);
    assertEquals([asked, runtime.request, clock.pending], [0, undefined, 0]);
  });

  it("makes the next attempt when its runtime says that there is a network again", async () => {
    let wake: (() => void) | undefined;
    let isDeaf = false;
    const woken = (listener: () => void) => {
      wake = listener;
      return () => isDeaf = true;
    };
    const { clock, dials, script, ws } = await dialled({ woken });
    script.events.closed({ code: 1006, reason: "", failure: { what: "lost", status: "503" } });
    assertEquals([ws.state, dials(), isDeaf], ["reconnecting", 1, false]);
    wake!();
    for (let turn = 0; turn < 20; turn++) await clock.advance(0);
    assertEquals([ws.state, dials()], ["connecting", 2]);
    await ws.close();
    await clock.advance(10_000);
    assertEquals([ws.state, isDeaf, clock.pending], ["idle", true, 0]);
  });

  it("is told the headers of the answer that counts, where the first has refused what it offers", async () => {
    const { clock, dials, script, ws } = await dialled({ showsHeaders: true });
    const told: unknown[] = [];
    ws.on("headerReceive", (headers) => told.push(headers));
    const failure = { what: "the server answered with HTTP status 400", status: "400" };
    script.events.closed({ code: 0, reason: "", failure });
    assertEquals([dials(), script.request.protocols], [2, []]);
    script.request.answer!.headers({ "x-node": "n1" });
    script.events.open();
    assertEquals([told, ws.state], [[{ "x-node": "n1" }], "open"]);
    await ws.close();
    script.events.closed({ code: 1000, reason: "" });
    await clock.advance(10_000);
  });

  it("goes on with what it dials after a refusal that is told within the dialling itself", async () => {
    const script = new ScriptedClient();
    const sockets: ScriptedClient["socket"][] = [];
    const { dial } = script;
    script.dial = (request, events) => {
      const refused = { what: "the server answered with HTTP status 400", status: "400" };
      if (sockets.length === 0) events.closed({ code: 0, reason: "", failure: refused });
      const socket = dial.call(script, request, events) as ScriptedClient["socket"];
      sockets.push(socket);
      return socket;
    };
    const clock = new FakeClock();
    const ws = createWebSocket({ clock, runtime: script, resume: true, reconnect: true });
    await ws.connect("ws://localhost/");
    for (let turn = 0; turn < 20; turn++) await clock.advance(0);
    script.events.open();
    await ws.send("seen");
    assertEquals([ws.state, sockets.map(({ calls }) => calls)], ["open", [[], ["send"]]]);
    void ws.close();
    script.events.closed({ code: 1000, reason: "" });
    assertEquals([ws.state, clock.pending], ["idle", 0]);
  });

  it("fails the handshake of a server that chooses to resume where that was not offered", async () => {
    const { clock, dials, script, ws } = await dialled({});
    const errors: string[] = [];
    ws.on("error", ({ message }) => errors.push(message));
    const refused = { what: "the server answered with HTTP status 400", status: "400" };
    script.events.closed({ code: 0, reason: "", failure: refused });
    assertEquals(dials(), 2); // this time it offers nothing
    script.socket.protocol = "resume.netkit.1";
    script.events.open();
    const what = "Websocket connect failed: the server's subprotocol is none that was offered";
    assertEquals([ws.state, errors], ["reconnecting", [what]]);
    await ws.close();
    await clock.advance(10_000);
    assertEquals([ws.state, clock.pending], ["idle", 0]);
  });

  it("that is not read, on a runtime that cannot stop reading, is closed as too much waits", async () => {
    const { clock, script, ws } = await dialled({});
    script.events.open();
    const { readable } = streamsOf(ws);
    const errors: unknown[] = [];
    ws.on("error", ({ kind }) => errors.push(kind));
    for (let mib = 0; mib < 16; mib++) script.events.message(new ArrayBuffer(1024 * 1024));
    assertEquals([ws.state, script.socket.calls], ["open", []]);
    script.events.message(new ArrayBuffer(1024 * 1024));
    assertEquals([ws.state, script.socket.calls], ["reconnecting", ["close 1008"]]);
    script.events.closed({ code: 1008, reason: "" });
    await clock.advance(0);
    assertEquals([ws.state, errors, clock.pending], ["idle", ["tooFast"], 0]);
    await readable.cancel();
  });

  for (const [option, has] of [["header", false], ["proxy", true]] as const) {
    it(`gives its observer ${has ? "a" : "no"} function that sets headers where ${option} cannot be had`, async () => {
      const given: unknown[] = [];
      const observer: WebSocketObserver = {
        dialling: (_, _handshake, setHeader) => void given.push(typeof setHeader),
      };
      const unsupported = ({ headers }: { headers: Record<string, string> }) =>
        "traceparent" in headers ? { option, why: "not here" } : undefined;
      const { clock, ws } = await dialled({ unsupported }, { observer });
      assertEquals(given, [has ? "function" : "undefined"]);
      await ws.close();
      await clock.advance(10_000);
      assertEquals([ws.state, clock.pending], ["idle", 0]);
    });
  }

  it("and its clock have no need of what neither has", async () => {
    const fake = new FakeClock();
    const clock = {
      now: () => fake.now(),
      setTimer: (task: () => void, ms: number) => fake.setTimer(task, ms),
      clearTimer: (timer: unknown) => fake.clearTimer(timer),
    };
    const runtime = new ScriptedClient();
    const ws = createWebSocket({ clock, runtime, reconnect: true });
    await ws.connect("ws://localhost/");
    runtime.events.open();
    assertEquals(ws.state, "open");
    await fake.advance(20_000);
    await ws.close();
    runtime.events.closed({ code: 1000, reason: "" });
    assertEquals([ws.state, fake.pending], ["idle", 0]);
  });
});

/** A client that is not read, as its reader cannot keep up. */

import { assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { BusinessError, createWebSocket, type WebSocketClientOptions } from "../../mod.ts";
import type { ClientEvents, DialRequest } from "../../runtime/contract.ts";
import { streamsOf } from "../../standard.ts";
import { FakeClock } from "../../testing.ts";
import {
  PausableSocket,
  ScriptedClient,
  type ScriptedSocket,
} from "../helpers/scripted_runtime.ts";
import { until } from "../helpers/until.ts";

/** More than may wait to be read before the connection is not. */
const MIB = 1024 * 1024;
const BIG = new ArrayBuffer(MIB + 1);

/** A client's runtime that can stop reading. */
class PausingClient extends ScriptedClient {
  override dial(request: DialRequest, events: ClientEvents): ScriptedSocket {
    super.dial(request, events);
    return this.socket = new PausableSocket();
  }
}

/** A client that is open, and time that stands still. */
async function open(
  runtime: ScriptedClient = new PausingClient(),
  more: WebSocketClientOptions = {},
  pongTimeout = 5,
) {
  const clock = new FakeClock();
  const ws = createWebSocket({ clock, runtime, ...more });
  const log: string[] = [];
  ws.on("error", ({ kind }) => log.push(`error ${kind}`));
  ws.on("close", (_, result) => log.push(`close ${result!.code}`));
  const streams = [streamsOf(ws).readable.getReader()];
  await ws.connect("ws://localhost/", { pingInterval: 10, pongTimeout });
  runtime.events.open();
  return { clock, ws, log, runtime, streams, calls: () => runtime.socket.calls.splice(0) };
}

/** Lets streams take what they take by themselves, and fills what is behind them. */
async function fill(
  { clock, runtime }: Pick<Awaited<ReturnType<typeof open>>, "clock" | "runtime">,
): Promise<void> {
  for (let n = 0; n < 40; n++) {
    runtime.events.message("x");
    await clock.advance(0);
  }
  runtime.events.message(BIG);
}

/** Closes, and sees that nothing is left. */
async function end(
  { clock, runtime, ws }: Pick<Awaited<ReturnType<typeof open>>, "clock" | "runtime" | "ws">,
): Promise<void> {
  void ws.close();
  runtime.events.closed({ code: 1000, reason: "" });
  await clock.advance(0);
  assertEquals([clock.pending, ws.state], [0, "idle"]);
}

describe("a client whose streams are read too slowly", () => {
  it("is read again though more came after it was stopped", async () => {
    const world = await open();
    const { clock, calls, runtime, streams: [reader] } = world;
    await fill(world);
    runtime.events.message("late");
    for (let n = 0; n < 42; n++) await reader!.read();
    await clock.advance(0);
    assertEquals(calls(), ["pause", "resume"]);
    await end(world);
  });

  it("is not read, nor pinged, until they are read again", async () => {
    const world = await open();
    const { clock, calls, runtime, streams: [reader] } = world;
    await fill(world);
    assertEquals(calls(), ["pause"]);
    await clock.advance(14_999);
    assertEquals(calls(), []); // no Ping
    for (let n = 0; n < 40; n++) assertEquals((await reader!.read()).value, "x");
    assertEquals((await reader!.read()).value, BIG);
    await clock.advance(0);
    assertEquals(calls(), ["resume"]);
    await clock.advance(10_000);
    assertEquals(calls(), ["ping"]);
    runtime.events.alive();
    await end(world);
  });

  it("is told nothing more once it is closed, though it is read again for the Close frame", async () => {
    const world = await open();
    const { clock, calls, log, runtime, ws } = world;
    await fill(world);
    runtime.socket = Object.assign(runtime.socket, {
      resume: () => runtime.events.message("late"), // as that came meanwhile
    });
    ws.on("message", () => {
      log.push("message");
      void ws.close({ code: 4001 });
    });
    await ws.close({ code: 4000 });
    assertEquals([calls(), log], [["pause", "close 4000"], []]);
    runtime.events.closed({ code: 4000, reason: "" });
    await clock.advance(0);
    assertEquals([log, clock.pending], [["close 4000"], 0]);
  });

  for (const [pongTimeout, ms] of [[5, 15_000], [15, 20_000]] as const) {
    it(`is closed with 1008 where that takes as long as a silent peer may live, ${pongTimeout}`, async () => {
      const world = await open(undefined, {}, pongTimeout);
      const { clock, calls, log, runtime, streams: [reader] } = world;
      await fill(world);
      await clock.advance(ms - 1);
      assertEquals([calls(), log], [["pause"], []]);
      await clock.advance(1);
      assertEquals(calls(), ["resume", "close 1008"]);
      runtime.events.closed({ code: 1008, reason: "" });
      await clock.advance(0);
      assertEquals(log, ["error tooFast", "close 1008"]);
      const all = async () => {
        while (!(await reader!.read()).done);
      };
      assertEquals((await assertRejects(all, BusinessError)).kind, "unread");
      assertEquals(clock.pending, 0);
    });
  }

  it("is not stopped by one of them as another has closed it", async () => {
    const runtime = new PausingClient();
    const clock = new FakeClock();
    const ws = createWebSocket({ clock, runtime, maxPayload: 20 * MIB });
    const messages = ws[Symbol.asyncIterator]();
    const reader = streamsOf(ws).readable.getReader();
    await ws.connect("ws://localhost/");
    runtime.events.open();
    for (let n = 0; n < 40; n++) {
      runtime.events.message("x");
      await clock.advance(0);
    }
    runtime.events.message(new ArrayBuffer(17 * MIB));
    assertEquals(runtime.socket.calls, ["close 1008"]);
    runtime.events.closed({ code: 1008, reason: "" });
    await clock.advance(0);
    await messages.return!();
    await reader.cancel();
    assertEquals([ws.state, clock.pending], ["idle", 0]);
  });

  it("says so to all who have read too slowly", async () => {
    const world = await open();
    const { clock, runtime, streams: [first], ws } = world;
    const second = streamsOf(ws).readable.getReader();
    await fill(world);
    await clock.advance(15_000);
    runtime.events.closed({ code: 1008, reason: "" });
    await clock.advance(0);
    for (const reader of [first!, second]) {
      const all = async () => {
        while (!(await reader.read()).done);
      };
      assertEquals((await assertRejects(all, BusinessError)).kind, "unread");
    }
    assertEquals(world.log, ["error tooFast", "close 1008"]);
  });

  it("is read again as it closes, and where it is lost", async () => {
    for (const how of ["close", "lost", "terminated"] as const) {
      const world = await open();
      const { clock, calls, runtime, ws } = world;
      await fill(world);
      calls();
      if (how === "close") void ws.close();
      else runtime.events.closed({ code: 0, reason: "", failure: { what: "lost", status: "0" } });
      assertEquals(
        [how, ...calls()],
        how === "close" ? [how, "resume", "close 1000"] : [how, "resume"],
      );
      if (how === "close") runtime.events.closed({ code: 1000, reason: "" });
      await clock.advance(60_000);
      assertEquals([calls(), clock.pending, ws.state], [[], 0, "idle"]);
    }
  });

  it("is read again when the last of several is read", async () => {
    const world = await open();
    const { calls, clock, runtime, streams: [first], ws } = world;
    const second = streamsOf(ws).readable.getReader();
    await fill(world);
    assertEquals(calls(), ["pause"]);
    for (let n = 0; n < 41; n++) await first!.read();
    await clock.advance(0);
    assertEquals(calls(), []);
    for (let n = 0; n < 41; n++) await second.read();
    await clock.advance(0);
    assertEquals(calls(), ["resume"]);
    await end({ clock, runtime, ws });
  });

  it("is not read, either, where it resumes", async () => {
    const runtime = new PausingClient();
    const clock = new FakeClock();
    const ws = createWebSocket({ clock, runtime, reconnect: true, resume: true });
    const reader = streamsOf(ws).readable.getReader();
    await ws.connect("ws://localhost/");
    await until("it is dialled", () => runtime.events !== undefined);
    runtime.socket.protocol = "";
    runtime.events.open();
    const calls = () => runtime.socket.calls.splice(0);
    calls();
    await fill({ clock, runtime });
    assertEquals(calls(), ["pause"]);
    for (let n = 0; n < 41; n++) await reader.read();
    await clock.advance(0);
    assertEquals(calls(), ["resume"]);
    await end({ clock, runtime, ws });
  });

  it("is pinged as ever where the runtime cannot stop reading, where it resumes, too", async () => {
    for (const resume of [false, true]) {
      const runtime = new ScriptedClient();
      const clock = new FakeClock();
      const ws = createWebSocket({ clock, runtime, reconnect: true, resume });
      const reader = streamsOf(ws).readable.getReader();
      await ws.connect("ws://localhost/", { pingInterval: 10, pongTimeout: 5 });
      await until("it is dialled", () => runtime.events !== undefined);
      runtime.events.open();
      await fill({ clock, runtime });
      await clock.advance(10_000);
      runtime.events.alive();
      await clock.advance(10_000);
      assertEquals([ws.state, runtime.socket.calls], ["open", ["ping", "ping"]]);
      for (let n = 0; n < 41; n++) await reader.read();
      await end({ clock, runtime, ws });
      assertEquals(clock.pending, 0);
    }
  });

  it("holds up to 16 MiB where the runtime cannot stop reading, and is closed then", async () => {
    const world = await open(new ScriptedClient());
    const { calls, clock, runtime } = world;
    await fill(world);
    for (let n = 0; n < 14; n++) runtime.events.message(new ArrayBuffer(MIB));
    assertEquals(calls(), []);
    runtime.events.message(new ArrayBuffer(MIB));
    assertEquals(calls(), ["close 1008"]);
    runtime.events.closed({ code: 1008, reason: "" });
    await clock.advance(0);
    assertEquals(clock.pending, 0);
  });

  it("is not read again and again where it reconnects, and the next connection is as the first", async () => {
    const world = await open(new PausingClient(), { reconnect: { minDelay: 1, maxDelay: 1 } });
    const { calls, clock, runtime, streams: [reader] } = world;
    await fill(world);
    assertEquals(calls(), ["pause"]);
    runtime.events.closed({ code: 0, reason: "", failure: { what: "lost", status: "0" } });
    await clock.advance(1000);
    runtime.events.open();
    runtime.events.message("next");
    assertEquals(calls(), ["pause"]);
    for (let n = 0; n < 42; n++) await reader!.read();
    await clock.advance(0);
    assertEquals(calls(), ["resume"]);
    await end(world);
  });

  it("is asked for no sign of life meanwhile, which could not be read", async () => {
    const world = await open(new PausingClient(), { reconnect: true });
    const { calls, clock, log, runtime, streams: [reader], ws } = world;
    await fill(world);
    assertEquals(calls(), ["pause"]);
    ws.reconnect();
    await clock.advance(14_999);
    assertEquals([calls(), log, ws.state], [[], [], "open"]);
    for (let n = 0; n < 41; n++) await reader!.read();
    await clock.advance(0);
    ws.reconnect();
    assertEquals(calls(), ["resume", "ping"]);
    runtime.events.alive();
    await end(world);
  });

  it("is not read again where the runtime tells what came meanwhile as it is to read on", async () => {
    const runtime = new PausingClient();
    const world = await open(runtime);
    const { calls, clock, streams: [reader] } = world;
    await fill(world);
    const socket = runtime.socket as PausableSocket;
    const { resume } = socket;
    socket.resume = () => {
      resume.call(socket);
      socket.resume = resume;
      for (let n = 0; n < 20; n++) runtime.events.message("y");
      runtime.events.message(BIG);
    };
    for (let n = 0; n < 30; n++) await reader!.read(); // and the streams some more by themselves
    await clock.advance(0);
    assertEquals(calls(), ["pause", "resume", "pause"]);
    await clock.advance(14_999);
    assertEquals(calls(), []); // no Ping
    for (let n = 0; n < 32; n++) await reader!.read();
    await clock.advance(0);
    assertEquals(calls(), ["resume"]);
    await end(world);
  });

  it("hears nothing after close() of what the runtime tells as it is to read on for the Close frame", async () => {
    for (const how of ["close", "lost"] as const) {
      const runtime = new PausingClient();
      const world = await open(runtime);
      const { calls, clock, log, ws } = world;
      await fill(world);
      calls();
      ws.on("message", (_, data) => log.push(`message ${data}`));
      const socket = runtime.socket as PausableSocket;
      const { resume } = socket;
      socket.resume = () => {
        resume.call(socket);
        for (let n = 0; n < 3; n++) runtime.events.message(BIG);
      };
      if (how === "close") void ws.close();
      else runtime.events.closed({ code: 1006, reason: "" });
      assertEquals(calls(), ["resume", ...how === "close" ? ["close 1000"] : []]);
      if (how === "close") runtime.events.closed({ code: 1000, reason: "" });
      await clock.advance(0);
      assertEquals(log, how === "close" ? ["close 1000"] : ["error lost", "close 1006"]);
      assertEquals([ws.state, clock.pending], ["idle", 0]);
    }
  });

  it("has ended once, and leaves no timer, where the runtime tells of the end as it is to read on for that", async () => {
    const runtime = new PausingClient();
    const world = await open(runtime);
    const { calls, clock, log, ws } = world;
    await fill(world);
    calls();
    (runtime.socket as PausableSocket).resume = () => {
      runtime.events.closed({ code: 1001, reason: "" });
    };
    void ws.close();
    assertEquals([calls(), log, ws.state], [["close 1000"], [], "closing"]);
    await clock.advance(0);
    assertEquals([log, ws.state, clock.pending], [["close 1000"], "idle", 0]);
  });
});

/** The exact moments of a client that reconnects, and what its observer is told. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type BusinessError, createWebSocket, type ReconnectOptions } from "../../mod.ts";
import { FakeClock } from "../../testing.ts";
import { answer } from "../helpers/answer.ts";
import { refusal } from "../helpers/client.ts";
import { countListeners, LONGEST_MS } from "../helpers/leftovers.ts";
import { ScriptedClient } from "../helpers/scripted_runtime.ts";

const URL = "ws://localhost/";
const LOST = { code: 1006, reason: "" };

/** A client on a script, and all that it and its observer are told. */
function world(reconnect: ReconnectOptions = {}) {
  const clock = new FakeClock();
  const runtime = new ScriptedClient();
  const log: string[] = [];
  let dials = 0;
  const { dial } = runtime;
  runtime.dial = (request, events) => {
    dials++;
    return dial.call(runtime, request, events);
  };
  const ws = createWebSocket({
    clock,
    runtime,
    reconnect: { minDelay: 10, maxDelay: 10, random: () => 1, ...reconnect },
    observer: {
      failed: (_, { reason }) => void log.push(`failed ${reason}`),
      reconnecting: (_, { attempt, delay }) => void log.push(`again ${attempt} ${delay}`),
      unsent: (_, bytes) => void log.push(`unsent ${bytes}`),
      pinged: () => void log.push("ping"),
    },
  });
  ws.on("error", ({ kind }) => log.push(`error ${kind}`));
  ws.on("close", (_, { code }) => log.push(`close ${code}`));
  return { clock, runtime, ws, log, dials: () => dials };
}

it("a client that reconnects is told of an attempt that fails within the dialling itself", async () => {
  const { clock, log, runtime, ws } = world({ shouldReconnect: () => false });
  const { dial } = runtime;
  runtime.dial = (request, events) => {
    events.closed({ ...LOST, failure: { what: "no route", status: "0" } });
    return dial(request, events);
  };
  assertEquals(await ws.connect(URL), true);
  assertEquals([ws.state, log], ["connecting", []]); // not before the code after 'connect'
  await clock.advance(0);
  assertEquals(log, ["failed connection_failed", "error connectFailed"]);
  assertEquals([ws.state, clock.pending], ["idle", 0]);
  assertEquals((await refusal(ws.closed)).kind, "connectFailed");
});

it("a client that reconnects goes on after an attempt that fails within the dialling itself", async () => {
  const { clock, dials, log, runtime, ws } = world();
  const { dial } = runtime;
  runtime.dial = (request, events) => {
    if (dials() === 0) events.closed({ ...LOST, failure: { what: "no route", status: "0" } });
    return dial(request, events);
  };
  assertEquals(await ws.connect(URL), true);
  await clock.advance(0);
  assertEquals(log.splice(0), ["failed connection_failed", "error connectFailed", "again 1 10"]);
  assertEquals([ws.state, await answer(ws.connect(URL))], ["reconnecting", "alreadyConnected"]);
  assertEquals(await ws.send("kept"), false);
  await clock.advance(10_000);
  assertEquals([ws.state, dials()], ["connecting", 2]);
  runtime.events.open();
  assertEquals(runtime.socket.calls, ["send"]);
  await clock.advance(25_000);
  assertEquals([log, ws.state], [[], "open"]);
  await ws.close();
  runtime.events.closed({ code: 1000, reason: "" });
  assertEquals(clock.pending, 0);
});

for (const who of ["observer", "listener"]) {
  it(`a client that reconnects ends once where its ${who} closes in such an attempt`, async () => {
    const clock = new FakeClock();
    const runtime = new ScriptedClient();
    const { dial } = runtime;
    runtime.dial = (request, events) => {
      events.closed({ ...LOST, failure: { what: "no route", status: "0" } });
      return dial.call(runtime, request, events);
    };
    const close = () => void ws.close({ code: 4000 }).catch(() => {});
    const observer = who === "observer" ? { dialling: close } : {};
    const ws = createWebSocket({ clock, runtime, reconnect: true, observer });
    const log: string[] = [];
    await ws.connect(() => URL);
    ws.on("error", ({ kind }) => {
      log.push(`${kind}`);
      if (who === "listener") close();
    });
    ws.on("close", (_, { code }) => log.push(`close ${code}`));
    await clock.advance(60_000);
    assertEquals(log, [...(who === "listener" ? ["connectFailed"] : []), "close 4000"]);
    assertEquals([ws.state, clock.pending], ["idle", 0]);
  });
}

describe("a client that reconnects, after sleep", () => {
  for (const [slept, goesOn] of [[5000, false], [5001, true]] as const) {
    it(`of ${slept} ms ${goesOn ? "dials" : "does not dial"} at once`, async () => {
      const { clock, dials, runtime, ws } = world();
      await ws.connect(URL);
      runtime.events.open();
      runtime.events.closed(LOST);
      assertEquals([ws.state, dials()], ["reconnecting", 1]);
      clock.sleep(slept);
      await clock.advance(1999);
      assertEquals(dials(), 1);
      await clock.advance(1);
      assertEquals(dials(), goesOn ? 2 : 1);
      await clock.advance(7999);
      assertEquals(dials(), goesOn ? 2 : 1);
      await clock.advance(1);
      assertEquals([ws.state, dials()], ["connecting", 2]);
      void ws.close();
      await clock.advance(LONGEST_MS);
      assertEquals([ws.state, clock.pending], ["idle", 0]);
    });

    it(`of ${slept} ms ${goesOn ? "asks" : "does not ask"} an open one for a sign of life`, async () => {
      const { clock, log, runtime, ws } = world();
      await ws.connect(URL);
      runtime.events.open();
      clock.sleep(slept);
      await clock.advance(2000);
      assertEquals(log, goesOn ? ["ping"] : []);
      await clock.advance(2000);
      assertEquals(log, goesOn ? ["ping"] : []);
    });
  }
});

it("a client that reconnects, after sleep, leaves nothing where its last attempt fails at once", async () => {
  const { clock, log, runtime, ws } = world({ attempts: 1 });
  await ws.connect(URL);
  runtime.events.open();
  runtime.events.closed({ code: 1001, reason: "" });
  runtime.fault = new Error("no network yet");
  clock.sleep(10_000);
  await clock.advance(2000);
  assertEquals(log.slice(-2), ["failed connection_failed", "error connectFailed"]);
  assertEquals([ws.state, clock.pending], ["idle", 0]);
});

describe("a client that reconnects, ended", () => {
  const GAPS: Record<string, (it: ReturnType<typeof world>, signal: AbortSignal) => unknown> = {
    "while the URL is asked for": ({ ws }, signal) =>
      ws.connect(() => new Promise<string>(() => {}), { signal }),
    "while it dials": ({ ws }, signal) => ws.connect(URL, { signal }),
    "while it waits": async ({ runtime, ws }, signal) => {
      await ws.connect(URL, { signal });
      runtime.events.closed(LOST);
    },
    "while it is open": async ({ runtime, ws }, signal) => {
      await ws.connect(URL, { signal });
      runtime.events.open();
    },
  };
  for (const [name, reach] of Object.entries(GAPS)) {
    for (const how of ["close()", "the signal"]) {
      it(`${name}, by ${how}: one 'close', nothing after it, and nothing left`, async () => {
        const it = world();
        const { clock, dials, log, runtime, ws } = it;
        const aborter = new AbortController();
        const count = countListeners(aborter.signal);
        await reach(it, aborter.signal);
        const sent = await ws.send("12345");
        assertEquals(sent, name === "while it is open");
        log.length = 0;
        if (how === "close()") void ws.close();
        else aborter.abort();
        assertEquals(ws.state, "closing");
        await clock.advance(0);
        if (name === "while it is open") runtime.events.closed({ code: 1000, reason: "" });
        const unsent = sent ? [] : ["unsent 5", "error unsent"];
        assertEquals(log, [...unsent, "close 1000"]);
        assertEquals([ws.state, count(), clock.pending, ws.bufferedAmount], ["idle", 0, 0, 0]);
        const dialled = dials();
        await clock.advance(LONGEST_MS);
        assertEquals([log.length, dials()], [unsent.length + 1, dialled]);
      });
    }
  }
});

describe("an attempt that comes to nothing", () => {
  it("is told to the observer with its reason, and to the user as an error", async () => {
    const { clock, log, runtime, ws } = world({ attempts: 3 });
    const errors: BusinessError[] = [];
    ws.on("error", (error) => errors.push(error));
    const cause = new Error("no URL today");
    let asked = 0;
    await ws.connect(() => {
      if (++asked === 1) throw cause;
      return URL;
    });
    await clock.advance(0);
    assertEquals(log.splice(0), ["failed hook_failed", "error connectFailed", "again 1 10"]);
    assertEquals(errors[0]!.cause, cause);
    assertEquals(errors[0]!.message.includes("'url' or 'header' failed: "), true);
    runtime.fault = new Error("cannot be dialled");
    await clock.advance(10_000);
    assertEquals(log.splice(0), ["failed connection_failed", "error connectFailed", "again 2 10"]);
    runtime.fault = undefined;
    await clock.advance(10_000);
    runtime.events.closed({ ...LOST, failure: { what: "refused", status: "500" } });
    assertEquals(log.splice(0).slice(1), ["error connectFailed", "again 3 10"]);
    await clock.advance(10_000);
    runtime.events.closed({ ...LOST, failure: { what: "refused", status: "500" } });
    assertEquals(log.splice(0).slice(1), ["error connectFailed"]);
    assertEquals([ws.state, clock.pending], ["idle", 0]);
  });
});

describe("a client that reconnects, and an observer", () => {
  /** A client whose observer closes it, the n-th time that it is told of something, and all that it tells. */
  function closedBy(event: "dialling" | "reconnecting", nth = 1) {
    const clock = new FakeClock();
    const runtime = new ScriptedClient();
    const log: string[] = [];
    const close = () => void (--nth || ws.close({ code: 4001, reason: "enough" }));
    const ws = createWebSocket({
      clock,
      runtime,
      reconnect: { random: () => 1 },
      observer: { [event]: close },
    });
    for (const name of ["open", "message", "reconnecting"] as const) {
      ws.on(name, () => log.push(name));
    }
    ws.on("error", ({ kind }) => log.push(`error ${kind}`));
    ws.on("close", (_, { code }) => log.push(`close ${code}`));
    return { clock, log, runtime, ws };
  }

  it("that closes as it dials again tells one 'close', and dials nothing after it", async () => {
    const { clock, log, runtime, ws } = closedBy("dialling", 2);
    assertEquals(await ws.connect(URL), true);
    const { events, socket } = runtime;
    events.open();
    events.closed(LOST);
    assertEquals(log.splice(0), ["open", "error lost", "close 1006", "reconnecting"]);
    await clock.advance(1000);
    assertEquals([runtime.socket === socket, log], [true, ["close 4001"]]);
    await clock.advance(LONGEST_MS);
    assertEquals([log, ws.state, clock.pending], [["close 4001"], "idle", 0]);
  });

  it("that closes as it plans the next attempt tells of none", async () => {
    const { clock, log, runtime, ws } = closedBy("reconnecting");
    await ws.connect(URL);
    runtime.events.open();
    runtime.events.closed(LOST);
    await clock.advance(LONGEST_MS);
    assertEquals(log, ["open", "error lost", "close 1006", "close 4001"]);
    assertEquals([ws.state, clock.pending], ["idle", 0]);
  });

  it("that hears of little fails nowhere", async () => {
    for (const observer of [{}, { closed() {} }]) {
      const clock = new FakeClock();
      const runtime = new ScriptedClient();
      const ws = createWebSocket({ clock, runtime, reconnect: true, observer });
      const told: string[] = [];
      ws.on("error", ({ kind }) => told.push(`${kind}`));
      ws.on("close", (_, { code }) => told.push(`close ${code}`));
      await ws.connect(URL);
      await ws.send("never sent");
      runtime.events.closed({ ...LOST, failure: { what: "no", status: "0" } });
      void ws.close();
      await clock.advance(LONGEST_MS);
      assertEquals(told, ["connectFailed", "unsent", "close 1000"]);
    }
  });

  it("is at its end, and keeps nothing more, as what was never sent is told", async () => {
    const { clock, log, runtime, ws } = world({ shouldReconnect: () => false });
    const answers: unknown[] = [];
    ws.on("error", ({ kind }) => {
      if (kind !== "unsent") return;
      const calls = [ws.send("late"), ws.connect(URL), ws.close(), ws.reconnect()];
      answers.push(ws.state, ...calls.map((call) => answer(call)));
    });
    await ws.connect(URL);
    await ws.send("never sent");
    runtime.events.closed({ ...LOST, failure: { what: "no", status: "0" } });
    const [state, ...refused] = await Promise.all(answers);
    assertEquals(state, "closing");
    assertEquals(refused, ["notOpen", "alreadyConnected", "closing", "notConnected"]);
    await clock.advance(LONGEST_MS);
    assertEquals(log.slice(-2), ["error unsent", "error connectFailed"]);
    assertEquals([ws.state, clock.pending], ["idle", 0]);
  });

  it("is told that what to dial took too long", async () => {
    const { clock, log, ws } = world();
    await ws.connect(() => new Promise<string>(() => {}), { connectTimeout: 3 });
    await clock.advance(3000);
    assertEquals(log, ["failed timeout", "error connectFailed", "again 1 10"]);
    void ws.close();
    await clock.advance(LONGEST_MS);
  });
});

describe("'shouldReconnect'", () => {
  it("gets a status where one is known, and else none", async () => {
    for (const [status, known] of [["0", {}], ["", {}], ["503", { status: 503 }]] as const) {
      const asked: unknown[] = [];
      const { clock, runtime, ws } = world({
        shouldReconnect: (why) => (asked.push(why), false),
      });
      await ws.connect(URL);
      runtime.events.closed({ ...LOST, failure: { what: "no", status } });
      assertEquals(asked, [{ code: 1006, reason: "", ...known }]);
      await clock.advance(LONGEST_MS);
    }
  });

  it("that fails is told with what it threw", async () => {
    const cause = new RangeError("no idea");
    const { clock, runtime, ws } = world({
      shouldReconnect: () => {
        throw cause;
      },
    });
    const errors: BusinessError[] = [];
    ws.on("error", (error) => errors.push(error));
    await ws.connect(URL);
    runtime.events.open();
    runtime.events.closed({ code: 1001, reason: "" });
    const [error] = errors;
    assertEquals(
      error!.message,
      "Websocket Unknown Other Error: 'shouldReconnect' failed: RangeError: no idea",
    );
    assertEquals(error!.cause, cause);
    await clock.advance(LONGEST_MS);
    assertEquals(ws.state, "idle");
  });
});

/** What is looked at first where two things are wrong with a call, and what belongs to which attempt of several. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type BusinessError, createWebSocket, type WebSocketClient } from "../../mod.ts";
import { FakeClock } from "../../testing.ts";
import { answer } from "../helpers/answer.ts";
import { DialledClient } from "../helpers/dialled_client.ts";
import { LONGEST_MS } from "../helpers/leftovers.ts";
import { ScriptedClient } from "../helpers/scripted_runtime.ts";

const URL = "ws://localhost/";
const MISSING = { caPath: "/there/is/no/such/file" };
const RECONNECT = { minDelay: 10, maxDelay: 10, maxQueued: 100, random: () => 1 };

/** How a client comes into each state. */
const STATES: Record<string, (ws: WebSocketClient, runtime: ScriptedClient) => Promise<unknown>> = {
  idle: () => Promise.resolve(),
  connecting: (ws) => ws.connect(URL),
  open: (ws, runtime) => ws.connect(URL).then(() => runtime.events.open()),
  closing: (ws, runtime) =>
    ws.connect(URL).then(() => (runtime.events.open(), void ws.close({ code: 4000 }))),
  reconnecting: (ws, runtime) =>
    ws.connect(URL).then(() => {
      runtime.events.open();
      runtime.events.closed({ code: 1001, reason: "" });
    }),
};

type Options = Parameters<WebSocketClient["connect"]>[1];

/** Calls with something wrong, the kind of the error, and the kind where the client is busy, if another. */
const CALLS: [
  name: string,
  call: (ws: WebSocketClient) => Promise<unknown>,
  kind: string,
  busy?: string,
][] = [
  ["connect, a wrong option", (ws) => ws.connect(URL, { pings: 1 } as Options), "argument"],
  ["connect, no text", (ws) => ws.connect(1 as never), "argument"],
  ["connect, a file that is missing", (ws) => ws.connect(URL, MISSING), "noFile"],
  ["connect, both", (ws) => ws.connect("nothing", { ...MISSING, signal: 1 } as object), "argument"],
  ["connect, that and a wrong URL", (ws) => ws.connect("nothing", MISSING), "noFile"],
  ["connect, a wrong URL", (ws) => ws.connect("nothing"), "url", "alreadyConnected"],
  ["send, no data", (ws) => ws.send(1 as never), "argument"],
  ["send, too much", (ws) => ws.send("x".repeat(11)), "argument"],
  ["send, a wrong option", (ws) => ws.send("x", { acknowledge: 1 } as never), "argument"],
  ["send, one there is not", (ws) => ws.send("x", { compress: true } as never), "argument"],
  ["send, who cannot acknowledge", (ws) => ws.send("x", { acknowledge: true }), "argument"],
  ["close, a wrong option", (ws) => ws.close({ code: "1000" } as object), "argument"],
  ["close, one there is not", (ws) => ws.close({ why: "" } as object), "argument"],
  ["drained, no number", (ws) => ws.drained("1" as never), "argument"],
];

/** The same where functions say what to dial: those are asked later, the rest is looked at now. */
const ASKING: typeof CALLS = [
  ["connect, a URL that is asked for", (ws) => ws.connect(() => URL), "", "alreadyConnected"],
  [
    "connect, a header that is",
    (ws) => ws.connect(URL, { header: () => ({}) }),
    "",
    "alreadyConnected",
  ],
  [
    "connect, a header that is, and a wrong URL",
    (ws) => ws.connect("nothing", { header: () => ({}) }),
    "",
    "alreadyConnected",
  ],
  [
    "connect, asked, a wrong option",
    (ws) => ws.connect(() => URL, { pings: 1 } as Options),
    "argument",
  ],
];

describe("a client that is given something wrong", () => {
  for (const reconnect of [undefined, RECONNECT]) {
    for (const [state, enter] of Object.entries(STATES)) {
      if (state === "reconnecting" && reconnect === undefined) continue;
      const rest = reconnect === undefined ? "" : ", and reconnects";
      it(`says that first while it is ${state}${rest}, and goes on`, async () => {
        const clock = new FakeClock();
        const runtime = new ScriptedClient();
        const ws = createWebSocket({ clock, runtime, reconnect, maxPayload: 10 });
        await enter(ws, runtime);
        assertEquals(ws.state, state);
        const { request } = runtime;
        for (const [name, call, kind, busy = kind] of reconnect ? [...CALLS, ...ASKING] : CALLS) {
          if (kind === "" && state === "idle") continue;
          assertEquals([name, await answer(call(ws))], [name, state === "idle" ? kind : busy]);
          assertEquals([name, ws.state], [name, state]);
        }
        assertEquals(runtime.request, request);
        if (state !== "idle" && state !== "closing") void ws.close();
        await clock.advance(LONGEST_MS);
        assertEquals([ws.state, clock.pending], ["idle", 0]);
      });
    }
  }
});

describe("stats().buffered", () => {
  for (const [state, enter] of Object.entries(STATES)) {
    it(`is bufferedAmount while the client is ${state}`, async () => {
      const clock = new FakeClock();
      const runtime = new ScriptedClient();
      const ws = createWebSocket({ clock, runtime, reconnect: RECONNECT, stats: true });
      await enter(ws, runtime);
      const isOpen = state === "open";
      if (isOpen) runtime.socket.bufferedAmount = 5;
      const sends = state === "connecting" || state === "reconnecting";
      if (sends) assertEquals(await ws.send("12345"), false);
      const queued = sends || isOpen ? 5 : 0;
      assertEquals([ws.bufferedAmount, ws.stats()!.buffered], [queued, queued]);
      if (isOpen) runtime.socket.bufferedAmount = 0;
      if (state !== "idle" && state !== "closing") void ws.close();
      await clock.advance(LONGEST_MS);
      assertEquals([ws.bufferedAmount, ws.stats()!.buffered], [0, 0]);
    });
  }
});

describe("the signal of an attempt", () => {
  /** What `opened` rejects with as an attempt is given up, by its signal where it has one. */
  async function causeOf(ws: WebSocketClient, clock: FakeClock, signal?: AbortController) {
    await ws.connect(URL, signal && { signal: signal.signal });
    const opened = answerError(ws.opened);
    if (signal === undefined) void ws.close();
    else signal.abort(signal);
    await clock.advance(0);
    const { kind, cause } = await opened;
    assertEquals([kind, ws.state], ["aborted", "idle"]);
    return cause;
  }

  const answerError = (call: Promise<unknown>) =>
    call.then(() => undefined!, (error: BusinessError) => error);

  for (const reconnect of [undefined, RECONNECT]) {
    it(`is the cause of its own end alone${reconnect ? ", of those that reconnect" : ""}`, async () => {
      const clock = new FakeClock();
      const runtime = new ScriptedClient();
      const ws = createWebSocket({ clock, runtime, reconnect });
      for (const signal of [new AbortController(), undefined, new AbortController(), undefined]) {
        assertEquals(await causeOf(ws, clock, signal), signal);
      }
      assertEquals(clock.pending, 0);
    });
  }

  for (const reconnect of [undefined, RECONNECT]) {
    it(`ends what it was given to, and nothing before or after${reconnect ? ", with reconnect" : ""}`, async () => {
      const clock = new FakeClock();
      const runtime = new ScriptedClient();
      const ws = createWebSocket({ clock, runtime, reconnect });
      const [first, second, third] = [1, 2, 3].map(() => new AbortController());
      const end = async () => {
        runtime.events.closed({ code: 1000, reason: "" });
        await clock.advance(0);
        assertEquals([ws.state, clock.pending], ["idle", 0]);
      };
      await ws.connect(URL, { signal: first!.signal });
      runtime.events.open();
      void ws.close();
      await end();
      await ws.connect(URL, { signal: second!.signal });
      runtime.events.open();
      first!.abort();
      assertEquals(ws.state, "open");
      second!.abort();
      assertEquals(ws.state, "closing");
      await end();
      await ws.connect(URL, { signal: third!.signal });
      assertEquals(ws.state, "connecting");
      third!.abort();
      await end();
      await ws.connect(URL);
      runtime.events.open();
      assertEquals(ws.state, "open");
      void ws.close();
      await end();
    });
  }
});

describe("what was accepted and never sent", () => {
  it("is told as lost by this side's close, or by the server's", async () => {
    const WORDS = "7 bytes that were queued were not sent";
    for (const closes of [true, false]) {
      await using world = await DialledClient.open();
      const errors: BusinessError[] = [];
      world.ws.on("error", (error) => void errors.push(error));
      if (closes) void world.ws.close();
      world.runtime.events.closed({ code: 4001, reason: "", unsent: 7 });
      const [{ message } = errors[0]!] = errors;
      const end = closes ? `close: ${WORDS} in time` : `: ${WORDS} before the server closed`;
      assertStringIncludes(message, end);
      assertEquals(message.includes("close:"), closes);
    }
  });

  it("is counted of a server that is dead, of which nothing is queued once it is dropped", async () => {
    await using world = await DialledClient.open();
    world.socket.bufferedAmount = 7;
    await world.clock.advance(60_000);
    assertEquals(world.told, [
      ["error heartbeatTimeout 0", "close 1006 The link is down"],
      ["ping", "terminate"],
    ]);
    assertEquals([world.ws.stats()!.unsent, world.socket.bufferedAmount], [7, 0]);
  });
});

/** The option `reconnect`: what it takes to the last value, what stands in for what is left out. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type BusinessError, createWebSocket, type ReconnectOptions } from "../../mod.ts";
import { FakeClock, MemoryNetwork } from "../../testing.ts";
import { refusal } from "../helpers/client.ts";
import { ScriptedClient } from "../helpers/scripted_runtime.ts";

const URL = "ws://localhost/";
const NAMES =
  "minDelay, maxDelay, factor, attempts, stableAfter, maxQueued, shouldReconnect, random";
const SECONDS = "must be seconds above 0 and at most 86,400";
const WHOLE = "must be an integer above 0 or Infinity";
const BYTES = "must be an integer from 0 on";
const FUNCTION = "must be a function";

/** A client on a script, and the delays that it tells. */
function world(reconnect: ReconnectOptions | true) {
  const clock = new FakeClock();
  const runtime = new ScriptedClient();
  const ws = createWebSocket({ clock, runtime, reconnect });
  const delays: number[] = [];
  ws.on("reconnecting", ({ delay }) => delays.push(delay));
  /** An attempt fails, and the next begins, if there is one. */
  const fail = (status = "0") => {
    runtime.events.closed({ code: 0, reason: "", failure: { what: "no", status } });
    ws.reconnect();
  };
  return { clock, runtime, ws, delays, fail };
}

describe("'reconnect' takes", () => {
  const good: ReconnectOptions[] = [
    { minDelay: 0.001 },
    { minDelay: 5, maxDelay: 5 },
    { minDelay: 86_400, maxDelay: 86_400 },
    { factor: 1 },
    { factor: Infinity },
    { attempts: 1 },
    { attempts: Infinity },
    { stableAfter: 86_400 },
    { maxQueued: 0 },
  ];
  for (const reconnect of good) {
    it(Object.entries(reconnect).join(" and ").replaceAll(",", " "), async () => {
      const { ws, clock } = world(reconnect);
      assertEquals(await ws.connect(URL), true);
      await clock.until(ws[Symbol.asyncDispose]());
    });
  }
});

it("'reconnect' waits as long as it says, which may be a day, and what the server asks for besides", async () => {
  const day = 86_400;
  const { ws, clock, delays, runtime } = world({ minDelay: day, maxDelay: day, random: () => 1 });
  await ws.connect(URL);
  for (
    const [code, reason] of [[1001, ""], [1012, "60"], [1013, "2 min"], [1012, "1 d"]] as const
  ) {
    runtime.events.open();
    runtime.events.closed({ code, reason });
    ws.reconnect();
  }
  assertEquals(delays, [day, day + 60, day + 120, day]);
  await clock.until(ws[Symbol.asyncDispose]());
});

describe("'reconnect' refuses", () => {
  const bad: [unknown, string][] = [
    [1, "options must be an object: current value is 1"],
    ["yes", `options must be an object: current value is "yes"`],
    [{ maxDelay: Infinity }, `'maxDelay' ${SECONDS}: current value is Infinity`],
    [{ attempts: 1.5 }, `'attempts' ${WHOLE}: current value is 1.5`],
    [{ tries: 1 }, `'tries' is no option; there are ${NAMES}: current value is 1`],
    [{ minDelay: 0 }, `'minDelay' ${SECONDS}: current value is 0`],
    [{ maxDelay: 86_400.5 }, `'maxDelay' ${SECONDS}: current value is 86400.5`],
    [{ stableAfter: "5" }, `'stableAfter' ${SECONDS}: current value is "5"`],
    [
      { minDelay: 5.5, maxDelay: 5 },
      "'minDelay' must be at most 'maxDelay', which is 5: current value is 5.5",
    ],
    [{ factor: 0.99 }, "'factor' must be a number from 1 on: current value is 0.99"],
    [{ factor: "2" }, `'factor' must be a number from 1 on: current value is "2"`],
    [{ attempts: 0 }, `'attempts' ${WHOLE}: current value is 0`],
    [{ maxQueued: -1 }, `'maxQueued' ${BYTES}: current value is -1`],
    [{ maxQueued: 0.5 }, `'maxQueued' ${BYTES}: current value is 0.5`],
    [{ shouldReconnect: true }, `'shouldReconnect' ${FUNCTION}: current value is true`],
    [{ random: 0.5 }, `'random' ${FUNCTION}: current value is 0.5`],
  ];
  for (const [reconnect, words] of bad) {
    it(JSON.stringify(reconnect), async () => {
      const { code, message } = await refusal(world(reconnect as ReconnectOptions).ws.connect(URL));
      assertEquals(code, 401);
      assertEquals(message, `Parameter error: createWebSocket: 'reconnect': ${words}`);
    });
  }
});

describe("what 'reconnect' does not say", () => {
  const unsaid = {
    minDelay: undefined,
    maxDelay: undefined,
    factor: undefined,
    attempts: undefined,
    stableAfter: undefined,
    maxQueued: undefined,
    shouldReconnect: undefined,
  };
  for (const [name, options] of Object.entries({ "left out": {}, "undefined": unsaid })) {
    it(`is 1 s, doubled up to 30 s, for ever, where it is ${name}`, async () => {
      const { ws, clock, delays, fail } = world({ ...options, random: () => 1 });
      await ws.connect(URL);
      for (let attempt = 0; attempt < 100; attempt++) fail();
      assertEquals(delays.slice(0, 7), [1, 2, 4, 8, 16, 30, 30]);
      assertEquals([delays.length, ws.state], [100, "connecting"]);
      await clock.until(ws[Symbol.asyncDispose]());
    });

    it(`is 1 MiB in the queue, and not one byte more, where it is ${name}`, async () => {
      const { ws, clock } = world({ ...options });
      await ws.connect(URL);
      assertEquals(await ws.send("x".repeat(1024 * 1024)), false);
      assertEquals((await refusal(ws.send("x")) as BusinessError).kind, "queueFull");
      ws.on("error", () => {});
      await clock.until(ws[Symbol.asyncDispose]());
    });

    it(`is 5 s until a connection counts as stable, where it is ${name}`, async () => {
      const { ws, clock, delays, runtime, fail } = world({ ...options, random: () => 1 });
      await ws.connect(URL);
      fail();
      for (const ms of [4999, 5000]) {
        runtime.events.open();
        await clock.advance(ms);
        runtime.events.closed({ code: 1006, reason: "" });
        ws.reconnect();
      }
      assertEquals(delays, [1, 2, 1]);
      await clock.until(ws[Symbol.asyncDispose]());
    });
  }
});

describe("without 'shouldReconnect' a client", () => {
  const again = ["0", "399", "408", "425", "429", "500", "503"];
  for (const status of [...again, "400", "401", "404", "407", "409", "424", "426", "428", "499"]) {
    const comes = again.includes(status);
    it(`${comes ? "comes" : "does not come"} back after status ${status}`, async () => {
      const { ws, clock, fail } = world(true);
      ws.on("error", () => {});
      await ws.connect(URL);
      fail(status);
      assertEquals(ws.state, comes ? "connecting" : "idle");
      await clock.until(ws[Symbol.asyncDispose]());
    });
  }
});

it("a client does not reconnect where 'reconnect' is false or undefined", async () => {
  for (const reconnect of [false, undefined] as const) {
    const clock = new FakeClock();
    const runtime = new MemoryNetwork({ clock }).client;
    const ws = createWebSocket({ clock, runtime, reconnect: reconnect as false });
    await ws.connect(URL);
    await clock.advance(60_000);
    assertEquals([ws.state, clock.pending], ["idle", 0]);
  }
});

/** The words with which a client refuses a call: in which state, and what was given. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocket, type WebSocketClient } from "../../mod.ts";
import { FakeClock } from "../../testing.ts";
import { refusal } from "../helpers/client.ts";
import { DialledClient } from "../helpers/dialled_client.ts";
import { ScriptedClient } from "../helpers/scripted_runtime.ts";

const URL = "ws://localhost/";
const ARGUMENT = "Parameter error:";
const OTHER = "Websocket Unknown Other Error:";
const EXISTS = "Websocket connection already exist:";

/** A client whose calls may be given anything. */
type Loose = Record<"connect" | "send" | "close" | "drained" | "reconnect", Call>;
type Call = (...args: unknown[]) => Promise<unknown>;

async function wordsOf(ws: WebSocketClient, name: keyof Loose, args: unknown[]): Promise<string> {
  return (await refusal((ws as unknown as Loose)[name](...args) as Promise<boolean>)).message;
}

/** A view of memory that somebody else has now. */
function transferred(): Uint8Array<ArrayBuffer> {
  const view = new Uint8Array(8);
  structuredClone(view.buffer, { transfer: [view.buffer] });
  return view;
}

describe("a call that a client refuses", () => {
  const GIVEN: [name: keyof Loose, args: unknown[], words: string][] = [
    ["connect", [], "connect: the URL must be text: current value is undefined"],
    ["connect", [5], "connect: the URL must be text: current value is 5"],
    ["connect", [URL, null], "connect: options must be an object: current value is null"],
    [
      "connect",
      [URL, {}, {}],
      "connect: takes a URL, options and a callback: 3 arguments were given",
    ],
    ["send", [5], "send: data must be text, an ArrayBuffer or a view of one: current value is 5"],
    [
      "send",
      [transferred().buffer],
      "send: data must be text, an ArrayBuffer or a view of one: current value is an object (ArrayBuffer), whose memory was transferred",
    ],
    [
      "send",
      [transferred()],
      "send: data must be text, an ArrayBuffer or a view of one: current value is an object (Uint8Array), whose memory was transferred",
    ],
    [
      "send",
      [],
      "send: data must be text, an ArrayBuffer or a view of one: current value is undefined",
    ],
    ["send", ["x".repeat(6)], "send: data must be at most 5 bytes: current value has 6"],
    ["send", ["x", 5], "send: options must be an object: current value is 5"],
    [
      "send",
      ["x", { acknowledge: 1 }],
      "send: 'acknowledge' must be true or false: current value is 1",
    ],
    ["send", ["x", {}, {}], "send: takes data, options and a callback: 3 arguments were given"],
    [
      "send",
      ["x", { acknowledge: true }],
      "send: 'acknowledge' must be left out where the client was made without 'resume': current value is true",
    ],
    ["close", [5], "close: options must be an object: current value is 5"],
    ["close", [{}, {}], "close: takes { code, reason } and a callback: 2 arguments were given"],
    ["drained", [-1], "drained: bytes must be a number of bytes from 0 on: current value is -1"],
    ["drained", ["1"], 'drained: bytes must be a number of bytes from 0 on: current value is "1"'],
  ];
  for (const [name, args, words] of GIVEN) {
    it(`is told what is wrong, whatever the state: ${words}`, async () => {
      await using world = await DialledClient.dial({}, { maxPayload: 5 });
      assertEquals(await wordsOf(world.ws, name, args), `${ARGUMENT} ${words}`);
      world.runtime.events.open();
      assertEquals(await wordsOf(world.ws, name, args), `${ARGUMENT} ${words}`);
      assertEquals([world.ws.state, world.told], ["open", [["open"], []]]);
    });
  }

  const LATER = "or was made without 'reconnect'";
  const STATES: [state: string, words: Partial<Record<keyof Loose, string>>][] = [
    ["idle", {
      send: "Websocket Unknown Other Error: send: the client is idle",
      close: `${OTHER} close: the client is idle`,
      reconnect: `${OTHER} reconnect: the client is idle, ${LATER}`,
    }],
    ["connecting", {
      connect: `${EXISTS} connect: the client is connecting`,
      reconnect: `${OTHER} reconnect: the client is connecting, ${LATER}`,
    }],
    ["open", {
      connect: `${EXISTS} connect: the client is open`,
      reconnect: `${OTHER} reconnect: the client is open, ${LATER}`,
    }],
    ["closing", {
      connect: `${EXISTS} connect: the client is closing`,
      send: `${OTHER} send: the client is closing`,
      close: `${OTHER} close: the client is closing`,
      reconnect: `${OTHER} reconnect: the client is closing, ${LATER}`,
    }],
  ];
  for (const [state, calls] of STATES) {
    it(`is told the state: ${state}`, async () => {
      const runtime = new ScriptedClient();
      const clock = new FakeClock();
      const ws = createWebSocket({ clock, runtime });
      if (state !== "idle") await ws.connect(URL);
      if (state === "open" || state === "closing") runtime.events.open();
      if (state === "closing") await ws.close();
      assertEquals(ws.state, state);
      for (const [name, words] of Object.entries(calls)) {
        const args = name === "connect" ? [URL] : name === "send" ? ["x"] : [];
        assertEquals(await wordsOf(ws, name as keyof Loose, args), words);
      }
      assertEquals(ws.state, state);
      if (state === "connecting" || state === "open") await ws.close();
      await clock.advance(10_000);
      assertEquals([ws.state, clock.pending], ["idle", 0]);
    });
  }

  it("is told that the runtime refuses the URL, with no secret of it", async () => {
    const runtime = new ScriptedClient();
    runtime.fault = new SyntaxError("no way to ws://u:p@localhost/?t=1");
    const ws = createWebSocket({ runtime, clock: new FakeClock() });
    const error = await refusal(ws.connect("ws://u:p@localhost/?t=1"));
    assertEquals(error.message, "Websocket url error: connect: the runtime refused the URL");
    assertEquals((error.cause as Error).message, "no way to ws://…@localhost/?…");
  });

  it("has 'opened' and 'closed' of the connection before where the runtime refuses the URL of the next", async () => {
    const runtime = new ScriptedClient();
    const clock = new FakeClock();
    const ws = createWebSocket({ runtime, clock });
    await ws.connect("ws://localhost/");
    runtime.events.open();
    runtime.events.closed({ code: 4000, reason: "done" });
    const before = [ws.opened, ws.closed];
    runtime.fault = new SyntaxError("no way");
    await refusal(ws.connect("ws://localhost/"));
    assertEquals([ws.opened === before[0], ws.closed === before[1]], [true, true]);
    assertEquals([(await ws.closed).code, ws.state], [4000, "idle"]);
    runtime.fault = undefined;
    await ws.connect("ws://localhost/");
    assertEquals([ws.opened === before[0], ws.closed === before[1]], [false, false]);
    await ws.close();
    await clock.advance(0);
  });
});

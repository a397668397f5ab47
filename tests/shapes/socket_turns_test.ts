/** What is called on a socket whose dialling was refused, and by an observer of the next that connects to its host. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { ClientEvents } from "../../runtime/contract.ts";
import { WebSocket, type WebSocketInit } from "../../standard.ts";
import { FakeClock } from "../../testing.ts";
import { ScriptedClient } from "../helpers/scripted_runtime.ts";

const REFUSED = { code: 0, reason: "", failure: { what: "connection refused", status: "0" } };

/** A socket on a script, and all that it tells. Those of one host wait for each other. */
function make(init: WebSocketInit, host = "localhost") {
  const ws = new WebSocket(`ws://${host}/`, [], init);
  const log: unknown[] = [];
  for (const type of ["open", "error"] as const) ws.addEventListener(type, () => log.push(type));
  ws.addEventListener("close", ({ code }) => log.push(code));
  return { ws, log };
}

/** Waits until a socket is over, in tasks that are not the clock's, and for what may be told once more. */
async function over({ ws }: ReturnType<typeof make>): Promise<void> {
  const task = () => new Promise((resolve) => setTimeout(resolve, 2));
  while (ws.readyState !== 3) await task();
  await task();
}

describe("a WebSocket that the runtime refuses to dial", () => {
  const calls: [how: string, call: (ws: WebSocket, abort: () => void) => void][] = [
    ["close()", (ws) => ws.close()],
    ["terminate()", (ws) => ws.terminate()],
    ["its signal", (_, abort) => abort()],
  ];
  for (const [how, call] of calls) {
    it(`tells 'close' once, be it ended by ${how} meanwhile`, async () => {
      const runtime = new ScriptedClient();
      runtime.fault = new Error("no");
      const controller = new AbortController();
      const clock = new FakeClock();
      const one = make({ clock, runtime, signal: controller.signal });
      const { ws, log } = one;
      assertEquals(ws.readyState, 0);
      call(ws, () => controller.abort());
      await over(one);
      assertEquals([log, ws.readyState, clock.pending], [["error", 1006], 3, 0]);
      runtime.fault = undefined;
      const next = make({ clock, runtime }); // whose turn it is
      runtime.events.open();
      assertEquals(next.log, ["open"]);
    });
  }
});

describe("a WebSocket that is closed before it has loaded what resumes", () => {
  it("takes no turn, and asks for nothing", async () => {
    const runtime = new ScriptedClient();
    const clock = new FakeClock();
    let asked = 0;
    const header = () => ({ n: `${++asked}` });
    const one = make({ clock, runtime, reconnect: true, resume: true, header });
    one.ws.close();
    await over(one);
    for (let turn = 0; turn < 20; turn++) await clock.advance(0); // it is loaded by then
    assertEquals([one.log, asked], [["error", 1006], 0]);
    const next = make({ clock, runtime });
    runtime.events.open();
    assertEquals(next.log, ["open"]);
    next.ws.close();
    runtime.events.closed({ code: 1000, reason: "" });
    assertEquals(clock.pending, 0);
  });
});

describe("a WebSocket that is closed while it waits for its turn", () => {
  for (const turns of [0, 5]) {
    it(`does nothing with it when it comes before 'close', ${turns} microtasks later`, async () => {
      for (const reconnect of [false, true]) {
        const clock = new FakeClock();
        const runtime = new ScriptedClient();
        const host = `waits${turns}${reconnect}`;
        const first = make({ clock, runtime }, host);
        const { events } = runtime;
        const told: string[] = [];
        const asked = (): Record<string, string> => {
          told.push("header");
          return {};
        };
        const observer = {
          dialling: () => told.push("dialling"),
          gaveUp: () => told.push("gaveUp"),
        };
        const init = { clock, runtime, observer, reconnect };
        const one = make(reconnect ? { ...init, header: asked } : init, host);
        one.ws.close();
        for (let turn = 0; turn < turns; turn++) await undefined;
        events.open();
        await over(one);
        assertEquals([told, one.log, first.log], [[], ["error", 1006], ["open"]]);
        const next = make({ clock, runtime }, host); // whose turn it is
        runtime.events.open();
        assertEquals(next.log, ["open"]);
      }
    });
  }
});

describe("an observer of a WebSocket that has waited for its turn", () => {
  for (const [name, init] of [["", {}], [" that reconnects", { reconnect: true }]] as const) {
    for (const isRefused of [false, true]) {
      const what = isRefused ? "has failed" : "is open";
      it(`may end the one before${name}, which ${what}`, async () => {
        const clock = new FakeClock();
        const runtime = new ScriptedClient();
        const host = `host${name.length}${what.length}`;
        const first = make({ clock, runtime, ...init }, host);
        const { events } = runtime;
        let dialled = 0;
        const dialling = () => {
          dialled++;
          first.ws.terminate();
        };
        make({ clock, runtime, observer: { dialling } }, host);
        assertEquals(dialled, 0);
        if (isRefused) events.closed(REFUSED);
        else events.open();
        await over(first);
        assertEquals(dialled, 1);
        const isOver = name === "" || !isRefused; // else it has told 'close' of the attempt before
        const before = isRefused ? isOver ? [] : ["error", 1006] : ["open"];
        assertEquals(first.log, [...before, "error", 1006]);
        assertEquals(first.ws.readyState, 3);
      });
    }
  }
});

describe("WebSockets to one name", () => {
  it("wait for each other at one port, which is another one for wss", () => {
    const runtime = new ScriptedClient();
    const asked = ["ws://turns/1", "wss://turns/", "ws://turns/2"].map((url) => {
      new WebSocket(url, [], { clock: new FakeClock(), runtime });
      return runtime.request.url;
    });
    assertEquals(asked, ["ws://turns/1", "wss://turns/", "wss://turns/"]);
  });

  it("wait for each other as they connect again, until the one before is open, or has failed", async () => {
    const clock = new FakeClock();
    const runtime = new ScriptedClient();
    const dialled: ClientEvents[] = [];
    const dial = runtime.dial.bind(runtime);
    runtime.dial = (request, events) => {
      dialled.push(events);
      return dial(request, events);
    };
    const all = [1, 2, 3].map(() => make({ clock, runtime, reconnect: true }, "again"));
    for (let n = 0; n < 3; n++) {
      dialled[n]!.open();
      await clock.advance(0);
    }
    assertEquals(dialled.length, 3);
    for (const events of dialled.slice()) events.closed({ code: 0, reason: "" });
    await clock.advance(10_000); // all want to connect by now
    assertEquals(dialled.length, 4);
    dialled[3]!.closed(REFUSED);
    await clock.advance(0);
    assertEquals(dialled.length, 5);
    dialled[4]!.open();
    await clock.advance(0);
    assertEquals(dialled.length, 6);
    for (const { ws } of all) ws.close();
    await clock.advance(60_000);
    for (const one of all) await over(one);
    assertEquals(clock.pending, 0);
  });
});

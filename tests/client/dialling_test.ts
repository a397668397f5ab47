/** What a client does with a runtime that tells of an end, or throws, before it has returned. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocket, type WebSocketClientOptions } from "../../mod.ts";
import type { ClientEvents, ClientSocket, DialRequest } from "../../runtime/contract.ts";
import { FakeClock } from "../../testing.ts";
import { answer } from "../helpers/answer.ts";
import { countListeners } from "../helpers/leftovers.ts";
import { ScriptedClient, type ScriptedSocket } from "../helpers/scripted_runtime.ts";

const URL = "ws://localhost/";
const END = { code: 0, reason: "", failure: { what: "no route", status: "0" } };

/** A runtime with which some attempts fail within the dialling, or are refused there. */
class Hasty extends ScriptedClient {
  /** What the attempts still to come do at once; all after them wait for the test. */
  readonly next: ("ends" | "throws")[] = [];
  /** The sockets, in the order they were asked for. */
  readonly sockets: ScriptedSocket[] = [];
  dials = 0;

  override dial(request: DialRequest, events: ClientEvents): ClientSocket {
    const nth = this.dials++;
    const way = this.next.shift();
    if (way === "throws") throw new Error("no descriptors");
    if (way === "ends") events.closed(END);
    super.dial(request, events);
    return this.sockets[nth] = this.socket;
  }
}

function world(options: WebSocketClientOptions = {}) {
  const clock = new FakeClock();
  const runtime = new Hasty();
  const ws = createWebSocket({ clock, runtime, ...options });
  const log: string[] = [];
  ws.on("open", () => log.push("open"));
  ws.on("error", ({ kind }) => log.push(`error ${kind} ${ws.state}`));
  ws.on("close", (_, { code }) => log.push(`close ${code} ${ws.state}`));
  return { clock, runtime, ws, log };
}

/** What resumes is loaded in real time, and everything else takes none. */
async function until(clock: FakeClock, isDone: () => boolean): Promise<void> {
  while (!isDone()) {
    await new Promise((resolve) => setTimeout(resolve));
    await clock.advance(0);
  }
}

const RECONNECT = { minDelay: 1, maxDelay: 1, random: () => 1 };

for (
  const [name, options] of [
    ["", {}],
    [" that would reconnect", { reconnect: { shouldReconnect: () => false } }],
    [" that would resume", { reconnect: { shouldReconnect: () => false }, resume: true }],
  ] as const
) {
  describe(`a client${name}, of which an attempt ends within the dialling`, () => {
    it("answers first, and is idle when 'error' is told", async () => {
      const { clock, runtime, ws, log } = world(options);
      runtime.next.push("ends", "ends");
      const controller = new AbortController();
      const listeners = countListeners(controller.signal);
      ws.once("error", () => log.push("told"));
      void ws.connect(URL, { signal: controller.signal }).then(() => log.push("accepted"));
      await clock.until(answer(ws.opened));
      assertEquals(log, ["accepted", "error connectFailed idle", "told"]);
      assertEquals([await answer(ws.opened), await answer(ws.closed)], [
        "connectFailed",
        "connectFailed",
      ]);
      assertEquals([listeners(), clock.pending], [0, 0]);
    });

    it("is told 'close' where its signal has aborted, and the runtime ends it at once as well", async () => {
      const { clock, runtime, ws, log } = world(options);
      const { dial } = runtime;
      runtime.dial = (request, events) => {
        const socket = dial.call(runtime, request, events);
        socket.terminate = () => events.closed(END);
        return socket;
      };
      for (let nth = 1; nth <= 2; nth++) {
        void ws.connect(URL, { signal: AbortSignal.abort() }).then(() => log.push("accepted"));
        await until(clock, () => log.length === 2);
        assertEquals(log.splice(0), ["accepted", "close 1000 idle"]);
        assertEquals([await answer(ws.opened), (await ws.closed).code], ["aborted", 1000]);
        assertEquals([ws.state, clock.pending], ["idle", 0]);
      }
    });

    it("can connect again in that 'error'", async () => {
      const { clock, runtime, ws, log } = world(options);
      runtime.next.push("ends", ...options.resume ? ["ends" as const] : []);
      ws.once("error", () => void ws.connect(URL).then(() => log.push("accepted")));
      await ws.connect(URL);
      await clock.advance(0);
      await until(clock, () => log.length > 1);
      assertEquals([log, ws.state], [["error connectFailed idle", "accepted"], "connecting"]);
      runtime.events.open();
      assertEquals(log.slice(2), ["open"]);
    });
  });
}

describe("a client that reconnects", () => {
  it("offers nothing the second time, where the first ended within the dialling, and sends by that", async () => {
    const { clock, runtime, ws, log } = world({ reconnect: RECONNECT, resume: true });
    runtime.next.push("ends");
    void ws.connect(URL);
    await until(clock, () => runtime.dials === 2);
    runtime.events.open();
    await ws.send("hello");
    assertEquals([log, runtime.request.protocols], [["open"], []]);
    assertEquals(runtime.sockets.map(({ calls }) => calls), [[], ["send"]]);
  });

  it("is told 'close' alone where it closes an attempt that has ended within the dialling", async () => {
    const { clock, runtime, ws, log } = world({ reconnect: RECONNECT });
    runtime.next.push("ends");
    void ws.connect(URL);
    void ws.close();
    await clock.advance(60_000);
    assertEquals([log, runtime.dials, clock.pending], [["close 1000 idle"], 1, 0]);
  });

  for (const resume of [false, true]) {
    it(`tells once of an attempt that has ended and that the runtime has refused, resuming: ${resume}`, async () => {
      const { clock, runtime, ws, log } = world({
        reconnect: { ...RECONNECT, attempts: 1 },
        resume,
      });
      await ws.connect(URL);
      await until(clock, () => runtime.dials === 1);
      const { dial } = runtime;
      runtime.dial = (_, events) => {
        events.closed(END);
        throw new Error("no descriptors");
      };
      runtime.events.closed(END);
      await clock.advance(1000);
      assertEquals(log, ["error connectFailed reconnecting", "error connectFailed idle"]);
      runtime.dial = dial;
      await ws.connect(URL);
      await until(clock, () => runtime.dials === 2);
      assertEquals([log.length, ws.state], [2, "connecting"]);
    });
  }

  it("makes one attempt at a time, also where `reconnect` in a listener is refused", async () => {
    for (const event of ["close", "error", "reconnecting"] as const) {
      const { clock, runtime, ws } = world({ reconnect: RECONNECT });
      const told: number[] = [];
      let asked = false;
      const ask = () => {
        if (asked) return;
        asked = true;
        runtime.next.push("throws");
        void ws.reconnect();
      };
      ws.on("reconnecting", ({ attempt }) => told.push(attempt));
      await ws.connect(URL);
      if (event === "close") runtime.events.open();
      ws.on(event, ask);
      runtime.events.closed(event === "close" ? { code: 1001, reason: "" } : END);
      assertEquals(runtime.dials, 2, event);
      await clock.advance(1000);
      assertEquals([runtime.dials, ws.state], [3, "connecting"], event);
      assertEquals(told, event === "reconnecting" ? [1, 2] : [2], event);
      runtime.events.open();
      await clock.advance(5000);
      assertEquals([runtime.dials, ws.state], [3, "open"], event);
    }
  });
});

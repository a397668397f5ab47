/** A socket that is ended in two ways, one after the other, in each of its states. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { WebSocket, type WebSocketInit } from "../../standard.ts";
import { FakeClock } from "../../testing.ts";
import { LONGEST_MS } from "../helpers/leftovers.ts";
import { ScriptedClient } from "../helpers/scripted_runtime.ts";

const URL = "ws://localhost/";
const AGAIN = { minDelay: 10, maxDelay: 10, random: () => 1 };

const ENDS = {
  close: (ws: WebSocket) => ws.close(),
  terminate: (ws: WebSocket) => ws.terminate(),
  abort: (_: WebSocket, aborter: AbortController) => aborter.abort(),
};

type State =
  | "waits for its turn"
  | "connects"
  | "is open"
  | "is to be told what to dial"
  | "reconnects";

/** Gets a socket into a state, if it reconnects or not. */
async function enter(state: State, reconnect: boolean) {
  const clock = new FakeClock();
  const runtime = new ScriptedClient();
  const aborter = new AbortController();
  const { signal } = aborter;
  const own = { clock, runtime };
  const first = state === "waits for its turn" ? new WebSocket(URL, [], own) : undefined;
  const before = runtime.events;
  const asks = state === "is to be told what to dial";
  const header = asks ? { header: () => new Promise<never>(() => {}) } : {};
  const more = reconnect ? { reconnect: AGAIN, ...header } : {};
  const ws = new WebSocket(URL, [], { ...own, ...more, signal } as WebSocketInit);
  await clock.advance(0);
  if (state === "is open" || state === "reconnects") runtime.events.open();
  if (state === "reconnects") runtime.events.closed({ code: 1001, reason: "" });
  const log: string[] = [];
  for (const type of ["open", "error", "close"]) {
    ws.addEventListener(type, () => log.push(`${type} ${ws.readyState}`));
  }
  assertEquals(ws.readyState, state === "is open" ? 1 : 0);
  /** All that may come has come. */
  const end = async () => {
    const answer = { code: 1000, reason: "" };
    if (state === "is open") runtime.events.closed(answer);
    await clock.advance(LONGEST_MS);
    await new Promise((resolve) => setTimeout(resolve));
    if (first !== undefined) {
      before.closed({ ...answer, failure: { what: "refused", status: "0" } });
      await clock.advance(LONGEST_MS);
      assertEquals([runtime.events, first.readyState], [before, first.CLOSED]);
    }
    assertEquals([ws.readyState, clock.pending], [ws.CLOSED, 0]);
    return log;
  };
  return { aborter, end, ws };
}

describe("a socket that is ended twice", () => {
  const states: [State, boolean][] = [
    ["waits for its turn", false],
    ["waits for its turn", true],
    ["connects", false],
    ["connects", true],
    ["is open", false],
    ["is open", true],
    ["is to be told what to dial", true],
    ["reconnects", true],
  ];
  for (const [state, reconnect] of states) {
    for (const [one, first] of Object.entries(ENDS)) {
      for (const [other, second] of Object.entries(ENDS)) {
        const rest = reconnect ? ", and reconnects" : "";
        it(`is told of it once, while it ${state}${rest}: ${one}, ${other}`, async () => {
          for (const waits of [false, true]) {
            const { aborter, end, ws } = await enter(state, reconnect);
            first(ws, aborter);
            if (waits) await undefined;
            second(ws, aborter);
            const log = await end();
            assertEquals(log.filter((line) => line === "close 3").length, 1);
            assertEquals(log.at(-1), "close 3");
            assertEquals(log.filter((line) => !line.endsWith("3")), []);
          }
        });
      }
    }
  }
});

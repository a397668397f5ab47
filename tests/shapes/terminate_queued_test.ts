/** What is queued to a server as a socket of ./standard drops it: an observer hears of it, and no 'error' tells it. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { WebSocket } from "../../standard.ts";
import { FakeClock } from "../../testing.ts";
import { ScriptedClient } from "../helpers/scripted_runtime.ts";

describe("what is queued to a server as terminate() drops it", () => {
  it("is told to an observer, as a server's is, and is no error", async () => {
    for (const reconnect of [false, true]) {
      for (const closes of [false, true]) {
        const clock = new FakeClock();
        const runtime = new ScriptedClient();
        const told: unknown[] = [];
        const observer = {
          unsent: (_: unknown, bytes: number) => told.push(bytes),
          closed: (_: unknown, { code }: { code: number }) => told.push(code),
        };
        const socket = new WebSocket("ws://localhost/", [], {
          clock,
          runtime,
          reconnect,
          observer,
        });
        socket.onerror = (event) => told.push((event as ErrorEvent).error.kind);
        await clock.advance(0);
        runtime.events.open();
        runtime.socket.bufferedAmount = 4;
        if (closes) socket.close();
        socket.terminate();
        await clock.advance(0);
        await new Promise((resolve) => setTimeout(resolve, 0)); // it ends in a task of its own
        assertEquals([told, socket.bufferedAmount], [[4, 1006, "aborted"], 4]);
      }
    }
  });
});

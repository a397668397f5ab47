/** A Ping that a socket is asked for, beside those that are due anyway. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocketServer } from "../../mod.ts";
import { socketOf, WebSocket, type WebSocketInit } from "../../standard.ts";
import { FakeClock } from "../../testing.ts";
import { ScriptedClient, ScriptedServer, ScriptedSocket } from "../helpers/scripted_runtime.ts";

const SECONDS = { pingInterval: 10, pongTimeout: 4 };

/** Whoever can be asked for a Ping: asks for one, answers all, and says how many there were. */
interface Pinged {
  clock: FakeClock;
  ask: () => void;
  answer: () => void;
  count: () => number;
  end: () => unknown;
}

/** In which seconds it is pinged, where it is asked for that in some. */
async function pings({ clock, ask, answer, count, end }: Pinged, asked: number[], answers = true) {
  const log: number[] = [];
  for (let at = 1; at <= 31; at++) {
    const before = count();
    await clock.advance(1000);
    if (asked.includes(at)) ask();
    if (count() > before) log.push(at);
    if (answers) answer();
  }
  await end();
  return log;
}

const WAYS: Record<string, () => Pinged | Promise<Pinged>> = {
  "a WebSocket": async () => {
    const clock = new FakeClock();
    const runtime = new ScriptedClient();
    const init: WebSocketInit = { clock, runtime, ...SECONDS };
    const ws = new WebSocket("ws://localhost/", [], init);
    await clock.advance(0);
    runtime.events.open();
    return {
      clock,
      ask: () => ws.ping(),
      answer: () => runtime.events.alive(),
      count: () => runtime.socket.calls.filter((call) => call === "ping").length,
      end: () => {
        if (ws.readyState === WebSocket.CLOSED) return;
        ws.terminate();
        return new Promise((resolve) => ws.onclose = resolve);
      },
    };
  },
  "socketOf()": async () => {
    const clock = new FakeClock();
    const runtime = new ScriptedServer();
    const server = createWebSocketServer({ clock, runtime });
    server.on("error", () => {});
    await server.start({ serverPort: 80, ...SECONDS });
    const admission = runtime.enter();
    const socket = new ScriptedSocket();
    admission.open(socket);
    const ws = socketOf(server, server.listAllConnections()[0]!);
    return {
      clock,
      ask: () => ws.ping(),
      answer: () => admission.alive(),
      count: () => socket.calls.filter((call) => call === "ping").length,
      end: () => void server.stop(),
    };
  },
};

describe("ping()", () => {
  for (const [name, make] of Object.entries(WAYS)) {
    it(`goes out now, and puts the next one off by a whole interval: ${name}`, async () => {
      assertEquals(await pings(await make(), []), [10, 20, 30]);
      assertEquals(await pings(await make(), [7]), [7, 17, 27]);
      assertEquals(await pings(await make(), [7, 9]), [7, 9, 19, 29]);
      assertEquals(await pings(await make(), [13, 20]), [10, 13, 20, 30]);
    });

    it(`is none while another one has no answer, and saves nobody: ${name}`, async () => {
      assertEquals(await pings(await make(), [7, 9, 10], false), [7]);
      assertEquals(await pings(await make(), [12, 13], false), [10]);
    });
  }
});

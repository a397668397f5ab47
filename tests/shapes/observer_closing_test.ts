/** An observer that ends a socket of ./standard while it connects: as the first attempt begins, or a later one. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocketServer, type WebSocketObserver } from "../../mod.ts";
import { WebSocket, type WebSocketInit } from "../../standard.ts";
import { FakeClock, MemoryNetwork } from "../../testing.ts";

/** A server, and what makes a socket whose observer calls `dialling` as an attempt begins. */
async function world(dialling: (socket: WebSocket, attempt: number) => void) {
  const clock = new FakeClock();
  const network = new MemoryNetwork({ clock });
  const server = createWebSocketServer({ clock, runtime: network.server });
  const got: unknown[] = [];
  server.on("messageReceive", ({ data }) => void got.push(data));
  await server.start({ serverPort: 80 });
  const told: unknown[] = [];
  let attempts = 0;
  const observer: WebSocketObserver<object> = {
    dialling: (who) => dialling(who as WebSocket, ++attempts),
  };
  const open = (init: WebSocketInit = {}) => {
    const runtime = network.client;
    const socket = new WebSocket("ws://localhost/", [], { clock, runtime, observer, ...init });
    socket.onopen = () => told.push("open");
    socket.onerror = () => told.push("error");
    socket.onclose = ({ code }) => told.push(code);
    return socket;
  };
  /** Lets what ends in a task of its own end. */
  const settle = async (ms = 10) => {
    await clock.advance(ms);
    await new Promise((resolve) => setTimeout(resolve, 0));
    await clock.advance(0);
  };
  const end = async () => {
    await clock.until(server.stop());
    await clock.advance(100_000);
    assertEquals([clock.pending, network.links], [0, []]);
  };
  return { clock, network, server, got, told, open, settle, end };
}

const RECONNECT = { minDelay: 1, factor: 1, random: () => 1 };

describe("a socket that its observer ends as an attempt begins", () => {
  for (const how of ["close", "terminate"] as const) {
    for (const reconnect of [false, true]) {
      it(`is never open, and tells its end once: ${how}(), reconnect ${reconnect}`, async () => {
        const states: number[] = [];
        const { server, told, open, settle, end } = await world((socket) => {
          socket[how]();
          states.push(socket.readyState);
        });
        const socket = open({ reconnect });
        assertEquals([states, socket.readyState, told], [[2], 2, []]);
        await settle();
        assertEquals([told, socket.readyState], [["error", 1006], 3]);
        assertEquals(server.listAllConnections(), []);
        // Another to the same host has its turn.
        await settle(100_000);
        assertEquals(told.length, 2);
        await end();
      });
    }

    it(`is never open, and tells its end once: ${how}() after a break`, async () => {
      const { network, server, told, open, settle, end } = await world((socket, attempt) => {
        if (attempt === 2) socket[how]();
      });
      const socket = open({ reconnect: RECONNECT });
      await settle();
      network.links[0]!.cut();
      await settle(10);
      assertEquals([told.splice(0), socket.readyState], [["open", "error", 1006], 0]);
      await settle(2000);
      assertEquals([told, socket.readyState], [["error", 1006], 3]);
      assertEquals(server.listAllConnections(), []);
      await end();
    });
  }

  it("lets the next one to its host connect", async () => {
    const { told, open, settle, end } = await world((socket, attempt) => {
      if (attempt === 1) socket.close();
    });
    open();
    const next = open();
    await settle();
    await settle();
    assertEquals([told, next.readyState], [["error", 1006, "open"], 1]);
    next.close();
    await settle();
    await end();
  });
});

describe("a socket whose observer sends as the first attempt begins", () => {
  for (
    const [what, reconnect, tooEarly, sent] of [
      ["says that it is too early, and connects", false, ["InvalidStateError"], []],
      ["has it sent once it is open, with 'reconnect'", RECONNECT, [], ["early"]],
    ] as const
  ) {
    it(what, async () => {
      const early: unknown[] = [];
      const { got, told, open, settle, end } = await world((socket) => {
        socket.ping();
        early.push(socket.bufferedAmount);
        try {
          socket.send("early");
        } catch (cause) {
          early.push((cause as Error).name);
        }
      });
      const socket = open({ reconnect });
      assertEquals(early, [0, ...tooEarly]);
      await settle();
      socket.send("in time");
      await settle();
      assertEquals([told, got], [["open"], [...sent, "in time"]]);
      socket.close();
      await settle();
      await end();
    });
  }
});

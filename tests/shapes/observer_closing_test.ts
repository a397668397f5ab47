/** An observer of a socket of ./standard that ends it while it connects, or calls the listeners of its messages. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type BusinessError, createWebSocketServer, type WebSocketObserver } from "../../mod.ts";
import { WebSocket, type WebSocketInit } from "../../standard.ts";
import { FakeClock, MemoryNetwork } from "../../testing.ts";
import { kindOf, NodesInMemory } from "../helpers/nodes_in_memory.ts";

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

const ACKNOWLEDGED = { acknowledge: true } as const;

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

describe("'handling' of a socket's observer", () => {
  it("calls the listeners of each message, and hears when they are done", async () => {
    const { clock, server, told, open, settle, end } = await world(() => {});
    const runs: unknown[] = [];
    const socket = open({
      observer: {
        handling(who, run) {
          told.push(who === socket ? "before" : who);
          const atWork = run();
          runs.push(atWork === undefined || atWork.then(() => told.push("done")), run() === atWork);
          told.push("after");
        },
      },
    });
    socket.onmessage = ({ data }) => {
      told.push(data);
      return data === "slow"
        ? new Promise<void>((resolve) => clock.setTimer(resolve, 1000))
        : undefined;
    };
    await settle();
    const [connection] = server.listAllConnections();
    await server.send("quick", connection!);
    await server.send("slow", connection!);
    await settle();
    const each = (data: string) => ["before", data, "after"];
    assertEquals(told, ["open", ...each("quick"), ...each("slow")]);
    assertEquals([runs[0], runs[1], runs[3]], [true, true, true]);
    await settle(1000);
    assertEquals(told.at(-1), "done");
    socket.close();
    await settle();
    await end();
  });

  it("changes nothing of what a server hears that has a message acknowledged", async () => {
    await using nodes = new NodesInMemory();
    const server = await nodes.node();
    const told: unknown[] = [];
    const { error } = console;
    console.error = ({ kind }: BusinessError) => void told.push(kind);
    using _ = { [Symbol.dispose]: () => void (console.error = error) };
    const socket = new WebSocket("ws://localhost:1/", [], {
      ...{ clock: nodes.clock, runtime: nodes.network.client, reconnect: RECONNECT, resume: true },
      observer: { handling: (_, run) => void run() },
    });
    socket.onmessage = ({ data }) => {
      if (data === "bad") throw new Error("bad");
    };
    await nodes.settle();
    const [connection] = server.listAllConnections();
    for (const data of ["good", "bad"]) {
      told.push(await nodes.clock.until(kindOf(server.send(data, connection!, ACKNOWLEDGED))));
    }
    socket.onmessage = null;
    told.push(await nodes.clock.until(kindOf(server.send("unheard", connection!, ACKNOWLEDGED))));
    assertEquals(told, ["true", "listenerFailed", "refusedByPeer", "refusedByPeer"]);
    const closed = new Promise((resolve) => socket.onclose = resolve);
    socket.close();
    await nodes.settle();
    await closed;
  });
});

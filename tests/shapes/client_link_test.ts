/** What is below a WebSocket that connects by itself: its signal, its limits, what it refuses, and its end. */

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { BusinessError, createWebSocketServer } from "../../mod.ts";
import { WebSocket } from "../../standard.ts";
import { FakeClock, MemoryNetwork } from "../../testing.ts";
import { countListeners } from "../helpers/leftovers.ts";
import { ScriptedClient } from "../helpers/scripted_runtime.ts";

/** A server, and sockets that connect to it. */
async function world() {
  const clock = new FakeClock();
  const network = new MemoryNetwork({ clock });
  const server = createWebSocketServer({ clock, runtime: network.server });
  await server.start({ serverPort: 80 });
  const told: unknown[] = [];
  const dial = (init: object = {}) => {
    const parts = { clock, runtime: network.client, ...init };
    const socket = new WebSocket("ws://localhost/", [], parts);
    socket.onopen = () => told.push("open");
    socket.onerror = (event) => told.push((event as ErrorEvent).error.kind);
    socket.onclose = ({ code }) => told.push(code);
    return socket;
  };
  const end = async () => {
    await clock.until(server.stop());
    await clock.advance(100_000);
    assertEquals([clock.pending, network.links], [0, []]);
  };
  return { clock, network, server, told, dial, end };
}

/** Ends that are told in a task of their own come in real time; that begins at the end of the turn. */
const task = () => new Promise((resolve) => setTimeout(() => setTimeout(resolve, 0), 0));

describe("a socket with a 'signal'", () => {
  for (const reconnect of [false, true]) {
    it(`ends at once where that has aborted before, and dials nobody: reconnect ${reconnect}`, async () => {
      const { clock, network, told, dial, end } = await world();
      const observer = { dialling: () => told.push("dialling") };
      const socket = dial({ signal: AbortSignal.abort(), reconnect, observer });
      const words: string[] = [];
      socket.addEventListener("error", (event) => words.push((event as ErrorEvent).error.message));
      assertEquals([socket.readyState, network.links], [2, []]);
      await task();
      await clock.advance(10);
      assertEquals([told, socket.readyState, socket.bufferedAmount], [["aborted", 1006], 3, 0]);
      assertStringIncludes(words.join(), "closed before it was open, or dropped");
      await end();
    });

    it(`ends as it aborts while connecting, and listens no more: reconnect ${reconnect}`, async () => {
      const { clock, told, dial, end } = await world();
      const aborter = new AbortController();
      const count = countListeners(aborter.signal);
      const socket = dial({ signal: aborter.signal, reconnect });
      await clock.advance(0);
      aborter.abort();
      assertEquals(socket.readyState, 2);
      await task();
      await clock.advance(100);
      await task();
      assertEquals([told, socket.readyState, count()], [["aborted", 1006], 3, 0]);
      await end();
    });

    it(`leaves no listener on it at its end: reconnect ${reconnect}`, async () => {
      const { clock, told, dial, end } = await world();
      const aborter = new AbortController();
      const count = countListeners(aborter.signal);
      const socket = dial({ signal: aborter.signal, reconnect });
      await clock.advance(10);
      socket.close(1000);
      await clock.advance(10);
      assertEquals([told, count()], [["open", 1000], 0]);
      aborter.abort();
      await task();
      assertEquals(told.length, 2);
      await end();
    });
  }
});

describe("a socket that reconnects, at its end", () => {
  it("may be dropped as it tells what was never sent, and ends once", async () => {
    const { clock, told, dial, end, server } = await world();
    await clock.until(server.stop());
    const socket = dial({ reconnect: { shouldReconnect: () => false } });
    socket.send("never sent");
    const states: unknown[] = [];
    socket.addEventListener("error", () => {
      states.push(socket.readyState);
      socket.terminate();
      states.push("dropped"); // and nothing was thrown
    });
    await clock.advance(10);
    await task();
    assertEquals(states, [2, "dropped", 3, "dropped"]);
    assertEquals([told, socket.readyState], [["unsent", "connectFailed", 1006], 3]);
    await clock.advance(1000);
    await task();
    assertEquals(told.length, 3);
    await server.start({ serverPort: 80 });
    await end();
  });

  it("has nothing queued where it is closed before it knew what to dial", async () => {
    const { clock, told, dial, end } = await world();
    const headers = () => new Promise(() => {});
    const socket = dial({ reconnect: true, headers });
    await clock.advance(10);
    socket.close();
    await clock.advance(10);
    await task();
    assertEquals([told, socket.readyState, socket.bufferedAmount], [["aborted", 1006], 3, 0]);
    await end();
  });
});

describe("a socket's limits", () => {
  it("are named where a message finds no room", async () => {
    const { clock, network, dial, end } = await world();
    const socket = dial({ maxPayload: 5, maxBufferedAmount: 8 });
    await clock.advance(10);
    network.links[0]!.hold("toServer");
    const words = (data: string) => {
      const { name, message } = assertThrows(() => socket.send(data), DOMException);
      assertEquals(name, "QuotaExceededError");
      return message;
    };
    assertEquals(words("123456"), "send: 'maxPayload' is 5: current value has 6 bytes");
    socket.send("12345");
    assertEquals(words("1234"), "send: 'maxBufferedAmount' is 8, and 5 bytes are queued already");
    socket.send("123"); // to the last byte
    assertEquals(socket.bufferedAmount, 8);
    network.links[0]!.release("toServer");
    await clock.advance(10);
    assertEquals(socket.bufferedAmount, 0);
    await end();
  });

  it("are those of 'reconnect' while there is no connection", async () => {
    const { clock, dial, end } = await world();
    const socket = dial({ reconnect: { maxQueued: 4 }, maxBufferedAmount: 100 });
    socket.send("123");
    const { message } = assertThrows(() => socket.send("12"), DOMException);
    assertEquals(message, "send: 'reconnect.maxQueued' is 4, and 3 bytes are queued already");
    socket.send("4");
    socket.close();
    await task();
    await clock.advance(100);
    await task();
    assertEquals(socket.readyState, 3);
    await end();
  });
});

describe("the third argument of WebSocket", () => {
  const wrong: [object, string][] = [
    [{ header: { a: "b" }, headers: {} }, "'header' must be left out where 'headers' is given"],
    [{ protocol: "a" }, "'protocol' is no option: subprotocols are the second argument"],
    [{ headers: 5 }, "'headers' must be a plain object of text values"],
    [{ headers: null }, "'headers' must be a plain object of text values"],
    [{ headers: [1] }, "'headers' must be a plain object of text values, a Headers, or pairs"],
    [{ maxPayload: 0 }, "'maxPayload' must be"],
  ];
  for (const [init, says] of wrong) {
    it(`is refused where ${says}`, () => {
      const error = assertThrows(() => new WebSocket("ws://localhost/", [], init), BusinessError);
      assertEquals(error.code, 401);
      assertStringIncludes(error.message, says);
    });
  }

  it("may say undefined for each, as if it were left out", async () => {
    const clock = new FakeClock();
    const network = new MemoryNetwork({ clock });
    const server = createWebSocketServer({ clock, runtime: network.server });
    const seen: unknown[] = [];
    server.on("connect", ({ protocol }) => void seen.push(protocol));
    await server.start({ serverPort: 80, protocol: "a" });
    const none = { header: undefined, headers: undefined, protocol: undefined, signal: undefined };
    const init = { clock, runtime: network.client, ...none } as object;
    const socket = new WebSocket("ws://localhost/", "a", init);
    await clock.advance(10);
    assertEquals([seen, socket.protocol], [["a"], "a"]);
    await clock.until(server.stop());
  });

  it("takes headers as an object, as pairs, and as Headers", async () => {
    const clock = new FakeClock();
    const network = new MemoryNetwork({ clock });
    const server = createWebSocketServer({ clock, runtime: network.server });
    const got: unknown[] = [];
    const authorize = ({ headers }: Request) => (got.push(headers.get("x-a")), true as const);
    await server.start({ serverPort: 80, authorize });
    for (const headers of [{ "X-A": "1" }, [["x-a", "2"]], new Headers({ "x-a": "3" })]) {
      for (const name of ["headers", "header"]) {
        const init = { clock, runtime: network.client, [name]: headers };
        new WebSocket("ws://localhost/", [], init);
        await clock.advance(10);
      }
    }
    assertEquals(got, ["1", "1", "2", "2", "3", "3"]);
    await clock.until(server.stop());
    await clock.advance(100_000);
    assertEquals([clock.pending, network.links], [0, []]);
  });
});

describe("bufferedAmount of a socket", () => {
  it("counts what was sent in this turn, be its buffer given away since", async () => {
    const runtime = new ScriptedClient();
    const socket = new WebSocket("ws://localhost/", [], { clock: new FakeClock(), runtime });
    await task();
    runtime.events.open();
    const { buffer } = new Uint8Array(4);
    socket.send(buffer);
    structuredClone(buffer, { transfer: [buffer] });
    assertEquals([buffer.byteLength, socket.bufferedAmount], [0, 4]);
    await task();
    assertEquals(socket.bufferedAmount, 0);
    runtime.events.closed({ code: 1000, reason: "" });
  });
});

describe("bufferedAmount of a socket that is over", () => {
  it("is what its last connection has not sent, and no more for those before it", async () => {
    const ends: [name: string, end: (ws: WebSocket, runtime: ScriptedClient) => unknown][] = [
      [
        "the server's close",
        (_, { events }) => events.closed({ code: 1000, reason: "", unsent: 4 }),
      ],
      ["terminate()", (ws, { socket }) => (socket.bufferedAmount = 4, ws.terminate())],
      ["terminate() after close()", (ws, { socket }) => {
        socket.bufferedAmount = 4;
        ws.close();
        assertEquals(ws.bufferedAmount, 4);
        ws.terminate();
      }],
      ["terminate() of what waits for the next connection, too", (ws, { socket }) => {
        Object.assign(socket, { bufferedAmount: 1, isEnding: true });
        ws.send("123");
        ws.terminate();
      }],
      ["close()", (ws, { events }) => {
        ws.close();
        events.closed({ code: 1005, reason: "", unsent: 4 });
      }],
    ];
    for (const before of [0, 1, 2]) {
      for (const [name, end] of ends) {
        const clock = new FakeClock();
        const runtime = new ScriptedClient();
        const reconnect = { minDelay: 1, maxDelay: 1, random: () => 1 };
        const socket = new WebSocket("ws://localhost/", [], { clock, runtime, reconnect });
        await clock.advance(0);
        runtime.events.open();
        for (let i = 0; i < before; i++) {
          runtime.events.closed({ code: 1001, reason: "", unsent: 100 });
          assertEquals([socket.readyState, socket.bufferedAmount], [0, 0]);
          await clock.advance(1000);
          runtime.events.open();
        }
        end(socket, runtime);
        await clock.advance(0);
        await task();
        assertEquals([name, socket.readyState, socket.bufferedAmount], [name, 3, 4]);
        socket.send("12");
        assertEquals([socket.bufferedAmount, clock.pending], [6, 0]);
      }
    }
  });

  const never = () => new Promise<never>(() => {});
  for (
    const [when, init] of [
      ["before it is known what to dial", { headers: never }],
      ["while it connects", {}],
      ["while it waits to connect again", {}],
    ] as const
  ) {
    it(`is what was queued for a connection that never came: closed ${when}`, async () => {
      const clock = new FakeClock();
      const runtime = new ScriptedClient();
      const socket = new WebSocket("ws://localhost/", [], {
        ...{ clock, runtime, reconnect: true },
        ...init,
      });
      await clock.advance(10);
      if (when.includes("again")) {
        runtime.events.open();
        runtime.events.closed({ code: 1001, reason: "" });
      }
      socket.send("12345");
      assertEquals([socket.readyState, socket.bufferedAmount], [0, 5]);
      socket.close();
      await clock.advance(10_000);
      await task();
      assertEquals([socket.readyState, socket.bufferedAmount, clock.pending], [3, 5, 0]);
    });
  }
});

describe("an observer of a socket that closes", () => {
  /** A socket that is open, and what its observer is told of its end. */
  async function opened(init: object = {}) {
    const runtime = new ScriptedClient();
    const told: unknown[] = [];
    const observer = { closed: (_: unknown, close: object) => told.push(close) };
    const clock = new FakeClock();
    const socket = new WebSocket("ws://localhost/", [], { clock, runtime, observer, ...init });
    await task();
    runtime.events.open();
    return { clock, runtime, socket, told };
  }

  it("is told what 'close' was given", async () => {
    const cases: [args: [number?, string?], close: object][] = [
      [[], { code: 1000, reason: "" }],
      [[4000, "bye"], { code: 4000, reason: "bye" }],
    ];
    for (const [args, close] of cases) {
      const { clock, runtime, socket, told } = await opened();
      socket.close(...args);
      runtime.events.closed({ code: args[0] ?? 1005, reason: args[1] ?? "" });
      assertEquals([told, clock.pending], [[close], 0]);
    }
  });

  it("is told 1009 after a message that is too big, be 'close' called while a Blob waits", async () => {
    const { clock, runtime, socket, told } = await opened({ maxPayload: 3 });
    const blob = new Blob(["abc"]);
    const read = blob.arrayBuffer();
    blob.arrayBuffer = () => read;
    socket.send(blob);
    socket.close(4000, "bye");
    runtime.events.message("abcd");
    await read;
    await task();
    assertEquals(runtime.socket.calls.filter((call) => call.startsWith("close")), ["close 1009"]);
    runtime.events.closed({ code: 1009, reason: "" });
    await task();
    const codes = told.map((close) => (close as { code: number }).code);
    assertEquals([codes, clock.pending], [[1009], 0]);
  });
});

/** Sockets of the standard's shape on a network in memory: their last values, and two things at once. */

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocketServer, type WebSocketServerConfig } from "../../mod.ts";
import { socketOf, WebSocket } from "../../standard.ts";
import { FakeClock, MemoryNetwork } from "../../testing.ts";
import { MemoryPair } from "../helpers/memory_pair.ts";
import { ScriptedServer, ScriptedSocket } from "../helpers/scripted_runtime.ts";

/** A server's socket, and what its client is told. */
async function served(config: Partial<WebSocketServerConfig> = {}) {
  const pair = await MemoryPair.start({ config });
  const log: unknown[] = [];
  pair.ws.on("message", (_err, data) => log.push(data));
  pair.ws.on("close", (_err, { code, reason }) => log.push(`${code} ${reason}`));
  const connection = await pair.open();
  const socket = socketOf(pair.server, connection);
  return { pair, socket, log, link: pair.network.links.at(-1)! };
}

/** A client's socket, and what it is told; the server's is at the other end. */
async function dialled(init: object = {}) {
  const clock = new FakeClock();
  const network = new MemoryNetwork({ clock });
  const server = createWebSocketServer({ clock, runtime: network.server });
  await server.start({ serverPort: 80 });
  const socket = new WebSocket("ws://localhost/", [], { clock, runtime: network.client, ...init });
  const log: unknown[] = [];
  await clock.advance(10);
  const end = async () => {
    await clock.until(server.stop());
    await clock.advance(100_000);
    assertEquals([clock.pending, network.links], [0, []]);
  };
  return { clock, network, server, socket, log, end };
}

/** What is printed while something runs. */
async function printed(run: () => unknown): Promise<Error[]> {
  const { error } = console;
  const all: Error[] = [];
  console.error = (what: Error) => void all.push(what);
  try {
    await run();
  } finally {
    console.error = error;
  }
  return all;
}

describe("a server's socket", () => {
  for (const code of [1000, 1003, 1007, 1014, 3000, 4999]) {
    it(`may close with ${code}`, async () => {
      const { pair, socket, log } = await served();
      socket.close(code, "why");
      await pair.clock.advance(20);
      assertEquals(log, [`${code} why`]);
      await pair[Symbol.asyncDispose]();
    });
  }

  it("takes a message to the last byte of 'maxPayload', and none of one more", async () => {
    for (const [maxPayload, data, over] of [[4, "1234", "12345"], [3, "é2", "é23"]] as const) {
      const { pair, socket, log } = await served({ maxPayload });
      socket.send(data);
      for (const one of [over, new Blob([over])]) {
        const { name, message } = assertThrows(() => socket.send(one), DOMException);
        const words = `'maxPayload' is ${maxPayload}: current value has ${maxPayload + 1} bytes`;
        assertEquals([name, message], ["QuotaExceededError", `send: ${words}`]);
      }
      await pair.clock.advance(20);
      assertEquals(log, [data]);
      socket.send(new Blob([data]));
      await pair[Symbol.asyncDispose]();
    }
  });

  it("tells 'error' of a message for which a slow peer that may stay has no room", async () => {
    const { pair, socket, log, link } = await served({ slowPeer: "refuse", maxBufferedAmount: 10 });
    link.hold("toClient");
    const kinds: unknown[] = [];
    socket.onerror = (event) => kinds.push((event as ErrorEvent).error.kind);
    socket.send("x".repeat(10));
    await pair.clock.advance(5);
    assertEquals(socket.bufferedAmount, 10); // a turn later, too
    socket.send("y");
    await pair.clock.advance(5);
    assertEquals([kinds, socket.readyState], [["queueFull"], 1]);
    link.release("toClient");
    await pair.clock.advance(20);
    assertEquals([log, socket.bufferedAmount], [["x".repeat(10)], 0]);
    await pair[Symbol.asyncDispose]();
  });

  it("sends no Ping where the runtime cannot, and takes an empty one for none", async () => {
    for (const canPing of [true, false]) {
      const clock = new FakeClock();
      const runtime = Object.assign(new ScriptedServer(), { canPing });
      const server = createWebSocketServer({ clock, runtime });
      await server.start({ serverPort: 80 });
      const admission = runtime.enter();
      const wire = new ScriptedSocket();
      admission.open(wire);
      const [connection] = server.listAllConnections();
      socketOf(server, connection!).ping("");
      assertEquals(wire.calls, canPing ? ["ping"] : []);
      admission.closed({ code: 1000, reason: "" });
      await clock.until(server.stop());
    }
  });

  it("hears with one listener what it hears with several, and with handlers alone", async () => {
    const { pair, socket } = await served();
    const log: unknown[] = [];
    const told = async () => {
      await pair.ws.send("x");
      await pair.clock.advance(10);
      return log.splice(0);
    };
    const listener = ({ data, isTrusted }: MessageEvent) => log.push([data, isTrusted]);
    socket.onopen = () => log.push("open");
    socket.onerror = () => log.push("error");
    for (const type of ["open", "error", "close", "other"]) socket.dispatchEvent(new Event(type));
    assertEquals(log.splice(0), ["open", "error"]);
    socket.addEventListener("message", listener);
    assertEquals(await told(), [["x", true]]);
    socket.onmessage = listener;
    assertEquals(await told(), [["x", true], ["x", true]]);
    socket.removeEventListener("message", listener);
    assertEquals(await told(), [["x", true]]);
    socket.onmessage = null;
    assertEquals(await told(), []);
    await pair[Symbol.asyncDispose]();
  });

  it("prints what a listener threw, and calls none that is null", async () => {
    const { pair, socket } = await served();
    const cause = new Error("mine");
    socket.addEventListener("x", null);
    socket.addEventListener("x", null, true);
    socket.addEventListener("y", () => {
      throw cause;
    });
    // deno-lint-ignore require-await -- it is to reject
    socket.addEventListener("y", async () => {
      throw cause;
    });
    const all = await printed(async () => {
      socket.dispatchEvent(new Event("x"));
      socket.dispatchEvent(new Event("y"));
      await Promise.resolve();
    });
    assertEquals(all.map((error) => error.cause === cause), [true, true]);
    await pair[Symbol.asyncDispose]();
  });

  it("says of one that is lost, or whose reason is too long, what it is in words", async () => {
    const { pair, socket, link } = await served();
    const { message } = assertThrows(() => socket.close(1000, "é".repeat(62)), DOMException);
    const words = "close: the reason must be at most 123 bytes: current value has 124";
    assertEquals([message, socket.readyState], [words, 1]);
    const log: unknown[] = [];
    socket.onerror = (event) => log.push((event as ErrorEvent).error.message.split(": ")[1]);
    socket.onclose = ({ code, reason, wasClean }) => log.push([code, reason, wasClean]);
    link.cut();
    await pair.clock.advance(10);
    assertEquals(log, ["the connection was lost", [1006, "", false]]);
    await pair[Symbol.asyncDispose]();
  });

  it("says when a message came", async () => {
    const { pair, socket } = await served();
    let event!: MessageEvent;
    socket.onmessage = (one) => event = one;
    const before = performance.now();
    await pair.ws.send("x");
    await pair.clock.advance(10);
    const { timeStamp } = event;
    assertEquals(timeStamp >= before && timeStamp <= performance.now(), true);
    await pair[Symbol.asyncDispose]();
  });
});

describe("a client's socket", () => {
  it("is dropped by an observer as what has waited goes out, with a 'close' behind that", async () => {
    const { clock, socket, end } = await dialled({ observer: { sent: () => socket.terminate() } });
    const told: unknown[] = [];
    socket.onclose = ({ code }) => told.push(code);
    socket.send(new Blob(["a"]));
    socket.close(1000);
    for (let i = 0; i < 5; i++) await new Promise((resolve) => setTimeout(resolve, 1));
    await clock.advance(10);
    assertEquals([told, socket.readyState], [[1006], 3]);
    await end();
  });

  it("sends Pings while it is open, and at no other time", async () => {
    const { clock, network, server, socket, end } = await dialled();
    const pings: unknown[] = [];
    const early = new WebSocket("ws://localhost/", [], { clock, runtime: network.client });
    early.ping();
    await clock.advance(10);
    assertEquals([early.readyState, server.listAllConnections().length], [1, 2]);
    for (const state of [socket.CLOSING, socket.CLOSED]) {
      if (state === socket.CLOSING) socket.close();
      assertEquals(socket.readyState, state);
      socket.ping();
      pings.push(state);
      await clock.advance(100);
    }
    assertEquals(pings, [2, 3]);
    await clock.advance(60_000); // no heartbeat waits for an answer
    assertEquals(early.readyState, 1);
    await end();
  });

  it("closes after a Blob with what it was closed with", async () => {
    const { clock, server, socket, log, end } = await dialled();
    server.on("messageReceive", ({ data }) => void log.push((data as ArrayBuffer).byteLength));
    server.on("close", (_, { code, reason }) => void log.push(`${code} ${reason}`));
    socket.send(new Blob(["12345"]));
    assertEquals(socket.bufferedAmount, 5);
    socket.close(4000, "after it");
    socket.close(4001, "too late");
    await clock.advance(50);
    assertEquals(log, [5, "4000 after it"]);
    await end();
  });

  it("is told nothing more once a Blob could not be read, though the peer sends on", async () => {
    const { clock, server, socket, log, end } = await dialled();
    const blob = new Blob(["never"]);
    blob.arrayBuffer = () => Promise.reject(new RangeError("gone"));
    socket.onmessage = ({ data }) => log.push(data);
    socket.onerror = () => log.push("error");
    socket.onclose = ({ code }) => log.push(code);
    socket.send(blob);
    const [connection] = server.listAllConnections();
    await server.send("on its way", connection!);
    await clock.advance(0);
    assertEquals([socket.readyState, log], [2, ["error"]]);
    await clock.advance(50);
    assertEquals(log, ["error", 1011]);
    await end();
  });

  it("waits for the one before it though another in between was given up", async () => {
    const clock = new FakeClock();
    const network = new MemoryNetwork({ clock });
    const server = createWebSocketServer({ clock, runtime: network.server });
    const { promise: free, resolve: frees } = Promise.withResolvers<true>();
    const asked: string[] = [];
    const authorize = ({ url }: Request) => (asked.push(new URL(url).pathname), free);
    await server.start({ serverPort: 80, authorize });
    const [one, two, three] = [1, 2, 3].map((n) =>
      new WebSocket(`ws://localhost/${n}`, [], { clock, runtime: network.client })
    );
    await clock.advance(10);
    two!.close();
    await clock.advance(0);
    await new Promise((resolve) => setTimeout(resolve));
    await clock.advance(100);
    assertEquals([asked, two!.readyState], [["/1"], 3]);
    frees(true);
    await clock.advance(100);
    assertEquals([asked, one!.readyState, three!.readyState], [["/1", "/3"], 1, 1]);
    await clock.until(server.stop());
    await clock.advance(100_000);
    assertEquals([clock.pending, network.links], [0, []]);
  });
});

describe("what a program gets of an event", () => {
  it("is its own: nothing that it does to it, or to what is in it, is in the next one", async () => {
    const { pair, socket } = await served();
    const seen: unknown[] = [];
    socket.binaryType = "arraybuffer";
    socket.onmessage = (event) => {
      const bytes = new Uint8Array(event.data as ArrayBuffer);
      seen.push([event.ports.length, event.composedPath().length, [...bytes], "mine" in event]);
      assertThrows(() => (event.ports as unknown[]).push("mine"), TypeError);
      event.composedPath().push(new EventTarget());
      bytes.fill(0);
      Object.assign(event, { mine: true });
      seen.push([event.ports.length, event.composedPath().length]);
    };
    for (let n = 0; n < 2; n++) {
      await pair.ws.send(new Uint8Array([1, 2]));
      await pair.clock.advance(20);
    }
    const each = [[0, 1, [1, 2], false], [0, 1]];
    assertEquals(seen, [...each, ...each]);
    await pair[Symbol.asyncDispose]();
  });
});

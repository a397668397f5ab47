/** A socket of ./standard that begins to end by itself while it reads a Blob: what it tells, and what it counts. */

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { WebSocket } from "../../standard.ts";
import { FakeClock } from "../../testing.ts";
import { ScriptedClient } from "../helpers/scripted_runtime.ts";

/** A Blob of four bytes that is read when the test says so. */
function slowBlob() {
  const { promise, resolve } = Promise.withResolvers<ArrayBuffer>();
  const blob = Object.assign(new Blob(["1234"]), { arrayBuffer: () => promise });
  return { blob, read: () => resolve(new ArrayBuffer(4)) };
}

/** An open socket that is sending such a one. */
async function sending(init: object = {}) {
  const clock = new FakeClock();
  const runtime = new ScriptedClient();
  const abort = new AbortController();
  const socket = new WebSocket("ws://localhost/", [], {
    ...{ clock, runtime, signal: abort.signal, maxPayload: 10, ...init },
  });
  await clock.advance(0);
  runtime.events.open();
  const told: unknown[] = [];
  socket.onerror = (event) => told.push((event as ErrorEvent).error.kind);
  socket.onclose = ({ code }) => told.push(code);
  const { blob, read } = slowBlob();
  socket.send(blob);
  const end = async (code: number) => {
    read();
    await clock.advance(0);
    assertEquals(socket.bufferedAmount, 4);
    runtime.events.closed({ code, reason: "" });
    await new Promise((resolve) => setTimeout(resolve));
    await clock.advance(100_000);
    assertEquals([socket.bufferedAmount, socket.readyState, clock.pending], [4, 3, 0]);
  };
  return { abort, clock, end, read, runtime, socket, told };
}

describe("a socket that reads a Blob", () => {
  it("counts that beside what is queued", async () => {
    const { runtime, socket } = await sending();
    runtime.socket.bufferedAmount = 2;
    assertEquals(socket.bufferedAmount, 6);
    socket.send("56");
    assertEquals(socket.bufferedAmount, 8);
    runtime.socket.bufferedAmount = 0;
    socket.close();
    runtime.events.closed({ code: 1000, reason: "" });
    assertEquals([socket.readyState, socket.bufferedAmount], [3, 6]);
  });

  for (const reconnect of [false, true]) {
    for (const closes of [false, true]) {
      it(`tells what its signal has cut off: reconnect ${reconnect}, closed ${closes}`, async () => {
        const { abort, end, runtime, socket, told } = await sending({ reconnect });
        if (closes) socket.close(3000);
        abort.abort();
        assertEquals([runtime.socket.calls, socket.readyState], [["close 1000"], 2]);
        await end(1000);
        assertEquals([told, runtime.socket.calls], [["unsent", 1000], ["close 1000"]]);
      });
    }
  }

  for (const closes of [false, true]) {
    it(`tells why it closes by itself, and what that cuts off: closed ${closes}`, async () => {
      const { end, runtime, socket, told } = await sending();
      if (closes) socket.close(3000);
      runtime.events.message("x".repeat(11));
      await end(1009);
      assertEquals([told, runtime.socket.calls], [["unsent", "tooBig", 1009], ["close 1009"]]);
    });
  }

  it("tells nothing of that once it was dropped", async () => {
    const { end, runtime, socket, told } = await sending();
    socket.terminate();
    await end(1006);
    assertEquals([told, runtime.socket.calls], [["aborted", 1006], ["terminate"]]);
  });

  it("tells one end where its runtime does so as it tells that a Blob could not be read", async () => {
    const { clock, read, runtime, socket, told } = await sending();
    const arrayBuffer = () => Promise.reject(new Error("the file is gone"));
    socket.send(Object.assign(new Blob(["12"]), { arrayBuffer }));
    socket.addEventListener("error", () => runtime.events.closed({ code: 1001, reason: "" }));
    read();
    await clock.advance(0);
    await clock.advance(0);
    assertEquals([told, socket.readyState, clock.pending], [["unsent", 1001], 3, 0]);
  });

  it("counts what finds no room any more", async () => {
    const { clock, read, runtime, socket, told } = await sending({ reconnect: { maxQueued: 3 } });
    socket.addEventListener("error", () => told.push(`state ${socket.readyState}`));
    runtime.events.closed({ code: 1001, reason: "" });
    read();
    await clock.advance(0);
    assertEquals([told, socket.bufferedAmount], [[1001, "unsent", "state 2"], 4]);
    await new Promise((resolve) => setTimeout(resolve));
    await clock.advance(100_000);
    assertEquals(told.slice(3), ["aborted", "state 3", 1006]);
    assertEquals([socket.bufferedAmount, clock.pending], [4, 0]);
  });

  const more = (bytes: number) => {
    const arrayBuffer = () => Promise.resolve(new ArrayBuffer(bytes));
    return [Object.assign(new Blob(["x".repeat(bytes)]), { arrayBuffer }), "x".repeat(bytes)];
  };
  // Besides a byte that is queued.
  for (
    const [option, most] of [["maxPayload", 5], ["maxBufferedAmount", 0], ["maxQueued", 1]] as const
  ) {
    it(`throws at once for what ${option} forbids, and stays open`, async () => {
      const { clock, read, runtime, socket, told } = await sending(
        option === "maxQueued"
          ? { maxPayload: 10, reconnect: { maxQueued: 5 } }
          : { maxPayload: 10, [option]: 5 },
      );
      const queued = option === "maxQueued" ? 0 : 1;
      if (queued === 0) runtime.events.closed({ code: 1001, reason: "" });
      else runtime.socket.bufferedAmount = queued;
      for (const one of more(most + 1)) {
        const { name, message } = assertThrows(() => socket.send(one), DOMException);
        assertEquals([name, message.includes(`${option}' is 5`)], ["QuotaExceededError", true]);
      }
      assertEquals(socket.bufferedAmount, 4 + queued);
      socket.send(more(most)[0]!);
      read();
      runtime.socket.bufferedAmount = 5; // with the head of its frame
      for (let i = 0; i < 5; i++) await clock.advance(0);
      const sent = queued === 0 ? [] : ["send", "send"];
      assertEquals([runtime.socket.calls, socket.bufferedAmount], [sent, 5]);
      assertEquals([told.includes("unsent"), socket.readyState < 2], [false, true]);
      socket.terminate();
      await clock.advance(100_000);
      await new Promise((resolve) => setTimeout(resolve)); // its end is told in a task
      assertEquals([told.at(-1), clock.pending], [1006, 0]);
    });
  }

  it("counts nothing of one that does not say how much is in it", async () => {
    const { clock, read, runtime, socket } = await sending();
    const { blob, read: readOther } = slowBlob();
    socket.send(Object.defineProperty(blob, "size", { value: Infinity })); // a pipe, on Bun
    assertEquals(socket.bufferedAmount, 4);
    read();
    readOther();
    for (let i = 0; i < 3; i++) await clock.advance(0);
    assertEquals([runtime.socket.calls, socket.bufferedAmount], [["send", "send"], 0]);
    socket.terminate();
    socket.send(blob);
    assertEquals(socket.bufferedAmount, 0);
    await new Promise((resolve) => setTimeout(resolve));
  });

  it("ends at once where it is closed while it connects", async () => {
    const clock = new FakeClock();
    const runtime = new ScriptedClient();
    const socket = new WebSocket("ws://localhost/", [], { clock, runtime, reconnect: true });
    const told: unknown[] = [];
    for (const type of ["open", "error", "close"]) {
      socket.addEventListener(type, () => told.push(type));
    }
    await clock.advance(0);
    const { blob, read } = slowBlob();
    socket.send(blob);
    socket.close(3000);
    assertEquals([socket.readyState, runtime.socket.calls], [2, ["terminate"]]);
    read();
    await clock.advance(0);
    await new Promise((resolve) => setTimeout(resolve));
    assertEquals([told, socket.bufferedAmount, clock.pending], [["error", "close"], 4, 0]);
  });

  it("does not open where an observer closes it as it does, and sends the Blob all the same", async () => {
    const { blob, read } = slowBlob();
    const opened = (one: WebSocket) => one.close(3000);
    const clock = new FakeClock();
    const runtime = new ScriptedClient();
    const init = { clock, runtime, reconnect: true, observer: { opened } };
    const socket = new WebSocket("ws://localhost/", [], init);
    const told: unknown[] = [];
    for (const type of ["open", "error", "close"]) {
      socket.addEventListener(type, () => told.push(type));
    }
    await clock.advance(0);
    socket.send(blob);
    runtime.events.open();
    read();
    await clock.advance(0);
    assertEquals([told, runtime.socket.calls], [[], ["send", "close 3000"]]);
    runtime.events.closed({ code: 3000, reason: "" });
    await clock.advance(100_000);
    assertEquals([told, clock.pending], [["close"], 0]);
  });
});

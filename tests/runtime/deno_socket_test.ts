/** `runtime/deno/socket.ts` on a real connection: what leaves, and in which order. */

import { assert, assertEquals, assertLess } from "@std/assert";
import { deadline, delay } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { FakeTime } from "@std/testing/time";
import { LIMIT_MS, order, pair, stall } from "../helpers/deno_socket_pair.ts";
import { onDeno } from "../helpers/programs.ts";
import { until } from "../helpers/until.ts";
import { BINARY, CLOSE, PING, readClose, TEXT, textOf } from "../peers/raw.ts";
import { INTERNAL, symbolOf } from "./bare.ts";

/** Counts the timers that are set from here on. */
function countTimers(): Disposable & { set: number } {
  const { setTimeout } = globalThis;
  const counter = {
    set: 0,
    [Symbol.dispose]: () => void (globalThis.setTimeout = setTimeout),
  };
  globalThis.setTimeout = ((...args: Parameters<typeof setTimeout>) => {
    counter.set++;
    return setTimeout(...args);
  }) as typeof setTimeout;
  return counter;
}

/**
 * Sends a byte now and then until one is held back, because the Ping has given up to find a moment with
 * nothing queued. Resolves with how many went out before that.
 */
async function heldBack({ socket, held }: Awaited<ReturnType<typeof pair>>): Promise<number> {
  for (let sent = 0; sent < 1000; sent++) {
    await delay(20);
    socket.send(new Uint8Array(1));
    if (held() > 0) return sent;
  }
  throw new Error("nothing is held back");
}

if (!onDeno) {
  describe("DenoSocket", () => {
    it("is nothing for Bun, which needs no more than its own", () => assert(!onDeno));
  });
} else {
  describe("DenoSocket.ping()", () => {
    it("sends one Ping, and a second only when the first has left", async () => {
      await using it = await pair();
      for (const n of [1, 2]) {
        it.socket.ping();
        it.socket.ping();
        await deadline(it.peer.next(PING, it.peer.frames.length), LIMIT_MS);
        await delay(50); // a second would show
        assertEquals(it.peer.frames.length, n);
      }
      assertEquals(it.lives(), 2);
    });

    it("holds back nothing that is sent beside it", async () => {
      await using it = await pair();
      const { socket, peer } = it;
      socket.ping();
      socket.send("one");
      socket.send("two");
      assertEquals(it.held(), 0);
      await deadline(peer.next(PING), LIMIT_MS);
      assertEquals(order(peer), [TEXT, PING]);
      assertEquals(peer.texts(), ["one", "two"]);
    });

    it("has its timer set once: by ping(), or by the first message that finds nothing queued", async () => {
      for (const queued of [0, 1]) {
        await using it = await pair();
        let bufferedAmount = queued;
        Object.defineProperty(it.ws, "bufferedAmount", { get: () => bufferedAmount });
        it.socket.ping();
        bufferedAmount = 0;
        using timers = countTimers();
        for (const text of ["one", "two", "three"]) it.socket.send(text);
        assertEquals([timers.set, it.held()], [queued, 0]);
        await deadline(it.peer.next(PING), LIMIT_MS);
        assertEquals(it.peer.texts(), ["one", "two", "three"]);
      }
    });

    it("goes out after another one that has left, once what is queued at first is written", async () => {
      await using it = await pair();
      let bufferedAmount = 0;
      Object.defineProperty(it.ws, "bufferedAmount", { get: () => bufferedAmount });
      it.socket.ping();
      await deadline(it.peer.next(PING), LIMIT_MS);
      bufferedAmount = 1;
      // The next is taken once the first has left: then it sets a timer, to look again.
      let set = 0;
      for (let looks = 0; looks < 10_000 && set === 0; looks++) {
        await delay(1);
        using timers = countTimers();
        it.socket.ping();
        set = timers.set;
      }
      assertEquals(set, 1);
      const seen = it.peer.frames.length;
      bufferedAmount = 0;
      await deadline(it.peer.next(PING, seen), LIMIT_MS);
    });

    it("goes out though something is sent in every turn, and holds back none of it", async () => {
      await using it = await pair();
      const { socket, peer } = it;
      const data = new Uint8Array(20_000);
      let held = 0;
      for (let n = 1; n <= 5; n++) {
        socket.ping();
        while (peer.frames.filter(({ opcode }) => opcode === PING).length < n) {
          socket.send(data);
          held += it.held();
          await delay(0); // each turn, in the same turns as timers of the socket's own
        }
      }
      assertEquals(held, 0);
    });

    it("does not go out behind what is sent right after it and stalls, but once that is written", async () => {
      await using it = await pair();
      const { socket, peer } = it;
      socket.ping();
      stall(it);
      await delay(200);
      peer.socket.resume();
      await deadline(peer.next(PING), LIMIT_MS);
      socket.send("end");
      await deadline(peer.next(TEXT), LIMIT_MS);
      assertEquals(order(peer), [BINARY, PING, TEXT]);
      assertEquals(peer.frames.filter(({ opcode }) => opcode === PING).length, 1);
    });

    it("waits for what is queued, and what is sent after that waits for it and is counted", async () => {
      await using it = await pair();
      const { socket, peer } = it;
      stall(it);
      socket.ping();
      await heldBack(it);
      assert(it.ws[symbolOf(it.ws, INTERNAL.idleTime)!] !== 2e6, "Deno's timer was set");
      const { bufferedAmount } = socket;
      const after = new TextEncoder().encode("after");
      socket.send(after);
      after.fill(0); // what is sent is what it was at the call
      socket.ping(); // one waits already
      for (const text of ["one", "twö"]) socket.send(text);
      await delay(50); // nothing has it go out while something is queued
      assertEquals([socket.bufferedAmount, it.held()], [bufferedAmount + 12, 13]);
      peer.socket.resume();
      await until("both have come", () => peer.texts().length >= 2);
      assertEquals(order(peer), [BINARY, PING, BINARY, TEXT]);
      const bytes = peer.frames.findLast(({ opcode }) => opcode === BINARY)!;
      assertEquals([textOf(bytes.payload), ...peer.texts()], ["after", "one", "twö"]);
      await until("Deno has heard that all is written", () => socket.bufferedAmount === 0);
    });

    it("goes out at the next message that finds the queue empty, and does not wait for the next look", async () => {
      await using it = await pair();
      const { socket, peer } = it;
      stall(it);
      socket.ping();
      const sent = 16 + await heldBack(it);
      let bufferedAmount = 1; // so that no look finds it empty before the message does
      Object.defineProperty(it.ws, "bufferedAmount", { get: () => bufferedAmount });
      peer.socket.resume();
      await until("all have come", () => peer.frames.length >= sent);
      bufferedAmount = 0;
      using timers = countTimers();
      socket.send("after");
      assertEquals(timers.set, 1);
      await deadline(peer.next(TEXT), LIMIT_MS);
      assertEquals(order(peer), [BINARY, PING, BINARY, TEXT]);
    });

    it("has what it held back counted as unsent where the peer goes without reading", async () => {
      await using it = await pair();
      stall(it);
      it.socket.ping();
      assertLess(await heldBack(it), 15); // the Ping gives up after five turns
      const { bufferedAmount } = it.socket;
      assertEquals(it.held(), 1);
      it.peer.reset();
      assertEquals((await deadline(it.closed, LIMIT_MS)).unsent, bufferedAmount);
    });

    it("has what it held back counted as unsent where the peer has closed by then", async () => {
      await using it = await pair();
      const { socket, ws } = it;
      stall(it);
      socket.ping();
      await heldBack(it);
      Object.defineProperty(ws, "bufferedAmount", { get: () => 0, configurable: true });
      Object.defineProperty(ws, "readyState", { value: ws.CLOSED, configurable: true });
      await delay(60); // it looks every 25 ms
      assertEquals(it.held(), 1);
      delete (ws as { bufferedAmount?: number }).bufferedAmount;
      const { bufferedAmount } = socket;
      it.peer.reset();
      assertEquals((await deadline(it.closed, LIMIT_MS)).unsent, bufferedAmount);
    });

    it("is taken back by close(), whether or not it waits", async () => {
      for (const waits of [false, true]) {
        await using it = await pair();
        if (waits) stall(it);
        it.socket.ping();
        it.socket.close(4000, "bye");
        it.peer.socket.resume();
        assertEquals(readClose(await deadline(it.peer.next(CLOSE), LIMIT_MS)).code, 4000);
        await deadline(it.closed, LIMIT_MS);
        assertEquals(order(it.peer), waits ? [BINARY, CLOSE] : [CLOSE]);
      }
    });

    it("has what it held back go out before the Close frame", async () => {
      await using it = await pair();
      const { peer, socket } = it;
      stall(it);
      socket.ping();
      await heldBack(it);
      socket.send("held");
      socket.close(4000, "bye");
      assertEquals(it.held(), 0);
      peer.socket.resume();
      await deadline(peer.next(CLOSE), LIMIT_MS);
      assertEquals(order(peer), [BINARY, TEXT, CLOSE]);
      await deadline(it.closed, LIMIT_MS);
    });

    it("is not looked for again after close(), and what is sent then does not go out", async () => {
      for (const ms of [0, 190]) { // by then it looks each 25 ms, next in 16 ms
        await using it = await pair();
        const { peer, socket, ws } = it;
        const idleTime = symbolOf(ws, INTERNAL.idleTime)!;
        const { [idleTime]: before } = ws;
        let bufferedAmount = 1;
        Object.defineProperty(ws, "bufferedAmount", { get: () => bufferedAmount });
        const time = new FakeTime();
        try {
          socket.ping();
          if (ms > 0) await time.tickAsync(ms); // else it has not looked yet
          socket.close(4000, "bye");
          socket.send("too late");
          await time.tickAsync(15); // close() has looked at 1, 3, 7 and 15, and looks at 31 again
          bufferedAmount = 0;
          await time.tickAsync(15);
          assertEquals([ws.readyState, ws[idleTime]], [ws.OPEN, before], `after ${ms} ms`);
          await time.tickAsync(1);
          assertEquals(ws.readyState, ws.CLOSING);
        } finally {
          time.restore();
        }
        await deadline(it.closed, LIMIT_MS);
        assertEquals(order(peer), [CLOSE]);
      }
    });

    it("is taken back where close() waits for what was sent after it", async () => {
      await using it = await pair();
      it.socket.ping();
      stall(it);
      it.socket.close(4000, "bye");
      await delay(50); // its timer would have fired
      it.peer.socket.resume();
      assertEquals(readClose(await deadline(it.peer.next(CLOSE), LIMIT_MS)).code, 4000);
      await deadline(it.closed, LIMIT_MS);
      assertEquals(order(it.peer), [BINARY, CLOSE]);
    });

    it("leaves nothing behind where the connection is dropped meanwhile", async () => {
      // Deno's own sanitizers fail this test where a timer is left.
      for (const stalls of ["never", "before", "behind"]) {
        await using it = await pair();
        if (stalls === "before") stall(it);
        it.socket.ping();
        if (stalls === "behind") stall(it);
        if (stalls !== "never") await delay(200);
        it.socket.terminate();
        it.socket.ping();
        assertEquals(it.socket.bufferedAmount, 0);
      }
    });
  });
}

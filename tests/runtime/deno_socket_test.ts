/** `runtime/deno/socket.ts` on a real connection: what leaves, and in which order. */

import { assert, assertEquals, assertGreater } from "@std/assert";
import { deadline, delay } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import type { End } from "../../runtime/contract.ts";
import { DenoSocket } from "../../runtime/deno/socket.ts";
import { onDeno } from "../helpers/programs.ts";
import { BINARY, CLOSE, PING, type RawPeer, RawServer, readClose, TEXT } from "../peers/raw.ts";
import { type Bare, INTERNAL, symbolOf } from "./bare.ts";

const LIMIT_MS = 15_000;
const MIB = 1024 * 1024;

/** A socket, and its peer. */
async function pair() {
  const server = await RawServer.listen();
  const ws = new WebSocket(server.url);
  const { promise: closed, resolve } = Promise.withResolvers<End>();
  let lives = 0;
  const heard: unknown[] = [];
  const events = {
    message: (data: unknown) => heard.push(data),
    alive: () => lives++,
    closed: resolve,
  };
  const socket = new DenoSocket(ws, events as never, (end) => end);
  const [peer] = await deadline(
    Promise.all([server.accept(), new Promise((opened) => ws.onopen = opened)]),
    LIMIT_MS,
  );
  return {
    ws: ws as unknown as Bare,
    socket,
    peer,
    /** How much is held back, and not Deno's to send yet. */
    held: () => socket.bufferedAmount - ws.bufferedAmount,
    closed,
    lives: () => lives,
    heard,
    async [Symbol.asyncDispose]() {
      socket.terminate();
      await server.close();
    },
  };
}

/** The opcodes of what has come, each once for as often as it came in a row. */
const order = ({ frames }: RawPeer) =>
  frames.map(({ opcode }) => opcode).filter((opcode, i, all) => opcode !== all[i - 1]);

/** Has more queued than the system takes of a peer that reads nothing. */
function stall({ socket, peer }: { socket: DenoSocket; peer: RawPeer }): void {
  peer.socket.pause();
  for (let i = 0; i < 16; i++) socket.send(new Uint8Array(MIB));
  assertGreater(socket.bufferedAmount, 8 * MIB);
}

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

if (!onDeno) {
  describe("DenoSocket", () => {
    it("is nothing for Bun, which needs no more than its own", () => assert(!onDeno));
  });
} else {
  describe("DenoSocket.terminate()", () => {
    it("has it tell of no message any more, whatever Deno tells", async () => {
      await using it = await pair();
      const tell = (data: string) => it.ws.dispatchEvent(new MessageEvent("message", { data }));
      tell("before");
      it.socket.terminate();
      tell("after");
      assertEquals(it.heard, ["before"]);
    });
  });

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
      await delay(200); // by now it has given up to find a moment with nothing queued
      assert(it.ws[symbolOf(it.ws, INTERNAL.idleTime)!] !== 2e6, "Deno's timer was set");
      const { bufferedAmount } = socket;
      socket.send("after");
      socket.ping(); // one waits already
      assertEquals([socket.bufferedAmount, it.held()], [bufferedAmount + 5, 5]);
      peer.socket.resume();
      await deadline(peer.next(TEXT), LIMIT_MS);
      assertEquals(order(peer), [BINARY, PING, TEXT]);
      assertEquals(socket.bufferedAmount, 0);
    });

    it("goes out at the next message that finds the queue empty, and does not wait for the next look", async () => {
      await using it = await pair();
      const { socket, peer } = it;
      stall(it);
      socket.ping();
      await delay(200);
      peer.socket.resume();
      while (socket.bufferedAmount > 0) await delay(0);
      using timers = countTimers();
      socket.send("after");
      assertEquals(timers.set, 1);
      await deadline(peer.next(TEXT), LIMIT_MS);
      assertEquals(order(peer), [BINARY, PING, TEXT]);
    });

    it("has what it held back counted as unsent where the peer goes without reading", async () => {
      await using it = await pair();
      stall(it);
      it.socket.ping();
      do {
        await delay(50); // until it has given up to find a moment with nothing queued
        it.socket.send("after");
      } while (it.held() === 0);
      const { bufferedAmount } = it.socket;
      assertEquals(it.held(), 5);
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

    it("leaves nothing behind where the connection is dropped meanwhile", async () => {
      // Deno's own sanitizers fail this test where a timer is left.
      for (const waits of [false, true]) {
        await using it = await pair();
        if (waits) stall(it);
        it.socket.ping();
        if (waits) await delay(200);
        it.socket.terminate();
        it.socket.ping();
        assertEquals(it.socket.bufferedAmount, 0);
      }
    });
  });
}

/**
 * Deno's internals, which `runtime/deno/internals.ts` finds and `runtime/deno/socket.ts` uses, and that
 * Bun needs none of them. Where this turns red, a new Deno has changed them. A new name goes into
 * `runtime/deno/internal_names.ts`; what is left until then pins `deno_fallback_test.ts`, and
 * `deno_unknown_test.ts` what is found of a Deno that is another.
 */

import { assert, assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";
import { deadline } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { canPing, internals } from "../../runtime/deno/internals.ts";
import { onDeno } from "../helpers/programs.ts";
import { PING, PONG, type RawPeer, RawServer, readClose, TEXT } from "../peers/raw.ts";
import { type Bare, deno, dial, INTERNAL, opened, symbolOf } from "./bare.ts";

const handleIdle = symbolOf(WebSocket.prototype, INTERNAL.handleIdle)!;

async function withPeer(use: (ws: Bare, raw: RawPeer) => Promise<void>): Promise<void> {
  const server = await RawServer.listen();
  try {
    const { ws, over } = dial(server.url);
    const raw = await deadline(server.accept(), 30_000);
    if (ws.readyState === WebSocket.CONNECTING) await deadline(opened(ws), 30_000);
    await use(ws, raw);
    ws.close();
    await deadline(over, 30_000);
  } finally {
    await server.close();
  }
}

/** Sends a Ping as the module does, with no policy. */
function ping(ws: Bare): void {
  if (!onDeno) return ws.ping();
  const idleTime = symbolOf(ws, INTERNAL.idleTime)!;
  ws[idleTime] = 1e-6;
  (Object.getPrototypeOf(ws)[handleIdle] as () => void).call(ws);
  ws[idleTime] = 2e6;
}

/** Ends the timer that a Ping leaves behind on Deno, so that nothing is left of it. */
async function cleanUp(ws: Bare): Promise<void> {
  if (!onDeno) return;
  ws[symbolOf(ws, INTERNAL.idleTime)!] = 1e-6;
  (Object.getPrototypeOf(ws)[handleIdle] as () => void).call(ws);
  await new Promise((resolve) => setTimeout(resolve, 20));
}

describe("the internals of the runtime's WebSocket", () => {
  it("are there under the names we know on Deno, and not on Bun", async () => {
    const method = (WebSocket.prototype as unknown as Record<symbol, unknown>)[handleIdle];
    assertEquals(typeof method, onDeno ? "function" : "undefined");
    if (onDeno) assertStringIncludes(String(method), "ping frame");
    await withPeer((ws) => {
      for (const name of [INTERNAL.idleTime, INTERNAL.rid, INTERNAL.role]) {
        assertEquals(symbolOf(ws, name) !== undefined, onDeno, name);
      }
      if (onDeno) assertEquals(typeof ws[symbolOf(ws, INTERNAL.rid)!], "number");
      return Promise.resolve();
    });
  });

  it("are all found by the module on Deno, and none on Bun", () => {
    assertEquals(Object.keys(internals ?? {}).length, onDeno ? 6 : 0);
    assertEquals([canPing, internals?.state !== undefined], [onDeno, onDeno]);
  });

  it("have a way to drop a resource on Deno", () => {
    if (!onDeno) return assertEquals(deno, undefined);
    const internals = deno as unknown as Record<symbol, { core: { tryClose: unknown } }>;
    assertEquals(typeof internals[deno.internal]!.core.tryClose, "function");
  });

  it("send one masked Ping, at once", async () => {
    await withPeer(async (ws, raw) => {
      const began = performance.now();
      ping(ws);
      const frame = await deadline(raw.next(PING), 30_000);
      assert(frame.masked);
      assertAlmostEquals(frame.at - began, 0, 200);
      ws.send("after");
      await deadline(raw.next(TEXT), 30_000);
      assertEquals(raw.frames.filter(({ opcode }) => opcode === PING).length, 1);
      await new Promise((resolve) => setTimeout(resolve, 50)); // a storm would show
      assertEquals(raw.frames.filter(({ opcode }) => opcode === PING).length, 1);
    });
  });

  it("take a Ping back on Deno where its timer is set anew before it fires", async () => {
    if (!onDeno) return;
    await withPeer(async (ws, raw) => {
      ping(ws);
      (Object.getPrototypeOf(ws)[handleIdle] as () => void).call(ws); // parked: far off
      ws.send("after");
      await deadline(raw.next(TEXT), 5000);
      await new Promise((resolve) => setTimeout(resolve, 50));
      assertEquals(raw.frames.map(({ opcode }) => opcode), [TEXT]);
      await cleanUp(ws);
    });
  });

  it("fire on Deno between two timers of ours that are set right before and after in a timer, mostly", async () => {
    if (!onDeno) return;
    await withPeer(async (ws, raw) => {
      const readyState = symbolOf(ws, INTERNAL.readyState)!;
      const kept = Object.getOwnPropertyDescriptor(ws, readyState)!;
      ws[handleIdle] = () => {}; // else a Pong that comes late sets the timer anew
      let between = 0;
      for (let i = 0; i < 100; i++) {
        const order: string[] = [];
        // Deno looks at it when its timer fires.
        const get = () => {
          order.push("Ping");
          return kept.value;
        };
        Object.defineProperty(ws, readyState, { get, configurable: true });
        setTimeout(() => order.push("before"), 1e-6);
        ping(ws);
        await new Promise<void>((resolve) => setTimeout(resolve, 1e-6));
        Object.defineProperty(ws, readyState, kept);
        if (order.join() === "before,Ping") between++;
        await deadline(raw.next(PING, i), 5000);
        await new Promise((resolve) => setTimeout(resolve, 1)); // out of the turn that read the Ping
      }
      assert(between >= 40, `${between} of 100`);
      await cleanUp(ws);
    });
  });

  it("tell of each Pong, and of each message before it", async () => {
    await withPeer(async (ws, raw) => {
      const log: string[] = [];
      if (onDeno) ws[handleIdle] = () => log.push("alive");
      else ws.addEventListener("pong" as "message", () => log.push("alive"));
      const received = new Promise<void>((resolve) => {
        ws.onmessage = ({ data }) => {
          log.push(data as string);
          if (data === "two") resolve();
        };
      });
      raw.send(PONG, "");
      raw.send(TEXT, "one");
      raw.send(PONG, "x");
      raw.send(TEXT, "two");
      await deadline(received, 30_000);
      assertEquals(
        log,
        onDeno
          ? ["alive", "alive", "one", "alive", "alive", "two"]
          : ["alive", "one", "alive", "two"],
      );
    });
  });

  it("let a socket with no role send any close code on Deno, as Bun does", async () => {
    for (const code of [1001, 1002, 1011, 1014]) {
      await withPeer(async (ws, raw) => {
        if (onDeno) ws[symbolOf(ws, INTERNAL.role)!] = undefined;
        ws.close(code, "why");
        const frame = await deadline(raw.next(8), 30_000);
        assertEquals(readClose(frame), { code, reason: "why" });
      });
    }
  });

  it("leave nothing behind that keeps the process", async () => {
    // Deno's own sanitizers fail this test where a timer is left.
    await withPeer(async (ws, raw) => {
      ping(ws);
      await deadline(raw.next(PING), 30_000);
      const { promise, resolve } = Promise.withResolvers<void>();
      ws.addEventListener("close", () => resolve());
      ws.close();
      await deadline(promise, 30_000);
      await cleanUp(ws);
    });
  });
});

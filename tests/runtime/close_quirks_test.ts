/**
 * How connections of the runtimes' own WebSocket end, without our module, on Deno 2.9.6 and
 * Bun 1.4.5. Each of these is worked round in `runtime/deno/socket.ts` or `runtime/bun/client.ts`:
 * where one turns red after an upgrade, the workaround can go or must change.
 */

import { assert, assertEquals, assertGreater, assertThrows } from "@std/assert";
import { deadline, delay } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { onDeno, Program } from "../helpers/programs.ts";
import { BINARY, CLOSE, PING, type RawPeer, RawServer, readClose, TEXT } from "../peers/raw.ts";
import { type Bare, dial, drop, INTERNAL, opened, symbolOf } from "./bare.ts";

/** A bare WebSocket, and a peer that answers no Close frame. */
interface Side {
  ws: Bare;
  /** What the WebSocket has told of, `open` first. */
  log: string[];
  over: Promise<void>;
  raw: RawPeer;
}

async function withPeer(use: (side: Side) => Promise<void>): Promise<void> {
  const server = await RawServer.listen({ answerClose: false });
  try {
    const side = dial(server.url);
    const raw = await deadline(server.accept(), 30_000);
    if (side.ws.readyState === WebSocket.CONNECTING) await deadline(opened(side.ws), 30_000);
    await use({ ...side, raw });
    if (side.ws.readyState !== WebSocket.CLOSED) drop(side.ws);
    await deadline(side.over, 30_000);
  } finally {
    await server.close();
  }
}

describe("the end of the runtime's WebSocket", () => {
  it("waits for the peer's Close frame, whatever else comes", async () => {
    await withPeer(async ({ ws, log, raw }) => {
      ws.close(4000, "bye");
      await deadline(raw.next(CLOSE), 30_000);
      for (let i = 0; i < 20; i++) {
        raw.send(TEXT, "still here");
        await delay(50);
      }
      // Deno waits for ever, Bun for 36 s: neither end is one to wait for here.
      assertEquals([log, ws.readyState as number], [["open"], WebSocket.CLOSING]);
    });
  });

  it("is told on Bun only once the peer ends, though its Close frame has come", async () => {
    await withPeer(async ({ ws, log, raw, over }) => {
      raw.close(4001, "bye");
      if (onDeno) await deadline(over, 30_000);
      else {
        assertEquals(readClose(await deadline(raw.next(CLOSE), 30_000)).code, 4001);
        await delay(1000);
        assertEquals([log, ws.readyState as number], [["open"], WebSocket.CLOSING]);
        ws.terminate();
        await deadline(over, 30_000);
      }
      // Dropped by hand it tells what the peer has said.
      assertEquals(log, ["open", "close 4001 bye true"]);
    });
  });

  it("takes on Deno what is sent behind a queue for written, once the peer's Close frame is there", async () => {
    await withPeer(async ({ ws, log, raw, over }) => {
      raw.socket.pause();
      for (let i = 0; i < 16; i++) ws.send(new Uint8Array(1024 * 1024));
      raw.close(4001, "bye");
      const sent = 25;
      for (let i = 0; i < sent; i++) {
        await delay(20); // the first ones may go out before it is there
        ws.send("late");
      }
      assertEquals(ws.readyState as number, onDeno ? WebSocket.OPEN : WebSocket.CLOSING);
      raw.socket.resume();
      await deadline(raw.next(CLOSE), 30_000);
      raw.end();
      await deadline(over, 30_000);
      const lost = sent - raw.texts().length;
      assertGreater(lost, 0);
      assertEquals(log, ["open", "close 4001 bye true"]);
      assertEquals(ws.bufferedAmount, onDeno ? 0 : 4 * lost);
    });
  });

  it("is told on Deno a turn after it has closed, and what is sent in between is lost without a word", async () => {
    await withPeer(async ({ ws, raw, over }) => {
      let isOver = false;
      void over.then(() => isOver = true);
      raw.close(4001, "bye");
      let turns = 0;
      while (!isOver) {
        await new Promise((resolve) => setImmediate(resolve));
        if (!onDeno && ws.readyState === WebSocket.CLOSING) raw.end();
        if (isOver || ws.readyState !== WebSocket.CLOSED) continue;
        ws.send("late");
        turns++;
      }
      assertEquals([turns > 0, raw.texts()], [onDeno, []]);
    });
  });

  it("comes on Deno with the next message for one that closes in a server's role", async () => {
    if (!onDeno) return await withPeer(staysOpen);
    await withPeer(async ({ ws, log, raw, over }) => {
      const role = symbolOf(ws, INTERNAL.role)!;
      assertEquals(ws[role], 1);
      ws[role] = 0;
      ws.close(1001, "");
      assertEquals(readClose(await deadline(raw.next(CLOSE), 30_000)).code, 1001);
      raw.send(TEXT, "meanwhile");
      await deadline(over, 30_000);
      assertEquals(log, ["open", "close 0  false"]);
    });
    // With the role back in place it goes on: that is why it is put back.
    await withPeer(async (side) => {
      side.ws[symbolOf(side.ws, INTERNAL.role)!] = 0;
      await staysOpen(side, (ws) => ws[symbolOf(ws, INTERNAL.role)!] = 1);
    });
  });

  async function staysOpen({ ws, log, raw, over }: Side, then?: (ws: Bare) => void): Promise<void> {
    ws.close(1001, "");
    then?.(ws);
    await deadline(raw.next(CLOSE), 30_000);
    raw.send(TEXT, "meanwhile");
    raw.close(4002, "too");
    if (!onDeno) raw.end();
    await deadline(over, 30_000);
    assertEquals(log[1]!.split(" ").slice(0, 2), ["close", "4002"]);
  }

  it("comes at once on Deno with the head of a frame of 64 MiB, and no Close frame", async () => {
    const headOf = (size: number) =>
      Uint8Array.from([0x80 | BINARY, 127, 0, 0, 0, 0, ...[24, 16, 8, 0].map((n) => size >>> n)]);
    await withPeer(async ({ ws, log, raw, over }) => {
      raw.write(headOf(64 * 1024 * 1024));
      if (onDeno) {
        await deadline(raw.ended, 30_000);
        await deadline(over, 30_000);
        assertEquals(log, ["open", "error Frame too large", "close 0  false"]);
        assertEquals(raw.frames, []);
      } else {
        await delay(200); // for what would come
        assertEquals([log, ws.readyState as number], [["open"], WebSocket.OPEN]);
      }
    });
    await withPeer(async ({ ws, log, raw }) => {
      raw.write(headOf(64 * 1024 * 1024 - 1));
      await delay(200); // for what would come
      assertEquals([log, ws.readyState as number], [["open"], WebSocket.OPEN]);
    });
  });
});

describe("ping() of the runtime's WebSocket", () => {
  it("is there on Bun, where it throws before the connection is open, and not on Deno", async () => {
    const server = await RawServer.listen();
    try {
      const { ws, over } = dial(server.url);
      assertEquals(typeof ws.ping, onDeno ? "undefined" : "function");
      if (!onDeno) assertThrows(() => ws.ping());
      await deadline(opened(ws), 30_000);
      ws.close();
      await deadline(over, 30_000);
    } finally {
      await server.close();
    }
  });
});

describe("the end of the runtime's WebSocket without an answer to its Close frame", () => {
  for (const code of [undefined, 4000]) {
    it(`is told on Deno as an answer with no code, after ${code ?? "none"}`, async () => {
      await withPeer(async ({ ws, raw, log, over }) => {
        ws.close(code);
        await deadline(raw.next(CLOSE), 30_000);
        raw.reset();
        await deadline(over, 30_000);
        assertEquals(log.at(-1), onDeno ? "close 1005  true" : "close 1006  false");
      });
    });
  }
});

describe("the runtime's WebSocket when it has been dropped", () => {
  it("ends the process on Deno where it is asked for bufferedAmount", async () => {
    const server = await RawServer.listen();
    await using program = Program.here("dropped_amount.ts", [String(server.port)]);
    const { stdout, stderr } = await deadline(program.ended, 30_000);
    if (onDeno) assert(stderr.includes("panicked"), stderr);
    else assertEquals(stdout, "queued 0\n");
    await server.close();
  });
});

describe("the idle timer of the runtime's WebSocket on Deno", () => {
  /** How many Pings come in 300 ms when it is armed at once, and then set to so many seconds. */
  async function pings(seconds: number): Promise<{ count: number; log: string[] }> {
    const seen = { count: 0, log: [] as string[] };
    await withPeer(async ({ ws, raw, log }) => {
      if (!onDeno) {
        ws.ping();
        await deadline(raw.next(PING), 30_000);
      } else {
        const [idleTime, arm] = timerOf(ws);
        ws[idleTime] = 1e-6;
        arm();
        ws[idleTime] = seconds;
        await deadline(raw.next(PING), 30_000);
        await delay(300);
        ws[idleTime] = 1e-6;
        arm(); // ends the timer
      }
      seen.count = raw.frames.filter(({ opcode }) => opcode === PING).length;
      seen.log = [...log];
    });
    if (onDeno) await delay(20);
    return seen;
  }

  function timerOf(ws: Bare): [idleTime: symbol, arm: () => void] {
    const handleIdle = symbolOf(WebSocket.prototype, INTERNAL.handleIdle)!;
    return [symbolOf(ws, INTERNAL.idleTime)!, () => (ws[handleIdle] as () => void)()];
  }

  it("sends one Ping when it is set to 2,000,000 s, and no end of them to 5,000,000 s", async () => {
    assertEquals(await pings(2e6), { count: 1, log: ["open"] });
    const { count, log } = await pings(5e6);
    // Its verdict comes at once, too, unless the Pong is faster.
    const isDead = log.includes("error No response from ping frame.");
    assert(onDeno ? count > 1 || isDead : count === 1 && !isDead, `${count} ${log}`);
  });

  it("sends none when it is set to 0", async () => {
    await withPeer(async ({ ws, raw }) => {
      if (onDeno) {
        const [idleTime, arm] = timerOf(ws);
        ws[idleTime] = 0;
        arm();
      }
      await delay(100);
      ws.send("after");
      await deadline(raw.next(TEXT), 30_000);
      assertEquals(raw.frames.map(({ opcode }) => opcode), [TEXT]);
    });
  });
});

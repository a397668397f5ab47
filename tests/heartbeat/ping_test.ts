import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertGreaterOrEqual,
  assertLess,
} from "@std/assert";
import { deadline, delay } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { createWebSocket } from "../../client.ts";
import type { Clock } from "../../heartbeat.ts";
import { createWebSocketServer } from "../../server.ts";
import type { WebSocketConnection } from "../../server/types.ts";
import { FakeClock } from "../../testing.ts";
import { assertInTime, Stopwatch } from "../helpers/stopwatch.ts";
import {
  type Frame,
  PING,
  PONG,
  rawConnect,
  type RawOptions,
  type RawPeer,
  RawServer,
  TEXT,
} from "../peers/raw.ts";

interface Side extends AsyncDisposable {
  raw: RawPeer;
  /** Sends a message from our side to the raw one. */
  send(data: string | ArrayBuffer): void;
  /** What our side has told of. */
  log: string[];
  /** Resolves when our side has told of the end. */
  over: Promise<unknown>;
  /** Resolves with the next message our side receives. */
  message(): Promise<unknown>;
}

interface Setting {
  pingInterval?: unknown;
  pongTimeout?: unknown;
  clock?: Clock;
  raw?: RawOptions;
}

function options({ pingInterval, pongTimeout }: Setting): object {
  return {
    ...(pingInterval === undefined ? {} : { pingInterval }),
    ...(pongTimeout === undefined ? {} : { pongTimeout }),
  };
}

async function ourClient(setting: Setting): Promise<Side> {
  const rawServer = await RawServer.listen(setting.raw);
  const ws = createWebSocket(setting.clock && { clock: setting.clock });
  const log: string[] = [];
  const waiting: ((data: unknown) => void)[] = [];
  ws.on("message", (_, data) => waiting.shift()?.(data));
  ws.on("error", (error) => log.push(`error ${error.code}`));
  ws.on("close", (_, { code, reason }) => log.push(`close ${code} ${reason}`));
  const over = new Promise((resolve) => ws.on("close", resolve));
  const { opened } = ws;
  await ws.connect(rawServer.url, options(setting));
  const raw = await deadline(rawServer.accept(), 30_000);
  await deadline(opened, 30_000);
  return {
    raw,
    log,
    over,
    send: (data) => void ws.send(data),
    message: () => new Promise((resolve) => waiting.push(resolve)),
    async [Symbol.asyncDispose]() {
      await rawServer.close();
      await deadline(over, 30_000);
    },
  };
}

async function ourServer(setting: Setting): Promise<Side> {
  const server = createWebSocketServer(
    setting.clock && { clock: setting.clock },
  );
  const log: string[] = [];
  const waiting: ((data: unknown) => void)[] = [];
  const connected = new Promise<WebSocketConnection>((resolve) => server.on("connect", resolve));
  server.on("messageReceive", ({ data }) => waiting.shift()?.(data));
  server.on("error", (error) => log.push(`error ${error.code}`));
  server.on(
    "close",
    (_, { code, reason }) => log.push(`close ${code} ${reason}`),
  );
  const over = new Promise((resolve) => server.on("close", resolve));
  await server.start({
    serverPort: 0,
    serverIP: "127.0.0.1",
    ...options(setting),
  });
  const raw = await deadline(
    rawConnect(server.address!.port, setting.raw),
    30_000,
  );
  const connection = await deadline(connected, 30_000);
  return {
    raw,
    log,
    over,
    send: (data) => void server.send(data, connection),
    message: () => new Promise((resolve) => waiting.push(resolve)),
    async [Symbol.asyncDispose]() {
      raw.socket.destroy();
      await deadline(over, 30_000);
      await deadline(server.stop(), 30_000);
    },
  };
}

const pings = ({ raw }: Side): Frame[] => raw.frames.filter(({ opcode }) => opcode === PING);

/** Settles when our side has read everything that the raw side had sent. */
async function readAll({ raw }: Side): Promise<void> {
  raw.send(PING, "read all?");
  const answer = (frame: Frame) => frame.opcode === PONG;
  while (!raw.frames.some(answer)) await deadline(raw.next(PONG), 30_000);
}

for (
  const [name, masked, open] of [["client", true, ourClient], [
    "server",
    false,
    ourServer,
  ]] as const
) {
  describe(`the ${name}'s heartbeat`, () => {
    it("sends Ping frames 1 s apart at 'pingInterval' 1 while data flows both ways", async () => {
      await using side = await open({ pingInterval: 1 });
      const began = performance.now();
      let ticked = began;
      let late = 0; // how late the machine has a timer at worst
      let sent = 0;
      const flow = setInterval(() => {
        side.send("from us");
        sent++;
        side.raw.send(TEXT, "to us");
        late = Math.max(late, performance.now() - ticked - 20);
        ticked = performance.now();
      }, 20);
      try {
        let last = began;
        for (let n = 1; n <= 3; n++) {
          const from = side.raw.frames.length;
          const ping = await deadline(side.raw.next(PING, from), 3000);
          // To the millisecond it is held with a fake clock.
          assertAlmostEquals(ping.at - last, 1000, 300 + 2 * late);
          assertEquals([ping.masked, ping.fin, ping.rsv], [masked, true, 0]);
          assertLess(ping.payload.length, 126);
          last = ping.at;
        }
      } finally {
        clearInterval(flow);
      }
      assertEquals(pings(side).length, 3);
      // Half of what a timer of 20 ms comes to; under load that is fewer, of which the last may be on their way.
      assertGreaterOrEqual(side.raw.texts().length, late < 50 ? 75 : sent / 2);
      assertEquals(side.log, []);
    });

    it("sends the first Ping after 30 s where nothing is asked for", async () => {
      const clock = new FakeClock();
      await using side = await open({ clock });
      clock.tick(29_999);
      side.send("before");
      await deadline(side.raw.next(TEXT), 30_000);
      assertEquals(pings(side), []);
      clock.tick(1);
      const ping = await deadline(side.raw.next(PING), 30_000);
      assertEquals(ping.masked, masked);
    });

    for (const value of [0, -1, NaN, "x", Infinity, 30_001, null]) {
      it(`cannot be turned off: 'pingInterval' ${JSON.stringify(value)} ${value} is 30 s`, async () => {
        const clock = new FakeClock();
        await using side = await open({ clock, pingInterval: value });
        clock.tick(29_999);
        side.send("before");
        await deadline(side.raw.next(TEXT), 30_000);
        assertEquals(pings(side), []);
        clock.tick(1);
        await deadline(side.raw.next(PING), 30_000);
      });
    }

    it("takes 'pingInterval' 30,000", async () => {
      const clock = new FakeClock();
      await using side = await open({ clock, pingInterval: 30_000 });
      clock.tick(29_999_999);
      side.send("before");
      await deadline(side.raw.next(TEXT), 30_000);
      assertEquals(pings(side), []);
      clock.tick(1);
      await deadline(side.raw.next(PING), 30_000);
    });

    it("takes a peer for dead that answers no Ping, after 'pongTimeout'", async () => {
      const clock = new FakeClock();
      await using side = await open({
        clock,
        pingInterval: 10,
        pongTimeout: 4,
        raw: { pong: false },
      });
      clock.tick(10_000);
      await deadline(side.raw.next(PING), 30_000);
      clock.tick(3_999);
      assertEquals(side.log, []);
      clock.tick(1);
      assertEquals(side.log, ["error 200", "close 1006 The link is down"]);
      await deadline(side.raw.ended, 30_000);
    });

    it("cuts 'pongTimeout' to 'pingInterval'", async () => {
      const clock = new FakeClock();
      await using side = await open({
        clock,
        pingInterval: 2,
        pongTimeout: 9,
        raw: { pong: false },
      });
      clock.tick(3_999);
      assertEquals(side.log, []);
      clock.tick(1);
      assertEquals(side.log, ["error 200", "close 1006 The link is down"]);
      await deadline(side.raw.ended, 30_000);
    });

    it("lets a peer live that does no more than answer", async () => {
      const clock = new FakeClock();
      await using side = await open({
        clock,
        pingInterval: 10,
        pongTimeout: 10,
      });
      for (let n = 1; n <= 3; n++) {
        const from = side.raw.frames.length;
        clock.tick(10_000);
        await deadline(side.raw.next(PING, from), 30_000);
        side.raw.frames.splice(0);
        await readAll(side);
      }
      assertEquals(side.log, []);
    });

    it("takes any message for a sign of life where the Pong does not come", async () => {
      const clock = new FakeClock();
      await using side = await open({
        clock,
        pingInterval: 10,
        pongTimeout: 4,
        raw: { pong: false },
      });
      for (const data of ["text", ""]) {
        const from = side.raw.frames.length;
        clock.tick(10_000);
        await deadline(side.raw.next(PING, from), 30_000);
        const received = side.message();
        side.raw.send(TEXT, data);
        assertEquals(await deadline(received, 30_000), data);
      }
      assertEquals(side.log, []);
      assertEquals(pings(side).length, 2);
    });

    it("pings a peer that stops reading for a while, and so lets it live", async () => {
      const clock = new FakeClock();
      await using side = await open({
        clock,
        pingInterval: 10,
        pongTimeout: 10,
      });
      side.raw.socket.pause();
      for (let n = 0; n < 8; n++) side.send(new ArrayBuffer(2 * 1024 * 1024));
      await delay(50); // what the system takes is taken
      clock.tick(10_000);
      await delay(100);
      side.raw.socket.resume();
      await deadline(side.raw.next(PING), 30_000);
      await readAll(side);
      clock.tick(10_000);
      assertEquals(side.log, []);
    });

    it("sends nothing more once the connection is closing", async () => {
      const clock = new FakeClock();
      await using side = await open({
        clock,
        pingInterval: 1,
        raw: { answerClose: false },
      });
      side.raw.close(4000, "bye");
      side.raw.end();
      await deadline(side.over, 30_000);
      assertEquals(side.log, ["close 4000 bye"]);
      clock.tick(60_000);
      assertEquals(pings(side), []);
      assertEquals(clock.pending, 0);
    });
  });

  describe(`the ${name}, pinged`, () => {
    it("answers at once with a Pong of the same payload", async () => {
      await using side = await open({});
      const payloads = ["", "a", "\u{1f600}", "x".repeat(125)].map((text) =>
        new TextEncoder().encode(text)
      );
      payloads.push(Uint8Array.from([0, 255, 128, 192]));
      for (const payload of payloads) {
        side.raw.frames.splice(0);
        const began = performance.now();
        const watch = new Stopwatch();
        side.raw.send(PING, payload);
        const pong = await deadline(side.raw.next(PONG), 30_000);
        assertEquals(pong.payload, payload);
        assertEquals(pong.masked, masked);
        assertInTime(pong.at - began, 250, watch.short);
      }
    });

    it("answers between the fragments of a message, which stays whole", async () => {
      await using side = await open({});
      const received = side.message();
      side.raw.send(TEXT, "one ", { fin: false });
      side.raw.send(PING, "between");
      const pong = await deadline(side.raw.next(PONG), 30_000);
      assertEquals(pong.payload, new TextEncoder().encode("between"));
      side.raw.send(0, "message");
      assertEquals(await deadline(received, 30_000), "one message");
    });

    it("takes a Pong that nobody asked for", async () => {
      await using side = await open({});
      side.raw.send(PONG, "hello");
      const received = side.message();
      side.raw.send(TEXT, "after");
      assertEquals(await deadline(received, 30_000), "after");
      assert(side.raw.frames.every(({ opcode }) => opcode !== 8));
      assertEquals(side.log, []);
    });
  });
}

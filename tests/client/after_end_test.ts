/** What there is of a connection when it has ended, and that nobody can change what others are told. */

import {
  assert,
  assertEquals,
  assertNotStrictEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocket, createWebSocketServer, TlsProtocol } from "../../mod.ts";
import { FakeClock } from "../../testing.ts";
import type { BusinessError } from "../../errors.ts";
import { heartbeatPolicy, systemClock } from "../../heartbeat.ts";
import { refusal, Session, within } from "../helpers/client.ts";
import { DialledClient } from "../helpers/dialled_client.ts";
import { ScriptedClient } from "../helpers/scripted_runtime.ts";

/** A client on a script, connecting or open. */
async function scripted(open = true, options = {}, client = {}) {
  const clock = new FakeClock();
  const runtime = new ScriptedClient();
  const ws = createWebSocket({ clock, runtime, ...client });
  await ws.connect("ws://localhost/", options);
  if (open) runtime.events.open();
  return { clock, runtime, ws };
}

/** What a `for await` that begins now comes to. */
async function read(ws: AsyncIterable<unknown>): Promise<unknown[]> {
  const log: unknown[] = [];
  try {
    for await (const message of ws) log.push(message);
    return [...log, "done"];
  } catch (error) {
    return [...log, (error as BusinessError).kind];
  }
}

describe("a `for await` begun after the connection has ended", () => {
  it("ends at once where it was closed", async () => {
    const { ws, runtime } = await scripted();
    runtime.events.message("before");
    runtime.events.closed({ code: 1000, reason: "" });
    assertEquals(await within(read(ws)), ["done"]);
    assertEquals(await within(read(ws)), ["done"]);
  });

  it("throws where it was lost, or never open", async () => {
    const lost = await scripted();
    lost.runtime.events.closed({ code: 1006, reason: "" });
    assertEquals(await within(read(lost.ws)), ["lost"]);
    const failed = await scripted(false);
    failed.runtime.events.closed({ code: 1006, reason: "" });
    assertEquals(await within(read(failed.ws)), ["connectFailed"]);
    const nowhere = createWebSocket();
    assertEquals((await refusal(nowhere.connect("ws://"))).code, -1);
    assertEquals(await within(read(nowhere)), ["connectFailed"]);
  });

  it("ends at once within 'close', and waits for messages once another attempt has begun", async () => {
    const { ws, runtime } = await scripted();
    const reads: Promise<unknown[]>[] = [];
    ws.once("close", () => {
      reads.push(read(ws));
      void ws.connect("ws://localhost/");
      reads.push(read(ws));
    });
    runtime.events.closed({ code: 1000, reason: "" });
    runtime.events.open();
    runtime.events.message("second");
    runtime.events.closed({ code: 1000, reason: "" });
    assertEquals(await within(Promise.all(reads)), [["done"], ["second", "done"]]);
  });

  for (const event of ["error", "close"] as const) {
    it(`leaves the promises of a connection alone that was begun within '${event}'`, async () => {
      const { ws, runtime } = await scripted(event === "close");
      ws.once(event, () => void ws.connect("ws://localhost/"));
      const { opened, closed } = ws;
      const ended: Promise<unknown> = event === "close" ? closed : refusal(opened);
      runtime.events.closed({ code: event === "close" ? 4000 : 1006, reason: "" });
      await within(ended);
      runtime.events.open();
      assertEquals((await within(ws.opened)).status, 101);
      runtime.events.closed({ code: 4001, reason: "" });
      assertEquals((await within(ws.closed)).code, 4001);
    });
  }

  it("waits for the first connection where there was none yet", async () => {
    const clock = new FakeClock();
    const runtime = new ScriptedClient();
    const ws = createWebSocket({ clock, runtime });
    const reading = read(ws);
    await ws.connect("ws://localhost/");
    runtime.events.open();
    runtime.events.message("first");
    runtime.events.closed({ code: 1000, reason: "" });
    assertEquals(await within(reading), ["first", "done"]);
  });
});

describe("the reason of an AbortSignal", () => {
  it("is the cause of what `opened` rejects with", async () => {
    const abort = new AbortController();
    const { ws } = await scripted(false, { signal: abort.signal });
    const { opened } = ws;
    const reason = new Error("no longer needed");
    abort.abort(reason);
    const error = await refusal(opened);
    assertEquals(error.kind, "aborted");
    const what = "the connection was closed before it was open";
    assertEquals(error.message, `Websocket Unknown Other Error: ${what}`);
    assertStrictEquals(error.cause, reason);
    assertEquals(await ws.closed, { code: 1000, reason: "CLOSE_NORMAL" });
  });

  it("is no cause where nothing was aborted", async () => {
    const { ws } = await scripted(false, { signal: new AbortController().signal });
    const { opened } = ws;
    await ws.close();
    assertEquals("cause" in await refusal(opened), false);
  });

  for (const reconnect of [undefined, true]) {
    it(`is the cause of 'unsent': reconnect ${reconnect}`, async () => {
      const abort = new AbortController();
      const { clock, runtime, ws } = await scripted(true, { signal: abort.signal }, { reconnect });
      let error: BusinessError | undefined;
      ws.on("error", (told) => error = told);
      runtime.socket.bufferedAmount = 5;
      abort.abort("over");
      clock.tick(5000);
      assertEquals([error?.kind, error?.cause], ["unsent", "over"]);
    });
  }

  it("is the cause of a server's refusal to start", async () => {
    const signal = AbortSignal.abort("over");
    const error = await refusal(createWebSocketServer().start({ serverPort: 0, signal }));
    assertEquals([error.kind, error.cause], ["aborted", "over"]);
  });
});

describe("what a user gets to hold", () => {
  /** What a client is told of its connection, from the first to the last. */
  async function told() {
    await using session = await Session.start();
    await session.open();
    const opened = await within(session.ws.opened);
    await within(session.ws.close());
    const closed = await within(session.ws.closed);
    return { opened, closed, events: session.log.entries.map(({ args }) => args[1]) };
  }

  it("is no constant of the module: who changes it changes nothing for anybody else", async () => {
    const first = await told();
    const expected = structuredClone(first);
    for (const value of first.events as object[]) {
      for (const name of Object.keys(value)) Object.assign(value, { [name]: 7 });
    }
    assertEquals(await told(), expected);
    assertNotStrictEquals((await told()).closed, first.closed);
  });

  it("cannot be changed by one of those who await one promise", async () => {
    await using session = await Session.start();
    await session.open();
    const { opened, closed } = session.ws;
    const told = { opened: { ...await opened }, closed: { code: 1000, reason: "CLOSE_NORMAL" } };
    await within(session.ws.close());
    for (const wait of [opened, closed, closed.catch(() => undefined)]) {
      const result = (await within<object | undefined>(wait))!;
      for (const name of Object.keys(result)) {
        assertThrows(() => Object.assign(result, { [name]: 7 }), TypeError);
      }
    }
    assertEquals({ opened: await opened, closed: await closed }, told);
    assertEquals(session.log.closes, [told.closed]);
  });

  it("cannot be changed where it is one for all", async () => {
    const { ws } = await scripted();
    const kept = createWebSocket({
      clock: new FakeClock(),
      runtime: new ScriptedClient(),
      reconnect: true,
    });
    await kept.connect("ws://localhost/");
    for (const one of [TlsProtocol, systemClock, ws.send("a"), kept.send("a")]) {
      assert(Object.isFrozen(one));
    }
    void kept.close();
    Object.assign(heartbeatPolicy(), { pingInterval: 7 });
    assertEquals(heartbeatPolicy().pingInterval, 30);
  });
});

describe("a connection that ends in the turn in which its messages are too much for a loop", () => {
  for (const goesOn of [false, true]) {
    it(`tells 'error' before 'close', where the client ${goesOn ? "goes on" : "is idle"}`, async () => {
      const reconnect = goesOn && { shouldReconnect: () => true };
      await using world = await DialledClient.open({}, { maxPayload: 2 ** 30, reconnect });
      const messages = world.ws[Symbol.asyncIterator]();
      for (const mib of [1, 16]) world.runtime.events.message(new ArrayBuffer(mib * 1024 * 1024));
      world.runtime.events.closed({ code: 1008, reason: "" });
      const end = ["error tooFast 0", "close 1008 Messages are read too slowly"];
      assertEquals(world.log.slice(-2), end);
      await Promise.resolve();
      assertEquals(world.log.slice(-2), end); // once
      await messages.return!();
    });
  }

  it("is no reason to connect before 'close': a client that did was idle with a connection of its own", async () => {
    const { clock, runtime, ws } = await scripted(true, {}, { maxPayload: 2 ** 30 });
    const log: unknown[] = [];
    const connect = () =>
      void ws.connect("ws://localhost/").then(
        () => log.push("connects"),
        ({ kind }) => log.push(kind),
      );
    for (const type of ["error", "close"] as const) {
      ws.once(type, () => {
        log.push(`${type} ${ws.state}`);
        connect();
      });
    }
    ws.once("open", () => void log.push(`open ${ws.state}`));
    const messages = ws[Symbol.asyncIterator]();
    for (const mib of [1, 16]) runtime.events.message(new ArrayBuffer(mib * 1024 * 1024));
    runtime.events.closed({ code: 1008, reason: "" });
    await clock.advance(10);
    assertEquals(log.splice(0), ["error closing", "close idle", "alreadyConnected", "connects"]);
    runtime.events.open();
    assertEquals([log, ws.state], [["open open"], "open"]);
    await messages.return!();
    void ws.close();
    runtime.events.closed({ code: 1000, reason: "" });
  });
});

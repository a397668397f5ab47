/** The messages of one connection of a client, step by step: what is sent, told, read and refused. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  type BusinessError,
  createWebSocket,
  type WebSocketClient,
  type WebSocketClientOptions,
  type WebSocketRequestOptions,
} from "../../mod.ts";
import { FakeClock } from "../../testing.ts";
import { refusal } from "../helpers/client.ts";
import { answer } from "../helpers/answer.ts";
import { closed, DialledClient } from "../helpers/dialled_client.ts";
import { schemaOf } from "../helpers/schemas.ts";
import { ScriptedClient } from "../helpers/scripted_runtime.ts";

describe("a message that a client sends", () => {
  it("has 'maxPayload' bytes at the most, counted as UTF-8", async () => {
    await using world = await DialledClient.open({}, { maxPayload: 10 });
    for (const data of ["x".repeat(10), "é".repeat(5), new Uint8Array(10), ""]) {
      assertEquals(await answer(world.ws.send(data)), true);
    }
    for (const data of ["x".repeat(11), "é".repeat(5) + "x", new Uint8Array(11)]) {
      assertEquals(await answer(world.ws.send(data)), "argument");
    }
    assertEquals(world.told, [[], ["send", "send", "send", "send"]]);
  });

  it("has room beside what is queued, to the last byte, however small it is", async () => {
    await using world = await DialledClient.open({}, { maxBufferedAmount: 5 });
    for (
      const [queued, data, expected] of [
        [0, "é".repeat(2) + "x", true],
        [0, "é".repeat(3), "queueFull"],
        [4, new Uint8Array(1), true],
        [4, "é", "queueFull"],
        [5, new Uint8Array(1), "queueFull"],
        [5, "", true],
        [6, "", "queueFull"],
      ] as const
    ) {
      world.socket.bufferedAmount = queued;
      assertEquals([queued, await answer(world.ws.send(data))], [queued, expected]);
      assertEquals(world.told, [[], expected === true ? ["send"] : []]);
    }
    world.socket.bufferedAmount = 6;
    const { message } = await refusal(world.ws.send("x"));
    assertEquals(
      message,
      "Websocket Unknown Other Error: send: 'maxBufferedAmount' is 5, and 6 bytes are queued already",
    );
    world.socket.bufferedAmount = 0;
  });
});

describe("a client that opens", () => {
  for (const protocol of ["", "a"]) {
    it(`tells what was answered, each time anew: the subprotocol ${JSON.stringify(protocol)}`, async () => {
      await using world = await DialledClient.dial({ protocol: protocol && "a, b" });
      const told: unknown[][] = [];
      world.ws.on("open", (...args) => told.push(["open", ...args]));
      world.ws.on("openInfo", (...args) => told.push(["openInfo", ...args]));
      world.socket.protocol = protocol;
      world.runtime.events.open();
      const answer = { status: 101, message: "Switching Protocols" };
      const info = protocol === "" ? answer : { ...answer, protocol };
      assertEquals(told, [["open", undefined, answer], ["openInfo", undefined, info]]);
      assertEquals([await world.ws.opened, world.ws.protocol], [answer, protocol]);
    });
  }
});

describe("what is given beside a message that an open client sends", () => {
  const callback = (error: BusinessError | undefined, isSent?: boolean) =>
    answers.push(`to it: ${error?.kind ?? isSent}`);
  const answers: unknown[] = [];
  const CALLS: [string, args: unknown[], answer: unknown, isSent: boolean][] = [
    ["nothing", ["x"], true, true],
    ["two that are left out", ["x", undefined, undefined], true, true],
    ["a callback", ["x", callback], "to it: true", true],
    ["a callback after options that are left out", ["x", undefined, callback], "to it: true", true],
    ["a callback, and one that is left out", ["x", callback, undefined], "to it: true", true],
    ["options with nothing in them", ["x", {}], true, true],
    ["null", ["x", null], "argument", false],
    ["a third that is no callback", ["x", undefined, 5], "argument", false],
    ["a callback that is not the last", ["x", callback, {}], "to it: argument", false],
    ["a callback for the message", [callback], "to it: argument", false],
  ];
  for (const [what, args, expected, isSent] of CALLS) {
    it(`may ${isSent ? "" : "not "}be ${what}`, async () => {
      await using world = await DialledClient.open();
      const send = world.ws.send.bind(world.ws) as (...args: unknown[]) => Promise<unknown> | void;
      const promise = send(...args);
      answers.push(...promise === undefined ? [] : [await answer(promise)]);
      await world.clock.advance(0);
      assertEquals(answers.splice(0), [expected]);
      assertEquals(world.told, [[], isSent ? ["send"] : []]);
    });
  }
});

describe("messages that nobody reads", () => {
  it("end the connection once, however many do not read", async () => {
    const dropped: string[] = [];
    const observer = { dropped: (_: unknown, why: string) => void dropped.push(why) };
    await using world = await DialledClient.open({}, { observer, maxPayload: 2 ** 30 });
    for (let reader = 0; reader < 3; reader++) void world.ws[Symbol.asyncIterator]();
    const readers = [1, 2].map(() => world.ws[Symbol.asyncIterator]());
    for (const reader of readers) void reader.next();
    const megabyte = new ArrayBuffer(1024 * 1024);
    for (let sent = 0; sent < 200 && world.ws.state === "open"; sent++) {
      world.runtime.events.message(megabyte);
    }
    assertEquals([world.ws.state, dropped], ["closing", ["too fast"]]);
    await Promise.resolve(); // the 'error' comes after the listeners of the last message
    const [log, calls] = world.told;
    assertEquals([log.at(-2)!.split(" ")[0], log.at(-1)], ["message", "error tooFast 0"]);
    assertEquals(calls, ["close 1008"]);
  });
});

describe("a message of a client whose schema", () => {
  it("does not accept it closes, and says why to all who ask", async () => {
    const dropped: string[] = [];
    const observer = { dropped: (_: unknown, why: string) => void dropped.push(why) };
    const issues = [{ message: "too short" }];
    const schema = schemaOf(() => ({ issues }));
    await using world = await DialledClient.open({}, { observer, schema } as never);
    const errors: BusinessError[] = [];
    world.ws.on("error", (error) => errors.push(error));
    world.runtime.events.message("1");
    assertEquals(world.told, [["error unacceptable 0"], ["close 1008"]]);
    const what = "a message came in that 'schema' does not accept: too short";
    const [{ cause, message }] = errors as [BusinessError];
    assertEquals(message, `Websocket connect failed: ${what}`);
    assertEquals([(cause as Error).message, (cause as Error).cause], [what, issues]);
    assertEquals([dropped, world.ws.stats()!.dropped], [["unacceptable"], { unacceptable: 1 }]);
  });

  it("closes as it looks at it is not told, whatever it thinks of it", async () => {
    for (const issues of [undefined, [{ message: "no" }]]) {
      let close = () => {};
      const validate = (value: unknown) => {
        close();
        return issues === undefined ? { value } : { issues };
      };
      const schema = { "~standard": { version: 1 as const, vendor: "test", validate } };
      await using world = await DialledClient.open({}, { schema } as never);
      close = () => void world.ws.close({ code: 4001, reason: "seen enough" });
      world.runtime.events.message('"text"');
      assertEquals(world.told, [[], ["close 4001"]]);
      world.runtime.events.closed(closed(4001));
      assertEquals(world.told, [["close 4001 seen enough"], []]);
    }
  });
});

describe("a 'for await' over a client's messages", () => {
  /** How a loop ends that has begun: what it has read, and the kind of what it throws. */
  async function read(ws: WebSocketClient): Promise<string> {
    let heard = "";
    try {
      for await (const message of ws) heard += message;
      return `${heard}, over`;
    } catch (error) {
      return `${heard}, ${(error as BusinessError).kind}`;
    }
  }

  const ends: [what: string, end: (world: DialledClient) => unknown, told: string][] = [
    ["is lost", ({ runtime }) => runtime.events.closed(closed(1006)), "ab, lost"],
    ["is closed by the server", ({ runtime }) => runtime.events.closed(closed(4000)), "ab, over"],
    ["is too big for it", ({ runtime }) => {
      runtime.events.closed({ ...closed(1009), tooBig: true });
    }, "ab, tooBig"],
    ["is closed", async ({ runtime, ws }) => {
      await ws.close();
      runtime.events.closed(closed(1000));
    }, "ab, over"],
  ];
  for (const [what, end, told] of ends) {
    it(`ends where the connection ${what}, and so does one that begins after that`, async () => {
      await using world = await DialledClient.open();
      const reading = read(world.ws);
      for (const text of ["a", "b"]) world.runtime.events.message(text);
      await end(world);
      assertEquals(await reading, told);
      assertEquals(await read(world.ws), told.slice(2));
      await world.ws.connect("ws://localhost/"); // and the next one ends by itself
      world.runtime.events.open();
      const next = read(world.ws);
      world.runtime.events.closed(closed(4000));
      assertEquals(await next, ", over");
    });
  }

  it("goes on where what was told to fail was an attempt before", async () => {
    const runtime = new ScriptedClient();
    const ws = createWebSocket({ runtime, clock: new FakeClock() });
    const reading = read(ws);
    assertEquals(await answer(Promise.all([ws.connect("ws://"), ws.connect("ws://a/")])), "noHost");
    runtime.events.open();
    await undefined;
    runtime.events.message("a");
    runtime.events.closed(closed(4000));
    assertEquals(await reading, "a, over");
  });

  it("throws where the attempt fails", async () => {
    await using world = await DialledClient.dial();
    const reading = read(world.ws);
    world.runtime.events.closed(closed(0));
    assertEquals(await reading, ", connectFailed");
  });
});

describe("a message to a client", () => {
  for (const stats of [true, false]) {
    it(`is measured, ${stats ? "with" : "without"} an observer: maxPayload and one more`, async () => {
      const runtime = new ScriptedClient();
      const ws = createWebSocket({ runtime, clock: new FakeClock(), stats, maxPayload: 4 });
      const log: string[] = [];
      ws.on("message", (_, data) => log.push(String(data)));
      ws.on("error", ({ kind }) => log.push(`error ${kind}`));
      ws.on("close", (_, { code }) => log.push(`close ${code}`));
      await ws.connect("ws://localhost/");
      runtime.events.open();
      for (const text of ["äö", "x", "äöü"]) runtime.events.message(text);
      runtime.events.message("late");
      assertEquals([log, ws.state], [["äö", "x", "error tooBig"], "closing"]);
      runtime.events.closed(closed(1009));
      assertEquals(log, ["äö", "x", "error tooBig", "close 1009"]);
      assertEquals(runtime.socket.calls, ["close 1009"]);
      if (stats) {
        assertEquals(ws.stats()!.received, { messages: 2, bytes: 5 });
        assertEquals(ws.stats()!.dropped, { "too big": 1 });
      }
    });
  }

  /** A client that nobody observes, and what it tells. */
  async function unobserved(request: WebSocketRequestOptions = {}) {
    const runtime = new ScriptedClient();
    const clock = new FakeClock();
    const ws = createWebSocket({ runtime, clock });
    const log: string[] = [];
    ws.on("message", (_, data) => log.push(String(data)));
    ws.on("error", ({ kind }) => log.push(`error ${kind}`));
    await ws.connect("ws://localhost/", request);
    return { clock, log, runtime, ws };
  }

  it("is told while the client is open, and neither before nor after, whatever shows life", async () => {
    const { log, runtime: { events }, ws } = await unobserved();
    for (const step of ["early", "open", "closing", "over"]) {
      if (step === "open") events.open();
      if (step === "closing") await ws.close();
      if (step === "over") events.closed(closed(1000));
      events.message(`${step} 1`);
      events.alive();
      for (const text of [`${step} 2`, ""]) events.message(text);
    }
    assertEquals(log, ["open 1", "open 2", ""]);
  });

  it("is a sign of life after each Ping, with nobody observing", async () => {
    const { clock, log, runtime, ws } = await unobserved({ pingInterval: 10, pongTimeout: 4 });
    runtime.events.open();
    for (const text of ["after 10 s", ""]) {
      await clock.advance(9_000);
      runtime.events.message("none, as it comes before");
      await clock.advance(1_000);
      runtime.events.message(text);
    }
    assertEquals([ws.state, runtime.socket.calls], ["open", ["ping", "ping"]]);
    await clock.advance(9_000);
    runtime.events.message("before");
    await clock.advance(5_000);
    assertEquals(log.filter((line) => !line.startsWith("none")), [
      "after 10 s",
      "",
      "before",
      "error heartbeatTimeout",
    ]);
  });

  it("is not told where the observer closes", async () => {
    let close = () => {};
    await using world = await DialledClient.open({}, { observer: { received: () => close() } });
    close = () => void world.ws.close();
    world.runtime.events.message("1");
    assertEquals(world.told, [[], ["close 1000"]]);
  });

  const HANDLING = { observer: { handling: (_: unknown, run: () => unknown) => run() } };
  const SCHEMA = { schema: schemaOf((value) => ({ value })) } as never as WebSocketClientOptions;
  const OPTIONS: Record<string, WebSocketClientOptions> = {
    "as it comes": {},
    "by 'schema'": SCHEMA,
    "by the observer": HANDLING,
    "by both": { ...HANDLING, ...SCHEMA },
  };
  for (const [name, options] of Object.entries(OPTIONS)) {
    it(`is told ${name}, with 'dataEnd' right after it, heard or not`, async () => {
      await using world = await DialledClient.open({}, options);
      world.ws.on("dataEnd", () => world.log.push("dataEnd"));
      world.runtime.events.message("1");
      world.runtime.events.message("2");
      assertEquals(world.told[0], ["message 1", "dataEnd", "message 2", "dataEnd"]);
      world.ws.off("message");
      world.runtime.events.message("3");
      assertEquals(world.told[0], ["dataEnd"]);
      world.ws.off("dataEnd");
      world.runtime.events.message("4");
      assertEquals(world.told[0], []);
    });
  }

  it("is handled, for the observer, when the last listener of 'message' and of 'dataEnd' has done", async () => {
    const handled: Promise<unknown>[] = [];
    const handling = (_: unknown, run: () => Promise<unknown> | undefined) => {
      const atWork = run();
      log.push(atWork === undefined ? "at once" : "later");
      handled.push(Promise.resolve(atWork).then(() => log.push("handled")));
    };
    const log: string[] = [];
    await using world = await DialledClient.open({}, { observer: { handling } });
    for (const event of ["message", "dataEnd"] as const) {
      const { promise: work, resolve: done } = Promise.withResolvers<void>();
      world.ws.off("message");
      world.ws.on(event, () => work);
      world.runtime.events.message("1");
      await world.clock.advance(0);
      log.push(`${event} done`);
      done();
      await handled.pop();
      assertEquals(log.splice(0), ["later", `${event} done`, "handled"]);
    }
    world.ws.off("dataEnd");
    world.ws.on("message", () => 5);
    world.runtime.events.message("2");
    await handled.pop();
    assertEquals(log.splice(0), ["at once", "handled"]);
    world.ws.off("message");
    world.runtime.events.message("nobody hears it");
    assertEquals(handled, []);
  });
});

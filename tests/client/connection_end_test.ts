/** How a client's connection ends, step by step: what its socket is told, and what the user is. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type BusinessError, createWebSocket } from "../../mod.ts";
import type { End } from "../../runtime/contract.ts";
import { FakeClock } from "../../testing.ts";
import { answer } from "../helpers/answer.ts";
import { closed, DialledClient } from "../helpers/dialled_client.ts";
import { ScriptedClient } from "../helpers/scripted_runtime.ts";

describe("the end of a client's connection", () => {
  const ENDS: Record<string, [End, log: string[], dropped: unknown]> = {
    "with a code": [closed(4001, "bye"), ["close 4001 bye"], {}],
    "with no code": [closed(1005), ["close 1000 "], {}],
    "with none that can be": [closed(0), ["error lost 0", "close 1006 The link is down"], {
      lost: 1,
    }],
    "with a failure": [
      { ...closed(1000), failure: { what: "reset", status: "0" } },
      ["error lost 0", "close 1006 The link is down"],
      { lost: 1 },
    ],
    "by the runtime, for a message that is too big": [
      { ...closed(1006), tooBig: true },
      ["error tooBig 0", "close 1009 Received too big message"],
      { "too big": 1 },
    ],
  };
  for (const [name, [end, log, dropped]] of Object.entries(ENDS)) {
    it(`${name} is told once, at once`, async () => {
      await using world = await DialledClient.open();
      world.runtime.events.closed(end);
      assertEquals([world.ws.state, world.told], ["idle", [log, []]]);
      assertEquals(world.ws.stats()!.dropped, dropped);
      assertEquals(await answer(world.ws.close()), "notConnected");
    });
  }

  for (const how of ["close()", "the signal"]) {
    it(`by ${how} is told when the peer has answered, as it was asked for`, async () => {
      await using world = await DialledClient.open();
      if (how === "close()") await world.ws.close({ code: 4001, reason: "mine" });
      else world.aborter.abort();
      assertEquals(world.listeners(), 0);
      const code = how === "close()" ? 4001 : 1000;
      assertEquals([world.ws.state, world.told], ["closing", [[], [`close ${code}`]]]);
      world.runtime.events.message("not heard any more");
      assertEquals(await answer(world.ws.send("x")), "notOpen");
      assertEquals(await answer(world.ws.close()), "closing");
      world.runtime.events.closed(closed(1001, "theirs"));
      const close = how === "close()" ? "close 4001 mine" : "close 1000 CLOSE_NORMAL";
      assertEquals([world.ws.state, world.told], ["idle", [[close], []]]);
    });
  }

  const ATTEMPT = ["error connectFailed 0"];
  const AT_ONCE: [string, log: string[], (world: DialledClient) => unknown][] = [
    ["after connectTimeout", ATTEMPT, () => {}],
    ["where the server answers wrongly", ATTEMPT, ({ runtime }) => {
      runtime.socket.protocol = "wrong";
      runtime.events.open();
    }],
    ["of a dead peer", ["error heartbeatTimeout 0", "close 1006 The link is down"], (world) => {
      world.runtime.events.open();
    }],
    ["by close() of an attempt", ["close 4001 mine"], ({ ws }) => {
      void ws.close({ code: 4001, reason: "mine" });
    }],
    ["by close(), where the peer does not answer", ["close 4001 mine"], ({ runtime, ws }) => {
      runtime.events.open();
      void ws.close({ code: 4001, reason: "mine" });
    }],
    ["by close(), at once", ["close 4001 mine"], async ({ clock, runtime, told, ws }) => {
      runtime.events.open();
      runtime.socket.close = () => runtime.events.closed(closed(1001));
      const accepted = ws.close({ code: 4001, reason: "mine" });
      assertEquals([ws.state, told[0]], ["closing", []]); // not within the call
      assertEquals([await accepted, told[0]], [true, []]);
      await clock.advance(0);
      assertEquals([ws.state, clock.pending], ["idle", 0]); // nothing waits for an answer
    }],
    [
      "for one that is too big, at once",
      ["error tooBig 0", "close 1009 Received too big message"],
      async (
        { clock, runtime, ws },
      ) => {
        runtime.events.open();
        runtime.socket.close = () => runtime.events.closed(closed(1009));
        runtime.events.message("x".repeat(11));
        await clock.advance(0);
        assertEquals([ws.state, clock.pending], ["idle", 0]);
      },
    ],
    ["for a message that is too big", ["error tooBig 0", "close 1009 Received too big message"], (
      { runtime },
    ) => {
      runtime.events.open();
      runtime.events.message("x".repeat(11));
    }],
  ];
  for (const [name, log, act] of AT_ONCE) {
    it(`${name} is told once where the runtime tells of it as it is dropped`, async () => {
      const request = { connectTimeout: 3, pingInterval: 3, pongTimeout: 1 };
      await using world = await DialledClient.dial(request, { maxPayload: 10 });
      const { clock, runtime, ws } = world;
      const { socket } = runtime;
      const { terminate } = socket;
      socket.terminate = () => {
        terminate.call(socket);
        runtime.events.message("not heard");
        runtime.events.closed(closed(1006));
      };
      await act(world);
      await clock.advance(10_000);
      assertEquals(world.told[0].filter((one) => one !== "open"), log);
      assertEquals([ws.state, clock.pending, ws.stats()!.connections], ["idle", 0, 0]);
    });
  }

  it("by close() is told with all of the reason that was asked for, of which 123 bytes go out", async () => {
    await using world = await DialledClient.open();
    const reasons: string[] = [];
    world.socket.close = (...args: unknown[]) => void reasons.push(String(args[1]));
    const reason = "x".repeat(200);
    await world.ws.close({ code: 4001, reason });
    world.runtime.events.closed(closed(4001, reason.slice(0, 123)));
    assertEquals([world.told[0], reasons], [[`close 4001 ${reason}`], [reason.slice(0, 123)]]);
  });

  it("by close() is told after 5 s where the peer does not answer", async () => {
    await using world = await DialledClient.open();
    await world.ws.close();
    await world.clock.advance(4999);
    assertEquals(world.told, [[], ["close 1000"]]);
    await world.clock.advance(1);
    assertEquals(world.told, [["close 1000 CLOSE_NORMAL"], ["terminate"]]);
  });

  it("by close() gives who reads more time, and tells what was not sent", async () => {
    await using world = await DialledClient.open();
    world.socket.bufferedAmount = 200_000;
    await world.ws.close();
    await world.clock.advance(4000);
    world.socket.bufferedAmount = 100_000;
    await world.clock.advance(5000);
    assertEquals(world.told, [[], ["close 1000"]]);
    await world.clock.advance(250);
    assertEquals(world.told, [["error unsent 100000", "close 1000 CLOSE_NORMAL"], ["terminate"]]);
    assertEquals(world.ws.stats()!.unsent, 100_000);
    world.socket.bufferedAmount = 0;
  });

  it("prints what was not sent where nobody listens to 'error'", async () => {
    const printed: unknown[] = [];
    const { error } = console;
    console.error = (...words) => void printed.push(...words);
    try {
      const clock = new FakeClock();
      const runtime = new ScriptedClient();
      const ws = createWebSocket({ clock, runtime });
      await ws.connect("ws://localhost/");
      runtime.events.open();
      runtime.socket.bufferedAmount = 7;
      void ws.close();
      await clock.advance(5000);
      assertEquals(ws.state, "idle");
    } finally {
      console.error = error;
    }
    assertEquals(printed.map((one) => (one as BusinessError).kind), ["unsent"]);
  });

  it("by close() gives who has read all five seconds to answer, from then on", async () => {
    await using world = await DialledClient.open();
    world.socket.bufferedAmount = 1000;
    await world.ws.close();
    await world.clock.advance(3900);
    world.socket.bufferedAmount = 0;
    await world.clock.advance(100 + 4999);
    assertEquals(world.told, [[], ["close 1000"]]);
    await world.clock.advance(1);
    assertEquals(world.told, [["close 1000 CLOSE_NORMAL"], ["terminate"]]);
  });

  for (const asked of [true, false]) {
    it(`tells what the runtime says was not sent: ${asked ? "by close()" : "by the server"}`, async () => {
      await using world = await DialledClient.open();
      const errors: string[] = [];
      world.ws.on("error", ({ message }) => errors.push(message));
      if (asked) await world.ws.close();
      world.runtime.events.closed({ ...closed(asked ? 1006 : 1001), unsent: 7 });
      const [log] = world.told;
      assertEquals(log, ["error unsent 7", asked ? "close 1000 CLOSE_NORMAL" : "close 1001 "]);
      assertEquals(errors, [
        asked
          ? "Websocket Unknown Other Error: close: 7 bytes that were queued were not sent in time"
          : "Websocket Unknown Other Error: 7 bytes that were queued were not sent before the " +
            "server closed",
      ]);
    });
  }

  it("that is lost counts what was not sent, and tells that it is lost alone", async () => {
    await using world = await DialledClient.open();
    world.runtime.events.closed({ ...closed(1006), unsent: 7 });
    assertEquals(world.told, [["error lost 0", "close 1006 The link is down"], []]);
    assertEquals(world.ws.stats()!.unsent, 7);
  });

  it("of a dead peer counts what was queued to it", async () => {
    await using world = await DialledClient.open({ pingInterval: 2, pongTimeout: 1 });
    world.socket.bufferedAmount = 9;
    await world.clock.advance(3000);
    assertEquals(world.told[0], ["error heartbeatTimeout 0", "close 1006 The link is down"]);
    assertEquals(world.ws.stats()!.unsent, 9);
    world.socket.bufferedAmount = 0;
  });

  it("of a dead peer: a Ping, and silence", async () => {
    await using world = await DialledClient.open({ pingInterval: 2, pongTimeout: 1 });
    await world.clock.advance(2999);
    assertEquals(world.told, [[], ["ping"]]);
    await world.clock.advance(1);
    assertEquals(world.told, [
      ["error heartbeatTimeout 0", "close 1006 The link is down"],
      ["terminate"],
    ]);
    const { pings, pongs, dropped } = world.ws.stats()!;
    assertEquals([pings, pongs, dropped], [1, 0, { dead: 1 }]);
  });

  it("is sent no Ping on a runtime that has none, nor after close()", async () => {
    await using world = await DialledClient.open({ pingInterval: 1 });
    await world.ws.close();
    await world.clock.advance(4000);
    assertEquals(world.told, [[], ["close 1000"]]);
    const runtime = new ScriptedClient();
    runtime.canPing = false;
    const clock = new FakeClock();
    const ws = createWebSocket({ clock, runtime });
    await ws.connect("ws://localhost/");
    runtime.events.open();
    await clock.advance(100_000);
    assertEquals([ws.state, runtime.socket.calls, clock.pending], ["open", [], 0]);
  });

  it("has an observer hear what came and what was dropped before what follows from that", async () => {
    const told: string[] = [];
    const note = (what: string) => () => void told.push(what);
    const observer = {
      ponged: note("ponged"),
      received: note("received"),
      dropped: note("dropped"),
    };
    await using world = await DialledClient.open({ pingInterval: 2 }, { maxPayload: 9, observer });
    world.ws.on("error", note("error"));
    await world.clock.advance(2000);
    world.runtime.events.message("here I am");
    world.runtime.events.message("x".repeat(10));
    assertEquals(told, ["ponged", "received", "dropped", "error"]);
    world.runtime.events.closed(closed(1009));
  });

  it("measures the round trip of a Ping, by a message as well", async () => {
    await using world = await DialledClient.open({ pingInterval: 2, pongTimeout: 1 });
    await world.clock.advance(2300);
    world.runtime.events.alive();
    world.runtime.events.alive();
    await world.clock.advance(1900);
    world.runtime.events.message("here I am");
    const { pings, pongs, roundTrip } = world.ws.stats()!;
    assertEquals([pings, pongs, roundTrip?.min, roundTrip?.max], [2, 2, 200, 300]);
  });
});

describe("an error about a client's connection", () => {
  const reset = new Error("ECONNRESET");
  const refused = { what: "refused", status: "0", cause: reset };
  const ROWS: [kind: string, what: string, isOpen: boolean, (world: DialledClient) => unknown][] = [
    [
      "connectFailed",
      "refused",
      false,
      ({ runtime }) => runtime.events.closed({ ...closed(0), failure: refused }),
    ],
    [
      "connectFailed",
      "the connection failed",
      false,
      ({ runtime }) => runtime.events.closed(closed(0)),
    ],
    ["connectFailed", "timed out after 10 s", false, ({ clock }) => clock.advance(10_000)],
    ["connectFailed", "the server's subprotocol is none that was offered", false, (world) => {
      world.socket.protocol = "x";
      world.runtime.events.open();
    }],
    ["connectFailed", "the server's extension was not offered", false, (world) => {
      world.socket.extensions = "x, permessage-deflate";
      world.runtime.events.open();
    }],
    [
      "lost",
      "the connection was lost",
      true,
      ({ runtime }) => runtime.events.closed({ ...closed(0), failure: refused }),
    ],
    [
      "tooBig",
      "a message of over 3 bytes came in",
      true,
      ({ runtime }) => runtime.events.message("1234"),
    ],
    [
      "tooBig",
      "a message of over 3 bytes came in",
      true,
      ({ runtime }) => runtime.events.closed({ ...closed(0), tooBig: true }),
    ],
    [
      "heartbeatTimeout",
      "no sign of life in time after a Ping",
      true,
      ({ clock }) => clock.advance(60_000),
    ],
  ];
  for (const [kind, what, isOpen, cause] of ROWS) {
    it(`of the kind ${kind} says "${what}", and what led to it`, async () => {
      await using world = await DialledClient.dial({ compression: true, connectTimeout: 10 }, {
        maxPayload: 3,
      });
      if (isOpen) world.runtime.events.open();
      const errors: BusinessError[] = [];
      world.ws.on("error", (error) => errors.push(error));
      await cause(world);
      assertEquals(errors.map((error) => [error.kind, error.data]), [[kind, "0"]]);
      const why = errors[0]!.cause as Error;
      const led = what === "refused" || kind === "lost";
      assertEquals([why.message, why.cause, "cause" in why], [what, led ? reset : undefined, led]);
    });
  }
});

/** One connection of a server, step by step: what its socket is told, and what the user is. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  type BusinessError,
  createWebSocketServer,
  type WebSocketServerOptions,
} from "../../mod.ts";
import type { End } from "../../runtime/contract.ts";
import { socketOf } from "../../standard.ts";
import { FakeClock } from "../../testing.ts";
import { answer } from "../helpers/answer.ts";
import { LONGEST_MS } from "../helpers/leftovers.ts";
import { ScriptedServer, ScriptedSocket } from "../helpers/scripted_runtime.ts";
import { schemaOf } from "../helpers/schemas.ts";
import {
  closed,
  ScriptedConnection,
  type ScriptedConnectionOptions,
} from "../helpers/scripted_connection.ts";

describe("the end of a server's connection", () => {
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
    it(`${name} is told once, at once, and ends all calls`, async () => {
      await using world = await ScriptedConnection.open();
      world.admission.closed(end);
      assertEquals(world.told, [log, []]);
      assertEquals(world.dropped, dropped);
      world.admission.closed(end);
      world.admission.message("late");
      assertEquals(world.told, [[], []]);
      const { one, server } = world;
      const calls = [server.send("x", one), server.close(one), server.terminate(one)];
      assertEquals(await Promise.all(calls.map(answer)), Array(3).fill("noConnection"));
      assertEquals([server.bufferedAmount(one), await server.drained(one)], [0, false]);
    });
  }

  it("by close() is told at the end of the turn, and not when the peer answers", async () => {
    await using world = await ScriptedConnection.open();
    const call = world.server.close(world.one, { code: 4001, reason: "go" });
    assertEquals(world.told, [[], ["close 4001"]]);
    world.admission.message("between");
    await call;
    await world.clock.advance(0);
    assertEquals(world.told, [["close 4001 go"], []]);
    await world.clock.advance(4999);
    assertEquals(world.told, [[], []]);
    await world.clock.advance(1);
    assertEquals(world.told, [[], ["terminate"]]);
    await world.clock.advance(LONGEST_MS);
    assertEquals(world.told, [[], []]);
  });

  it("by close(), answered in time, leaves the socket alone", async () => {
    await using world = await ScriptedConnection.open();
    await world.server.close(world.one);
    world.admission.closed(closed(1000));
    await world.clock.advance(LONGEST_MS);
    assertEquals(world.told, [["close 1000 CLOSE_NORMAL"], ["close 1000"]]);
  });

  it("by close() gives who reads more time, and tells what was not sent", async () => {
    await using world = await ScriptedConnection.open();
    const errors: string[] = [];
    world.server.on("error", ({ message }) => errors.push(message));
    world.socket.bufferedAmount = 200_000;
    await world.server.close(world.one);
    await world.clock.advance(4000);
    world.socket.bufferedAmount = 100_000;
    await world.clock.advance(5000);
    assertEquals(world.told, [["close 1000 CLOSE_NORMAL"], ["close 1000"]]);
    await world.clock.advance(250);
    assertEquals(world.told, [["error unsent 100000"], ["terminate"]]);
    assertEquals(world.server.stats()!.unsent, 100_000);
    const says = `100000 bytes that were queued to ${world.one} could not be sent`;
    assertEquals(errors.map((error) => error.split(": ")[1]), [says]);
  });

  it("is no trouble to an observer that wants to hear of little", async () => {
    const clock = new FakeClock();
    const runtime = new ScriptedServer();
    const server = createWebSocketServer({ observer: { opened() {} }, clock, runtime });
    const log: string[] = [];
    server.on("close", (_, { code }) => log.push(`close ${code}`));
    server.on("error", ({ kind }) => log.push(`error ${kind}`));
    await server.start({ serverPort: 80, pingInterval: 2, pongTimeout: 1, maxPayload: 10 });
    for (const end of ["close", "big", "lost", "dead"] as const) {
      const admission = runtime.enter();
      const socket = new ScriptedSocket();
      admission.open(socket);
      await server.send("sent", server.listAllConnections()[0]!);
      admission.message("received");
      await clock.advance(2000);
      admission.alive();
      socket.bufferedAmount = 7;
      if (end === "close") await server.close(server.listAllConnections()[0]!);
      if (end === "big") admission.message("x".repeat(11));
      if (end === "lost") admission.closed({ ...closed(1006), unsent: 7 });
      await clock.advance(6000);
    }
    await clock.until(server.stop());
    assertEquals(log, [
      ...["close 1000", "error unsent", "error tooBig", "close 1009", "error unsent"],
      ...["error lost", "close 1006", "error heartbeatTimeout", "close 1006"],
    ]);
  });

  it("tells what the runtime says was not sent, once", async () => {
    await using world = await ScriptedConnection.open();
    await world.server.close(world.one);
    await world.clock.advance(0);
    world.admission.closed({ ...closed(1006), unsent: 7 });
    assertEquals(world.told, [["close 1000 CLOSE_NORMAL", "error unsent 7"], ["close 1000"]]);
    assertEquals(world.server.stats()!.unsent, 7);
  });

  it("by terminate() is told at the end of the turn, and no error with it", async () => {
    await using world = await ScriptedConnection.open();
    world.socket.bufferedAmount = 9;
    const call = world.server.terminate(world.one);
    assertEquals(world.told, [[], ["terminate"]]);
    await call;
    await world.clock.advance(0);
    assertEquals(world.told, [["close 1006 Terminated"], []]);
    assertEquals([world.server.stats()!.unsent, world.dropped], [9, {}]);
    assertEquals(await answer(world.server.terminate(world.one)), "noConnection");
  });

  it("by terminate() while it closes drops it, and tells nothing more", async () => {
    await using world = await ScriptedConnection.open();
    await world.server.close(world.one);
    await world.clock.advance(1000);
    assertEquals(world.told, [["close 1000 CLOSE_NORMAL"], ["close 1000"]]);
    assertEquals(await world.server.terminate(world.one), true);
    await world.clock.advance(LONGEST_MS);
    assertEquals(world.told, [[], ["terminate"]]);
  });

  it("by terminate() in the turn of a close, a stop or a fault is told with the code of that", async () => {
    const ends: [code: string, end: (world: ScriptedConnection) => unknown][] = [
      ["4000 mine", ({ server, one }) => server.close(one, { code: 4000, reason: "mine" })],
      ["1001 server is going away", ({ server }) => server.stop()],
      ["1009 Received too big message", ({ admission }) => admission.message("12345678901")],
    ];
    for (const [code, end] of ends) {
      await using world = await ScriptedConnection.open({ config: { maxPayload: 10 } });
      void end(world);
      assertEquals(await answer(world.server.terminate(world.one)), true);
      await world.clock.advance(0);
      assertEquals(world.told[0].at(-1), `close ${code}`);
      assertEquals(world.socket.bufferedAmount, 0);
    }
  });

  it("of a dead peer is told at once, and what was queued is counted without an error", async () => {
    await using world = await ScriptedConnection.open({
      config: { pingInterval: 2, pongTimeout: 1 },
    });
    world.socket.bufferedAmount = 9;
    await world.clock.advance(2999);
    assertEquals(world.told, [[], ["ping"]]);
    await world.clock.advance(1);
    assertEquals(world.told, [
      ["error heartbeatTimeout 0", "close 1006 The link is down"],
      ["terminate"],
    ]);
    const { unsent, pings, pongs } = world.server.stats()!;
    assertEquals([unsent, pings, pongs, world.dropped], [9, 1, 0, { dead: 1 }]);
  });

  it("measures the round trip of a Ping", async () => {
    await using world = await ScriptedConnection.open({
      config: { pingInterval: 2, pongTimeout: 1 },
    });
    await world.clock.advance(2300);
    world.admission.alive();
    world.admission.alive();
    const { pings, pongs, roundTrip } = world.server.stats()!;
    assertEquals([pings, pongs, roundTrip?.last], [1, 1, 300]);
    socketOf(world.server, world.one); // shown in another shape it is measured as well
    await world.clock.advance(1800);
    world.admission.alive();
    const later = world.server.stats()!;
    assertEquals([later.pings, later.pongs, later.roundTrip?.last], [2, 2, 100]);
  });
});

describe("an error about a server's connection", () => {
  const reset = new Error("ECONNRESET");
  const ROWS: Record<
    string,
    [what: string, ScriptedConnectionOptions, (world: ScriptedConnection) => unknown]
  > = {
    lost: [
      "was lost",
      {},
      ({ admission }) =>
        admission.closed({ ...closed(0), failure: { what: "reset", status: "0", cause: reset } }),
    ],
    tooBig: [
      "sent a message of over 3 bytes",
      { config: { maxPayload: 3 } },
      ({ admission }) => admission.message("1234"),
    ],
    tooSlow: [
      "is too slow: more than 3 bytes are queued to it",
      { config: { maxBufferedAmount: 3 } },
      ({ one, server, socket }) => {
        socket.bufferedAmount = 4;
        return server.send("1234", one);
      },
    ],
    heartbeatTimeout: [
      "gave no sign of life in time after a Ping",
      { config: { pingInterval: 1 } },
      ({ clock }) => clock.advance(2000),
    ],
    unacceptable: [
      "sent a message that 'schema' does not accept: no",
      {
        options: {
          schema: schemaOf(() => ({ issues: [{ message: "no" }] })),
        } as WebSocketServerOptions,
      },
      ({ admission }) => admission.message("1"),
    ],
  };
  for (const [kind, [what, options, cause]] of Object.entries(ROWS)) {
    it(`of the kind ${kind} says of whom it is, why, and what led to it`, async () => {
      await using world = await ScriptedConnection.open(options);
      const errors: BusinessError[] = [];
      world.server.on("error", (error) => errors.push(error));
      await cause(world);
      const [error] = errors;
      const { clientIP, clientPort } = world.one;
      assertEquals([errors.length, error!.kind, error!.data], [1, kind, "0"]);
      assertEquals([error!.clientIP, error!.clientPort], [clientIP, clientPort]);
      assertEquals(error!.message.endsWith(`: ${clientIP}:${clientPort} ${what}`), true);
      const why = error!.cause as Error;
      const causes: Record<string, unknown> = { lost: reset, unacceptable: [{ message: "no" }] };
      assertEquals([why.message, why.cause], [what, causes[kind]]);
      assertEquals("cause" in why, kind in causes);
      world.socket.bufferedAmount = 0;
    });
  }
});

describe("the beginning of a server's connection", () => {
  it("is none where it opens after its 2 s", async () => {
    await using world = await ScriptedConnection.open();
    const late = world.runtime.enter(2);
    await world.clock.advance(2000);
    const socket = new ScriptedSocket();
    late.open(socket);
    assertEquals([socket.calls, world.log], [["terminate"], []]);
    late.closed(closed(1006));
    assertEquals([world.log, world.server.stats()!.unsent], [[], 0]);
  });

  it("is a farewell while the server stops", async () => {
    await using world = await ScriptedConnection.open();
    const opening = world.runtime.enter(2);
    const stopped = world.server.stop({ code: 1012, reason: "soon back" });
    await world.clock.advance(0);
    world.admission.closed(closed(1012));
    const socket = new ScriptedSocket();
    opening.open(socket);
    opening.message("never heard");
    assertEquals([socket.calls, world.log], [["close 1012"], ["close 1012 soon back"]]);
    opening.closed(closed(1012));
    assertEquals(await world.clock.until(stopped), true);
  });

  it("is no fault of the host's where the client leaves before it is open", async () => {
    const clock = new FakeClock();
    const runtime = new ScriptedServer();
    const server = createWebSocketServer({ clock, runtime });
    const log: string[] = [];
    server.on("error", ({ kind }) => log.push(kind!));
    await server.mount({});
    runtime.enter(1).closed(closed(0));
    await clock.advance(LONGEST_MS);
    assertEquals(log, []);
    runtime.enter(2); // and the host does nothing with it
    await clock.advance(LONGEST_MS);
    assertEquals(log, ["hostFault"]);
    await clock.until(server.stop());
    assertEquals(clock.pending, 0);
  });

  it("leaves nothing where the handshake fails", async () => {
    await using world = await ScriptedConnection.open({ config: { maxConnections: 2 } });
    const failing = world.runtime.enter(2);
    assertEquals((world.runtime.request({}, 3) as Response).status, 503);
    failing.closed(closed(0));
    world.runtime.enter(3).closed(closed(0));
    assertEquals(world.log, ["error handshakeRefused 503"]);
  });
});

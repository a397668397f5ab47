/** One connection of a server, step by step: what its socket is told, and what the user is. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  type BusinessError,
  createWebSocketServer,
  type WebSocketConnection,
  type WebSocketServer,
  type WebSocketServerConfig,
  type WebSocketServerOptions,
} from "../../mod.ts";
import type { Admission, End } from "../../runtime/contract.ts";
import { FakeClock } from "../../testing.ts";
import { assertNothingLeft, LONGEST_MS } from "../helpers/leftovers.ts";
import { PausableSocket, ScriptedServer, ScriptedSocket } from "../helpers/scripted_runtime.ts";
import { schemaOf } from "../helpers/schemas.ts";

/** The end of a connection whose peer answers, or sends, a Close frame. */
const closed = (code: number, reason = ""): End => ({ code, reason });

interface WorldOptions {
  config?: Partial<WebSocketServerConfig>;
  options?: WebSocketServerOptions;
  socket?: ScriptedSocket;
  /** What the runtime cannot do. */
  runtime?: Partial<ScriptedServer>;
}

/** A server with one connection, and all that is told of it. At the end all of it has passed. */
class World implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly runtime = new ScriptedServer();
  readonly server: WebSocketServer;
  readonly socket: ScriptedSocket;
  readonly log: string[] = [];
  admission!: Admission;
  one!: WebSocketConnection;

  private constructor({ options, runtime, socket = new ScriptedSocket() }: WorldOptions) {
    const { clock } = this;
    Object.assign(this.runtime, runtime);
    this.socket = socket;
    const server = createWebSocketServer({ stats: true, ...options, clock, runtime: this.runtime });
    this.server = server as WebSocketServer;
    server.on("connect", () => this.log.push("connect"));
    server.on("messageReceive", ({ data }) => {
      this.log.push(`message ${data}`);
    });
    server.on("close", (_, { code, reason }) => this.log.push(`close ${code} ${reason}`));
    server.on("error", ({ kind, data }) => this.log.push(`error ${kind} ${data}`));
  }

  static async open(options: WorldOptions = {}): Promise<World> {
    const world = new World(options);
    await world.server.start({ serverPort: 80, ...options.config });
    world.admission = world.runtime.enter();
    world.admission.open(world.socket);
    world.one = world.server.listAllConnections()[0]!;
    assertEquals(world.log.splice(0), ["connect"]);
    return world;
  }

  /** What was told since, and what the socket was. */
  get told(): [log: string[], calls: string[]] {
    return [this.log.splice(0), this.socket.calls.splice(0)];
  }

  get dropped(): unknown {
    return this.server.stats()!.dropped;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.clock.advance(LONGEST_MS);
    this.admission.closed(closed(1006));
    this.log.length = 0;
    await this.clock.advance(LONGEST_MS);
    assertEquals(this.log, [], "something is told after the end");
    assertEquals(this.server.stats()!.connections, 0);
    assertNothingLeft();
    if (this.server.address !== undefined) await this.clock.until(this.server.stop());
    assertEquals(this.clock.pending, 0);
    assertNothingLeft();
  }
}

/** What a call answers: its value, or the kind of the error. */
function answer(call: Promise<unknown>): Promise<unknown> {
  return call.catch((error: BusinessError) => error.kind);
}

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
      await using world = await World.open();
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
    await using world = await World.open();
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
    await using world = await World.open();
    await world.server.close(world.one);
    world.admission.closed(closed(1000));
    await world.clock.advance(LONGEST_MS);
    assertEquals(world.told, [["close 1000 CLOSE_NORMAL"], ["close 1000"]]);
  });

  it("by close() gives who reads more time, and tells what was not sent", async () => {
    await using world = await World.open();
    world.socket.bufferedAmount = 200_000;
    await world.server.close(world.one);
    await world.clock.advance(4000);
    world.socket.bufferedAmount = 100_000;
    await world.clock.advance(5000);
    assertEquals(world.told, [["close 1000 CLOSE_NORMAL"], ["close 1000"]]);
    await world.clock.advance(250);
    assertEquals(world.told, [["error unsent 100000"], ["terminate"]]);
    assertEquals(world.server.stats()!.unsent, 100_000);
  });

  it("tells what the runtime says was not sent, once", async () => {
    await using world = await World.open();
    await world.server.close(world.one);
    await world.clock.advance(0);
    world.admission.closed({ ...closed(1006), unsent: 7 });
    assertEquals(world.told, [["close 1000 CLOSE_NORMAL", "error unsent 7"], ["close 1000"]]);
    assertEquals(world.server.stats()!.unsent, 7);
  });

  it("by terminate() is told at the end of the turn, and no error with it", async () => {
    await using world = await World.open();
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
    await using world = await World.open();
    await world.server.close(world.one);
    await world.clock.advance(1000);
    assertEquals(world.told, [["close 1000 CLOSE_NORMAL"], ["close 1000"]]);
    assertEquals(await world.server.terminate(world.one), true);
    await world.clock.advance(LONGEST_MS);
    assertEquals(world.told, [[], ["terminate"]]);
  });

  it("of a dead peer is told at once, and what was queued is counted without an error", async () => {
    await using world = await World.open({ config: { pingInterval: 2, pongTimeout: 1 } });
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
    await using world = await World.open({ config: { pingInterval: 2, pongTimeout: 1 } });
    await world.clock.advance(2300);
    world.admission.alive();
    world.admission.alive();
    const { pings, pongs, roundTrip } = world.server.stats()!;
    assertEquals([pings, pongs, roundTrip?.last], [1, 1, 300]);
  });
});

describe("an error about a server's connection", () => {
  const reset = new Error("ECONNRESET");
  const ROWS: Record<string, [what: string, WorldOptions, (world: World) => unknown]> = {
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
      await using world = await World.open(options);
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
    await using world = await World.open();
    const late = world.runtime.enter(2);
    await world.clock.advance(2000);
    const socket = new ScriptedSocket();
    late.open(socket);
    assertEquals([socket.calls, world.log], [["terminate"], []]);
    late.closed(closed(1006));
    assertEquals(world.log, []);
  });

  it("is a farewell while the server stops", async () => {
    await using world = await World.open();
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

  it("leaves nothing where the handshake fails", async () => {
    await using world = await World.open({ config: { maxConnections: 2 } });
    const failing = world.runtime.enter(2);
    assertEquals((world.runtime.request({}, 3) as Response).status, 503);
    failing.closed(closed(0));
    world.runtime.enter(3).closed(closed(0));
    assertEquals(world.log, ["error handshakeRefused 503"]);
  });
});

describe("a message to a server's connection", () => {
  it("reaches every listener, though one of them throws", async () => {
    await using world = await World.open();
    const heard: unknown[] = [];
    world.server.on("messageReceive", () => {
      throw new Error("the listener's");
    });
    world.server.on("messageReceive", ({ data, clientConnection }) => {
      heard.push(data, clientConnection === world.one);
    });
    world.admission.message("hi");
    await world.clock.advance(0);
    assertEquals(heard, ["hi", true]);
    assertEquals(world.log, ["message hi", "error listenerFailed undefined"]);
  });

  it("takes the short way where nobody looks at it: each listener, what fails, who works", async () => {
    const clock = new FakeClock();
    const runtime = new ScriptedServer();
    runtime.checksPayload = true;
    const server = createWebSocketServer({ clock, runtime });
    const log: string[] = [];
    const cause = new Error("the listener's");
    const work = Promise.withResolvers<void>();
    server.on("error", (error) => log.push(`error ${error.kind} ${error.cause === cause}`));
    server.on("close", (_, { code }) => log.push(`close ${code}`));
    server.on("messageReceive", () => {
      throw cause;
    });
    server.on("messageReceive", () => work.promise);
    server.on("messageReceive", () => Promise.reject(cause));
    server.on("messageReceive", ({ data }) => void log.push(String(data)));
    await server.start({ serverPort: 80, maxPendingAmount: 1024, pingInterval: 2, pongTimeout: 1 });
    const admission = runtime.enter();
    const socket = new PausableSocket();
    admission.open(socket);
    admission.message("");
    await clock.advance(0);
    assertEquals(log.splice(0), ["error listenerFailed true", "", "error listenerFailed true"]);
    assertEquals(socket.calls.splice(0), []);
    await clock.advance(2999);
    assertEquals(socket.calls.splice(0), ["ping"]);
    admission.message("x"); // a sign of life
    assertEquals(socket.calls.splice(0), ["pause"]);
    await clock.advance(0);
    work.resolve();
    await clock.advance(1);
    assertEquals(socket.calls.splice(0), ["resume"]);
    await server.close(server.listAllConnections()[0]!);
    log.length = 0;
    admission.message("not heard any more");
    await clock.advance(0);
    assertEquals([log, socket.calls], [["close 1000"], ["close 1000"]]);
    admission.closed({ code: 1000, reason: "" });
    await clock.until(server.stop());
    assertEquals(clock.pending, 0);
  });

  it("is measured where the runtime does not: maxPayload and one more", async () => {
    await using world = await World.open({ config: { maxPayload: 4 } });
    world.admission.message("äö");
    world.admission.message(new ArrayBuffer(4));
    assertEquals(world.server.stats()!.received, { messages: 2, bytes: 8 });
    world.log.length = 0;
    world.admission.message("äöü");
    world.admission.message("late");
    assertEquals(world.told, [["error tooBig 0"], ["close 1009"]]);
    await world.clock.advance(5000);
    assertEquals(world.told, [["close 1009 Received too big message"], ["terminate"]]);
    assertEquals(world.dropped, { "too big": 1 });
    assertEquals(world.server.stats()!.received.messages, 2);
  });

  it("is what `schema` makes of it; one that it does not accept ends the connection", async () => {
    const schema = schemaOf((value) =>
      value === 1 ? { value: "one" } : { issues: [{ message: "no" }] }
    );
    await using world = await World.open({ options: { schema } as WebSocketServerOptions });
    world.admission.message("1");
    assertEquals(world.told, [["message one"], []]);
    world.socket.bufferedAmount = 1_000_000; // who breaks the rules gets no time to read
    world.admission.message("2");
    world.admission.message("1");
    assertEquals(world.told, [["error unacceptable 0"], ["close 1008"]]);
    await world.clock.advance(5000);
    const [log, calls] = world.told;
    assertEquals([log[0], calls], ["close 1008 Not what is expected", ["terminate"]]);
  });

  it("is not told where the observer or the validator closes", async () => {
    for (const who of ["the observer", "the validator"]) {
      let close = () => {};
      const observer = { received: () => who === "the observer" && close() };
      const schema = schemaOf((value) => {
        if (who === "the validator") close();
        return { value };
      });
      const options = { observer, schema } as WebSocketServerOptions;
      await using world = await World.open({ options });
      close = () => void world.server.close(world.one);
      world.admission.message("1");
      await world.clock.advance(0);
      assertEquals(world.told, [["close 1000 CLOSE_NORMAL"], ["close 1000"]]);
    }
  });
});

describe("a server's connection whose listeners cannot follow", () => {
  const config = { maxPendingAmount: 1, pingInterval: 4, pongTimeout: 3 };

  it("is dropped on a runtime that cannot stop reading", async () => {
    await using world = await World.open({ config });
    world.server.on("messageReceive", () => new Promise<void>(() => {}));
    world.admission.message("x");
    assertEquals(world.told, [["message x", "error tooFast 0"], ["close 1008"]]);
    await world.clock.advance(5000);
    assertEquals(world.told, [["close 1008 Sending too fast"], ["terminate"]]);
    assertEquals(world.dropped, { "too fast": 1 });
  });

  it("is sent no Ping while it is not read from, and Pings again later", async () => {
    await using world = await World.open({ config, socket: new PausableSocket() });
    const work = Promise.withResolvers<void>();
    world.server.on("messageReceive", () => work.promise);
    world.admission.message("x");
    await world.clock.advance(6999);
    assertEquals(world.told, [["message x"], ["pause"]]);
    work.resolve();
    await world.clock.advance(0);
    assertEquals(world.told, [[], ["resume"]]);
    await world.clock.advance(3999);
    assertEquals(world.told, [[], []]);
    await world.clock.advance(1);
    assertEquals(world.told, [[], ["ping"]]);
  });

  it("is not read from again once it closes, and is not stopped then", async () => {
    for (const closes of ["before", "after"]) {
      await using world = await World.open({ config, socket: new PausableSocket() });
      const work = Promise.withResolvers<void>();
      world.server.on("messageReceive", () => {
        if (closes === "before") void world.server.close(world.one);
        return work.promise;
      });
      world.admission.message("x");
      if (closes === "after") void world.server.close(world.one);
      await world.clock.advance(1);
      work.resolve();
      await world.clock.advance(1);
      const [log, calls] = world.told;
      assertEquals(log, ["message x", "close 1000 CLOSE_NORMAL"]);
      assertEquals(calls, closes === "before" ? ["close 1000"] : ["pause", "close 1000"]);
    }
  });

  it("is resumed without Pings on a runtime that has none", async () => {
    const socket = new PausableSocket();
    await using world = await World.open({ config, socket, runtime: { canPing: false } });
    const work = Promise.withResolvers<void>();
    world.server.on("messageReceive", () => work.promise);
    world.admission.message("x");
    work.resolve();
    await world.clock.advance(20_000);
    assertEquals(world.told, [["message x"], ["pause", "resume"]]);
  });
});

describe("what is queued to a server's connection", () => {
  it("is measured when it may be over the limit, and who does not read is dropped once", async () => {
    await using world = await World.open({ config: { maxBufferedAmount: 10 } });
    const { one, server, socket } = world;
    assertEquals(await server.send("1234567890", one), true);
    socket.bufferedAmount = 10;
    assertEquals(await server.send("1234567890", one), true);
    assertEquals(world.told, [[], ["send", "send"]]);
    socket.bufferedAmount = 11;
    assertEquals(await server.send("1", one), true);
    await world.clock.advance(0);
    assertEquals(world.told, [["error tooSlow 0", "close 1013 Reading too slowly"], [
      "send",
      "close 1013",
    ]]);
    await world.clock.advance(4999);
    assertEquals(world.told, [[], []]);
    await world.clock.advance(1);
    assertEquals(world.told, [["error unsent 11"], ["terminate"]]);
    assertEquals(world.dropped, { "too slow": 1 });
    assertEquals(server.stats()!.sent, { messages: 3, bytes: 21 });
  });

  it("is told by drained() when it is little enough, and when it is over", async () => {
    await using world = await World.open();
    const { clock, one, server, socket } = world;
    socket.bufferedAmount = 100;
    const log: unknown[] = [];
    void server.drained(one, 10).then((it) => log.push(10, it));
    void server.drained(one).then((it) => log.push(0, it));
    await clock.advance(1000);
    assertEquals(log, []);
    socket.bufferedAmount = 11;
    await clock.advance(1000);
    assertEquals(log, []);
    socket.bufferedAmount = 10;
    await clock.advance(1000);
    assertEquals(log, [10, true]);
    await server.close(one);
    await clock.advance(1000);
    assertEquals(log, [10, true, 0, false]);
  });
});

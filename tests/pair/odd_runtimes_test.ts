/**
 * What a runtime may do by its contract and the real ones do never, or not at will: each on a runtime
 * that follows a script, in time that stands still.
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  createWebSocket,
  createWebSocketServer,
  type WebSocketServer,
  type WebSocketServerConfig,
} from "../../mod.ts";
import { FakeClock } from "../../testing.ts";
import { EventLog, refusal } from "../helpers/client.ts";
import { countListeners } from "../helpers/leftovers.ts";
import { PausableSocket, ScriptedClient, ScriptedServer } from "../helpers/scripted_runtime.ts";

const URL = "ws://localhost/";
const LINK_DOWN = { code: 1006, reason: "The link is down" };

function client(): {
  runtime: ScriptedClient;
  ws: ReturnType<typeof createWebSocket>;
  log: EventLog;
  clock: FakeClock;
} {
  const clock = new FakeClock();
  const runtime = new ScriptedClient();
  const ws = createWebSocket({ clock, runtime });
  return { clock, runtime, ws, log: new EventLog(ws) };
}

describe("a client on a runtime", () => {
  it("answers 2302001 when it throws at a URL", async () => {
    const { runtime, ws } = client();
    runtime.fault = new SyntaxError("no such URL");
    const error = await refusal(ws.connect(URL));
    assertEquals([error.code, error.cause], [2302001, runtime.fault]);
    assertEquals(ws.state, "idle");
  });

  it("takes no 'open' and no 'closed' for more than one", async () => {
    const { runtime, ws, log } = client();
    await ws.connect(URL);
    runtime.events.open();
    runtime.events.open();
    runtime.events.closed({ code: 1000, reason: "bye" });
    runtime.events.closed({ code: 1000, reason: "bye" });
    runtime.events.message("late");
    assertEquals(log.names, ["open", "openInfo", "close"]);
    assertEquals(log.closes, [{ code: 1000, reason: "bye" }]);
  });

  it("is told on a later turn of an attempt that fails within the dialling itself", async () => {
    const { runtime, ws, log, clock } = client();
    const { dial } = runtime;
    runtime.dial = (request, events) => {
      events.closed({ code: 0, reason: "", failure: { what: "no route", status: "0" } });
      return dial.call(runtime, request, events);
    };
    const { signal } = new AbortController();
    const listeners = countListeners(signal);
    await ws.connect(URL, { signal });
    assertEquals([ws.state, log.names], ["connecting", []]);
    const { opened, closed } = ws;
    const { kind } = await refusal(opened);
    assertEquals([kind, await refusal(closed)], ["connectFailed", log.errors[0]]);
    assertEquals(await refusal(ws[Symbol.asyncIterator]().next()), log.errors[0]);
    assertEquals([ws.state, log.names, clock.pending, listeners()], ["idle", ["error"], 0, 0]);
  });

  it("tells nothing of an attempt whose dialling fails and throws", async () => {
    const { runtime, ws, log, clock } = client();
    runtime.dial = (_, events) => {
      events.closed({ code: 0, reason: "", failure: { what: "no route", status: "0" } });
      throw new Error("no route");
    };
    assertEquals((await refusal(ws.connect(URL))).code, 2302001);
    await clock.advance(60_000);
    assertEquals([ws.state, log.names, clock.pending], ["idle", [], 0]);
  });

  it("has a word for an attempt that it ends without one", async () => {
    const { runtime, ws, log } = client();
    await ws.connect(URL);
    runtime.events.closed({ code: 1006, reason: "" });
    assertEquals(log.names, ["error"]);
    assertEquals(log.errors[0]!.message, "Websocket connect failed: the connection failed");
  });

  it("closes with 1008 when it brings more than `for await` may keep", async () => {
    const { runtime, ws, log } = client();
    const messages = ws[Symbol.asyncIterator]();
    await ws.connect(URL);
    runtime.events.open();
    const chunk = new ArrayBuffer(1024 * 1024);
    for (let i = 0; i < 17; i++) runtime.events.message(chunk);
    assertEquals(runtime.socket.calls, ["close 1008"]);
    runtime.events.closed({ code: 1008, reason: "" });
    assertEquals(log.errors.map(({ kind }) => kind), ["tooFast"]);
    assertEquals(log.names.slice(-2), ["error", "close"]);
    assertEquals(log.closes, [{ code: 1008, reason: "Messages are read too slowly" }]);
    let read = 0;
    const error = await (async () => {
      for await (const _ of messages) read++;
    })().catch((error) => error);
    assertEquals([read, error.code], [17, 2302999]);
  });

  it("answers 2302999 to an interval when it cannot ping, and warns once without one", async () => {
    const said: unknown[] = [];
    const { warn } = console;
    console.warn = (...words) => void said.push(...words);
    try {
      for (const option of ["pingInterval", "pongTimeout"]) {
        const { runtime, ws } = client();
        runtime.canPing = false;
        const error = await refusal(ws.connect(URL, { [option]: 1 }));
        assertEquals(error.code, 2302999);
        assertStringIncludes(error.message, `'${option}' cannot be had on the script`);
      }
      for (let i = 0; i < 2; i++) {
        const { runtime, ws, clock } = client();
        runtime.name = "the mute script"; // what is said once is said once in a process
        runtime.canPing = false;
        await ws.connect(URL);
        runtime.events.open();
        await clock.advance(120_000);
        assertEquals(runtime.socket.calls, []);
      }
    } finally {
      console.warn = warn;
    }
    assertEquals(said.length, 1);
    assertMatch(
      String(said[0]),
      /^the mute script lets no client send Ping frames: .* by the operating system\. See docs\S+ in/,
    );
  });

  it("answers 2302999 to an option that it cannot honour, and says why", async () => {
    const { runtime, ws, log } = client();
    Object.assign(runtime, { unsupported: () => ({ option: "proxy", why: "it has none" }) });
    const { code, message } = await refusal(ws.connect(URL));
    assertEquals(code, 2302999);
    assertStringIncludes(message, ": connect: 'proxy' cannot be had on the script: it has none");
    assertEquals([ws.state, log.errors], ["idle", []]);
  });
});

/** A server on a script, and what it tells. */
class Scripted {
  readonly clock = new FakeClock();
  readonly runtime = new ScriptedServer();
  readonly server: WebSocketServer;
  readonly log: string[] = [];

  constructor() {
    const { clock, runtime } = this;
    this.server = createWebSocketServer({ clock, runtime });
    this.server.on("connect", () => this.log.push("connect"));
    this.server.on("error", ({ code, message }) => this.log.push(`error ${code} ${message}`));
    this.server.on("close", (_, { code, reason }) => this.log.push(`close ${code} ${reason}`));
  }

  static async start(config: Partial<WebSocketServerConfig> = {}): Promise<Scripted> {
    const scripted = new Scripted();
    await scripted.server.start({ serverPort: 80, ...config });
    return scripted;
  }

  /** A listener's work on one message that is over the limit, and its end. */
  static busy(): { work: Promise<void>; done: () => void } {
    let done!: () => void;
    const work = new Promise<void>((resolve) => done = resolve);
    return { work, done };
  }
}

const SLOW =
  "error 200 Websocket connect failed: 127.0.0.1:50000 sends faster than the listeners can follow";

describe("a server on a runtime", () => {
  it("says what kept it from listening when that is nothing known", async () => {
    const { runtime, server } = new Scripted();
    runtime.refuses = new Error("out of ports");
    const error = await refusal(server.start({ serverPort: 80, serverIP: "127.0.0.1" }));
    assertEquals([error.code, error.cause], [2302999, runtime.refuses]);
    assertStringIncludes(error.message, "start: 127.0.0.1 port 80: Error: out of ports");
  });

  it("drops who is let in and opens after more than two seconds", async () => {
    const { clock, runtime, server, log } = await Scripted.start({ maxConnectionsForOneClient: 1 });
    const admission = runtime.enter();
    await clock.advance(1999);
    assertEquals((runtime.request() as Response).status, 429);
    await clock.advance(1);
    const socket = new PausableSocket();
    admission.open(socket);
    assertEquals(socket.calls, ["terminate"]);
    admission.closed({ code: 1006, reason: "" });
    const next = new PausableSocket();
    runtime.enter().open(next);
    assertEquals(log.slice(1), ["connect"]);
    void server;
  });

  it("gives two seconds more when the process was blocked", async () => {
    const { clock, runtime, log } = await Scripted.start();
    const admission = runtime.enter();
    clock.block(5000);
    admission.open(new PausableSocket());
    assertEquals(log, ["connect"]);
  });

  it("knows that a client has left before 'authorize' has begun to wait", async () => {
    const { runtime, log } = await Scripted.start({ authorize: () => new Promise(() => {}) });
    const answer = await runtime.request({ signal: AbortSignal.abort() });
    assertEquals([(answer as Response).status, log], [400, []]);
  });

  it("counts one end of a connection, whatever is told of it", async () => {
    const { clock, runtime, server, log } = await Scripted.start();
    const admission = runtime.enter();
    const socket = new PausableSocket();
    admission.open(socket);
    const [connection] = server.listAllConnections();
    await server.close(connection!);
    await clock.advance(5000);
    assertEquals(socket.calls, ["close 1000", "terminate"]);
    admission.closed({ code: 1006, reason: "" });
    admission.message("late");
    assertEquals(log, ["connect", "close 1000 CLOSE_NORMAL"]);
  });

  it("copes when a connection ends within a send", async () => {
    const { runtime, server, log } = await Scripted.start({ maxBufferedAmount: 1 });
    const admission = runtime.enter();
    const socket = new PausableSocket();
    socket.send = () => admission.closed({ code: 1001, reason: "gone" });
    admission.open(socket);
    const [connection] = server.listAllConnections();
    assertEquals(await server.send("hello", connection!), true);
    assertEquals(log, ["connect", "close 1001 gone"]);
  });

  it("pauses and resumes reading, and rests the heartbeat meanwhile", async () => {
    const { clock, runtime, server, log } = await Scripted.start({
      maxPendingAmount: 100,
      pingInterval: 10,
    });
    const { work, done } = Scripted.busy();
    server.on("messageReceive", () => work);
    const admission = runtime.enter();
    const socket = new PausableSocket();
    admission.open(socket);
    admission.message("x".repeat(100));
    await clock.advance(10_000);
    assertEquals(socket.calls, ["pause"]);
    done();
    await clock.advance(10_000);
    assertEquals(socket.calls, ["pause", "resume", "ping"]);
    assertEquals(log, ["connect"]);
  });

  it("closes with 1008 who stays paused, and resumes nobody who is gone", async () => {
    const { clock, runtime, server, log } = await Scripted.start({
      maxPendingAmount: 100,
      pingInterval: 10,
      pongTimeout: 5,
    });
    const { work, done } = Scripted.busy();
    server.on("messageReceive", () => work);
    const admission = runtime.enter();
    const socket = new PausableSocket();
    admission.open(socket);
    admission.message("x".repeat(100));
    await clock.advance(14_999);
    assertEquals(log, ["connect"]);
    await clock.advance(1);
    assertEquals(log, ["connect", SLOW, "close 1008 Sending too fast"]);
    done();
    await clock.advance(0);
    assertEquals(socket.calls, ["pause", "close 1008", "resume"]);
  });

  it("resumes reading with no Pings of its own when the runtime has none", async () => {
    const { clock, runtime, server } = new Scripted();
    runtime.canPing = false;
    await server.start({ serverPort: 80, maxPendingAmount: 100, pingInterval: 1 });
    const { work, done } = Scripted.busy();
    server.on("messageReceive", () => work);
    const admission = runtime.enter();
    const socket = new PausableSocket();
    admission.open(socket);
    admission.message("x".repeat(100));
    done();
    await clock.advance(60_000);
    assertEquals(socket.calls, ["pause", "resume"]);
  });

  it("is not told that it is too fast when its listener has closed it", async () => {
    const { clock, runtime, server, log } = await Scripted.start({ maxBufferedAmount: 100 });
    server.on("messageReceive", ({ clientConnection }) => {
      void server.close(clientConnection, { code: 4000, reason: "enough" });
      return new Promise<void>(() => {});
    });
    const admission = runtime.enter();
    const socket = new PausableSocket();
    // No runtime of this kind can pause.
    const cannotPause = Object.assign(socket, { pause: undefined }) as unknown as PausableSocket;
    admission.open(cannotPause);
    admission.message("x".repeat(100));
    await clock.advance(0);
    assertEquals(log, ["connect", "close 4000 enough"]);
    assert(socket.calls.includes("close 4000"));
  });

  it("goes on reading from whom its listener has closed, or the Close frame's answer would stay unread", async () => {
    const { clock, runtime, server, log } = await Scripted.start({ maxBufferedAmount: 100 });
    const { work, done } = Scripted.busy();
    server.on("messageReceive", ({ clientConnection }) => {
      void server.close(clientConnection);
      return work;
    });
    const admission = runtime.enter();
    const socket = new PausableSocket();
    admission.open(socket);
    admission.message("x".repeat(100));
    done();
    await clock.advance(0);
    assertEquals(socket.calls, ["close 1000"]);
    assertEquals(log, ["connect", "close 1000 CLOSE_NORMAL"]);
  });

  it("loses its peers as it is told", async () => {
    const { runtime, log } = await Scripted.start();
    const admission = runtime.enter();
    admission.open(new PausableSocket());
    admission.closed({ code: 1006, reason: "" });
    assertEquals(log, [
      "connect",
      "error 200 Websocket connect failed: 127.0.0.1:50000 was lost",
      `close ${LINK_DOWN.code} ${LINK_DOWN.reason}`,
    ]);
  });
});

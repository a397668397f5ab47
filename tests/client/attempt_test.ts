/** What an observer is told of a client's attempts to connect. */

import { assert, assertEquals, assertStrictEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { attempt } from "../../client/attempt.ts";
import {
  type BusinessError,
  type ClientHandshake,
  createWebSocket,
  createWebSocketServer,
  type WebSocketObserver,
} from "../../mod.ts";
import { createUntyped } from "../helpers/client.ts";
import { LATENCY, MemoryPair } from "../helpers/memory_pair.ts";
import { FakeClock } from "../../testing.ts";
import { webClient } from "../../runtime/web/client.ts";
import { ScriptedClient } from "../helpers/scripted_runtime.ts";

describe("attempt()", () => {
  it("tells scheme, host and port of a URL and nothing else of it", () => {
    const url = "wss://ann:secret@example.com/path?token=secret";
    assertEquals(attempt(url, 7, "101"), {
      scheme: "wss",
      host: "example.com",
      port: 443,
      duration: 7,
      status: 101,
    });
    const { scheme, host, port } = attempt("ws://[::1]:8080/", 0, undefined);
    assertEquals([scheme, host, port], ["ws", "::1", 8080]);
    assertEquals(attempt("ws://localhost/", 0, undefined).port, 80);
  });

  it("has one word for each way to fail, and the status where there is one", () => {
    const words: [string, string][] = [
      ["the server answered with HTTP status 503", "http_status"],
      ["the proxy answered with HTTP status 407", "proxy_refused"],
      ["connection refused", "connection_refused"],
      ["the host name was not found", "host_not_found"],
      ["the TLS handshake failed", "tls_failed"],
      ["the server's subprotocol is none that was offered", "invalid_handshake"],
      ["the server did not upgrade the connection", "invalid_handshake"],
      ["the server does not speak HTTP", "invalid_handshake"],
      ["the connection was reset", "connection_reset"],
      ["timed out after 30 s", "timeout"],
      ["anything else", "connection_failed"],
    ];
    for (const [failure, reason] of words) {
      assertEquals(attempt("ws://a/", 1, "503", failure), {
        scheme: "ws",
        host: "a",
        port: 80,
        duration: 1,
        status: 503,
        reason: reason as never,
      });
    }
    assertEquals("status" in attempt("ws://a/", 1, "0", "connection refused"), false);
  });
});

describe("an observer of a client", () => {
  it("is told how long a handshake took, and of one that fails, before 'error'", async () => {
    const log: unknown[] = [];
    const observer = {
      opened: (_: unknown, handshake: object) => log.push(["opened", handshake]),
      failed: (who: unknown, handshake: ClientHandshake) => {
        assertEquals(who, pair.ws);
        log.push(["failed", handshake]);
      },
    };
    await using pair = await MemoryPair.start({
      client: { observer },
      config: { protocol: "chat" },
    });
    pair.ws.on("error", () => log.push("error"));
    await pair.open({ protocol: "chat" });
    await pair.close();
    await pair.open({ protocol: "other" });
    const target = { scheme: "ws", host: "localhost", port: 80 };
    const [opened, failed, error] = log as [unknown, [string, ClientHandshake], string];
    assertEquals(opened, ["opened", { ...target, duration: 2 * LATENCY, status: 101 }]);
    const { reason, duration } = failed[1];
    assertEquals([failed[0], duration, error], ["failed", 2 * LATENCY, "error"]);
    assert(reason !== undefined);
  });

  it("is told of a time-out, and of a server that answers wrongly, by its word", async () => {
    const reasons: unknown[] = [];
    const observer = {
      failed: (_: unknown, { reason }: ClientHandshake) => reasons.push(reason),
    };
    const clock = new FakeClock();
    const runtime = new ScriptedClient();
    const ws = createWebSocket({ clock, runtime, observer });
    ws.on("error", () => {});
    await ws.connect("ws://localhost/", { connectTimeout: 1 });
    await clock.advance(1000);
    await ws.connect("ws://localhost/");
    runtime.socket.protocol = "chat";
    runtime.events.open();
    await ws.connect("ws://localhost/");
    runtime.socket.extensions = "deflate";
    runtime.events.open();
    assertEquals(reasons, ["timeout", "invalid_handshake", "invalid_handshake"]);
  });

  it("is told by another word where the client itself gives up", async () => {
    const log: unknown[] = [];
    const observer = {
      dialling: (_: unknown, handshake: ClientHandshake) => log.push(handshake),
      gaveUp: (who: unknown, handshake: ClientHandshake) => {
        assertEquals(who, pair.ws);
        log.push(handshake);
      },
      failed: (...args: unknown[]) => log.push(args),
    };
    await using pair = await MemoryPair.start({ client: { observer } });
    await pair.ws.connect("ws://localhost:80/");
    await pair.clock.advance(1);
    await pair.ws.close();
    await pair.clock.advance(100);
    const [began, over] = log;
    assertStrictEquals(began, over);
    assertEquals(log.length, 2);
    assertEquals(over, { scheme: "ws", host: "localhost", port: 80, duration: 1 });
  });

  it("adds headers to the request, and changes none that the user has set", async () => {
    const runtime = new ScriptedClient();
    const told: string[] = [];
    const wrong: [string, string][] = [
      ["a b", "1"],
      ["one", "1\r\ntwo: 2"],
      ["Upgrade", "other"],
      ["Sec-WebSocket-Protocol", "chat"],
    ];
    const began: object[] = [];
    const observer: WebSocketObserver = {
      dialling(_, handshake, setHeader) {
        began.push({ ...handshake });
        for (const [name, value] of wrong) {
          try {
            setHeader!(name, value);
          } catch (error) {
            told.push((error as BusinessError).message);
          }
        }
        setHeader!("Traceparent", "ours");
        setHeader!("Tracestate", "a=b");
      },
    };
    const ws = createWebSocket({ runtime, observer });
    const header = { traceparent: "the user's", Other: "1" };
    await ws.connect("ws://ann:secret@localhost/path?secret", { header });
    assertEquals(runtime.request.headers, {
      other: "1",
      traceparent: "the user's",
      tracestate: "a=b",
    });
    assertEquals(began, [{ scheme: "ws", host: "localhost", port: 80, duration: 0 }]);
    assertEquals(told, [
      ...told.slice(0, 3),
      "Parameter error: setHeader: the name must not be the subprotocols': current value is " +
      '"Sec-WebSocket-Protocol"',
    ]);
    for (const message of told) assertStringIncludes(message, "Parameter error: ");
    await ws.close();
    await ws.closed;
    await ws.connect("ws://localhost/");
    assertEquals(runtime.request.headers, { traceparent: "ours", tracestate: "a=b" });
    await ws.close();
  });

  it("can add no header where the runtime sends none, as in a page", async () => {
    const given: unknown[] = [];
    const traces: unknown[] = [];
    const observer: WebSocketObserver = {
      dialling: (_, __, setHeader) => void given.push(setHeader),
      asked: ({ trace }) => void traces.push(trace),
    };
    const server = createWebSocketServer({ observer });
    await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
    const ws = createWebSocket({ runtime: webClient(), observer });
    await ws.connect(`ws://127.0.0.1:${server.address!.port}/`);
    await ws.opened;
    assertEquals([given, traces], [[undefined], [undefined]]);
    await ws.close();
    await ws.closed;
    await server.stop();
  });

  it("is told of an attempt that the runtime refused as one that failed", async () => {
    const log: unknown[] = [];
    const observer: WebSocketObserver = {
      dialling: () => log.push("dialling"),
      failed: (_, { reason }) => log.push(reason),
    };
    const runtime = new ScriptedClient();
    runtime.fault = new Error("the runtime's own");
    const ws = createWebSocket({ runtime, observer });
    assertEquals((await ws.connect("ws://localhost/").catch((error) => error)).kind, "url");
    assertEquals(log, ["dialling", "connection_failed"]);
  });

  it("cannot connect within an attempt that begins, and ends one that follows by closing", async () => {
    const clock = new FakeClock();
    const runtime = new ScriptedClient();
    const kinds: unknown[] = [];
    let calls = 0;
    const observer: WebSocketObserver = {
      dialling() {
        calls++;
        if (calls === 1) ws.connect("ws://localhost/").catch(({ kind }) => kinds.push(kind));
        else void ws.close({ code: 4000, reason: "enough" });
      },
    };
    const ws = createWebSocket({ clock, runtime, observer, reconnect: { random: () => 1 } });
    const log: unknown[] = [];
    ws.on("error", () => {});
    ws.on("close", (_, { code }) => log.push(code));
    await ws.connect("ws://localhost/");
    runtime.events.closed({ code: 0, reason: "" });
    await clock.advance(100_000);
    assertEquals([calls, kinds, ws.state], [2, ["alreadyConnected"], "idle"]);
    assertEquals(log, [4000]);
    assertEquals(runtime.socket.calls, []); // there is no second one
  });

  it("is told of each attempt that fails and of each that follows, when it reconnects", async () => {
    const log: unknown[] = [];
    const observer = {
      failed: (_: unknown, { reason }: ClientHandshake) => log.push(["failed", reason]),
      reconnecting: (_: unknown, info: object) => log.push(["reconnecting", info]),
    };
    const clock = new FakeClock();
    const runtime = new ScriptedClient();
    const ws = createWebSocket({
      clock,
      runtime,
      observer,
      reconnect: { random: () => 0.5, attempts: 2, minDelay: 1, maxDelay: 1 },
    });
    ws.on("error", () => {});
    ws.on("reconnecting", () => log.push("reconnecting"));
    await ws.connect("ws://localhost/");
    const failure = { what: "connection refused", status: "0" };
    runtime.events.closed({ code: 0, reason: "", failure });
    runtime.fault = new Error("the runtime's own");
    await clock.advance(10_000);
    const [first, told, again, second] = log as [
      unknown,
      [string, { attempt: number }],
      ...unknown[],
    ];
    assertEquals([first, again, second], [
      ["failed", "connection_refused"],
      "reconnecting",
      ["failed", "connection_failed"],
    ]);
    assertEquals([told[0], told[1].attempt], ["reconnecting", 1]);
    assertEquals(ws.state, "idle");
  });

  it("is told where a function of the user did not say what to dial", async () => {
    const log: unknown[] = [];
    const observer = {
      failed: (_: unknown, handshake: ClientHandshake) => {
        log.push(handshake);
        void ws.close();
      },
    };
    const clock = new FakeClock();
    const runtime = new ScriptedClient();
    const ws = createUntyped({ clock, runtime, observer, reconnect: true });
    ws.on("error", () => {});
    for (const rejects of [true, false]) {
      const { promise, reject } = Promise.withResolvers<string>();
      if (rejects) clock.setTimer(() => reject(new Error("no URL")), 500);
      await ws.connect(() => promise, { connectTimeout: 3 });
      await clock.advance(3000);
      assertEquals(ws.state, "idle");
    }
    assertEquals(log, [{ duration: 500, reason: "hook_failed" }, {
      duration: 3000,
      reason: "timeout",
    }]);
  });

  it("is told which one in a row it is of those that nobody has asked for", async () => {
    const log: unknown[] = [];
    const observer = {
      dialling: (_: unknown, { attempt }: ClientHandshake) => log.push(["dialling", attempt]),
      failed: (_: unknown, { attempt }: ClientHandshake) => log.push(["failed", attempt]),
    };
    const clock = new FakeClock();
    const runtime = new ScriptedClient();
    const ws = createUntyped({
      clock,
      runtime,
      observer,
      reconnect: { minDelay: 1, maxDelay: 1, random: () => 1 },
    });
    ws.on("error", () => {});
    let asked = 0;
    const url = () => ++asked === 3 ? Promise.reject(new Error("no URL")) : "ws://localhost/";
    await ws.connect(url);
    await clock.advance(0);
    runtime.events.closed({ code: 0, reason: "" });
    await clock.advance(1000);
    runtime.events.closed({ code: 0, reason: "" });
    await clock.advance(1000);
    await clock.until(ws.close());
    await ws.connect("ws://localhost/");
    assertEquals(log, [
      ...[["dialling", undefined], ["failed", undefined], ["dialling", 1], ["failed", 1]],
      ...[["failed", 2], ["dialling", undefined]],
    ]);
    await ws.close();
  });

  it("may close when it is told that the client is to connect again", async () => {
    const log: string[] = [];
    const clock = new FakeClock();
    const runtime = new ScriptedClient();
    const observer = { reconnecting: () => void ws.close() };
    const ws = createUntyped({ clock, runtime, observer, reconnect: true });
    for (const name of ["error", "reconnecting", "close"] as const) {
      ws.on(name, () => log.push(name));
    }
    await ws.connect("ws://localhost/");
    runtime.events.closed({ code: 0, reason: "" });
    await clock.advance(100_000);
    assertEquals([log, ws.state], [["error", "close"], "idle"]);
  });
});

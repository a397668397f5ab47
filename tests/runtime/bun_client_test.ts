/** What the client on Bun makes of Bun's WebSocket, here one that does what a test says, in time that stands still. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { FakeTime } from "@std/testing/time";
import type { ClientSocket, DialRequest, End } from "../../runtime/contract.ts";
import { environment, withProxyEnvironment } from "../../runtime/proxy.ts";
import { loadBunClient, ScriptedWebSocket } from "./scripted_bun_client.ts";

const runtime = await loadBunClient();

describe("the client on Bun", () => {
  let time: FakeTime;
  let ws: ScriptedWebSocket;
  let socket: ClientSocket;
  const told: unknown[] = [];
  let cause: unknown;

  beforeEach(() => {
    time = new FakeTime();
    [socket, ws] = dial();
  });
  afterEach(() => {
    ws.onclose({ code: 1006, reason: "" });
    time.restore();
    told.length = 0;
  });

  function dial(request: Partial<DialRequest> = {}): [ClientSocket, ScriptedWebSocket] {
    const socket = runtime.dial({
      ...{ url: "ws://localhost/", headers: {}, protocols: [], proxy: "no-proxy" },
      tls: { insecure: false, minVersion: 0 },
      ...request,
    }, {
      open: () => void told.push("open"),
      message: (data) => void told.push(`message ${data}`),
      alive: () => void told.push("alive"),
      closed: ({ code, reason, unsent, failure }: End) => {
        told.push([code, reason, unsent, failure?.what]);
        cause = failure?.cause;
      },
    });
    ScriptedWebSocket.last.onopen();
    return [socket, ScriptedWebSocket.last];
  }

  it("is told what there is, in its form", () => {
    ws.onmessage({ data: "one" });
    ws.pong();
    assertEquals(told, ["open", "message one", "alive"]);
    assertEquals([socket.protocol, socket.extensions, ws.binaryType], ["chat", "", "arraybuffer"]);
  });

  it("drops who has closed and has read nothing more for a second", () => {
    ws.readyState = ws.CLOSING;
    const queued: [bytes: number, calls: number][] = [[100, 0], [99, 0], [98, 0], [98, 1]];
    for (const [bytes, calls] of queued) {
      ws.bufferedAmount = bytes;
      time.tick(999);
      assertEquals(ws.calls.length, 0);
      time.tick(1);
      assertEquals(ws.calls.length, calls, `${bytes} bytes`);
    }
    assertEquals(ws.calls, ["terminate"]);
  });

  it("drops nobody who has not closed", () => {
    time.tick(60_000);
    assertEquals(ws.calls, []);
  });

  it("looks for such no more when the last connection is over, and again for the next", () => {
    const [, other] = dial();
    other.onclose({ code: 1000, reason: "" });
    ws.readyState = ws.CLOSING;
    time.tick(2000);
    assertEquals(ws.calls, ["terminate"]);
    ws.onclose({ code: 1000, reason: "" });
    time.tick(60_000);
    assertEquals([ws.calls.length, other.calls], [1, []]);
    const [, next] = dial();
    next.readyState = next.CLOSING;
    time.tick(2000);
    assertEquals([ws.calls.length, next.calls], [1, ["terminate"]]);
    next.onclose({ code: 1000, reason: "" });
  });

  it("looks no more at one that was dropped, before Bun has told its end", () => {
    socket.terminate();
    ws.readyState = ws.CLOSING;
    time.tick(5000);
    assertEquals(ws.calls, ["terminate"]);
  });

  it("tells the headers of the answer right before it is open, to whoever wants them", () => {
    assertEquals(ws.handshake, undefined);
    for (const isWanted of [true, false]) {
      const [, next] = dial({ answer: { isWanted, headers: (all) => void told.push(all) } });
      told.length = 0;
      next.handshake!({ data: { rawHeaders: ["A", "1", "B", "", "a", "2"] } });
      assertEquals(told, []);
      next.onopen();
      assertEquals(told.splice(0), isWanted ? [{ a: "1, 2", b: "" }, "open"] : ["open"]);
      next.onopen(); // they are let go of
      assertEquals(told, ["open"]);
      next.onclose({ code: 1000, reason: "" });
    }
  });

  it("stops reading only while it is open, and reads on in any state", () => {
    for (const state of [0, 1, 2, 3]) {
      ws.readyState = state;
      socket.pause!();
      socket.resume!();
    }
    assertEquals(ws.calls, ["resume", "pause", "resume", "resume", "resume"]);
  });

  for (const [state, calls] of [[0, []], [1, ["ping"]], [2, ["terminate"]], [3, []]] as const) {
    it(`has a Ping in the state ${state} be ${calls[0] ?? "nothing"}`, () => {
      ws.readyState = state;
      socket.ping();
      assertEquals(ws.calls, [...calls]);
    });
  }

  it("closes at once where nothing is queued, whatever the state", () => {
    for (const state of [0, 1, 2]) {
      ws.readyState = state;
      socket.close(4000, "bye");
      assertEquals(ws.calls.splice(0), ["close 4000 bye"]);
    }
    time.tick(60_000); // how long the peer may take to answer is not decided here
    assertEquals(ws.calls, []);
  });

  it("closes when the queue is empty, for which it looks every 25 ms in the end", () => {
    ws.bufferedAmount = 1;
    socket.close(4000, "bye");
    time.tick(1 + 2 + 4 + 8 + 16);
    ws.bufferedAmount = 0;
    time.tick(24);
    assertEquals(ws.calls, []);
    time.tick(1);
    assertEquals(ws.calls, ["close 4000 bye"]);
    time.tick(60_000);
    assertEquals(ws.calls, ["close 4000 bye"]);
  });

  it("leaves it to the peer's Close frame where that comes first", () => {
    ws.bufferedAmount = 1;
    socket.close(4000, "bye");
    ws.readyState = ws.CLOSING;
    ws.bufferedAmount = 0;
    time.tick(500);
    assertEquals(ws.calls, []);
    ws.onclose({ code: 1001, reason: "theirs" });
    assertEquals(told, ["open", [1001, "theirs", 0, undefined]]);
  });

  it("closes nothing that was dropped, or is over, while it waited", () => {
    for (const end of [() => socket.terminate(), () => ws.onclose({ code: 1000, reason: "" })]) {
      ws.bufferedAmount = 1;
      socket.close(4000, "bye");
      end();
      ws.bufferedAmount = 0;
      time.tick(60_000);
      assertEquals(ws.calls.filter((call) => call.startsWith("close")), []);
      [socket, ws] = dial();
    }
  });

  it("closes with no code for 1005, and with 1000 for one that Bun does not take", () => {
    socket.close(1005, "");
    ws.refuses = 1006;
    socket.close(1006, "why");
    assertEquals(ws.calls, ["close", "close 1000 why"]);
  });

  it("sends a copy of what Bun does not take as it is", () => {
    socket.send("text");
    ws.refuses = new Uint8Array([1, 2]);
    socket.send(ws.refuses as Uint8Array<ArrayBuffer>);
    assertEquals(ws.calls, ["send text", "send 1,2"]);
  });

  it("has nothing queued when it is over, whatever Bun goes on counting", () => {
    ws.bufferedAmount = 9;
    assertEquals(socket.bufferedAmount, 9);
    ws.onclose({ code: 1006, reason: "" });
    ws.onclose({ code: 1000, reason: "again" });
    assertEquals([socket.bufferedAmount, told], [0, ["open", [1006, "", 9, undefined]]]);
    const [dropped, its] = dial();
    its.bufferedAmount = 9;
    dropped.terminate();
    its.onclose({ code: 1006, reason: "" });
    assertEquals([dropped.bufferedAmount, told.length], [0, 3]);
  });

  it("tells what went wrong, by Bun's words or its error's code", () => {
    ws.onerror({ message: "WebSocket connection failed", error: { code: "ECONNREFUSED" } });
    ws.onclose({ code: 1006, reason: "" });
    assertEquals((cause as { code: string }).code, "ECONNREFUSED");
    const [, other] = dial();
    other.onerror({ message: "x" });
    other.onclose({ code: 1006, reason: "Expected 101 status code: 503" });
    assertEquals(cause, "x");
    assertEquals(told.filter((one) => one !== "open"), [
      [0, "", 0, "connection refused"],
      [0, "Expected 101 status code: 503", 0, "the server answered with HTTP status 503"],
    ]);
    assert(runtime.canPing);
  });

  it("gives bytes as views of the whole of their memory where those are asked for", () => {
    const [, views] = dial({ binaryType: "uint8array" });
    const { buffer } = Uint8Array.from([1, 2]);
    told.length = 0;
    for (const data of ["text", buffer]) views.onmessage({ data });
    assertEquals([told, views.binaryType], [["message text", "message 1,2"], "arraybuffer"]);
    views.onclose({ code: 1000, reason: "" });
  });

  it("has Bun told of each option, in Bun's form, and of no other", () => {
    const tls = { insecure: false, minVersion: 0 };
    const identity = { cert: "c", key: "k" };
    const proxy = { host: "p", port: 1 };
    const plain = { headers: {}, protocols: [], perMessageDeflate: false, tls: {} };
    const http_proxy = "http://e:2";
    const rows: [Partial<DialRequest>, object, object?][] = [
      [{}, {}],
      [{ headers: { a: "b" }, protocols: ["c"] }, { headers: { a: "b" }, protocols: ["c"] }],
      [{ compression: true }, { perMessageDeflate: true }],
      [{ compression: false }, {}],
      [{ tls: { ...tls, ca: "PEM", identity } }, { tls: { ca: "PEM", ...identity } }],
      [{ tls: { ...tls, insecure: true } }, { tls: { rejectUnauthorized: false } }],
      [{ tls: { ...tls, minVersion: 2 } }, {}],
      [{ tls: { ...tls, minVersion: 3 } }, { tls: { minVersion: 0x0304 } }],
      [{ proxy }, { proxy: "http://p:1/" }],
      [{ proxy: { ...proxy, username: "me", password: "@" } }, { proxy: "http://me:%40@p:1/" }],
      [{ proxy }, { proxy: "http://p:1/" }, { http_proxy, no_proxy: "*" }],
      [{ proxy: "system" }, { proxy: "http://e:2/" }, { http_proxy }],
      [{ proxy: "system" }, {}, { http_proxy, no_proxy: "*" }],
      [{ proxy: "no-proxy" }, {}, { http_proxy }],
    ];
    for (const [request, expected, env = {}] of rows) {
      const [, made] = withProxyEnvironment(environment(), { X: "", ...env }, () => dial(request));
      assertEquals([made.url, made.init], ["ws://localhost/", { ...plain, ...expected }]);
      assertEquals(made.seen, [undefined, undefined, undefined]);
      made.onclose({ code: 1000, reason: "" });
    }
  });

  it("has Bun told of each option beside any others", () => {
    const identity = { cert: "c", key: "k" };
    const parts: [request: Partial<DialRequest>, tls: object, init: object, tlsOfBun: object][] = [
      [{}, { ca: "PEM" }, {}, { ca: "PEM" }],
      [{}, { identity }, {}, identity],
      [{}, { insecure: true }, {}, { rejectUnauthorized: false }],
      [{}, { minVersion: 3 }, {}, { minVersion: 0x0304 }],
      [{ proxy: { host: "p", port: 1 } }, {}, { proxy: "http://p:1/" }, {}],
      [{ compression: true }, {}, { perMessageDeflate: true }, {}],
      [
        { protocols: ["c"], headers: { a: "b" } },
        {},
        { protocols: ["c"], headers: { a: "b" } },
        {},
      ],
    ];
    for (let which = 0; which < 2 ** parts.length; which++) {
      const all = parts.filter((_, index) => which & (1 << index));
      const merged = (at: 0 | 1 | 2 | 3) => Object.assign({}, ...all.map((part) => part[at]));
      const tls = { insecure: false, minVersion: 0, ...merged(1) };
      const [, { init, onclose }] = dial({ ...merged(0), tls });
      const plain = { headers: {}, protocols: [], perMessageDeflate: false };
      assertEquals(init, { ...plain, ...merged(2), tls: merged(3) });
      onclose({ code: 1000, reason: "" });
    }
  });

  it("cannot go through what is no HTTP proxy, and says so", () => {
    const unsupported = (http_proxy: string) =>
      withProxyEnvironment(
        environment(),
        { http_proxy },
        () => runtime.unsupported({ url: "ws://a/", proxy: "system" } as DialRequest),
      );
    assertEquals(unsupported("http://p"), undefined);
    const why = "it speaks to HTTP proxies only, not to socks5://p";
    assertEquals(unsupported("socks5://p"), { option: "proxy", why });
    assertEquals(runtime.denied("ws://a/"), undefined);
    assertMatch(runtime.name, /^Bun \d/);
  });
});

/** 'headerReceive': what the server has answered to the handshake. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  createWebSocket,
  createWebSocketServer,
  type WebSocketClient,
  type WebSocketClientOptions,
} from "../../mod.ts";
import { FakeClock, MemoryNetwork } from "../../testing.ts";
import { Certificates } from "../helpers/certificates.ts";
import { Session, within } from "../helpers/client.ts";
import { onDeno } from "../helpers/programs.ts";
import { ScriptedClient } from "../helpers/scripted_runtime.ts";
import { MODULE, runSource } from "../helpers/source.ts";
import { INTERNAL } from "../runtime/bare.ts";
import { acceptHead, type RawPeer, TEXT } from "../peers/raw.ts";
import { RecordingProxy } from "../peers/recording_proxy.ts";

type Headers = Record<string, string | string[] | undefined>;

const made = new Certificates();

/** Writes down what a client tells of its connections, in order. */
function logOf(ws: WebSocketClient): unknown[] {
  const log: unknown[] = [];
  const withoutAccept = ({ "sec-websocket-accept": accept, ...rest }: Headers) => [
    rest,
    typeof accept,
  ];
  ws.on("headerReceive", (headers) => log.push([ws.state, ...withoutAccept(headers)]));
  for (const event of ["open", "openInfo", "message", "close"] as const) {
    ws.on(event, () => log.push(event));
  }
  ws.on("error", ({ code, message }) => log.push(`${code} ${message}`));
  return log;
}

const UPGRADE = { upgrade: "websocket", connection: "Upgrade" };

/** A server whose answer has more headers, and a client of it. */
function answering(extra: string[], client: WebSocketClientOptions = {}): Promise<Session> {
  return Session.start({ server: { answer: (request) => acceptHead(request, extra) }, client });
}

describe("createWebSocket().on('headerReceive')", () => {
  const cases: [what: string, extra: string[], told: Headers][] = [
    ["no more than it must be", [], {}],
    ["names in lower case, and values as they are", ["X-Own: Any  Thing", "server:x"], {
      "x-own": "Any  Thing",
      server: "x",
    }],
    ["the values of one name together", ["X-A: 1", "x-a: 2", "Vary: a, b"], {
      "x-a": "1, 2",
      vary: "a, b",
    }],
    ["a value that is empty", ["x-empty:"], { "x-empty": "" }],
    ["one cookie in an array", ["Set-Cookie: a=1; Path=/"], { "set-cookie": ["a=1; Path=/"] }],
    ["each cookie by itself", [
      "Set-Cookie: a=1; Expires=Wed, 09 Jun 2027 10:18:14 GMT; Path=/",
      "set-cookie: __Host-b=x.y; Secure",
      "x-between: 1",
      "SET-COOKIE: c=",
    ], {
      "set-cookie": [
        "a=1; Expires=Wed, 09 Jun 2027 10:18:14 GMT; Path=/",
        "__Host-b=x.y; Secure",
        "c=",
      ],
      "x-between": "1",
    }],
  ];
  const against: Headers = { "set-cookie": onDeno ? ["a=1", "b=2"] : ["a=1, b=2"] };
  cases.push(["a cookie against the RFC", ["Set-Cookie: a=1, b=2"], against]); // see docs/limits.md
  for (const [what, extra, told] of cases) {
    it(`is told once, right before 'open': ${what}`, async () => {
      await using session = await answering(extra);
      const log = logOf(session.ws);
      await within(session.ws.connect(session.url));
      await within(session.ws.opened);
      assertEquals(log, [["connecting", { ...UPGRADE, ...told }, "string"], "open", "openInfo"]);
    });
  }

  it("is told of a name that an object has already", async () => {
    await using session = await answering(["__proto__: a", "constructor: b"]);
    let told: Headers = {};
    session.ws.on("headerReceive", (headers) => told = headers);
    await session.open();
    const own = (name: string) => Object.getOwnPropertyDescriptor(told, name)?.value;
    assertEquals([own("__proto__"), own("constructor")], ["a", "b"]);
  });

  it("is told before a message that comes with the answer", async () => {
    await using session = await answering([]);
    const log = logOf(session.ws);
    const accepted = session.server.accept();
    await within(session.ws.connect(session.url));
    (await within(accepted)).send(TEXT, "first");
    await session.log.next("message");
    assertEquals(log.slice(1), ["open", "openInfo", "message"]);
  });

  it("is told whoever listens in the turn of connect(), and nobody who has left", async () => {
    await using session = await answering(["x-own: 1"]);
    const heard: string[] = [];
    const hear = (name: string) => () => void heard.push(name);
    const gone = hear("gone");
    session.ws.on("headerReceive", gone);
    session.ws.once("headerReceive", hear("once"));
    const connected = session.ws.connect(session.url);
    session.ws.off("headerReceive", gone);
    session.ws.on("headerReceive", hear("late"));
    await within(connected);
    await within(session.ws.opened);
    await within(session.ws.close());
    await within(session.ws.closed);
    await session.open();
    assertEquals(heard, ["once", "late", "late"]);
    session.ws.off("headerReceive");
    await within(session.ws.close());
    await within(session.ws.closed);
    await session.open();
    assertEquals(heard.length, 3);
  });

  it("is not told where the handshake fails", async () => {
    for (
      const answer of [
        () => "HTTP/1.1 401 No\r\nwww-authenticate: Basic\r\ncontent-length: 0\r\n\r\n",
        (request: string) => acceptHead(request, ["sec-websocket-protocol: never-offered"]),
        (request: string) => acceptHead(request, ["sec-websocket-extensions: never-offered"]),
      ]
    ) {
      await using session = await Session.start({ server: { answer } });
      const log = logOf(session.ws);
      await within(session.ws.connect(session.url));
      await session.log.next("error");
      assertEquals(log.length, 1);
      assertStringIncludes(String(log.at(-1)), "200 Websocket connect failed");
    }
  });

  it("lets its listener close, send, and fail", async () => {
    await using session = await answering([]);
    const { ws } = session;
    const log: unknown[] = [];
    ws.once("headerReceive", () => void ws.close({ code: 4000, reason: "no" }));
    for (const event of ["open", "openInfo"] as const) ws.on(event, () => log.push(event));
    const first = session.server.accept();
    await within(ws.connect(session.url));
    assertEquals(await within(ws.closed), { code: 4000, reason: "no" });
    await within(first);
    assertEquals(log, []);
    ws.once("headerReceive", () => void ws.send("early"));
    ws.once("headerReceive", () => {
      throw new Error("in headerReceive");
    });
    const accepted = session.server.accept();
    await within(ws.connect(session.url));
    const peer = await nextWithText(accepted, session);
    assertEquals(peer.texts(), ["early"]);
    assertEquals(log, ["open", "openInfo"]);
    const [error] = session.log.errors;
    assertEquals([error!.code, String(error!.cause)], [2302999, "Error: in headerReceive"]);
    assertStringIncludes(error!.message, "'headerReceive'");
  });

  it("is told of each connection of a client that reconnects", async () => {
    let n = 0;
    await using session = await Session.start({
      server: { answer: (request) => acceptHead(request, [`x-n: ${++n}`]) },
      client: { reconnect: { minDelay: 0.01, maxDelay: 0.01 } },
    });
    const log: unknown[] = [];
    session.ws.on("headerReceive", (headers) => log.push(headers["x-n"]));
    session.ws.on("open", () => log.push("open"));
    for (let i = 1; i <= 3; i++) {
      const peer = i === 1 ? await session.open() : await within(session.server.accept());
      await session.log.next("open", i);
      if (i < 3) peer.reset();
    }
    assertEquals(log, ["1", "open", "2", "open", "3", "open"]);
    await within(session.ws.close());
    await within(session.ws.closed);
  });

  it("is told over TLS, and through a proxy", async () => {
    const authority = made.authority("answers");
    const secure = createWebSocketServer();
    const serverCert = made.leaf(authority);
    await secure.start({ serverPort: 0, serverIP: "127.0.0.1", protocol: "chat", serverCert });
    await using plain = await answering(["x-own: 1"]);
    await using proxy = await RecordingProxy.listen();
    const { port } = secure.address!;
    const url = `wss://localhost:${port}/`;
    const through = { proxy: { host: "127.0.0.1", port: proxy.port } };
    const ways: [string, object, string, string][] = [
      [url, { caPath: authority.certPath, protocol: "chat" }, "sec-websocket-protocol", "chat"],
      [plain.url, through, "x-own", "1"],
    ];
    for (const [to, options, name, value] of ways) {
      await using ws = createWebSocket();
      const told = new Promise<Headers>((resolve) => ws.on("headerReceive", resolve));
      await within(ws.connect(to, options));
      assertEquals([to, (await within(told))[name]], [to, value]);
      await within(ws.opened);
    }
    await secure.stop();
  });

  it("leaves nothing behind that others see", async () => {
    await using session = await answering([]);
    const found: unknown[] = [];
    session.ws.on("headerReceive", () => found.push(debuggerOf()));
    for (const other of [undefined, { isEnabled: () => false }]) {
      await debugging(other, async () => {
        const accepted = session.server.accept();
        const connected = session.ws.connect(session.url);
        found.push(debuggerOf());
        await within(connected);
        await within(accepted);
        await within(session.ws.opened);
        found.push(debuggerOf());
        assertEquals(found.splice(0).map((one) => one === other), [true, true, true]);
        await within(session.ws.close());
        await within(session.ws.closed);
      });
    }
  });

  it("leaves it to a debugger of the program, where there is one", async () => {
    await using session = await answering([]);
    const told: string[] = [];
    const tell = (what: string) => () => void told.push(what);
    const other = {
      isEnabled: () => true,
      nextRequestId: () => "1",
      webSocketCreated: tell("created"),
      webSocketWillSendHandshakeRequest: tell("sends"),
      webSocketHandshakeResponseReceived: tell("received"),
      webSocketClosed: tell("closed"),
    };
    session.ws.on("headerReceive", tell("ours"));
    await debugging(other, async () => {
      await session.open();
      assertEquals(told, onDeno ? ["created", "sends", "received"] : ["ours"]);
      assert(debuggerOf() === other);
    });
  });

  it("is told on the network in memory, with what the server answers", async () => {
    const clock = new FakeClock();
    const network = new MemoryNetwork({ clock });
    const server = createWebSocketServer({ clock, runtime: network.server });
    await server.start({
      serverPort: 80,
      protocol: "chat",
      authorize(_, { headers }) {
        for (const cookie of ["a=1", "b=2"]) headers.append("set-cookie", cookie);
        return {};
      },
    });
    const ws = createWebSocket({ clock, runtime: network.client });
    const log = logOf(ws);
    await ws.connect("ws://localhost/", { protocol: "chat" });
    await clock.advance(10);
    const told = { ...UPGRADE, "sec-websocket-protocol": "chat", "set-cookie": ["a=1", "b=2"] };
    assertEquals(log, [["connecting", told, "undefined"], "open", "openInfo"]);
    await clock.until(ws.close());
    await clock.until(server.stop());
  });

  it("is not told of an answer that comes after close()", async () => {
    const runtime = new ScriptedClient();
    const ws = createWebSocket({ clock: new FakeClock(), runtime });
    const log = logOf(ws);
    await ws.connect("ws://localhost/");
    const { answer } = runtime.request;
    await ws.close();
    answer!.headers({ n: "1" });
    runtime.events.closed({ code: 1006, reason: "" });
    answer!.headers({ n: "2" });
    await within(ws.closed);
    assertEquals(log, ["close"]);
  });

  const HIDDEN = `
    globalThis.WebSocket = class extends WebSocket {};
    console.warn = (what) => console.log(what);
    const { createWebSocket } = await import(${JSON.stringify(MODULE)});
    for (let n = 0; n < 2; n++) {
      const ws = createWebSocket(OPTIONS);
      for (const method of METHODS) ws[method]("headerReceive", () => {});
    }
  `;

  it("says once on the console that it is never told, where the runtime does not show them", async () => {
    const own =
      "{ runtime: { name: 'x', canPing: true, dial() {}, denied() {}, unsupported() {} } }";
    const ways = [[own, "on', 'once"], [onDeno ? "{}" : own, "once"], [own, "on", "open"]] as const;
    for (const [options, methods, event = "headerReceive"] of ways) {
      const source = HIDDEN.replace("OPTIONS", options).replace("METHODS", `['${methods}']`);
      const { code, stdout } = await runSource(source.replace("headerReceive", event));
      const what =
        "'headerReceive' is never told: this runtime does not show a handshake's headers.";
      const said = stdout.split("\n").filter((line) => line.includes("headerReceive"));
      assertEquals([code, said], [0, event === "open" ? [] : [what]]);
    }
  });

  it("says nothing where the runtime shows them", async () => {
    const source = HIDDEN.replace(/.*class extends.*/, "").replace("OPTIONS", "{}")
      .replace("METHODS", "['on', 'once']");
    assertEquals((await runSource(source)).stdout, "");
  });
});

// deno-lint-ignore no-explicit-any -- Deno's internals have no types
const { Deno } = globalThis as any;

/** What Deno keeps inside; something else on Bun. */
const inside: Record<string, unknown> = Deno?.[Deno.internal] ?? {};

/** Has Deno find this debugger, or none, while the task runs. */
async function debugging(found: object | undefined, task: () => Promise<void>): Promise<void> {
  const { [INTERNAL.network]: before } = inside;
  if (found === undefined) delete inside[INTERNAL.network];
  else inside[INTERNAL.network] = found;
  try {
    await task();
  } finally {
    if (before === undefined) delete inside[INTERNAL.network];
    else inside[INTERNAL.network] = before;
  }
}

/** What Deno would tell of the network, if it wants to hear of it. */
function debuggerOf(): unknown {
  return inside[INTERNAL.network];
}

/** The next peer, when its first text has come. */
async function nextWithText(accepted: Promise<RawPeer>, { ws }: Session): Promise<RawPeer> {
  const peer = await within(accepted);
  await within(ws.opened);
  await within(peer.next(TEXT));
  return peer;
}

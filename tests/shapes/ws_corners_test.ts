/** Sockets in the shape of npm's `ws`: when a callback comes, two shapes of one connection, and calls in vain. */

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { BusinessError, createWebSocketServer, type WebSocketServerConfig } from "../../mod.ts";
import { wsServer, type WsSocket } from "../../node.ts";
import { socketOf } from "../../standard.ts";
import { FakeClock } from "../../testing.ts";
import { MemoryPair } from "../helpers/memory_pair.ts";
import { PausableSocket, ScriptedServer, ScriptedSocket } from "../helpers/scripted_runtime.ts";
import { MODULE, runSource } from "../helpers/source.ts";

const TESTING = new URL("../../testing.ts", import.meta.url).href;

/** A pair, with two servers of `ws` over its one, and what came to the client. */
async function open(config: Partial<WebSocketServerConfig> = {}) {
  const pair = await MemoryPair.start({ config });
  const sockets: WsSocket[] = [];
  const requests: IncomingMessage[] = [];
  const servers = [wsServer(pair.server), wsServer(pair.server)] as const;
  for (const server of servers) {
    server.on("connection", (socket, request) => {
      sockets.push(socket);
      requests.push(request);
    });
  }
  const got: unknown[] = [];
  pair.ws.on("message", (_, data) => got.push(data));
  pair.ws.on("close", (_, { code }) => got.push(code));
  const connection = await pair.open();
  const link = pair.network.links.at(-1)!;
  return { pair, servers, sockets, socket: sockets[0]!, requests, got, connection, link };
}

/** A socket of a runtime that can stop reading, and the calls it gets. */
async function scripted(
  config: Partial<WebSocketServerConfig> = {},
  wire: ScriptedSocket = new PausableSocket(),
) {
  const clock = new FakeClock();
  const runtime = new ScriptedServer();
  const server = createWebSocketServer({ clock, runtime });
  const sockets: WsSocket[] = [];
  for (const wss of [wsServer(server), wsServer(server)]) {
    wss.on("connection", (one) => sockets.push(one));
  }
  await server.start({ serverPort: 80, ...config });
  const admission = runtime.enter();
  admission.open(wire);
  const end = async () => {
    admission.closed({ code: 1000, reason: "" });
    await clock.until(server.stop());
    assertEquals(clock.pending, 0);
  };
  return { server, socket: sockets[0]!, sockets, admission, calls: wire.calls, clock, end };
}

describe("a callback of send() and ping()", () => {
  it("comes after the call, whatever became of the message", async () => {
    const { pair, socket, got } = await open();
    const told: unknown[] = [];
    const asked = (what: string, call: (callback: (error?: Error) => void) => void) => {
      let isOver = false;
      call((error) => told.push([what, isOver, error === undefined]));
      isOver = true;
    };
    asked("text", (callback) => socket.send("text", callback));
    asked("bytes", (callback) => socket.send(new Uint8Array(1), {}, callback));
    asked("ping", (callback) => socket.ping(callback));
    asked("too much", (callback) => socket.send(new Uint8Array(6_000_000), callback));
    await pair.clock.advance(20);
    socket.close();
    asked("late", (callback) => socket.send("late", callback));
    asked("late ping", (callback) => socket.ping(undefined, undefined, callback));
    await pair.clock.advance(20);
    assertEquals(told, [
      ...[["text", true, true], ["bytes", true, true], ["ping", true, true]],
      ...[["too much", true, false], ["late", true, false], ["late ping", true, false]],
    ]);
    assertEquals(got.map((data) => data instanceof ArrayBuffer ? data.byteLength : data), [
      ...["text", 1, 1000],
    ]);
    await pair[Symbol.asyncDispose]();
  });

  it("is told of a Blob that cannot be read, or else 'error' is, or the console", async () => {
    const { pair, socket, got } = await open();
    const gone = new RangeError("gone");
    const blob = () => Object.assign(new Blob(["a"]), { arrayBuffer: () => Promise.reject(gone) });
    const told: unknown[] = [];
    socket.send(blob(), (error) => told.push(error === gone));
    await pair.clock.advance(1);
    const { error } = console;
    console.error = (error: unknown) => told.push(["printed", error === gone]);
    socket.send(blob());
    await pair.clock.advance(1);
    console.error = error;
    socket.on("error", (error) => told.push(error === gone));
    socket.send(blob());
    socket.send("after");
    await pair.clock.advance(20);
    assertEquals([got, socket.readyState], [["after"], 1]);
    assertEquals(told, [true, ["printed", true], true]);
    await pair[Symbol.asyncDispose]();
  });
});

describe("a socket of ws", () => {
  it("stops reading and reads on once, however often it is asked to", async () => {
    const { socket, calls, end } = await scripted();
    socket.resume();
    assertEquals([calls, socket.isPaused], [[], false]);
    socket.pause();
    socket.pause();
    assertEquals([calls, socket.isPaused, socket.binaryType], [["pause"], true, "nodebuffer"]);
    socket.binaryType = "arraybuffer";
    assertEquals([socket.isPaused, socket.readyState], [true, 1]);
    socket.resume();
    socket.resume();
    assertEquals(socket.binaryType, "arraybuffer");
    assertEquals([calls, socket.isPaused], [["pause", "resume"], false]);
    await end();
  });

  it("sends no Ping once it closes, and may be dropped meanwhile", async () => {
    const { socket, calls, clock, end } = await scripted();
    socket.close(4000);
    socket.ping();
    socket.pause();
    assertEquals([calls, socket.isPaused, socket.readyState], [["close 4000"], false, 2]);
    socket.terminate();
    assertEquals(calls, ["close 4000", "terminate"]);
    socket.terminate();
    await clock.advance(100_000);
    assertEquals([calls.length, socket.readyState], [2, 3]);
    await end();
  });

  it("says of its loss that it is none that was clean", async () => {
    const { pair, socket, link } = await open();
    const told: unknown[] = [];
    socket.onclose = ({ type, code, reason, wasClean }) => {
      told.push([type, code, reason, wasClean, socket.readyState]);
    };
    link.cut();
    await pair.clock.advance(20);
    assertEquals(told, [["close", 1006, "", false, 3]]);
    await pair[Symbol.asyncDispose]();
  });

  it("shows no handler before there is one, and takes no kind of bytes that there is not", async () => {
    for (const name of ["onmessage", "onerror", "onclose", "onopen"] as const) {
      const { pair, socket } = await open();
      assertEquals(socket[name], null);
      for (const type of ["arraybuffer", "nodebuffer"] as const) {
        socket.binaryType = type;
        socket.binaryType = "text" as never;
        assertEquals(socket.binaryType, type);
      }
      await pair[Symbol.asyncDispose]();
    }
  });

  it("says nothing on the console of the events that it tells", async () => {
    const { pair, socket } = await open();
    const { warn } = console;
    const said: string[] = [];
    console.warn = (what: string) => void said.push(what);
    for (const event of ["message", "close", "error", "pong", "open"]) socket.on(event, () => {});
    await pair.clock.until(pair.server.stop());
    socket.on("ping", () => {}); // it is over: nothing is told any more
    console.warn = warn;
    assertEquals([said, socket.listenerCount("ping")], [[], 1]);
    await pair[Symbol.asyncDispose]();
  });
});

describe("several shapes of one connection", () => {
  it("hear everything, in the order in which they were made, and end together", async () => {
    const { pair, sockets, servers, requests, connection } = await open();
    const third = socketOf(pair.server, connection);
    const log: string[] = [];
    assertEquals(requests.map(({ headers }) => headers.upgrade), ["websocket", "websocket"]);
    for (const [n, server] of servers.entries()) server.on("close", () => log.push(`server ${n}`));
    for (const [n, socket] of sockets.entries()) {
      socket.on("message", (data: Buffer) => log.push(`${n} ${data}`));
      socket.on("pong", ({ length }) => log.push(`${n} pong ${length}`));
      socket.on("close", (code: number, reason: Buffer) => log.push(`${n} ${code} ${reason}`));
    }
    third.onmessage = ({ data }) => log.push(`2 ${data}`);
    third.onclose = ({ code, reason }) => log.push(`2 ${code} ${reason}`);
    await pair.ws.send("x");
    await pair.clock.advance(10);
    assertEquals(log.splice(0), ["0 x", "1 x", "2 x"]);
    sockets[1]!.ping();
    await pair.clock.advance(20);
    assertEquals(log.splice(0), ["0 pong 0", "1 pong 0"]);
    await pair.ws.close({ code: 4000, reason: "bye" });
    await pair.clock.advance(20);
    assertEquals(log.splice(0), ["0 4000 bye", "1 4000 bye", "2 4000 bye"]);
    await pair[Symbol.asyncDispose]();
    assertEquals(log, ["server 0", "server 1"]);
  });

  it("are not read from while one of them is paused, or the server's own listeners are behind", async () => {
    const { server, sockets, admission, calls, end } = await scripted({ maxPendingAmount: 10 });
    const [one, two] = sockets as [WsSocket, WsSocket];
    const works: (() => void)[] = [];
    server.on("messageReceive", () => new Promise<void>((resolve) => works.push(resolve)));
    const done = async () => {
      works.splice(0).forEach((resolve) => resolve());
      await Promise.resolve(); // it is counted
      await Promise.resolve();
    };
    one.pause();
    two.pause();
    one.resume();
    assertEquals(calls.splice(0), ["pause", "pause"]);
    admission.message("that was under way");
    assertEquals(calls.splice(0), ["pause"]);
    two.resume();
    assertEquals(calls.splice(0), []);
    one.pause();
    await done();
    assertEquals(calls.splice(0), ["pause"]);
    one.resume();
    assertEquals(calls.splice(0), ["resume"]);
    await end();
  });

  it("have a message behind them when all have heard of it: none counts as being worked on", async () => {
    const { server, socket, admission, calls, end } = await scripted({ maxPendingAmount: 10 });
    let heard = 0;
    socket.on("message", () => heard++);
    socketOf(server, server.listAllConnections()[0]!).onmessage = () => heard++;
    for (let n = 0; n < 20; n++) admission.message("12345");
    assertEquals([heard, calls], [40, []]);
    await end();
  });
});

describe("pause() of a socket whose runtime cannot stop reading", () => {
  it("says so, and the socket is not paused", async () => {
    const { socket, admission, end } = await scripted({}, new ScriptedSocket());
    const got: string[] = [];
    socket.on("message", (data) => got.push(String(data)));
    const { kind } = assertThrows(() => socket.pause(), BusinessError) as BusinessError;
    assertEquals([kind, socket.isPaused], ["unsupported", false]);
    socket.resume();
    admission.message("heard");
    assertEquals(got, ["heard"]);
    await end();
  });
});

describe("a listener that is to be called once, and fails", () => {
  it("is called once, in either shape, and a message within it is for the others", async () => {
    const { server, socket, admission, clock, end } = await scripted();
    const calls: string[] = [];
    const errors: string[] = [];
    server.on("error", ({ kind }) => errors.push(`${kind}`));
    const fail = (name: string) => (): never => {
      calls.push(name);
      if (calls.length === 1) admission.message("within");
      throw new Error(name);
    };
    const web = socketOf(server, server.listAllConnections()[0]!);
    socket.addEventListener("message", fail("ws"), { once: true });
    web.addEventListener("message", fail("web"), { once: true });
    const { error } = console;
    console.error = ({ message }: Error) => errors.push(message.split(": ")[1]!);
    try {
      for (const text of ["1", "2"]) admission.message(text);
      await clock.advance(0);
    } finally {
      console.error = error;
    }
    assertEquals(calls.toSorted(), ["web", "ws"]);
    assertEquals(errors.toSorted(), ["a listener of 'message' failed", "listenerFailed"]);
    await end();
  });
});

describe("a server of ws", () => {
  it("lists its own sockets that are there, and none of another of the same server", async () => {
    const { pair, servers: [wss, second], sockets, requests, connection } = await open();
    const [one, other] = sockets;
    assertEquals([[...wss.clients], [...second.clients]], [[one], [other]]);
    assertEquals([wss.clients.has(one!), wss.clients.has(other!)], [true, false]);
    const { httpVersion, method, url, socket } = requests[0]!;
    assertEquals([httpVersion, method, url], ["1.1", "GET", "/"]);
    const { clientIP, clientPort } = connection;
    assertEquals([socket.remoteAddress, socket.remotePort], [clientIP, clientPort]);
    assertStringIncludes(requests[0]!.headers.connection!, "pgrade");
    assertEquals(Object.keys(requests[0]!), [
      ...["method", "url", "headers", "rawHeaders", "complete", "upgrade", "httpVersion"],
      ...["httpVersionMajor", "httpVersionMinor", "socket", "connection"],
    ]);
    const { headers, rawHeaders } = requests[0]!;
    assertEquals(rawHeaders, Object.entries(headers).flat() as string[]);
    assert(rawHeaders.includes("sec-websocket-key"));
    // A program may put its own in place of each, as routers do with the URL.
    for (const key of ["method", "url"] as const) {
      requests[0]![key] = "mine";
      assertEquals(requests[0]![key], "mine");
      delete requests[0]![key];
      assertEquals(Object.hasOwn(requests[0]!, key), false);
    }
    await pair.close();
    await pair.open();
    assertEquals([wss.clients.size, wss.clients.has(one!), wss.clients.has(sockets[2]!)], [
      ...[1, false, true],
    ]);
    await pair[Symbol.asyncDispose]();
  });
});

describe("'ping' of a socket of ws", () => {
  it("is said once to be never told", async () => {
    const { code, stdout } = await runSource(`
      import { wsServer } from ${JSON.stringify(new URL("../../node.ts", import.meta.url).href)};
      import { createWebSocketServer } from ${JSON.stringify(MODULE)};
      import { FakeClock, MemoryNetwork } from ${JSON.stringify(TESTING)};
      import { createWebSocket } from ${JSON.stringify(MODULE)};
      const clock = new FakeClock();
      const network = new MemoryNetwork({ clock });
      const server = createWebSocketServer({ clock, runtime: network.server });
      console.warn = (what) => console.log(what);
      wsServer(server).on("connection", (one) => {
        one.on("message", () => {}).on("pong", () => {}).on("close", () => {});
        console.log("and now:");
        one.on("ping", () => {}).on("ping", () => {});
      });
      await server.start({ serverPort: 80 });
      const ws = createWebSocket({ clock, runtime: network.client });
      await ws.connect("ws://localhost/");
      await clock.advance(100);
    `);
    assertEquals([code, stdout.trim().split("\n")], [0, [
      "and now:",
      "'ping' is never told: the runtime does not show the Pings of a peer.",
    ]]);
  });
});

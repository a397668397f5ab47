/** A socket in the shape of npm's `ws`, on a network in memory: its last values, and after its end. */

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Buffer } from "node:buffer";
import { BusinessError, type WebSocketConnection, type WebSocketServerConfig } from "../../mod.ts";
import { wsServer, WsSocket } from "../../node.ts";
import { socketOf } from "../../standard.ts";
import { MemoryPair } from "../helpers/memory_pair.ts";
import { ControlSocket, ScriptedServer, ScriptedSocket } from "../helpers/scripted_runtime.ts";

const KIB = 1024;

/** A pair, the socket of its connection, and what came to the client. */
async function open(config: Partial<WebSocketServerConfig> = {}) {
  const pair = await MemoryPair.start({ config });
  const wss = wsServer(pair.server);
  let socket!: WsSocket;
  wss.on("connection", (one: WsSocket) => socket = one);
  const got: unknown[] = [];
  pair.ws.on("message", (_, data) => got.push(data));
  const closes: unknown[] = [];
  pair.ws.on("close", (_, close) => closes.push(close));
  const connection: WebSocketConnection = await pair.open();
  return { pair, socket, got, closes, connection, link: pair.network.links.at(-1)! };
}

describe("a socket of ws", () => {
  it("calls back at once while no more than 64 KiB are queued", async () => {
    const { pair, socket, link } = await open();
    link.hold("toClient");
    const called: string[] = [];
    const send = (name: string, bytes: number) =>
      socket.send(new Uint8Array(bytes), (error) => called.push(`${name} ${error?.message}`));
    send("64 KiB", 64 * KIB);
    await pair.clock.advance(0);
    assertEquals(called, ["64 KiB undefined"]);
    send("one more", 1);
    await pair.clock.advance(1000);
    assertEquals([called.length, socket.bufferedAmount], [1, 64 * KIB + 1]);
    link.release("toClient");
    await pair.clock.advance(1000);
    assertEquals(called.slice(1), ["one more undefined"]);
    link.hold("toClient");
    send("never taken", 65 * KIB);
    socket.terminate();
    await pair.clock.advance(100);
    assertEquals(called.slice(2), ["never taken The connection is over"]);
    link.release("toClient");
    await pair[Symbol.asyncDispose]();
  });

  it("shows what was set, and null where nothing was", async () => {
    const { pair, socket } = await open();
    for (const name of ["onopen", "onmessage", "onerror", "onclose"] as const) {
      assertEquals([name, socket[name]], [name, null]);
      const handler = () => {};
      socket[name] = handler;
      assertEquals([name, socket[name] === handler], [name, true]);
      socket[name] = null;
      assertEquals([name, socket[name]], [name, null]);
    }
    for (const type of ["arraybuffer", "nodebuffer"] as const) {
      socket.binaryType = type;
      assertEquals(socket.binaryType, type);
    }
    const got: string[] = [];
    socket.on("message", (data) => got.push(Object.prototype.toString.call(data).slice(8, -1)));
    for (const type of ["arraybuffer", "nodebuffer"] as const) {
      socket.binaryType = type;
      await pair.ws.send(new Uint8Array(1));
      await pair.clock.advance(10);
    }
    assertEquals(got.splice(0), ["ArrayBuffer", "Uint8Array"]);
    // What hears events is given the same.
    socket.onmessage = ({ data }) => got.push(`event ${(data as object).constructor.name}`);
    for (const type of ["arraybuffer", "nodebuffer"] as const) {
      socket.binaryType = type;
      for (const data of [new Uint8Array(1), "text".repeat(1000)]) await pair.ws.send(data);
      await pair.clock.advance(10);
    }
    assertEquals(got, [
      ...["ArrayBuffer", "event ArrayBuffer", "Uint8Array", "event String"],
      ...["Uint8Array", "event Buffer", "Uint8Array", "event String"],
    ]);
    await pair.close();
    assertEquals([socket.readyState, socket.binaryType], [3, "nodebuffer"]);
    await pair[Symbol.asyncDispose]();
  });

  it("sends a Blob as it was asked to, and what waits for it not at all", async () => {
    const { pair, socket, got } = await open();
    const sent = (options: object, blob: Blob) =>
      new Promise((resolve) => socket.send(blob, options, resolve));
    assertEquals(await sent({ binary: false }, new Blob(["text"])), undefined);
    assertEquals(await sent({}, new Blob(["b"])), undefined);
    await pair.clock.advance(10);
    assertEquals(got.map((data) => data instanceof ArrayBuffer ? data.byteLength : data), [
      ...["text", 1],
    ]);
    await pair[Symbol.asyncDispose]();
  });

  it("tells of a message that is refused: its callback, 'error', or the console", async () => {
    const { pair, socket } = await open({ maxPayload: 10 });
    const big = new Uint8Array(11);
    const told: unknown[] = [];
    socket.send(big, (error) => told.push((error as BusinessError).code));
    await pair.clock.advance(0);
    const { error } = console;
    console.error = (what: BusinessError) => told.push(`console ${what.code}`);
    try {
      socket.send(big);
      await pair.clock.advance(0);
    } finally {
      console.error = error;
    }
    socket.on("error", (error) => told.push(`error ${(error as BusinessError).code}`));
    socket.send(big);
    await pair.clock.advance(0);
    assertEquals(told, [401, "console 401", "error 401"]);
    assertEquals([socket.readyState, socket.bufferedAmount], [1, 0]);
    await pair[Symbol.asyncDispose]();
  });

  it("closes with what may go out, to the last code and byte", async () => {
    for (const code of [1000, 1003, 1007, 1014, 3000, 4999]) {
      const { pair, socket, closes } = await open();
      socket.close(code);
      await pair.clock.advance(20);
      assertEquals(closes, [{ code, reason: "" }]);
      await pair[Symbol.asyncDispose]();
    }
    const none = await open();
    none.socket.close(undefined, "x".repeat(124)); // beside no code there is no reason to look at, as in `ws`
    await none.pair.clock.advance(20);
    assertEquals(none.closes, [{ code: 1000, reason: "" }]);
    await none.pair[Symbol.asyncDispose]();
    const { pair, socket, closes } = await open();
    for (const code of [999, 1004, 1005, 1006, 1015, 2999, 5000, 1000.5, NaN]) {
      const { message } = assertThrows(() => socket.close(code), TypeError);
      assertEquals(message, "First argument must be a valid error code number");
    }
    const long = assertThrows(() => socket.close(1000, "é".repeat(61) + "ab"), RangeError);
    assertEquals(long.message, "The message must not be greater than 123 bytes");
    assertEquals(socket.readyState, 1);
    socket.close(4000, Buffer.from("é".repeat(61) + "a"));
    assertEquals(socket.readyState, 2);
    socket.close(1006, "x".repeat(124)); // too late to be looked at, as in `ws`
    await pair.clock.advance(20);
    assertEquals(closes, [{ code: 4000, reason: "é".repeat(61) + "a" }]);
    await pair[Symbol.asyncDispose]();
  });

  it("sends nothing after its end, counts it, and says so to a callback alone", async () => {
    const { pair, socket, got } = await open();
    const told: string[] = [];
    socket.on("error", () => told.push("error"));
    socket.on("close", (code: number, reason: Buffer) => told.push(`close ${code} ${reason}`));
    socket.close(1000, "bye");
    socket.send("é"); // nobody hears of it
    socket.send("ab", (error) => told.push(error!.message));
    assertEquals(socket.bufferedAmount, 4);
    await pair.clock.advance(20);
    socket.send(new Uint8Array(3), (error) => told.push(error!.message));
    socket.terminate();
    socket.close();
    socket.pause();
    socket.resume();
    await pair.clock.advance(20);
    const words = "WebSocket is not open: readyState";
    assertEquals(told, [`${words} 2 (CLOSING)`, "close 1000 bye", `${words} 3 (CLOSED)`]);
    assertEquals([got, socket.readyState, socket.bufferedAmount], [[], 3, 7]);
    await pair[Symbol.asyncDispose]();
  });

  it("keeps what was set apart from what was added, be it the same function", async () => {
    const { pair, socket } = await open();
    const heard: unknown[] = [];
    function listener(this: unknown, { data, target }: { data?: unknown; target?: unknown }) {
      heard.push([data, this === socket, target === socket]);
    }
    const told = async () => {
      await pair.ws.send("x");
      await pair.clock.advance(10);
      return heard.splice(0);
    };
    const once = ["x", true, true];
    socket.addEventListener("message", listener);
    socket.addEventListener("message", listener); // the same: it counts once
    socket.onmessage = listener;
    assertEquals(await told(), [once, once]);
    socket.onmessage = null;
    assertEquals(await told(), [once]);
    socket.onmessage = listener;
    socket.removeEventListener("message", listener);
    assertEquals([await told(), socket.onmessage === listener], [[once], true]);
    socket.onmessage = "no function" as never;
    assertEquals([await told(), socket.onmessage], [[], null]);
    socket.addEventListener("message", listener, { once: true });
    assertEquals([await told(), await told()], [[once], []]);
    const object = { handleEvent: (event: object) => void heard.push(Object.keys(event)) };
    socket.addEventListener("error", object as never);
    socket.emit("error", new Error("mine"));
    assertEquals(heard.splice(0), [["type", "target", "error", "message"]]);
    socket.onerror = (event) => heard.push((event as { message?: string }).message);
    socket.emit("error", new Error("mine"));
    assertEquals(heard.splice(0).slice(1), ["mine"]);
    socket.addEventListener("message", listener);
    socket.onmessage = listener;
    socket.removeAllListeners("message");
    assertEquals([socket.onmessage, await told()], [null, []]);
    socket.addEventListener("message", listener);
    socket.onmessage = listener;
    assertEquals([socket.onmessage === listener, await told()], [true, [once, once]]);
    await pair[Symbol.asyncDispose]();
  });

  it("tells which event it is and whose, of what has nothing else to say", async () => {
    const { pair, socket } = await open();
    const heard: unknown[] = [];
    const listener = (event: object) => {
      const { target, ...rest } = event as { target: unknown };
      heard.push([rest, target === socket]);
    };
    socket.removeEventListener("pong", listener); // it was never added
    socket.addEventListener("pong", listener);
    socket.onopen = listener;
    socket.ping();
    await pair.clock.advance(20);
    socket.emit("open");
    assertEquals(heard, [[{ type: "pong" }, true], [{ type: "open" }, true]]);
    await pair[Symbol.asyncDispose]();
  });

  it("is told of with its end, where the connection is over before", async () => {
    for (const how of ["terminate", "close"] as const) {
      const pair = await MemoryPair.start();
      const told: unknown[] = [];
      pair.server.on("connect", (connection) => void pair.server[how](connection));
      wsServer(pair.server).on("connection", (socket: WsSocket) => {
        told.push(socket.readyState);
        socket.binaryType = "arraybuffer";
        socket.on("close", (code: number) => told.push(code, socket.readyState));
      });
      await pair.open();
      await pair.clock.advance(20);
      assertEquals([how, ...told], [how, 2, how === "close" ? 1000 : 1006, 3]);
      await pair[Symbol.asyncDispose]();
    }
  });

  it("sends by itself what the heartbeat does not, and hears all, where the runtime can", async () => {
    const runtime = new ScriptedServer();
    const pair = await MemoryPair.start();
    const { createWebSocketServer } = await import("../../mod.ts");
    const server = createWebSocketServer({ clock: pair.clock, runtime });
    let socket!: WsSocket;
    const heard: string[] = [];
    wsServer(server).on("connection", (one: WsSocket) => {
      socket = one;
      for (const type of ["ping", "pong"]) one.on(type, (data) => heard.push(`${type} ${data}`));
    });
    server.on("connect", (connection) => void socketOf(server, connection)); // hears of neither
    server.on("error", ({ message }) => heard.push(message));
    await server.start({ serverPort: 80 });
    const admission = runtime.enter();
    const inner = new ControlSocket();
    admission.open(inner);
    socket.ping();
    socket.ping("a");
    socket.ping(); // the heartbeat waits for an answer to its own
    socket.pong("b");
    socket.pong();
    assertEquals(inner.calls.splice(0), ["ping", "ping a", "ping ", "pong b", "pong "]);
    admission.alive(); // it is answered
    inner.told!.control("pong", new TextEncoder().encode("c"));
    inner.told!.control("ping", new TextEncoder().encode("d").buffer);
    assertEquals(heard, ["pong c", "ping d"]);
    socket.ping();
    assertEquals(inner.calls, ["ping"]);
    admission.closed({ code: 1006, reason: "" });
    await pair.clock.until(server.stop());
    await pair[Symbol.asyncDispose]();
  });

  it("says that it cannot ping where the runtime cannot", async () => {
    const runtime = new ScriptedServer();
    const pair = await MemoryPair.start();
    const { createWebSocketServer } = await import("../../mod.ts");
    const server = createWebSocketServer({ clock: pair.clock, runtime });
    runtime.canPing = false;
    let socket!: WsSocket;
    wsServer(server).on("connection", (one: WsSocket) => socket = one);
    await server.start({ serverPort: 80 });
    const admission = runtime.enter();
    admission.open(new ScriptedSocket());
    const error = assertThrows(() => socket.ping(), BusinessError);
    assertEquals(error.kind, "unsupported");
    assertStringIncludes(error.message, "ping cannot be had here");
    assertStringIncludes(
      assertThrows(() => socket.ping("data"), BusinessError).message,
      "ping: data cannot be had here",
    );
    assert(socket.readyState === 1);
    admission.closed({ code: 1006, reason: "" });
    await pair.clock.until(server.stop());
    await pair[Symbol.asyncDispose]();
  });
});

describe("a server of ws", () => {
  it("says where it listens, lists its own sockets alone, and stops with a callback or none", async () => {
    const pair = await MemoryPair.start({ config: { serverIP: "::1" } });
    const { clock, server } = pair;
    const wss = wsServer(server);
    assertEquals(wss.address(), { address: "::1", family: "IPv6", port: 80 });
    const connection = await pair.open();
    socketOf(server, connection); // another shape of the same
    assertEquals([...wss.clients].map((one) => one instanceof WsSocket), [true]);
    const { message } = assertThrows(() => wss.clients.clear(), BusinessError);
    assertStringIncludes(message, "clients.clear cannot be had here: a server's sockets are its");
    const told: unknown[] = [];
    wss.on("close", () => told.push("close"));
    wss.close();
    await clock.advance(10_000);
    assertEquals([told.splice(0), wss.address()], [["close"], null]);
    wss.close(); // it does not run, and nobody asks
    wss.close((error) => told.push((error as BusinessError).kind));
    await clock.advance(0);
    assertEquals(told.splice(0), ["close", "close", "notRunning"]);
    await server.start({ serverPort: 80, serverIP: "127.0.0.1" });
    assertEquals(wss.address(), { address: "127.0.0.1", family: "IPv4", port: 80 });
    wss.close((error) => told.push(error));
    await clock.advance(10_000);
    assertEquals(told, ["close", undefined]);
    await server.start({ unixPath: "/run/chat" });
    assertEquals(wss.address(), "/run/chat");
    await clock.until(server.stop());
    await pair[Symbol.asyncDispose]();
  });
});

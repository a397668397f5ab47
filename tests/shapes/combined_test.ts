/** Shapes beside what else a client and a server can do: reconnecting, resuming, kinds of bytes, figures. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { createWebSocketServer, type WebSocketServerOptions } from "../../mod.ts";
import { duplexOf, wsServer, type WsSocket } from "../../node.ts";
import { socketOf, streamsOf, WebSocket } from "../../standard.ts";
import { FakeClock, MemoryNetwork } from "../../testing.ts";
import { countListeners } from "../helpers/leftovers.ts";
import { MemoryPair } from "../helpers/memory_pair.ts";
import { NodesInMemory } from "../helpers/nodes_in_memory.ts";
import { ControlSocket, ScriptedServer } from "../helpers/scripted_runtime.ts";
import { next } from "../helpers/sockets.ts";

const RECONNECT = { minDelay: 1, factor: 1, random: () => 1 };

/** A socket that reconnects after a second, its server, and what each is told. */
async function reconnecting(init: object = {}) {
  const clock = new FakeClock();
  const network = new MemoryNetwork({ clock });
  const server = createWebSocketServer({ clock, runtime: network.server });
  const got: unknown[] = [];
  server.on("messageReceive", ({ data }) => void got.push(data));
  await server.start({ serverPort: 80, protocol: ["b", "a"] });
  const socket = new WebSocket("ws://localhost/", ["a", "b"], {
    ...{ clock, runtime: network.client, reconnect: RECONNECT },
    ...init,
  });
  const log: unknown[] = [];
  socket.onopen = () => log.push(`open ${socket.readyState}`);
  socket.onmessage = ({ data }) => log.push(data.constructor.name);
  socket.onerror = () => log.push(`error ${socket.readyState}`);
  socket.onclose = ({ code }) => log.push(`close ${code} ${socket.readyState}`);
  await clock.advance(10);
  const cut = () => network.links.at(-1)!.cut();
  const end = async () => {
    await clock.until(server.stop());
    await clock.advance(100_000);
    assertEquals([clock.pending, network.links], [0, []]);
  };
  return { clock, network, server, socket, got, log, cut, end };
}

describe("WebSocket with 'reconnect'", () => {
  it("keeps what was set over a break, and each listener hears once", async () => {
    const { clock, server, socket, log, got, cut, end } = await reconnecting();
    socket.binaryType = "arraybuffer";
    let heard = 0;
    socket.addEventListener("open", () => heard++);
    socket.addEventListener("message", () => heard++, { once: true });
    const tell = async () => {
      await clock.until(server.broadcast(new Uint8Array(1)));
      await clock.advance(10);
    };
    await tell();
    cut();
    await clock.advance(10);
    assertEquals([socket.readyState, socket.protocol], [0, "b"]);
    socket.send("meanwhile");
    assertEquals(socket.bufferedAmount, 9);
    await clock.advance(1100);
    await tell();
    assertEquals(log, [
      ...["open 1", "ArrayBuffer", "error 0", "close 1006 0", "open 1", "ArrayBuffer"],
    ]);
    assertEquals([heard, got, socket.bufferedAmount], [2, ["meanwhile"], 0]);
    socket.close(4000, "bye");
    await clock.advance(100);
    await clock.advance(10_000);
    assertEquals(log.slice(6), ["close 4000 3"]);
    await end();
  });

  it("ends for good where it is dropped, open or in a break", async () => {
    for (const isOpen of [true, false]) {
      const { clock, server, socket, log, cut, end } = await reconnecting();
      if (!isOpen) cut();
      await clock.advance(10);
      log.length = 0;
      const over = next(socket, "close");
      socket.terminate();
      socket.terminate();
      await clock.advance(10);
      await over;
      await clock.advance(60_000);
      assertEquals(log, ["error 3", "close 1006 3"]);
      assertEquals(server.listAllConnections(), []);
      await end();
    }
  });

  it("refuses in a break what would be too late, and hears its signal until its end", async () => {
    const aborter = new AbortController();
    const count = countListeners(aborter.signal);
    const { clock, socket, log, cut, end } = await reconnecting({ signal: aborter.signal });
    const before = count();
    cut();
    await clock.advance(1100);
    assertEquals([socket.readyState, count()], [1, before]);
    cut();
    await clock.advance(10);
    log.length = 0;
    const over = next(socket, "close");
    aborter.abort();
    assertEquals(socket.readyState, 2);
    socket.send("late");
    await clock.advance(10);
    await over;
    await clock.advance(60_000);
    assertEquals(log, ["error 3", "close 1006 3"]);
    assertEquals([socket.bufferedAmount, count()], [4, 0]);
    await end();
  });

  it("tells 'error' of what was never sent", async () => {
    const { clock, socket, cut, end } = await reconnecting();
    cut();
    await clock.advance(10);
    const kinds: unknown[] = [];
    socket.onerror = (event) => kinds.push((event as ErrorEvent).error.kind);
    socket.send("meanwhile");
    const over = next(socket, "close");
    socket.close();
    await clock.advance(10);
    await over;
    assertEquals(kinds, ["unsent", "aborted"]);
    await end();
  });

  it("sends a Blob of before the break after it, and what is behind it", async () => {
    const { clock, socket, got, cut, end } = await reconnecting();
    const { promise, resolve } = Promise.withResolvers<ArrayBuffer>();
    socket.send(Object.assign(new Blob(["12"]), { arrayBuffer: () => promise }));
    socket.send("behind it");
    cut();
    await clock.advance(1100);
    assertEquals([socket.readyState, got, socket.bufferedAmount], [1, [], 11]);
    resolve(new ArrayBuffer(2));
    await clock.advance(10);
    assertEquals([got.map(String), socket.bufferedAmount], [
      ["[object ArrayBuffer]", "behind it"],
      0,
    ]);
    socket.close();
    await clock.advance(10);
    await end();
  });
});

describe("wsServer() of a server with a history", () => {
  it("has a socket for each connection of a client that resumes, which hears and sends all", async () => {
    await using nodes = new NodesInMemory();
    const server = await nodes.node({ stats: true });
    const wss = wsServer(server);
    const log: unknown[] = [];
    const sockets: WsSocket[] = [];
    wss.on("connection", (socket) => {
      const n = sockets.push(socket);
      socket.on("message", (data, isBinary) => {
        log.push([n, Buffer.isBuffer(data), String(data), isBinary]);
        socket.send(data as Buffer, { binary: isBinary });
      });
      socket.on("close", (code: number, reason: Buffer) => log.push([n, code, String(reason)]));
      void server.join(server.listAllConnections().at(-1)!, "t");
    });
    const ws = await nodes.client();
    const told: unknown[] = [];
    ws.on("message", (_err, data) => told.push(typeof data === "string" ? data : "bytes"));
    ws.on("recovered", ({ recovered, missed }) => told.push([recovered, missed]));
    await ws.send("text");
    await ws.send(new Uint8Array([65]));
    await nodes.settle();
    assertEquals(log.splice(0), [[1, true, "text", false], [1, true, "A", true]]);
    assertEquals(told.splice(0), ["text", "bytes"]);
    sockets[0]!.terminate();
    await nodes.settle();
    assertEquals([log.splice(0), wss.clients.size], [[[1, 1006, ""]], 0]);
    await nodes.clock.until(server.publish("t", "missed"));
    await nodes.back();
    assertEquals([told.splice(0), wss.clients.size], [[[true, 1], "missed"], 1]);
    assertEquals(await nodes.clock.until(ws.send("again", { acknowledge: true })), true);
    await nodes.settle();
    assertEquals([log, told], [[[2, true, "again", false]], ["again"]]);
    sockets[1]!.close(4000, "bye");
    await nodes.settle();
    assertEquals(log.slice(1), [[2, 4000, "bye"]]);
    const { opened, closed, sent, received } = server.stats()!;
    assertEquals([opened, closed, sent.messages, received.messages], [2, 2, 4, 3]);
  });
});

describe("bytes", () => {
  for (const binaryType of ["arraybuffer", "uint8array"] as const) {
    it(`come as each shape says, where the server's are '${binaryType}'`, async () => {
      const options = { binaryType } as WebSocketServerOptions;
      const pair = await MemoryPair.start({ server: options });
      const kinds: string[] = [];
      const note = (name: string, data: unknown) =>
        kinds.push(`${name} ${Object.prototype.toString.call(data).slice(8, -1)}`);
      wsServer(pair.server).on("connection", (socket) => {
        socket.on("message", (data) => note("ws", data));
        socket.on("message", (data) => note("ws", Buffer.isBuffer(data)));
      });
      pair.server.on("messageReceive", ({ data }) => note("server", data));
      const connection = await pair.open();
      for (const type of ["blob", "arraybuffer"] as const) {
        const socket = socketOf(pair.server, connection);
        socket.binaryType = type;
        socket.onmessage = ({ data }) => note("socket", data);
        await pair.ws.send(new Uint8Array([1, 2]));
        await pair.clock.advance(10);
        assertEquals(kinds.splice(0), [
          `server ${binaryType === "uint8array" ? "Uint8Array" : "ArrayBuffer"}`,
          ...["ws Uint8Array", "ws Boolean"],
          `socket ${type === "blob" ? "Blob" : "ArrayBuffer"}`,
        ]);
      }
      const reader = streamsOf(pair.server, connection).readable.getReader();
      const chunk = once(duplexOf(pair.server, connection), "data");
      await pair.ws.send(new Uint8Array([3]));
      await pair.clock.advance(10);
      const { value } = await reader.read();
      assertEquals([value instanceof ArrayBuffer, await chunk], [true, [Buffer.from([3])]]);
      await pair[Symbol.asyncDispose]();
    });
  }
});

describe("a connection in two shapes", () => {
  it("tells of Pings and Pongs to the one that knows them, and of none that failed", async () => {
    const clock = new FakeClock();
    const runtime = new ScriptedServer();
    const server = createWebSocketServer({ clock, runtime });
    const log: string[] = [];
    server.on("error", ({ message }) => void log.push(message));
    wsServer(server).on("connection", (socket) => {
      for (const type of ["ping", "pong"]) {
        socket.on(type, (data: Buffer) => log.push(`${type} ${data}`));
      }
    });
    server.on("connect", (connection) => void socketOf(server, connection));
    await server.start({ serverPort: 80 });
    const admission = runtime.enter();
    const inner = new ControlSocket();
    admission.open(inner);
    inner.told!.control("ping", new TextEncoder().encode("a"));
    inner.told!.control("pong", new TextEncoder().encode("b"));
    assertEquals(log, ["ping a", "pong b"]);
    admission.closed({ code: 1000, reason: "" });
    await clock.until(server.stop());
  });
});

it("a message that one shape of a connection fails with is heard by those after it", async () => {
  await using pair = await MemoryPair.start();
  const failures: unknown[] = [];
  pair.server.on("error", ({ cause }) => failures.push((cause as Error).message));
  wsServer(pair.server).on("connection", (socket) => {
    socket.on("message", (data) => {
      throw new Error(`no ${data}`);
    });
  });
  const connection = await pair.open();
  const heard: unknown[] = [];
  socketOf(pair.server, connection).onmessage = ({ data }) => heard.push(data);
  const reader = streamsOf(pair.server, connection).readable.getReader();
  for (const text of ["a", "b"]) await pair.ws.send(text);
  await pair.clock.advance(10);
  const read = [await reader.read(), await reader.read()].map(({ value }) => value);
  assertEquals([failures, heard, read], [["no a", "no b"], ["a", "b"], ["a", "b"]]);
});

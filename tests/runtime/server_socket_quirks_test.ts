/**
 * What the connections of the runtimes' own servers do, without our module, on Deno 2.9.6 and
 * Bun 1.4.5; `server_quirks_test.ts` has more. Each of these is worked round in
 * `runtime/bun/` or `runtime/deno/`: where one turns red after an upgrade, the
 * workaround can go or must change.
 */

import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { deadline, delay } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { onDeno, Program } from "../helpers/programs.ts";
import { BINARY, CLOSE, header, PING, PONG, rawConnect, TEXT } from "../peers/raw.ts";
import { type BareBunServer, type BareBunSocket, bun, deno } from "./bare.ts";

/** A bare server; what its connections tell of goes to `hear`. */
function serve(
  hear: (event: string, socket: WebSocket & BareBunSocket, data?: unknown) => void,
  { idleTimeout = 0, headers = {} }: { idleTimeout?: number; headers?: object } = {},
): { port: number; stop(): Promise<void> } {
  if (onDeno) {
    const options = { port: 0, hostname: "127.0.0.1", onListen() {} };
    const server = deno.serve(options, (request) => {
      const { socket, response } = deno.upgradeWebSocket(request, { idleTimeout });
      const it = socket as WebSocket & BareBunSocket;
      socket.onopen = () => hear("open", it);
      socket.onmessage = ({ data }) => hear("message", it, data);
      socket.onerror = () => {};
      socket.onclose = () => hear("close", it);
      return response;
    });
    return { port: server.addr.port, stop: () => server.shutdown() };
  }
  const server = bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request: Request, server: BareBunServer) {
      return server.upgrade(request, { headers }) ? undefined : new Response("", { status: 400 });
    },
    websocket: {
      idleTimeout,
      open: (socket: WebSocket & BareBunSocket) => hear("open", socket),
      message: (socket: WebSocket & BareBunSocket, data: unknown) => hear("message", socket, data),
      close: (socket: WebSocket & BareBunSocket) => hear("close", socket),
    },
  });
  return { port: server.port, stop: () => server.stop(true) };
}

describe("a connection of the runtime's server", () => {
  it("has a queue that gets shorter by whole messages on Deno, and by bytes on Bun", async () => {
    const [sent, read] = [48 * 1024 * 1024, 16 * 1024 * 1024];
    const opened = Promise.withResolvers<WebSocket & BareBunSocket>();
    const gone = Promise.withResolvers<void>();
    const server = serve((event, socket) => {
      if (event === "open") opened.resolve(socket);
      if (event === "close") gone.resolve();
    });
    const { socket: tcp } = await deadline(rawConnect(server.port), 30_000);
    const socket = await deadline(opened.promise, 30_000);
    tcp.removeAllListeners("data").pause();
    socket.send(new Uint8Array(sent));
    let count = 0;
    const half = new Promise<void>((resolve) =>
      tcp.on("data", (chunk) => {
        count += chunk.length;
        if (count < read) return;
        tcp.pause();
        resolve();
      })
    );
    tcp.resume();
    await deadline(half, 30_000);
    if (onDeno) assertEquals(socket.bufferedAmount, sent);
    else assertLess(socket.getBufferedAmount(), sent - read / 2);
    tcp.destroy();
    await deadline(gone.promise, 30_000);
    await server.stop();
  });

  it("gives bytes as a Buffer on Bun unless told, and as an ArrayBuffer on Deno", async () => {
    const got = Promise.withResolvers<unknown>();
    const gone = Promise.withResolvers<void>();
    const server = serve((event, _, data) => {
      if (event === "message") got.resolve(data);
      if (event === "close") gone.resolve();
    });
    const raw = await deadline(rawConnect(server.port), 30_000);
    raw.send(BINARY, "bytes");
    const { constructor: { name } } = await deadline(got.promise, 30_000) as object;
    assertEquals(name, onDeno ? "ArrayBuffer" : "Buffer");
    raw.close(1000);
    await deadline(gone.promise, 30_000);
    await server.stop();
  });

  it("gives bytes as the whole of their memory, on Bun as Buffers also where asked late", async () => {
    const sizes = [1, 100, 1001, 70_000];
    const got: (ArrayBuffer | Uint8Array)[] = [];
    const all = Promise.withResolvers<void>();
    const gone = Promise.withResolvers<void>();
    const server = serve((event, socket, data) => {
      const one = socket as { binaryType: string };
      if (event === "open") one.binaryType = "arraybuffer";
      if (event === "close") gone.resolve();
      if (typeof data === "string") one.binaryType = data;
      else if (event === "message" && got.push(data as Uint8Array) === sizes.length) all.resolve();
    });
    const raw = await deadline(rawConnect(server.port), 30_000);
    raw.send(TEXT, "nodebuffer");
    for (const size of sizes) raw.send(BINARY, new Uint8Array(size));
    await deadline(all.promise, 30_000);
    assertEquals(
      got.map(({ constructor: { name } }) => name),
      sizes.map(() => onDeno ? "ArrayBuffer" : "Buffer"),
    );
    const memory = got.map((data) => ArrayBuffer.isView(data) ? data.buffer : data);
    assertEquals(memory.map(({ byteLength }) => byteLength), sizes);
    raw.close(1000);
    await deadline(gone.promise, 30_000);
    await server.stop();
  });

  it("has no subprotocol on Bun where an empty one is given with its headers", async () => {
    const gone = Promise.withResolvers<void>();
    const options = { headers: { "sec-websocket-protocol": "" } };
    const server = serve((event) => event === "close" && gone.resolve(), options);
    const headers = { "sec-websocket-protocol": "a, b" };
    const raw = await deadline(rawConnect(server.port, { headers }), 30_000);
    assertEquals(header(raw.head, "sec-websocket-protocol"), "");
    assert(!/^sec-websocket-protocol:/im.test(raw.head), raw.head);
    raw.close(1000);
    await deadline(gone.promise, 30_000);
    await server.stop();
  });

  // oven-sh/bun#39255; Deno's timer, which is not used either, is right in this.
  it("never dies of an idle timer on Bun while it is sent to, though it answers no Ping", async () => {
    const seconds = onDeno ? 1 : 8; // the shortest there is
    const gone = Promise.withResolvers<void>();
    let socket: WebSocket & BareBunSocket | undefined;
    let closed = false;
    const server = serve((event, it) => {
      if (event === "open") socket = it;
      if (event !== "close") return;
      closed = true;
      gone.resolve();
    }, { idleTimeout: seconds });
    const raw = await deadline(rawConnect(server.port, { pong: false }), 30_000);
    const began = performance.now();
    while (!closed && performance.now() - began < seconds * 1000 + 1500) {
      socket?.send("news");
      await delay(50);
    }
    assertEquals(closed, onDeno);
    const times = raw.frames.filter(({ opcode }) => opcode === PING).map(({ at }) => at - began);
    assertGreater(raw.frames.filter(({ opcode }) => opcode === TEXT).length, 10);
    if (!onDeno) {
      // Its Pings come every 4 s at the most, whatever it is told.
      assertGreater(times.length, 0);
      for (const [i, time] of times.slice(1).entries()) assertGreater(time - times[i]!, 3500);
      assertLess(times.length, 4);
    }
    raw.reset();
    await deadline(gone.promise, 30_000);
    await server.stop();
  });

  it("is over at a Ping that comes behind its Close frame, which nobody has answered", async () => {
    const server = serve((event, socket) => {
      if (event === "open") socket.close(4001, "bye");
    });
    const raw = await deadline(rawConnect(server.port, { answerClose: false }), 30_000);
    try {
      await deadline(raw.next(CLOSE), 30_000);
      raw.send(PING);
      await deadline(raw.ended, 30_000);
      assertEquals(raw.frames.map(({ opcode }) => opcode).includes(PONG), false);
    } finally {
      raw.socket.destroy();
      await deadline(server.stop(), 30_000);
    }
  });
});

describe("the runtime's server that answers with a control character in a header", () => {
  it("ends the process on Deno, and sends it on Bun", async () => {
    await using program = Program.here("control_in_header.ts", []);
    const { code, stdout, stderr } = await deadline(program.ended, 60_000);
    if (onDeno) assert(code !== 0 && stderr.includes("panicked"), stderr);
    else assertEquals([code, stdout], [0, "true\n"]);
  });
});

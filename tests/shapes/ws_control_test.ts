/** Pings and Pongs of a socket of `wsServer`, and the end of its server. */

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { BusinessError, createWebSocketServer, type WebSocketServer } from "../../mod.ts";
import type { HeartbeatOptions } from "../../heartbeat.ts";
import { duplexOf, type WsServer, wsServer, type WsSocket } from "../../node.ts";
import { within } from "../helpers/client.ts";
import { onDeno } from "../helpers/programs.ts";
import { TestHost } from "../helpers/test_host.ts";
import { PING, PONG, rawConnect, type RawPeer, TEXT, textOf } from "../peers/raw.ts";

/** A server in that shape, one of its sockets, and a peer that answers no Ping by itself. */
class World implements AsyncDisposable {
  readonly server: WebSocketServer;
  readonly wss: WsServer;
  readonly socket: WsSocket;
  readonly peer: RawPeer;
  readonly #host: TestHost | undefined;

  private constructor(
    wss: WsServer,
    socket: WsSocket,
    peer: RawPeer,
    server: WebSocketServer,
    host: TestHost | undefined,
  ) {
    this.wss = wss;
    this.socket = socket;
    this.peer = peer;
    this.server = server;
    this.#host = host;
  }

  /** @param mounted Whether the server is mounted in a host. */
  static async start(mounted = false, times: HeartbeatOptions = {}): Promise<World> {
    const server = createWebSocketServer();
    const wss = wsServer(server);
    const host = mounted ? TestHost.of(await server.mount()) : undefined;
    if (!mounted) await server.start({ serverPort: 0, serverIP: "127.0.0.1", ...times });
    const connected = once(wss, "connection");
    const port = host?.port ?? server.address!.port;
    const peer = await within(rawConnect(port, { pong: false }));
    const [socket] = await within(connected);
    return new World(wss, socket, peer, server, host);
  }

  /** The payloads of the frames of a kind that have come to the peer, when what was sent before this has. */
  async heard(opcode: number): Promise<string[]> {
    const from = this.peer.frames.length;
    this.socket.send("over");
    await within(this.peer.next(TEXT, from));
    return this.peer.frames.filter((frame) => frame.opcode === opcode)
      .map(({ payload }) => textOf(payload));
  }

  /** What an event of the socket tells. */
  async told(event: string): Promise<unknown[]> {
    return await within(once(this.socket, event));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.peer.socket.destroy();
    await this.server.stop();
    await this.#host?.[Symbol.asyncDispose]();
  }
}

const WHERE = [["that listens", false], ["in a host", true]] as const;

const DATA: [given: unknown, wire: string][] = [
  ["text", "text"],
  [7, "7"],
  [0, "0"],
  [Buffer.from("buffer"), "buffer"],
  [new TextEncoder().encode("a view").subarray(2), "view"],
  [new TextEncoder().encode("bytes").buffer, "bytes"],
  ["x".repeat(125), "x".repeat(125)],
];

describe("ping() and pong() of a socket of wsServer", () => {
  for (const [where, mounted] of WHERE) {
    it(`send what they are given${onDeno ? ", or say that it cannot be had" : ""}, ${where}`, async () => {
      await using world = await World.start(mounted);
      const { socket } = world;
      for (const [given, wire] of DATA) {
        for (const [what, opcode] of [["ping", PING], ["pong", PONG]] as const) {
          const from = world.peer.frames.length;
          if (onDeno) {
            const { kind, message } = assertThrows(() => socket[what](given), BusinessError);
            assertEquals(kind, "unsupported");
            const name = what === "ping" ? "ping: data" : "pong";
            assertStringIncludes(message, `${name} cannot be had here`);
            continue;
          }
          socket[what](given);
          assertEquals([what, (await world.heard(opcode)).at(-1)], [what, wire]);
          assertEquals(world.peer.frames.slice(from).length, 2);
        }
      }
    });
  }

  it("refuse more than 125 bytes, and what is no bytes, and call nobody back; none are a Pong", async () => {
    await using world = await World.start();
    let called = 0;
    for (const what of ["ping", "pong"] as const) {
      for (const tooLong of ["x".repeat(126), "é".repeat(63), new Uint8Array(126)]) {
        const { message } = assertThrows(
          () => world.socket[what](tooLong, () => called++),
          RangeError,
        );
        assertEquals(message, "The data size must not be greater than 125 bytes");
      }
      assertThrows(() => world.socket[what](Symbol("s")), TypeError);
    }
    if (onDeno) assertThrows(() => world.socket.pong(), BusinessError);
    else world.socket.pong();
    const pongs = onDeno ? [] : [""];
    assertEquals([await world.heard(PING), await world.heard(PONG), called], [[], pongs, 0]);
  });

  it("call back from whichever place, also when it is over", async () => {
    await using world = await World.start();
    const { socket } = world;
    const asked = (what: "ping" | "pong", ...before: unknown[]) =>
      within(
        new Promise<Error | undefined>((resolve) =>
          (socket[what] as (...given: unknown[]) => void)(...before, resolve)
        ),
      );
    const kinds = onDeno ? ["ping"] as const : ["ping", "pong"] as const;
    for (const what of kinds) {
      for (const before of [[], [""], [undefined, false], [null, true]]) {
        assertEquals(await asked(what, ...before), undefined);
      }
    }
    const closed = world.told("close");
    socket.close();
    for (const error of await Promise.all([asked("ping", "late"), asked("pong")])) {
      assertEquals(error?.message, "WebSocket is not open: readyState 2 (CLOSING)");
    }
    await closed;
    assertStringIncludes((await asked("pong"))!.message, "not open: readyState 3 (CLOSED)");
    socket.ping();
    socket.pong("nobody asks");
  });

  it("send a Ping for each call, where the runtime lets them", async () => {
    await using world = await World.start();
    const { peer, socket } = world;
    for (let n = 0; n < 3; n++) socket.ping();
    await within(peer.next(PING)); // Deno sends it after what is sent next
    assertEquals(await world.heard(PING), onDeno ? [""] : ["", "", ""]);
    // On Deno the next one is due when this has been answered.
    const pong = world.told("pong");
    peer.send(PONG, "");
    assertEquals(await pong, [Buffer.alloc(0)]);
    const from = peer.frames.length;
    socket.ping();
    await within(peer.next(PING, from));
    assertEquals((await world.heard(PING)).length, onDeno ? 2 : 4);
  });
});

if (!onDeno) { // which cannot stop reading
  describe("a Ping of a socket of wsServer that is paused", () => {
    it("is sent, and no answer expected, as it could not be read", async () => {
      await using world = await World.start(false, { pingInterval: 30, pongTimeout: 0.1 });
      const { peer, server, socket, wss } = world;
      const connected = once(wss, "connection");
      const silent = await within(rawConnect(server.address!.port, { pong: false }));
      const [other] = await within(connected);
      socket.pause();
      socket.ping();
      await within(peer.next(PING));
      peer.send(PONG, "");
      peer.send(TEXT, "waits");
      const dropped = once(other, "close");
      other.ping(); // which is silent, and was asked later
      await within(dropped);
      silent.socket.destroy();
      assertEquals(socket.readyState, socket.OPEN);
      const told = world.told("message");
      socket.resume();
      assertEquals(String((await told)[0]), "waits");
    });
  });
}

describe("'ping' and 'pong' of a socket of wsServer", () => {
  for (const [where, mounted] of WHERE) {
    it(`have the data of the frame where the runtime shows it, ${where}`, async () => {
      await using world = await World.start(mounted);
      const { peer, socket } = world;
      const heard: unknown[] = [];
      for (const type of ["ping", "pong"]) {
        socket.on(type, (data: Buffer) => heard.push([type, Buffer.isBuffer(data), `${data}`]));
      }
      socket.binaryType = "arraybuffer"; // of no effect on them
      peer.send(PING, "who");
      peer.send(PONG, "unasked");
      peer.send(PING);
      peer.send(TEXT, "last");
      await world.told("message");
      const seen = [["ping", true, "who"], ["pong", true, "unasked"], ["ping", true, ""]];
      assertEquals(heard.splice(0), onDeno ? [] : seen);
      assertEquals(await world.heard(PONG), ["who", ""]); // the runtime has answered, once
      socket.ping();
      const [ping] = [await within(peer.next(PING))];
      peer.send(PONG, ping.payload);
      await world.told("pong");
      assertEquals(heard, [["pong", true, ""]]);
    });
  }

  it("are told each of several, and none that is over", async () => {
    await using world = await World.start();
    world.server.on("connect", (one) => void duplexOf(world.server, one).on("error", () => {}));
    const connected = [world.wss, wsServer(world.server)].map((wss) => once(wss, "connection"));
    const peer = await within(rawConnect(world.server.address!.port, { pong: false }));
    const sockets = (await within(Promise.all(connected))).flat().filter((one) => "ping" in one);
    const [, second] = sockets as [WsSocket, WsSocket];
    const log: unknown[] = [];
    sockets.forEach((socket, n) => {
      for (const event of ["ping", "pong"]) {
        socket.on(event, (data: Buffer) => log.push(`${n} ${event} ${data}`));
      }
      socket.on("close", () => log.push(`${n} close`));
    });
    peer.send(PING, "a");
    second.ping();
    await within(peer.next(PING));
    peer.send(PONG, "");
    peer.send(TEXT, "last");
    await within(once(second, "message"));
    const pings = onDeno ? [] : ["0 ping a", "1 ping a"];
    assertEquals(log.splice(0), [...pings, "0 pong ", "1 pong "]);
    const over = [once(second, "close"), peer.next(PONG)]; // the runtime answers as it closes
    second.close();
    for (const opcode of [PING, PONG]) peer.send(opcode, "late");
    await within(Promise.all(over));
    assertEquals(log, ["0 close", "1 close"]);
    peer.socket.destroy();
  });

  it("are no sign of life but for the Pong", async () => {
    const server = createWebSocketServer();
    wsServer(server);
    const times = { pingInterval: 0.3, pongTimeout: 0.3 };
    await server.start({ serverPort: 0, serverIP: "127.0.0.1", ...times });
    const dropped = new Promise<unknown>((resolve) =>
      server.on("error", ({ kind }) => resolve(kind))
    );
    const peer = await within(rawConnect(server.address!.port, { pong: false }));
    const timer = setInterval(() => peer.send(PING, "mine"), 20);
    assertEquals(await within(dropped), "heartbeatTimeout");
    clearInterval(timer);
    peer.socket.destroy();
    await server.stop();
  });

  it("tell the server's 'error' of a listener that throws", async () => {
    await using world = await World.start();
    const { peer, server, socket } = world;
    const faults: unknown[] = [];
    server.on("error", ({ code, cause, message }) => faults.push([code, `${cause}`, message]));
    for (const type of ["ping", "pong"]) {
      socket.on(type, () => {
        throw new Error(type);
      });
    }
    if (!onDeno) peer.send(PING, "");
    socket.ping();
    await within(peer.next(PING));
    peer.send(PONG, "");
    peer.send(TEXT, "last");
    await world.told("message");
    const types = onDeno ? ["pong"] : ["ping", "pong"];
    assertEquals(faults.length, types.length);
    types.forEach((type, n) => {
      const [code, cause, message] = faults[n] as [number, string, string];
      assertEquals([code, cause], [2302999, `Error: ${type}`]);
      assertStringIncludes(message, `a listener of a socket's '${type}'`);
    });
  });
});

describe("'close' of wsServer", () => {
  it("is told once, before each callback, whoever stops the server", async () => {
    for (const how of ["close", "stop"] as const) {
      await using world = await World.start();
      const { server, wss } = world;
      const told: string[] = [];
      wss.on("close", () => told.push(`close ${wss.address()}`));
      if (how === "stop") await server.stop();
      else {
        const calls = [1, 2].map((n) =>
          new Promise<void>((resolve) =>
            wss.close((error) => {
              told.push(`${n} ${error}`);
              resolve();
            })
          )
        );
        await within(Promise.all(calls));
      }
      const callbacks = how === "stop" ? [] : ["1 undefined", "2 undefined"];
      assertEquals(told, ["close null", ...callbacks]);
      await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
      assertEquals(told.splice(0).length, 1 + callbacks.length);
      await server.stop();
      assertEquals(told, ["close null"]);
      await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
    }
  });

  it("is told for each close() of one that does not run, and the callback what it was", async () => {
    const wss = wsServer(createWebSocketServer());
    const told: unknown[] = [];
    wss.on("close", () => told.push("close"));
    wss.close();
    await within(
      new Promise<void>((resolve) =>
        wss.close((error) => {
          told.push((error as BusinessError).kind);
          resolve();
        })
      ),
    );
    assertEquals(told, ["close", "close", "notRunning"]);
  });

  it("tells the server's 'error' of a listener that throws, and the server has stopped", async () => {
    const server = createWebSocketServer();
    const faults: string[] = [];
    server.on("error", ({ message }) => faults.push(message));
    wsServer(server).on("close", () => {
      throw new Error("in close");
    });
    let others = 0;
    wsServer(server).on("close", () => others++);
    await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
    assertEquals(await server.stop(), true);
    assertEquals([server.address, others, faults.length], [undefined, 1, 1]);
    assertStringIncludes(faults[0]!, "a listener of 'close'");
  });
});

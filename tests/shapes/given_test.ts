/** What shapes are given: a client or a server that lacks a function, and bytes of every value. */

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { BusinessError, createWebSocket, createWebSocketServer } from "../../mod.ts";
import { duplexOf, wsServer, type WsSocket } from "../../node.ts";
import { socketOf, streamsOf } from "../../standard.ts";
import { within } from "../helpers/client.ts";
import { MemoryPair } from "../helpers/memory_pair.ts";
import { BINARY, rawConnect } from "../peers/raw.ts";

/** An object with all of these functions but one. */
function without(names: string[], name: string): never {
  return Object.fromEntries(
    names.filter((one) => one !== name).map((one) => [one, () => {}]),
  ) as never;
}

describe("what is no client, or no server", () => {
  const client = ["close", "connect", "drained", "send"];
  const server = ["bufferedAmount", "close", "drained", "listAllConnections", "on", "send"];
  const nobody = { clientIP: "127.0.0.1", clientPort: 1 };
  for (const name of client) {
    it(`is refused where a client has no ${name}()`, () => {
      for (const [word, call] of Object.entries({ streamsOf, duplexOf })) {
        if (call === duplexOf && name === "connect") continue; // then it is meant as a server
        const { code, message } = assertThrows(() => call(without(client, name)), BusinessError);
        const words = `${word}: the client must be one that createWebSocket has made`;
        assertEquals([code, message.includes(words)], [401, true], message);
      }
    });
  }
  for (const name of server) {
    it(`is refused where a server has no ${name}()`, () => {
      for (const [word, call] of Object.entries({ wsServer, socketOf, streamsOf })) {
        const { code, message } = assertThrows(
          () => (call as (one: never, two: unknown) => unknown)(without(server, name), nobody),
          BusinessError,
        );
        const words = `${word}: the server must be one that createWebSocketServer has made`;
        assertEquals([code, message.includes(words)], [401, true], message);
      }
    });
  }
});

describe("wsServer()", () => {
  it("tells bytes of every value as they are, few and many", async () => {
    const server = createWebSocketServer();
    const wss = wsServer(server);
    await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
    const connected = once(wss, "connection");
    const peer = await within(rawConnect(server.address!.port));
    const [socket] = await within(connected) as [WsSocket];
    const all = Uint8Array.from({ length: 1500 }, (_, n) => n);
    for (const bytes of [all.subarray(254, 257), all.subarray(0, 256), all, new Uint8Array()]) {
      const told = once(socket, "message");
      peer.send(BINARY, bytes);
      const [data, isBinary] = await within(told) as [Buffer, boolean];
      assertEquals([Buffer.isBuffer(data), data.equals(bytes), isBinary], [true, true, true]);
    }
    await server.stop();
  });

  it("says of its clients that nobody can change them, each call in its own name", () => {
    const { clients } = wsServer(createWebSocketServer());
    for (const name of ["add", "delete", "clear"] as const) {
      const { message } = assertThrows(() => clients[name](null as never), BusinessError);
      const words = `clients.${name} cannot be had here: a server's sockets are its own`;
      assertEquals(message.endsWith(words), true, message);
    }
  });
});

describe("a server of which one connection is shown in another shape", () => {
  it("tells nothing of that where the others come and go, and in which event a listener failed", async () => {
    await using pair = await MemoryPair.start();
    const { clock, network, server } = pair;
    const errors: string[] = [];
    server.on("error", ({ message }) => void errors.push(message));
    const sockets: WsSocket[] = [];
    const connection = await pair.open();
    const socket = socketOf(server, connection);
    const other = createWebSocket({ clock, runtime: network.client });
    await other.connect("ws://localhost:80/");
    await clock.advance(20);
    await other.send("x");
    await clock.until(other[Symbol.asyncDispose]());
    assertEquals(errors, []);
    wsServer(server).on("connection", (one) => sockets.push(one));
    const third = createWebSocket({ clock, runtime: network.client });
    await third.connect("ws://localhost:80/");
    await clock.advance(20);
    sockets[0]!.on("pong", () => {
      throw new Error("not today");
    });
    sockets[0]!.ping();
    await clock.advance(20);
    await clock.until(third[Symbol.asyncDispose]());
    assertEquals(errors.map((message) => message.includes("a listener of a socket's 'pong'")), [
      true,
    ]);
    const kinds: string[] = [];
    socket.onmessage = ({ data }) => kinds.push(data.constructor.name);
    for (const type of ["blob", "arraybuffer", "blob"] as const) {
      socket.binaryType = type;
      for (const none of ["", "nodebuffer", "Blob", "ArrayBuffer"]) {
        Object.assign(socket, { binaryType: none }); // it takes no notice
        assertEquals(socket.binaryType, type);
      }
      await pair.ws.send(new Uint8Array(1));
      await clock.advance(10);
    }
    assertEquals(kinds, ["Blob", "ArrayBuffer", "Blob"]);
  });
});

describe("a server whose connections are shown in other shapes", () => {
  it("has one listener of each event for all of them", async () => {
    await using pair = await MemoryPair.start();
    const { server } = pair;
    const added: string[] = [];
    const on = server.on.bind(server) as (...args: unknown[]) => void;
    Object.assign(server, {
      on: (event: string, listener: unknown) => (added.push(event), on(event, listener)),
    });
    wsServer(server);
    wsServer(server);
    for (let turn = 0; turn < 3; turn++) {
      socketOf(server, await pair.open());
      await pair.close();
    }
    assertEquals(added, ["connect", "connect", "messageReceive", "close"]);
  });
});

describe("'onmessage' alone", () => {
  it("is printed where it throws or rejects, and prevents nothing else", async () => {
    await using pair = await MemoryPair.start();
    const socket = socketOf(pair.server, await pair.open());
    const causes = [new Error("thrown"), new Error("rejected")];
    const ways = [
      () => {
        throw causes[0];
      },
      () => Promise.reject(causes[1]),
      () => 5,
      () => null,
      () => Promise.resolve(),
    ];
    const printed: unknown[] = [];
    const { error } = console;
    console.error = (what: Error) => void printed.push(what.cause);
    for (const way of ways) {
      socket.onmessage = way;
      await pair.ws.send("x");
      await pair.clock.advance(10);
    }
    console.error = error;
    assertEquals(printed.map((cause) => causes.indexOf(cause as Error)), [0, 1]);
    assertEquals(socket.readyState, 1);
  });
});

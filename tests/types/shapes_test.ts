/**
 * The sockets of `./standard` where a program or a library asks for the platform's: lib.dom's, Deno's or
 * Bun's, whichever types this file is compiled with. The package's test compiles it with lib.dom, and
 * with Bun's own types alone.
 */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocketServer, type WebSocketConnection } from "../../mod.ts";
import { duplexOf, type WebSocketDuplexOptions, wsServer } from "../../node.ts";
import { socketOf, WebSocket as Ours, webSocketClass } from "../../standard.ts";

/** What is only to be compiled. */
function compiled(_: (...args: never[]) => unknown): void {}

/** A library that calls `new`. */
function library(options: { WebSocket: typeof WebSocket }): WebSocket {
  return new options.WebSocket("ws://localhost/", ["one"]);
}

/** A library that wants a socket, whoever made it. */
function wants(socket: WebSocket): number {
  return socket.readyState;
}

describe("the types of the shapes", () => {
  it("fit where the platform's class is asked for, with no cast", () => {
    compiled(() => library({ WebSocket: Ours }));
    compiled(() => library({ WebSocket: webSocketClass({ pingInterval: 5 }) }));
    compiled(() => {
      const Class: typeof WebSocket = Ours;
      return new Class("ws://localhost/");
    });
    compiled(() => wants(new Ours("ws://localhost/")));
  });

  it("fit where a socket of the platform is asked for, from a server, too", () => {
    const server = createWebSocketServer();
    compiled((connection: WebSocketConnection) => wants(socketOf(server, connection)));
    compiled((connection: WebSocketConnection) => {
      const socket: WebSocket = socketOf(server, connection);
      socket.binaryType = "arraybuffer";
      socket.onmessage = (event: MessageEvent) => socket.send(event.data);
      socket.addEventListener("close", ({ code, reason, wasClean }) => [code, reason, wasClean]);
    });
    assertEquals(server.listAllConnections(), []);
  });

  it("know events, data and options", () => {
    compiled(() => {
      const ws = new Ours("ws://localhost/", [], { headers: { a: "b" }, reconnect: true });
      ws.addEventListener("message", ({ data }) => data);
      ws.send(new Uint8Array(1));
      ws.send(new Blob(["a"]));
      // @ts-expect-error: an object is no data
      ws.send({});
      // @ts-expect-error: the standard has no such type
      ws.binaryType = "nodebuffer";
      // @ts-expect-error: the option is a number
      return new Ours("ws://localhost/", [], { pingInterval: "5" });
    });
    compiled((connection: WebSocketConnection, options: WebSocketDuplexOptions) => {
      duplexOf(createWebSocketServer(), connection, { ...options, window: 1 });
      // @ts-expect-error: the option is a number
      duplexOf(createWebSocketServer(), connection, { window: "1" });
    });
  });

  it("know what the listeners of a `ws` server and of its sockets are told, unannotated", () => {
    compiled(() => {
      const wss = wsServer(createWebSocketServer());
      wss.on("error", (error) => error.message);
      wss.on("connection", (socket, request) => {
        socket.on("message", (data, isBinary) => [data.toString(), isBinary === true, request.url]);
        socket.on("close", (code, reason) => [code.toFixed(), reason.toString("utf8")]);
        socket.on("error", (error) => error.message);
        socket.on("pong", (data) => data.length);
        // Whoever knows better than the types may say so: `binaryType` is 'arraybuffer' here.
        socket.on("message", (data: ArrayBuffer) => data.byteLength);
        socket.on("upgrade", () => {});
        // @ts-expect-error: a code is a number
        socket.on("close", (code) => code.trim());
      });
    });
  });
});

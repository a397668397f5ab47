/** Messages that come to a server's connection in another shape: who hears them, and what their senders hear of that. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { WebSocketConnection, WebSocketServer } from "../../mod.ts";
import { wsServer, type WsSocket } from "../../node.ts";
import { socketOf, streamsOf } from "../../standard.ts";
import { MemoryPair } from "../helpers/memory_pair.ts";
import { kindOf, NodesInMemory } from "../helpers/nodes_in_memory.ts";

/** What is made of a server's connections, and what becomes of a message then. */
const SHAPES: [what: string, answer: string, make: (server: WebSocketServer) => unknown][] = [
  ["a socket of socketOf that nobody listens to", "refusedByPeer", (server) => {
    server.on("connect", (connection) => void socketOf(server, connection));
  }],
  ["one that listens", "true", (server) => {
    server.on("connect", (connection) => {
      socketOf(server, connection).onmessage = () => {};
    });
  }],
  ["a socket of wsServer that nobody listens to", "refusedByPeer", wsServer],
  ["one of those that listens", "true", (server) => {
    wsServer(server).on("connection", (socket: WsSocket) => void socket.on("message", () => {}));
  }],
  ["one of those that fails", "refusedByPeer", (server) => {
    wsServer(server).on("connection", (socket: WsSocket) => {
      socket.on("message", () => {
        throw new Error("no");
      });
    });
  }],
  ["streams", "true", (server) => {
    server.on("connect", (connection) => void streamsOf(server, connection));
  }],
  ["another connection alone", "refusedByPeer", (server) => {
    server.once("connect", (connection) => {
      socketOf(server, connection).onmessage = () => {};
    });
  }],
  ["two shapes, of which one listens", "true", (server) => {
    wsServer(server);
    server.on("connect", (connection: WebSocketConnection) => {
      socketOf(server, connection).onmessage = () => {};
    });
  }],
];

describe("send(data, { acknowledge: true }) to a connection that is shown as", () => {
  for (const [what, answer, make] of SHAPES) {
    it(`${what}: ${answer}`, async () => {
      await using nodes = new NodesInMemory();
      make(await nodes.node());
      await nodes.client(); // the first
      const ws = await nodes.client();
      await nodes.settle();
      const asked = kindOf(ws.send("x", { acknowledge: true }));
      await nodes.settle();
      assertEquals(await asked, answer);
    });
  }
});

describe("a message that has the connection closed by whoever hears it first", () => {
  const closers: [who: string, close: (server: WebSocketServer) => void][] = [
    ["a listener of the server's", (server) => {
      server.on("messageReceive", ({ clientConnection }) => void server.close(clientConnection));
    }],
    ["a socket of wsServer", (server) => {
      wsServer(server).on("connection", (socket: WsSocket) => {
        socket.on("message", () => socket.terminate());
      });
    }],
  ];
  for (const [who, close] of closers) {
    it(`is told to no socket behind: ${who}`, async () => {
      await using pair = await MemoryPair.start();
      const told: unknown[] = [];
      close(pair.server);
      pair.server.on("connect", (connection) => {
        const socket = socketOf(pair.server, connection);
        socket.onmessage = ({ data }) => told.push(data, socket.readyState);
      });
      await pair.open();
      await pair.ws.send("x");
      await pair.clock.advance(100);
      assertEquals([told, pair.ws.state], [[], "idle"]);
    });
  }
});

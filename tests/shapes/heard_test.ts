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

/** Which connection is shown, and what hears its messages. */
type Shown = [connection: WebSocketConnection, hear: (data: unknown) => void];

describe("what comes to show a connection in the listener of its first message", () => {
  const ways: [what: string, show: (server: WebSocketServer, ...rest: Shown) => unknown][] = [
    ["socketOf", (server, connection, hear) => {
      socketOf(server, connection).onmessage = ({ data }) => hear(data);
    }],
    ["streamsOf", (server, connection, hear) => {
      const { readable } = streamsOf(server, connection);
      readable.pipeTo(new WritableStream({ write: hear })).catch(() => {});
    }],
  ];
  for (const [what, show] of ways) {
    it(`hears from the second on, whichever connection of the server it is: ${what}`, async () => {
      await using pair = await MemoryPair.start();
      const told: unknown[] = [];
      pair.server.on("messageReceive", ({ clientConnection, data }) => {
        if (data === "1") show(pair.server, clientConnection, (data) => void told.push(data));
      });
      for (let n = 0; n < 3; n++) {
        await pair.open();
        for (const text of ["1", "2", "3"]) await pair.ws.send(text);
        await pair.clock.advance(100);
        assertEquals(told.splice(0), ["2", "3"], `connection ${n}`);
        void pair.ws.close();
        await pair.clock.advance(100);
      }
    });
  }
});

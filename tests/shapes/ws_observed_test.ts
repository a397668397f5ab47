/** Sockets in the shape of `ws` of a server whose observer calls the listeners of messages. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocket, createWebSocketServer, type WebSocketConnection } from "../../mod.ts";
import { wsServer } from "../../node.ts";
import { within } from "../helpers/client.ts";

describe("wsServer(), where the observer has 'handling'", () => {
  it("tells all but messages without it: 'pong', and the callbacks of send()", async () => {
    const handled: unknown[] = [];
    const server = createWebSocketServer({
      observer: {
        handling(who: WebSocketConnection, run) {
          handled.push(who);
          run();
        },
      },
    });
    const errors: unknown[] = [];
    server.on("error", ({ kind, cause }) => errors.push(kind, (cause as Error).message));
    const log: unknown[] = [];
    const { promise: ponged, resolve: pong } = Promise.withResolvers<unknown>();
    const { promise: called, resolve: call } = Promise.withResolvers<unknown>();
    const { promise: refused, resolve: refuse } = Promise.withResolvers<unknown>();
    wsServer(server).on("connection", (socket) => {
      socket.on("pong", (data) => pong(data.length));
      socket.on("message", (data) => {
        log.push(String(data));
        socket.send("back", (error) => call(error));
        socket.send("again", () => {
          throw new Error("the callback's own");
        });
      });
      socket.on("close", () => socket.send("late", (error) => refuse(error?.message)));
    });
    await server.start({ serverPort: 0, serverIP: "127.0.0.1", pingInterval: 0.05 });
    await using ws = createWebSocket();
    await ws.connect(`ws://127.0.0.1:${server.address!.port}/`);
    assertEquals(await within(ponged), 0);
    assertEquals(handled.length, 0);
    const [connection] = server.listAllConnections();
    await ws.send("hello");
    assertEquals(await within(called), undefined);
    await ws.close();
    assertEquals(await within(refused), "WebSocket is not open: readyState 3 (CLOSED)");
    await server.stop();
    assertEquals([log, handled], [["hello"], [connection]]);
    assertEquals(errors, ["listenerFailed", "the callback's own"]);
  });
});

/**
 * Programs put a WebSocket of their own in the runtime's place, made of this module: engines of games and
 * adapters of mini programs do. The module goes on dialling with the runtime's.
 */

import { assertEquals, assertFalse } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { createWebSocket, createWebSocketServer, type WebSocketClientOptions } from "../../mod.ts";
import { webClient } from "../../runtime/web/client.ts";
import { within } from "../helpers/client.ts";

const place = globalThis as { WebSocket: unknown };
const own = place.WebSocket;

describe("a program's own global WebSocket", () => {
  let made = 0;

  beforeAll(() => {
    place.WebSocket = class {
      static OPEN = "mine";
      static CLOSING = "mine";
      constructor() {
        made++;
        void createWebSocket().connect("ws://127.0.0.1:1/");
      }
    };
  });
  afterAll(() => {
    place.WebSocket = own;
  });

  const clients: [string, WebSocketClientOptions][] = [
    ["the runtime's", {}],
    ["the web's", { runtime: webClient() }],
  ];
  for (const [name, options] of clients) {
    it(`is not what the client dials with: ${name}`, async () => {
      await using server = createWebSocketServer();
      server.on("messageReceive", ({ clientConnection, data }) => {
        void server.send(data, clientConnection);
      });
      await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
      await using ws = createWebSocket(options);
      const answer = new Promise((resolve) => ws.on("message", (_, data) => resolve(data)));
      await ws.connect(`ws://127.0.0.1:${server.address!.port}/`);
      await within(ws.opened);
      assertEquals(ws.bufferedAmount, 0);
      await ws.send("Hello");
      assertEquals(await within(answer), "Hello");
      await ws.close();
      await within(ws.closed);
      assertEquals(made, 0);
    });
  }

  it("stays in its place", () => assertFalse(place.WebSocket === own));
});

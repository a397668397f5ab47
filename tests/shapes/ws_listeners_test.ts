/** What a listener of 'close' gets as an event, on a socket in the shape of `ws`. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { EventEmitter } from "node:events";
import { Buffer } from "node:buffer";
import { type WsEvent, WsListeners } from "../../shapes/ws_listeners.ts";

describe("the event of a 'close'", () => {
  for (const code of [1000, 1001, 1005, 1006, 1011, 1012, 3000, 4999]) {
    it(`of ${code} says whether that was clean`, () => {
      const socket = new EventEmitter();
      const told: WsEvent[] = [];
      new WsListeners(socket).add("close", (event) => told.push(event), false);
      socket.emit("close", code, Buffer.from("why"));
      const wasClean = code !== 1006;
      assertEquals(told, [{ type: "close", target: socket, code, reason: "why", wasClean }]);
    });
  }
});

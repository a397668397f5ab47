/** Listeners that get events, on a socket in the shape of `ws`. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { EventEmitter } from "node:events";
import { Buffer } from "node:buffer";
import { addListener, removeListener, type WsEvent } from "../../shapes/ws_listeners.ts";

describe("the event of a 'close'", () => {
  for (const code of [1000, 1001, 1005, 1006, 1011, 1012, 3000, 4999]) {
    it(`of ${code} says whether that was clean`, () => {
      const socket = new EventEmitter();
      const told: WsEvent[] = [];
      addListener(socket, "close", (event) => told.push(event), false);
      socket.emit("close", code, Buffer.from("why"));
      const wasClean = code !== 1006;
      assertEquals(told, [{ type: "close", target: socket, code, reason: "why", wasClean }]);
    });
  }
});

describe("a listener that gets events", () => {
  it("is called once where it was to be, also where it has the event told again", () => {
    const socket = new EventEmitter();
    let calls = 0;
    socket.once("open", () => socket.emit("open"));
    addListener(socket, "open", () => calls++, true);
    socket.emit("open");
    assertEquals([calls, socket.listenerCount("open")], [1, 0]);
  });

  it("is another one than those of `on`, which stay where none is to be removed", () => {
    const socket = new EventEmitter();
    socket.on("open", () => {});
    removeListener(socket, "open", undefined as never);
    assertEquals(socket.listenerCount("open"), 1);
  });
});

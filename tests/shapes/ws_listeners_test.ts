/** Listeners that get events, on a socket in the shape of `ws`. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { EventEmitter } from "node:events";
import { Buffer } from "node:buffer";
import { wsServer } from "../../node.ts";
import { addListener, removeListener, type WsEvent } from "../../shapes/ws_listeners.ts";
import { MemoryPair } from "../helpers/memory_pair.ts";

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

describe("listeners of which some fail", () => {
  for (const captures of [false, true]) {
    it(`are all told of a message, an end, a connection, and so are their failures, capturing: ${captures}`, async () => {
      using _ = { [Symbol.dispose]: () => void (EventEmitter.captureRejections = false) };
      EventEmitter.captureRejections = captures;
      await using pair = await MemoryPair.start();
      const { clock, server, ws } = pair;
      const told: string[] = [];
      const failed: unknown[] = [];
      server.on("error", ({ cause }) => failed.push((cause as Error).message));
      const hear = (emitter: EventEmitter, name: string) => {
        for (const nth of ["1st", "2nd"]) {
          emitter.once(name, () => {
            throw new Error(`${nth} of ${name}`);
          });
        }
        emitter.on(name, () => told.push(name));
      };
      const wss = wsServer(server);
      hear(wss, "connection");
      wss.on("connection", (socket) => {
        for (const name of ["error", "message", "close"]) hear(socket, name);
        socket.on(EventEmitter.errorMonitor, () => told.push("monitor"));
        socket.send(Symbol("no data") as never);
      });
      await pair.open();
      await ws.send("1");
      await ws.send("2");
      await clock.advance(100);
      await ws.close();
      await clock.advance(100);
      assertEquals(told, ["connection", "monitor", "error", "message", "message", "close"]);
      const names = ["connection", "error", "message", "close"];
      assertEquals(failed, names.flatMap((name) => [`1st of ${name}`, `2nd of ${name}`]));
    });
  }
});

describe("an `emit` that a program has put in the place of a socket's, or of the server's", () => {
  it("is called for each event, however many listen", async () => {
    await using pair = await MemoryPair.start();
    const { clock, server, ws } = pair;
    const told: unknown[] = [];
    const watch = (emitter: EventEmitter) => {
      const { emit } = emitter;
      emitter.emit = function (type, ...args) {
        told.push(type);
        return emit.call(this, type, ...args);
      };
    };
    const wss = wsServer(server);
    watch(wss);
    wss.on("connection", () => {});
    wss.on("connection", (socket) => {
      watch(socket);
      for (const name of ["message", "close", "error"]) {
        for (let n = 0; n < 2; n++) socket.on(name, () => told.push(`heard ${name}`));
      }
      socket.send({} as never);
    });
    await pair.open();
    await ws.send("1");
    await clock.advance(100);
    await ws.close();
    await clock.advance(100);
    const twice = (name: string) => [name, `heard ${name}`, `heard ${name}`];
    assertEquals(told, ["connection", ...twice("error"), ...twice("message"), ...twice("close")]);
  });
});

describe("EventEmitter.captureRejections", () => {
  for (const count of [1, 2, 3]) {
    it(`has 'error' told of what ${count} listeners of a socket reject with`, async () => {
      using _ = { [Symbol.dispose]: () => void (EventEmitter.captureRejections = false) };
      EventEmitter.captureRejections = true;
      await using pair = await MemoryPair.start();
      const { clock, server, ws } = pair;
      const told: string[] = [];
      wsServer(server).on("connection", (socket) => {
        socket.on("error", ({ message }) => told.push(message));
        for (const name of ["message", "close"]) {
          for (let n = 1; n <= count; n++) {
            socket.on(name, () => Promise.reject(new Error(`${name} ${n}`)));
          }
        }
      });
      await pair.open();
      await ws.send("1");
      await clock.advance(100);
      await ws.close();
      await clock.advance(100);
      const all = (name: string) => Array.from({ length: count }, (_, n) => `${name} ${n + 1}`);
      assertEquals(told, [...all("message"), ...all("close")]);
    });
  }

  it("has nothing told of what listeners of 'error' reject with", async () => {
    using _ = { [Symbol.dispose]: () => void (EventEmitter.captureRejections = false) };
    EventEmitter.captureRejections = true;
    await using pair = await MemoryPair.start();
    const { clock, server, ws } = pair;
    const told: unknown[] = [];
    wsServer(server).on("connection", (socket) => {
      const rejected = { then: () => void told.push("asked") };
      for (const name of ["1st", "2nd"]) socket.on("error", () => (told.push(name), rejected));
      socket.send({} as never);
    });
    await pair.open();
    await clock.advance(100);
    assertEquals(told, ["1st", "2nd"]);
    await ws.close();
    await clock.advance(100);
  });

  it("goes by a method of the socket that is there for it", async () => {
    using _ = { [Symbol.dispose]: () => void (EventEmitter.captureRejections = false) };
    EventEmitter.captureRejections = true;
    await using pair = await MemoryPair.start();
    const { clock, server, ws } = pair;
    const told: unknown[] = [];
    wsServer(server).on("connection", (socket) => {
      Object.assign(socket, {
        [EventEmitter.captureRejectionSymbol]: (error: Error, ...more: unknown[]) =>
          told.push(error.message, more.length, more[0], String(more[1])),
      });
      socket.on("message", () => {});
      socket.on("message", () => Promise.reject(new Error("no")));
    });
    await pair.open();
    await ws.send("1");
    await clock.advance(100);
    assertEquals(told, ["no", 3, "message", "1"]);
    await ws.close();
    await clock.advance(100);
  });
});

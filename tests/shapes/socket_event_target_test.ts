/** What a socket takes and does as an EventTarget (DOM §2.7 to §2.9), a client's and a server's alike. */

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { socketOf, WebSocket } from "../../standard.ts";
import { shaped } from "../helpers/shaped_server.ts";
import { giveUp, type Loose, loose, next } from "../helpers/sockets.ts";
import { RawServer, TEXT } from "../peers/raw.ts";

/** A socket, and what ends it. */
interface Given {
  ws: Loose;
  end: () => Promise<unknown>;
}

function client(): Promise<Given> {
  const ws = giveUp(new WebSocket("ws://127.0.0.1:1/"));
  const over = next(ws, "close");
  return Promise.resolve({ ws: loose(ws), end: () => over });
}

async function server(): Promise<Given> {
  const { server, one } = await shaped(socketOf);
  return { ws: loose(one), end: () => server.stop() };
}

/** The methods as a program without types calls them. */
interface Methods {
  addEventListener(...args: unknown[]): void;
  removeEventListener(...args: unknown[]): void;
}

/** Options that say which of them are read. */
function watched(log: string[]): object {
  return {
    get capture() {
      return void log.push("capture");
    },
    get once() {
      return void log.push("once");
    },
    get passive() {
      return void log.push("passive");
    },
    get signal() {
      return void log.push("signal");
    },
  };
}

/** What comes of dispatching an event: what is thrown. */
function dispatched(ws: WebSocket, event: Event): string {
  try {
    return `${ws.dispatchEvent(event)}`;
  } catch (error) {
    return `${(error as Error).constructor.name} ${(error as Error).name}`;
  }
}

/** What a loop copies of an object. */
function copyOf(object: object): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  // deno-lint-ignore guard-for-in -- what is inherited is what it is about
  for (const name in object) copy[name] = object[name as never];
  return copy;
}

for (const [name, make] of Object.entries({ client, server })) {
  describe(`a ${name}'s socket: the options of a listener`, () => {
    it("are an object also where that is a function, and a flag where it is no object", async () => {
      const { ws, end } = await make();
      const one = ws as Methods;
      let calls = 0;
      const listener = () => void calls++;
      const capturing = Object.assign(() => {}, { capture: true });
      for (
        const [added, removed] of [
          [() => {}, false],
          [capturing, true],
          [1, "true"],
          [null, undefined],
          ["", {}],
        ]
      ) {
        one.addEventListener("x", listener, added);
        one.removeEventListener("x", listener, removed);
        ws.dispatchEvent(new Event("x"));
        assertEquals(calls, 0, String(added));
      }
      await end();
    });

    it("are read in the order of their names, and of removing but 'capture'", async () => {
      const { ws, end } = await make();
      const log: string[] = [];
      ws.addEventListener("x", () => {}, watched(log) as AddEventListenerOptions);
      assertEquals(log.splice(0), ["capture", "once", "passive", "signal"]);
      ws.removeEventListener("x", () => {}, watched(log));
      assertEquals(log, ["capture"]);
      const wrong = { signal: null } as object;
      ws.removeEventListener("x", () => {}, wrong);
      await end();
    });

    it("are refused where they are wrong, also with no listener", async () => {
      const { ws, end } = await make();
      for (const listener of [() => {}, null, undefined]) {
        for (const signal of [null, {}, 5]) {
          assertThrows(
            () => (ws as Methods).addEventListener("x", listener, { signal }),
            TypeError,
            "AbortSignal",
          );
        }
      }
      await end();
    });

    it("come with a listener that is an object, or none, to add and to remove", async () => {
      const { ws, end } = await make();
      const one = ws as Methods;
      for (const method of ["addEventListener", "removeEventListener"] as const) {
        for (const wrong of [5, "text", true, Symbol.iterator]) {
          assertThrows(() => one[method]("x", wrong), TypeError, method);
        }
        one[method]("x", null);
        one[method]("x", undefined, { capture: true });
      }
      const { error } = console;
      const printed: unknown[] = [];
      console.error = (what: unknown) => void printed.push(what);
      ws.dispatchEvent(new Event("x"));
      console.error = error;
      assertEquals(printed, []);
      await end();
    });
  });

  describe(`a ${name}'s socket: dispatchEvent()`, () => {
    it("refuses an event that is being dispatched, here or elsewhere", async () => {
      const [{ ws, end }, other] = await Promise.all([make(), client()]);
      const log: string[] = [];
      for (const target of [ws, other.ws, new EventTarget()] as EventTarget[]) {
        target.addEventListener(
          "x",
          (event: unknown) => void log.push(dispatched(ws, event as Event)),
        );
        target.dispatchEvent(new Event("x"));
      }
      assertEquals(log, Array(3).fill("DOMException InvalidStateError"));
      await Promise.all([end(), other.end()]);
    });

    it("takes an event again, and leaves it for others to dispatch", async () => {
      const { ws, end } = await make();
      const elsewhere = new EventTarget();
      const event = new Event("x");
      const seen: unknown[] = [];
      for (const target of [ws, elsewhere, ws] as EventTarget[]) {
        target.addEventListener("x", () => {
          seen.push(event.currentTarget === target, event.eventPhase);
        }, { once: true });
        assertEquals(target.dispatchEvent(event), true);
        assertEquals([event.currentTarget, event.eventPhase, event.composedPath()], [null, 0, []]);
      }
      assertEquals(seen, [true, 2, true, 2, true, 2]);
      assertEquals(event.target === ws, true);
      await end();
    });

    it("tells those that a listener which captures adds, unless they capture, too", async () => {
      for (const type of ["x", "message"]) {
        const { ws, end } = await make();
        const log: string[] = [];
        const add = (what: string, capture: boolean) =>
          ws.addEventListener(type, () => log.push(what), { capture });
        ws.addEventListener(type, () => {
          add("capturing", true);
          add("added", false);
          ws.onmessage = () => log.push("set");
        }, { capture: true, once: true });
        ws.dispatchEvent(new Event(type));
        assertEquals(log, ["added", ...(type === "message" ? ["set"] : [])]);
        await end();
      }
    });

    it("tells nobody of an event that was stopped before", async () => {
      const { ws, end } = await make();
      const log: string[] = [];
      for (const capture of [true, false]) {
        const add = () => void log.push(String(capture));
        ws.addEventListener("x", add, capture);
        const event = new Event("x");
        event.stopPropagation();
        assertEquals(ws.dispatchEvent(event), true);
        assertEquals(log, []);
        ws.removeEventListener("x", add, capture);
      }
      ws.onopen = () => void log.push("handler");
      const event = new Event("open");
      event.stopImmediatePropagation();
      ws.dispatchEvent(event);
      assertEquals(log, []);
      ws.dispatchEvent(new Event("open"));
      assertEquals(log, ["handler"]);
      await end();
    });

    it("ends with the listeners that capture where one of them stops the event", async () => {
      const { ws, end } = await make();
      const log: string[] = [];
      const stop = (event: Event) => {
        log.push("stops");
        event.stopPropagation();
      };
      ws.addEventListener("x", () => void log.push("after"));
      ws.addEventListener("x", stop, true);
      ws.addEventListener("x", () => void log.push("captures, too"), true);
      ws.dispatchEvent(new Event("x"));
      assertEquals(log.splice(0), ["stops", "captures, too"]);
      ws.removeEventListener("x", stop, true);
      ws.addEventListener("x", stop);
      ws.addEventListener("x", () => void log.push("last"));
      ws.dispatchEvent(new Event("x"));
      assertEquals(log, ["captures, too", "after", "stops", "last"]);
      await end();
    });

    it("lets a passive listener prevent nothing, whichever way", async () => {
      const { ws, end } = await make();
      const event = new Event("x", { cancelable: true });
      const seen: boolean[] = [];
      ws.addEventListener("x", (event) => {
        event.preventDefault();
        event.returnValue = false;
        seen.push(event.returnValue, event.defaultPrevented);
      }, { passive: true });
      assertEquals(ws.dispatchEvent(event), true);
      assertEquals(seen, [true, false]);
      ws.addEventListener("x", (event) => {
        event.returnValue = false;
      });
      assertEquals(ws.dispatchEvent(new Event("x", { cancelable: true })), false);
      event.preventDefault();
      assertEquals([event.returnValue, event.defaultPrevented], [false, true]);
      ws.dispatchEvent(event);
      assertEquals(seen.slice(-2), [false, true]);
      await end();
    });

    it("takes a message that has come to another socket, and does not trust it", async () => {
      const { ws, end } = await make();
      const raw = await RawServer.listen();
      const source = new WebSocket(raw.url);
      const [peer] = await Promise.all([raw.accept(), next(source, "open")]);
      const meanwhile = new Promise<string>((resolve) =>
        source.addEventListener("message", (event) => {
          resolve(dispatched(ws, event));
          event.stopImmediatePropagation();
        })
      );
      peer.send(TEXT, "hello");
      const event = await next(source, "message", true);
      assertEquals(await meanwhile, "DOMException InvalidStateError");
      assertEquals([event.cancelBubble, event.isTrusted], [false, true]);
      const seen: unknown[] = [];
      ws.onmessage = (again) => {
        seen.push(again === event, again.data, again.isTrusted, again.eventPhase);
        seen.push(again.target === ws, again.currentTarget === ws, again.composedPath()[0] === ws);
      };
      ws.addEventListener("message", (again) => {
        again.stopImmediatePropagation();
        seen.push(again.cancelBubble); // which it is by that, too (DOM §2.2)
      });
      ws.addEventListener("message", () => seen.push("stopped"));
      assertEquals(ws.dispatchEvent(event), true);
      assertEquals(seen, [true, "hello", false, Event.AT_TARGET, true, true, true, true]);
      assertEquals([event.target === ws, event.currentTarget, event.eventPhase], [true, null, 0]);
      assertEquals([event.isTrusted, event.cancelBubble, event.origin], [
        false,
        false,
        source.url.slice(0, -1),
      ]);
      event.stopPropagation();
      assertEquals([ws.dispatchEvent(event), event.cancelBubble], [true, false]);
      assertEquals(seen.length, 8);
      source.close();
      await Promise.all([next(source, "close"), end()]);
      await raw.close();
    });
  });
}

describe("the 'close' event", () => {
  it("is a CloseEvent, and says so", async () => {
    for (const make of [client, server]) {
      const { ws, end } = await make();
      const closed = next(ws, "close");
      ws.terminate();
      const [event] = await Promise.all([closed, end()]);
      assertEquals([event.constructor, String(event)], [CloseEvent, "[object CloseEvent]"]);
      assertEquals(event.isTrusted, false);
      assertEquals(Object.keys(event).filter((key) => key !== "isTrusted"), []);
      assertEquals(Object.hasOwn(event, "stopImmediatePropagation"), false); // as while it was told
    }
  });
});

describe("the event of a message", () => {
  it("shows in a for-in loop what one of the runtime's shows, as copies are made", async () => {
    const { server, one, peer } = await shaped(socketOf);
    const told = next(one, "message");
    peer.send(TEXT, "a");
    const event = await told;
    const copy = copyOf(event);
    const missing = Object.keys(copyOf(new MessageEvent("x"))).filter((name) => !(name in copy));
    assertEquals([missing, copy.data, copy.type], [[], "a", "message"]);
    assertEquals(Object.hasOwn(copy, "constructor"), false);
    await server.stop();
  });

  it("has the members of old, and none of them changes what has come", async () => {
    const { server, one, peer } = await shaped(socketOf);
    const heard: string[] = [];
    one.addEventListener("message", (event) => {
      heard.push(`${event.srcElement === one}`);
      event.cancelBubble = false;
      heard.push(`${event.cancelBubble}`);
      event.cancelBubble = true;
      event.cancelBubble = false;
      heard.push(`${event.cancelBubble}`);
      event.returnValue = false;
      event.initEvent("other", true, true);
      event.initMessageEvent("other", true, true, "other data");
      heard.push(`${event.type} ${event.data} ${event.returnValue} ${event.bubbles}`);
    }, true);
    one.addEventListener("message", () => heard.push("though it was stopped"));
    const told = next(one, "message", true);
    peer.send(TEXT, "hello");
    assertEquals((await told).srcElement === one, true);
    assertEquals(heard, ["true", "false", "true", "message hello true false"]);
    peer.end();
    await server.stop();
  });
});

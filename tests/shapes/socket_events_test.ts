/** Who hears a socket's events, in which order, and what an event says. */

import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { afterEach, describe, it } from "@std/testing/bdd";
import { WebSocket } from "../../standard.ts";
import { giveUp, logOf, next, nextTask, settled } from "../helpers/sockets.ts";
import { BINARY, RawServer, TEXT } from "../peers/raw.ts";

/** A socket whose attempt is over: events are dispatched to it by hand. */
function silent(): WebSocket {
  return giveUp(new WebSocket("ws://127.0.0.1:1/"));
}

/** An open socket and its peer. */
async function pair() {
  const server = await RawServer.listen();
  const ws = new WebSocket(server.url);
  const [peer] = await Promise.all([server.accept(), next(ws, "open")]);
  const end = async () => {
    ws.close();
    await next(ws, "close");
    await server.close();
  };
  return { server, ws, peer, end };
}

const HANDLERS = ["onopen", "onmessage", "onerror", "onclose"] as const;

/** What a test sets and shows without types. */
type Handlers = Record<typeof HANDLERS[number], unknown>;

describe("an event handler", () => {
  afterEach(settled);

  for (const name of HANDLERS) {
    it(`${name} is null, then what it is set to, and null where that is no object`, () => {
      const ws = silent() as unknown as Handlers;
      assertEquals(ws[name], null);
      const handler = () => {};
      ws[name] = handler;
      assertEquals(ws[name], handler);
      for (const wrong of [2, "text", undefined, null, true, Symbol.iterator]) {
        ws[name] = handler;
        ws[name] = wrong;
        assertEquals(ws[name], null);
      }
    });

    it(`${name} keeps an object, and never calls it`, () => {
      const ws = silent();
      let called = 0;
      const handler = { handleEvent: () => called++ };
      (ws as unknown as Handlers)[name] = handler;
      assertEquals((ws as unknown as Handlers)[name], handler);
      ws.dispatchEvent(new Event(name.slice(2)));
      assertEquals(called, 0);
    });

    it(`${name} hears an event that is dispatched by hand, and not once it is null`, () => {
      const ws = silent();
      const heard: unknown[] = [];
      (ws as unknown as Handlers)[name] = function (this: unknown, event: Event) {
        heard.push(this === ws, event.target === ws, event.currentTarget === ws, event.eventPhase);
      };
      ws.dispatchEvent(new Event(name.slice(2)));
      assertEquals(heard, [true, true, true, 2]);
      (ws as unknown as Handlers)[name] = null;
      ws.dispatchEvent(new Event(name.slice(2)));
      assertEquals(heard.length, 4);
    });
  }

  it("is called where it was first set, among the listeners", () => {
    const ws = silent();
    const order: string[] = [];
    const add = (name: string) => () => void order.push(name);
    ws.addEventListener("message", add("first"));
    ws.onmessage = add("handler");
    ws.addEventListener("message", add("last"));
    ws.onmessage = add("other handler");
    ws.dispatchEvent(new Event("message"));
    assertEquals(order.splice(0), ["first", "other handler", "last"]);
    ws.onmessage = null;
    ws.onmessage = add("set anew");
    ws.dispatchEvent(new Event("message"));
    assertEquals(order, ["first", "last", "set anew"]);
  });

  it("prevents the default of an event by returning false, and a listener does not", () => {
    for (const name of HANDLERS) {
      const ws = silent();
      const said = () => ws.dispatchEvent(new Event(name.slice(2), { cancelable: true }));
      ws.addEventListener(name.slice(2), () => false);
      assertEquals(said(), true);
      (ws as unknown as Handlers)[name] = () => false;
      assertEquals(said(), false);
      (ws as unknown as Handlers)[name] = () => 0;
      assertEquals(said(), true);
    }
    const ws = silent();
    ws.onopen = () => false; // with no listener beside it
    assertEquals(ws.dispatchEvent(new Event("open", { cancelable: true })), false);
  });

  it("is no listener: the same function may be both", () => {
    const ws = silent();
    let calls = 0;
    const both = () => void calls++;
    ws.onclose = both;
    ws.addEventListener("close", both);
    ws.addEventListener("close", both);
    ws.dispatchEvent(new Event("close"));
    assertEquals(calls, 2);
    ws.removeEventListener("close", both);
    ws.dispatchEvent(new Event("close"));
    assertEquals(calls, 3);
  });
});

describe("a listener", () => {
  afterEach(settled);

  it("may be an object, and is called with it as 'this'", () => {
    const ws = silent();
    const seen: unknown[] = [];
    const listener = {
      handleEvent(event: Event) {
        seen.push(this === listener, event.type);
      },
    };
    ws.addEventListener("open", listener);
    ws.dispatchEvent(new Event("open"));
    assertEquals(seen, [true, "open"]);
  });

  it("is called once where it asks for that, and never after its signal", () => {
    const ws = silent();
    const order: string[] = [];
    const abort = new AbortController();
    ws.addEventListener("x", () => void order.push("once"), { once: true });
    ws.addEventListener("x", () => void order.push("until"), { signal: abort.signal });
    ws.addEventListener("x", () => void order.push("gone"), { signal: AbortSignal.abort() });
    ws.dispatchEvent(new Event("x"));
    abort.abort();
    ws.dispatchEvent(new Event("x"));
    assertEquals(order, ["once", "until"]);
  });

  it("is called once, also where the same event is told within it", () => {
    const ws = silent();
    let called = 0;
    ws.addEventListener("x", () => {
      if (++called < 3) ws.dispatchEvent(new Event("x"));
    }, { once: true });
    ws.dispatchEvent(new Event("x"));
    assertEquals(called, 1);
  });

  it("that captures comes first, and is another one than the same that does not", () => {
    const ws = silent();
    const order: string[] = [];
    const first = () => void order.push("a");
    ws.addEventListener("x", first);
    ws.addEventListener("x", () => void order.push("b"), true);
    ws.addEventListener("x", first, { capture: true });
    ws.dispatchEvent(new Event("x"));
    assertEquals(order.splice(0), ["b", "a", "a"]);
    ws.removeEventListener("x", first, true);
    ws.dispatchEvent(new Event("x"));
    assertEquals(order.splice(0), ["b", "a"]);
    ws.removeEventListener("x", first, true); // there is none any more that captures
    ws.dispatchEvent(new Event("x"));
    assertEquals(order, ["b", "a"]);
  });

  it("may stop those after it, and add and remove others", () => {
    const ws = silent();
    const order: string[] = [];
    const removed = () => void order.push("removed");
    const stop = (event: Event) => {
      order.push("stop");
      event.stopImmediatePropagation();
    };
    ws.addEventListener("x", () => {
      order.push("first");
      ws.removeEventListener("x", removed);
      ws.addEventListener("x", () => void order.push("added"));
    }, { once: true });
    ws.addEventListener("x", removed);
    ws.addEventListener("x", stop);
    ws.addEventListener("x", () => void order.push("stopped"));
    ws.dispatchEvent(new Event("x"));
    assertEquals(order.splice(0), ["first", "stop"]);
    ws.removeEventListener("x", stop);
    ws.dispatchEvent(new Event("x"));
    assertEquals(order, ["stopped", "added"]);
  });

  it("may be null, and nothing else that is no object", () => {
    const ws = silent();
    ws.addEventListener("x", null);
    assertThrows(() => ws.addEventListener("x", 5 as unknown as null), TypeError);
    const wrong = { signal: 5 } as unknown as AddEventListenerOptions;
    assertThrows(() => ws.addEventListener("x", () => {}, wrong), TypeError);
  });

  it("that is passive cannot prevent the default, and the next one can", () => {
    const ws = silent();
    const prevent = (event: Event) => event.preventDefault();
    const said = () => ws.dispatchEvent(new Event("x", { cancelable: true }));
    ws.addEventListener("x", prevent, { passive: true });
    assertEquals(said(), true);
    ws.addEventListener("x", prevent, { passive: false, capture: true });
    assertEquals(said(), false);
    ws.removeEventListener("x", prevent, true);
    ws.addEventListener("x", (event) => event.preventDefault());
    assertEquals(said(), false);
  });

  it("is added and removed with two arguments at the least", () => {
    const ws = silent() as unknown as Record<string, (...args: unknown[]) => void>;
    for (const name of ["addEventListener", "removeEventListener"] as const) {
      assertEquals(ws[name]!.length, 2);
      assertThrows(() => ws[name]!(), TypeError);
      assertThrows(() => ws[name]!("x"), TypeError);
      ws[name]!("x", undefined);
    }
  });

  it("that was added past the class is called all the same", async () => {
    const { ws, peer, end } = await pair();
    const heard = new Promise<MessageEvent>((resolve) =>
      EventTarget.prototype.addEventListener.call(
        ws,
        "message",
        resolve as unknown as EventListener,
      )
    );
    peer.send(TEXT, "hello");
    assertEquals((await heard).data, "hello");
    await end();
  });

  it("that throws or rejects is printed, and harms nobody", async () => {
    const { ws, peer, end } = await pair();
    const { error } = console;
    const printed: string[] = [];
    console.error = (what: Error) => void printed.push(what.message);
    try {
      ws.onmessage = () => {
        throw new Error("one");
      };
      // deno-lint-ignore require-await -- it is to reject
      ws.addEventListener("message", async () => {
        throw new Error("two");
      });
      const after = next(ws, "message");
      peer.send(TEXT, "hello");
      await after;
      await nextTask();
    } finally {
      console.error = error;
    }
    assertEquals(printed.map((message) => message.includes("a listener of 'message' failed")), [
      true,
      true,
    ]);
    assertEquals(ws.readyState, WebSocket.OPEN);
    await end();
  });
});

describe("a message", () => {
  it("is a MessageEvent with everything that one has", async () => {
    const { ws, peer, server, end } = await pair();
    let during: unknown[] = [];
    ws.onmessage = (event) => {
      event.preventDefault();
      event.stopPropagation();
      during = [event.currentTarget === ws, event.eventPhase, event.composedPath()[0] === ws];
    };
    peer.send(TEXT, "h\u00e9");
    const event = await next(ws, "message");
    assertInstanceOf(event, MessageEvent);
    assertInstanceOf(event, Event);
    assertEquals(event.constructor, MessageEvent);
    assertEquals(Object.prototype.toString.call(event), "[object MessageEvent]");
    assertEquals(during, [true, 2, true]);
    const { type, data, origin, lastEventId, source, ports, bubbles, cancelable } = event;
    assertEquals(
      { type, data, origin, lastEventId, source, ports: [...ports], bubbles, cancelable },
      {
        type: "message",
        data: "h\u00e9",
        origin: new URL(server.url).origin,
        lastEventId: "",
        source: null,
        ports: [],
        bubbles: false,
        cancelable: false,
      },
    );
    assertEquals([event.composed, event.defaultPrevented, event.isTrusted], [false, false, true]);
    assertEquals([event.target === ws, event.currentTarget, event.eventPhase], [true, null, 0]);
    assertEquals(event.composedPath(), []);
    assertEquals(event.cancelBubble, false);
    const { timeStamp } = event;
    assert(timeStamp > 0 && timeStamp <= performance.now());
    assertEquals(event.timeStamp, timeStamp);
    await end();
  });

  it("of bytes is a Blob, and an ArrayBuffer where it is asked for, in the order sent", async () => {
    const { ws, peer, end } = await pair();
    assertEquals(ws.binaryType, "blob");
    for (const type of ["arraybuffer", "blob"] as const) {
      ws.binaryType = type;
      (ws as { binaryType: string }).binaryType = "nodebuffer";
      assertEquals(ws.binaryType, type);
    }
    const all: unknown[] = [];
    const two = new Promise<void>((resolve) =>
      ws.onmessage = ({ data }) => {
        if (all.push(data) === 3) resolve();
        if (data === "text") ws.binaryType = "arraybuffer";
      }
    );
    peer.send(BINARY, new Uint8Array([1, 2]));
    peer.send(TEXT, "text");
    peer.send(BINARY, new Uint8Array([3]));
    await two;
    assertInstanceOf(all[0], Blob);
    assertEquals([all[0].size, all[0].type], [2, ""]);
    assertEquals(new Uint8Array(await all[0].arrayBuffer()), new Uint8Array([1, 2]));
    assertEquals(all[1], "text");
    assertInstanceOf(all[2], ArrayBuffer);
    assertEquals(new Uint8Array(all[2]), new Uint8Array([3]));
    await end();
  });

  it("that comes after close() is not told", async () => {
    const { ws, peer, server } = await pair();
    const log = logOf(ws);
    ws.close();
    peer.send(TEXT, "too late");
    await next(ws, "close");
    assertEquals(log, ["close 3 1005 true"]);
    await server.close();
  });
});

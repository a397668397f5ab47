/** The interface of `WebSocket` as Web IDL has it. */

import { assert, assertEquals, assertFalse, assertThrows } from "@std/assert";
import { afterEach, describe, it } from "@std/testing/bdd";
import { WebSocket, webSocketClass, type WebSocketConstructor } from "../../standard.ts";
import { giveUp, next, settled } from "../helpers/sockets.ts";
import { RawServer, TEXT } from "../peers/raw.ts";

type Constants<T extends WebSocket | WebSocketConstructor> = Pick<
  T,
  "CONNECTING" | "OPEN" | "CLOSING" | "CLOSED"
>;

// Their types say the same, for whoever compares `readyState` with them.
const CONSTANTS = { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 } as const satisfies
  & Constants<WebSocket>
  & Constants<WebSocketConstructor>;

const READ_ONLY = ["url", "readyState", "bufferedAmount", "extensions", "protocol"];
const WRITABLE = ["binaryType", "onopen", "onmessage", "onerror", "onclose"];

/** A socket whose attempt is over before it began: nothing is left behind. */
function given(Socket: WebSocketConstructor = WebSocket): WebSocket {
  return giveUp(new Socket("ws://127.0.0.1:1/"));
}

/** What a for-in loop shows. */
function keysOf(value: object): string[] {
  const keys: string[] = [];
  // deno-lint-ignore guard-for-in -- what is inherited is what it is about
  for (const key in value) keys.push(key);
  return keys;
}

const classes: [string, WebSocketConstructor][] = [
  ["WebSocket", WebSocket],
  ["a class with options", webSocketClass({ pingInterval: 5 })],
];

for (const [name, Socket] of classes) {
  describe(`the interface of ${name}`, () => {
    afterEach(settled);

    it("is a class called WebSocket that takes at least one argument", () => {
      assertEquals((Socket as unknown as { name: string }).name, "WebSocket");
      assertEquals((Socket as unknown as { length: number }).length, 1);
      assertThrows(() => (Socket as unknown as () => void)(), TypeError);
      assertThrows(() => new (Socket as unknown as new () => void)(), TypeError);
    });

    it("inherits from EventTarget, as a class and by its prototype", () => {
      assertEquals(Object.getPrototypeOf(Socket), EventTarget);
      assertEquals(Object.getPrototypeOf(Socket.prototype), EventTarget.prototype);
      assertEquals(Socket.prototype.constructor as unknown, Socket);
      const ws = given(Socket);
      assert(ws instanceof EventTarget);
      assert(ws instanceof Socket);
      assertEquals(Object.getPrototypeOf(ws), Socket.prototype);
    });

    it("keeps its prototype from being replaced", () => {
      const { writable, enumerable, configurable } = Object.getOwnPropertyDescriptor(
        Socket,
        "prototype",
      )!;
      assertEquals([writable, enumerable, configurable], [false, false, false]);
    });

    for (const [constant, value] of Object.entries(CONSTANTS)) {
      it(`has the constant ${constant}, read-only, on the class and on the prototype`, () => {
        for (const holder of [Socket, Socket.prototype]) {
          assertEquals(Object.getOwnPropertyDescriptor(holder, constant), {
            value,
            writable: false,
            enumerable: true,
            configurable: false,
          });
          assertThrows(() => Object.assign(holder, { [constant]: 9 }), TypeError);
        }
        assertEquals(given(Socket)[constant as "OPEN"] as number, value);
      });
    }

    for (const attribute of [...READ_ONLY, ...WRITABLE]) {
      it(`has ${attribute} as an accessor of the prototype`, () => {
        const { get, set, enumerable, configurable } = Object.getOwnPropertyDescriptor(
          Socket.prototype,
          attribute,
        )!;
        assertEquals([enumerable, configurable], [true, true]);
        assertEquals(get!.name, `get ${attribute}`);
        assertEquals(get!.length, 0);
        assertEquals(set?.name, WRITABLE.includes(attribute) ? `set ${attribute}` : undefined);
        assertFalse(Object.hasOwn(given(Socket), attribute));
        for (const wrong of [undefined, null, {}, new EventTarget(), Socket.prototype]) {
          assertThrows(() => get!.call(wrong), TypeError);
          if (set !== undefined) assertThrows(() => set.call(wrong, null), TypeError);
        }
      });
    }

    for (const [operation, length] of Object.entries({ send: 1, close: 0 })) {
      it(`has ${operation} as a method of the prototype`, () => {
        const { value, writable, enumerable, configurable } = Object.getOwnPropertyDescriptor(
          Socket.prototype,
          operation,
        )!;
        assertEquals([writable, enumerable, configurable], [true, true, true]);
        assertEquals([value.name, value.length], [operation, length]);
        for (const wrong of [undefined, null, {}, new EventTarget(), Socket.prototype]) {
          assertThrows(() => value.call(wrong, ""), TypeError);
        }
      });
    }

    it("shows what the standard names in a for-in loop, and nothing else", () => {
      const inherited = keysOf(new EventTarget());
      const own = keysOf(given(Socket)).filter((key) => !inherited.includes(key)).sort();
      const names = [...READ_ONLY, ...WRITABLE, ...Object.keys(CONSTANTS), "send", "close"];
      assertEquals(own, names.sort());
      assertEquals(Object.keys(given(Socket)), []);
    });

    it("says what it is", () => {
      assertEquals(String(given(Socket)), "[object WebSocket]");
      assertEquals(Object.getOwnPropertyDescriptor(Socket.prototype, Symbol.toStringTag), {
        value: "WebSocket",
        writable: false,
        enumerable: false,
        configurable: true,
      });
    });

    it("ignores it where a read-only attribute is written, as in a sloppy program", () => {
      const ws = given(Socket);
      for (const attribute of READ_ONLY) {
        const before = ws[attribute as "url"];
        assertFalse(Reflect.set(ws, attribute, "other"));
        assertEquals(ws[attribute as "url"], before);
      }
    });

    it("lets a program redefine what is on the prototype, for its own class", () => {
      const Other = webSocketClass({});
      Object.defineProperty(Other.prototype, "bufferedAmount", { get: () => "mine" });
      assertEquals(given(Other).bufferedAmount as unknown, "mine");
      assertEquals(given(Socket).bufferedAmount, 0);
    });

    it("can be extended", () => {
      class Mine extends (Socket as WebSocketConstructor) {
        twice(): number {
          return this.readyState * 2;
        }
      }
      const ws = new Mine("ws://127.0.0.1:1/");
      giveUp(ws);
      assert(ws instanceof Mine);
      assert(ws instanceof Socket);
      assertEquals(ws.twice(), 4);
      assertFalse(given(Socket) instanceof Mine);
    });
  });
}

describe("WebSocket and a class with options", () => {
  afterEach(settled);

  it("take each other's sockets for their own", () => {
    assert(given(webSocketClass({})) instanceof WebSocket);
    assertFalse(({}) instanceof WebSocket);
    assertFalse(null as unknown instanceof WebSocket);
  });
});

describe("a class that has a dispatchEvent() of its own", () => {
  it("hears of everything, and the socket does not call it", async () => {
    const server = await RawServer.listen();
    let calls = 0;
    class Own extends (WebSocket as unknown as new (url: string) => globalThis.WebSocket) {
      override dispatchEvent(): boolean {
        calls++;
        throw new Error("by nobody");
      }
    }
    const ws = new Own(server.url);
    const heard: string[] = [];
    for (const type of ["open", "message", "error", "close"]) {
      ws.addEventListener(type, () => void heard.push(type));
    }
    const [peer] = await Promise.all([server.accept(), next(ws, "open")]);
    peer.send(TEXT, "hello");
    await next(ws, "message");
    peer.reset();
    await next(ws, "close");
    assertEquals([heard, calls], [["open", "message", "error", "close"], 0]);
    await server.close();
  });
});

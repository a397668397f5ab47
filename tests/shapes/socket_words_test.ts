/** What sockets of the standard's shape say when something is wrong, and which members they have. */

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { BusinessError, createWebSocketServer } from "../../mod.ts";
import { WebSocket, webSocketClass } from "../../standard.ts";
import { FakeClock, MemoryNetwork } from "../../testing.ts";
import { within } from "../helpers/client.ts";
import { ScriptedClient } from "../helpers/scripted_runtime.ts";
import { giveUp, loose, next, settled } from "../helpers/sockets.ts";
import { header, RawServer } from "../peers/raw.ts";

const Untyped = WebSocket as unknown as new (...args: unknown[]) => WebSocket;

/** A socket whose attempt is over soon. */
const one = () => loose(giveUp(new WebSocket("ws://127.0.0.1:1/")));

/** Makes a socket with options. */
const made = (options: object, protocols: unknown = []) =>
  new Untyped("wss://127.0.0.1:1/", protocols, options);

/** Dispatches an event that another target is dispatching. */
function dispatchTwice(): void {
  const target = new EventTarget();
  const event = new Event("x");
  let thrown: unknown;
  target.addEventListener("x", () => {
    try {
      one().dispatchEvent(event);
    } catch (error) {
      thrown = error;
    }
  });
  target.dispatchEvent(event);
  throw thrown;
}

const WORDS: [call: string, call: () => unknown, words: string][] = [
  ["no URL", () => new Untyped(), "WebSocket: there must be a URL"],
  ["no URL at all", () => new Untyped("http://["), "WebSocket: the URL must be one that can be"],
  [
    "a scheme",
    () => new Untyped("ftp://a/"),
    "WebSocket: the URL must begin with ws:, wss:, http:",
  ],
  ["a fragment", () => new Untyped("ws://a/#b"), "WebSocket: the URL must have no fragment"],
  ["a space", () => new Untyped("ws://a/", "a b"), "WebSocket: each subprotocol must be a token"],
  ["case", () => new Untyped("ws://a/", ["a", "A"]), "WebSocket: the subprotocols must differ"],
  ["a class of nothing", () => webSocketClass(5 as never), "webSocketClass: options must be"],
  ["a header", () => made({ headers: { x: 5 } }), "WebSocket: 'headers' x must be text: current"],
  ["a header by its other name", () => made({ header: { x: 5 } }), "WebSocket: 'header' x must be"],
  ["headers", () => made({ headers: 5 }), "WebSocket: 'headers' must be a plain object of text"],
  ["pairs", () => made({ header: [5] }), "WebSocket: 'header' must be a plain object of text"],
  [
    "a header's subprotocol",
    () => made({ headers: { "sec-websocket-protocol": "b" } }, "a"),
    "WebSocket: the subprotocols must be what 'headers' says too",
  ],
  ["an option", () => made({ a: 1 }), "WebSocket: 'a' is no option; there are headers, header, ca"],
  ["`reconnect`", () => made({ reconnect: { a: 1 } }), "WebSocket: 'reconnect': 'a' is no option"],
  ["`resume`", () => made({ resume: true }), "WebSocket: 'resume' must have 'reconnect' beside it"],
  ["a file", () => made({ caPath: "/none" }), "WebSocket: 'caPath'"],
  [
    "a close code",
    () => one().close(1001),
    "close: the code may not be sent: current value is 1001",
  ],
  ["send", () => one().send(), "send: there must be an argument"],
  ["one argument", () => (one().addEventListener as () => void)(), "addEventListener: there must"],
  ["another", () => (one().removeEventListener as () => void)(), "removeEventListener: there must"],
  ["a listener", () => one().addEventListener("x", 5 as never), "addEventListener: the listener"],
  [
    "no event",
    () => one().dispatchEvent({} as Event),
    "dispatchEvent: the argument must be an Event",
  ],
  ["an event on its way", dispatchTwice, "dispatchEvent: the event is being dispatched"],
  ["ping", () => one().ping("x"), "ping: data cannot be had here"],
];

describe("a socket of the standard's shape says", () => {
  for (const [what, call, words] of WORDS) {
    it(`what is wrong with ${what}`, async () => {
      assertStringIncludes(assertThrows(call, Error).message, words);
      await settled();
    });
  }

  it("what a runtime has thrown that was to dial", async () => {
    const runtime = new ScriptedClient();
    const cause = runtime.fault = new Error("no more sockets");
    for (const reconnect of [false, true]) {
      const init = { runtime, reconnect, clock: new FakeClock() } as object;
      const socket = new WebSocket("ws://localhost/", [], init);
      const log: unknown[] = [];
      const error = new Promise<BusinessError>((resolve) =>
        socket.onerror = (event) => resolve((event as ErrorEvent).error)
      );
      socket.onclose = ({ code }) => log.push(code);
      assertEquals([socket.readyState, log], [0, []]);
      await Promise.resolve();
      assertEquals(socket.readyState, 0); // its end is told in a task
      const { kind, data, message, cause: told } = await error;
      assertEquals([kind, data, told === cause], ["connectFailed", "0", true]);
      assertStringIncludes(message, "the runtime refused to dial: Error: no more sockets");
      assertEquals(log, [1006]);
      socket.close();
    }
  });

  it("what a runtime cannot do, before it dials", () => {
    const clock = new FakeClock();
    const cannot = Object.assign(new ScriptedClient(), {
      unsupported: () => ({ option: "proxy", why: "it has none" }),
    });
    const silent = Object.assign(new ScriptedClient(), { canPing: false });
    const ways = [[cannot, {}, "'proxy' cannot be had on the script: it has none"], [
      silent,
      { pingInterval: 1 },
      "'pingInterval' cannot be had on the script",
    ]] as const;
    for (const [runtime, init, words] of ways) {
      const make = () =>
        new WebSocket("ws://localhost/", [], { ...init, clock, runtime } as object);
      const { kind, message } = assertThrows(make, BusinessError);
      assertEquals([kind, message.endsWith(words), runtime.request], [
        "unsupported",
        true,
        undefined,
      ]);
    }
  });

  it("which size a message may have where nothing else is asked for", async () => {
    const clock = new FakeClock();
    const network = new MemoryNetwork({ clock });
    const server = createWebSocketServer({ clock, runtime: network.server });
    await server.start({ serverPort: 80 });
    const socket = new WebSocket("ws://localhost/", [], { clock, runtime: network.client });
    await clock.advance(10);
    const { name, message } = assertThrows(
      () => socket.send(new Uint8Array(67_108_864)),
      DOMException,
    );
    const words = "send: 'maxPayload' is 67108863: current value has 67108864 bytes";
    assertEquals([name, message, socket.bufferedAmount], ["QuotaExceededError", words, 0]);
    await clock.until(server.stop());
    await clock.advance(10_000);
  });
});

describe("the class", () => {
  it("shows the standard's members, and hides all others", () => {
    assertEquals(Object.keys(WebSocket.prototype).sort(), [
      ...["CLOSED", "CLOSING", "CONNECTING", "OPEN", "binaryType", "bufferedAmount", "close"],
      ...["extensions", "onclose", "onerror", "onmessage", "onopen", "protocol", "readyState"],
      ...["send", "url"],
    ]);
    assertEquals(Object.keys(WebSocket), ["CONNECTING", "OPEN", "CLOSING", "CLOSED"]);
  });

  it("takes options with no prototype as its second argument", async () => {
    const clock = new FakeClock();
    const network = new MemoryNetwork({ clock });
    const server = createWebSocketServer({ clock, runtime: network.server });
    await server.start({ serverPort: 80, protocol: ["b", "a"] });
    const options = { clock, runtime: network.client, protocols: ["a", "b"] };
    const bag = Object.assign(Object.create(null), options);
    const socket = new Untyped("ws://localhost/", bag);
    await clock.advance(10);
    assertEquals([socket.readyState, socket.protocol], [1, "b"]);
    await clock.until(server.stop());
    await clock.advance(10_000);
  });

  it("reads a relative URL as one of the page, where there is a page", async () => {
    const before = Object.getOwnPropertyDescriptor(globalThis, "location");
    const location = { href: "http://127.0.0.1:1/dir/page?a=1" };
    Object.defineProperty(globalThis, "location", { value: location, configurable: true });
    try {
      assertEquals(giveUp(new WebSocket("../x?y")).url, "ws://127.0.0.1:1/x?y");
      for (location.href of ["about:blank", "nowhere"]) {
        assertThrows(() => new WebSocket("../x"), DOMException);
        assertEquals(giveUp(new WebSocket("ws://127.0.0.1:1/z")).url, "ws://127.0.0.1:1/z");
      }
      // It is no page for all that: a browser's Origin is the program's to give.
      const raw = await RawServer.listen();
      location.href = raw.url.replace("ws:", "http:");
      const ws = new WebSocket("/");
      const { head } = await within(raw.accept());
      assertEquals([ws.url, header(head, "origin")], [raw.url, ""]);
      await Promise.all([next(ws, "close"), raw.close()]);
    } finally {
      if (before === undefined) delete (globalThis as { location?: unknown }).location;
      else Object.defineProperty(globalThis, "location", before);
    }
    await settled();
  });
});

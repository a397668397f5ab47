/** What `new WebSocket` takes, and what it makes of it (WHATWG WebSockets §3.1). */

import { assertEquals, assertThrows } from "@std/assert";
import { afterEach, describe, it } from "@std/testing/bdd";
import { BusinessError, createWebSocketServer } from "../../mod.ts";
import { WebSocket, webSocketClass, type WebSocketConstructor } from "../../standard.ts";
import { FakeClock, MemoryNetwork } from "../../testing.ts";
import { within } from "../helpers/client.ts";
import { assertThrowsDom, giveUp, next, settled } from "../helpers/sockets.ts";
import { acceptHead, header, RawServer } from "../peers/raw.ts";

const Untyped = WebSocket as unknown as new (...args: unknown[]) => WebSocket;

/** Makes one and gives it up at once. */
function make(...args: unknown[]): WebSocket {
  return giveUp(new Untyped(...args));
}

describe("new WebSocket: the URL", () => {
  afterEach(settled);

  for (
    const [given, url] of [
      ["ws://127.0.0.1:1", "ws://127.0.0.1:1/"],
      ["wss://127.0.0.1:1/a", "wss://127.0.0.1:1/a"],
      ["http://127.0.0.1:1/a?b", "ws://127.0.0.1:1/a?b"],
      ["https://127.0.0.1:1/", "wss://127.0.0.1:1/"],
      ["WS://LOCALHOST:80/", "ws://localhost/"],
      ["wss://localhost:443/", "wss://localhost/"],
      ["https://localhost:443/x", "wss://localhost/x"],
      ["ws://localhost:443/", "ws://localhost:443/"],
      ["  ws://127.0.0.1:1/a b\t", "ws://127.0.0.1:1/a%20b"],
      ["ws://127.0.0.1:1/?\u00e9", "ws://127.0.0.1:1/?%C3%A9"],
      ["ws://user:word@127.0.0.1:1/", "ws://user:word@127.0.0.1:1/"],
      ["ws:/127.0.0.1:1\\a/../b", "ws://127.0.0.1:1/b"],
      [new URL("ws://127.0.0.1:1/u"), "ws://127.0.0.1:1/u"],
    ] as const
  ) {
    it(`shows ${given} as ${url}`, () => {
      assertEquals(make(given).url, url);
    });
  }

  for (
    const given of [
      "",
      "/relative",
      "relative",
      "ws://",
      "ws://foo bar.com/",
      "wss://foo bar.com/",
      "ws://127.0.0.1:99999/",
      "ftp://127.0.0.1/",
      "mailto:example@example.org",
      "about:blank",
      "ws://127.0.0.1/#",
      "ws://127.0.0.1/#test",
      "http://127.0.0.1/#test",
      "#test",
      null,
      {},
    ]
  ) {
    it(`throws SyntaxError for ${JSON.stringify(given)}`, () => {
      assertThrowsDom(() => new Untyped(given), "SyntaxError");
    });
  }
});

describe("new WebSocket: the subprotocols", () => {
  for (
    const given of [
      "",
      "/echo",
      "a b",
      "a,b",
      "\u0080echo",
      "\u00e9",
      ["echo", "echo"],
      ["echo", "eCho"],
      ["echo", ""],
      ["ok", "(no)"],
      new Date(0),
      { toString: () => "a b" },
      new String("one one"),
    ]
  ) {
    it(`throws SyntaxError for ${JSON.stringify(given)}`, () => {
      assertThrowsDom(() => new Untyped("ws://127.0.0.1:1/", given), "SyntaxError");
    });
  }

  for (
    const [given, offered] of [
      [undefined, ""],
      [[], ""],
      ["echo", "echo"],
      [null, "null"],
      [["a", "b.c"], "a, b.c"],
      [new Set(["x", 1]), "x, 1"],
      [{ toString: () => "mine" }, "mine"],
      [{ [Symbol.toPrimitive]: () => "primitive" }, "primitive"],
      [{ [Symbol.iterator]: null, toString: () => "one" }, "one"],
      [Object.assign(() => {}, { toString: () => "callable" }), "callable"],
      [new String("abc"), "a, b, c"],
      [Object.assign(() => {}, { [Symbol.iterator]: () => ["in", "it"].values() }), "in, it"],
      [{ protocols: "bag" }, "bag"],
      [{ protocols: ["bag", "two"], pingInterval: 5 }, "bag, two"],
      [{ headers: { "x-a": "1" } }, ""],
    ] as const
  ) {
    it(`offers ${offered || "none"} for ${JSON.stringify(given)}`, async () => {
      let seen = "";
      const server = await RawServer.listen({
        answer: (request) => {
          seen = header(request, "sec-websocket-protocol");
          const [first] = seen.split(", ");
          return acceptHead(request, first === "" ? [] : [`Sec-WebSocket-Protocol: ${first}`]);
        },
      });
      const ws = new Untyped(server.url, given);
      assertEquals(ws.protocol, "");
      await next(ws, "open");
      assertEquals(seen, offered);
      assertEquals(ws.protocol, offered.split(", ")[0]);
      assertEquals(ws.extensions, "");
      ws.close();
      await next(ws, "close");
      assertEquals(ws.protocol, offered.split(", ")[0]);
      await server.close();
    });
  }
});

describe("new WebSocket: options that are given more than once", () => {
  it("are those that were given last: of the class, the second argument, the third", async () => {
    const clock = new FakeClock();
    const network = new MemoryNetwork({ clock });
    const server = createWebSocketServer({ clock, runtime: network.server });
    const said: unknown[] = [];
    const authorize = ({ headers }: Request) => {
      said.push(headers.get("x-from"));
      return true as const;
    };
    await server.start({ serverPort: 80, authorize });
    const from = (where: string) => ({ header: { "x-from": where } });
    const bound = { clock, runtime: network.client, ...from("class") };
    const Bound = webSocketClass(bound) as unknown as typeof Untyped;
    const [second, third] = [from("second"), from("third")];
    const [named, undef] = [{ headers: third.header }, { headers: undefined, header: undefined }];
    for (
      const args of [[], [second], [second, third], [[], third], [named], [undef], [[], undef]]
    ) {
      new Bound("ws://localhost/", ...args);
      await clock.advance(10);
    }
    assertEquals(said, ["class", "second", "third", "third", "third", "class", "class"]);
    await clock.until(server.stop());
  });
});

describe("new WebSocket: the order of its steps", () => {
  it("converts both arguments before it looks at either", () => {
    const log: string[] = [];
    const url = {
      toString() {
        log.push("url");
        return "no URL";
      },
    };
    const protocols = {
      toString() {
        log.push("protocols");
        throw new RangeError("no text");
      },
    };
    assertThrows(() => new Untyped(url, protocols), RangeError);
    assertThrows(() => new Untyped(url, { [Symbol.iterator]: 5 }), TypeError);
    assertThrows(() => new Untyped(url, [Symbol.iterator]), TypeError);
    assertThrowsDom(() => new Untyped(url, "a b"), "SyntaxError");
    assertEquals(log, ["url", "protocols", "url", "url", "url"]);
  });
});

describe("new WebSocket: the third argument", () => {
  afterEach(settled);

  it("is let be where it is none of ours", () => {
    assertEquals(make("ws://127.0.0.1:1/", "echo", "Stray argument").readyState, 2);
    assertEquals(make("ws://127.0.0.1:1/", [], null, 4).readyState, 2);
  });

  it("may have options of `ws`, as Discord's clients give them, beside ours, and says once that it leaves them out", async () => {
    const { warn } = console;
    const said: string[] = [];
    console.warn = (what: string) => void said.push(what);
    using _ = { [Symbol.dispose]: () => void (console.warn = warn) };
    const server = await RawServer.listen();
    const ofWs = { handshakeTimeout: 30_000, perMessageDeflate: false, followRedirects: true };
    for (
      const args of [[[], { ...ofWs, headers: { "x-own": "1" } }], [{
        ...ofWs,
        headers: { "x-own": "1" },
      }]]
    ) {
      const ws = new Untyped(server.url, ...args);
      const [peer] = await within(Promise.all([server.accept(), next(ws, "open")]));
      assertEquals(header(peer.head, "x-own"), "1");
      ws.close();
      await within(next(ws, "close"));
    }
    await server.close();
    for (const name of ["agent", "ca", "rejectUnauthorized"]) { // which it must not do without
      const call = () => new Untyped("ws://127.0.0.1:1/", [], { [name]: true });
      assertEquals(assertThrows(call, BusinessError).code, 401);
    }
    assertEquals(assertThrows(() => bind(ofWs), BusinessError).code, 401);
    const leftOut = (name: string) => `WebSocket: '${name}' is an option of npm's ws, and left out`;
    assertEquals(said, Object.keys(ofWs).map(leftOut));
  });

  for (
    const [options, words] of [
      [{ pingIntervall: 1 }, "'pingIntervall'"],
      [JSON.parse('{ "__proto__": { "pingInterval": 5 } }'), "'__proto__'"],
      [{ protocol: "a" }, "'protocol'"],
      [{ maxPayload: -1 }, "'maxPayload'"],
      [{ reconnect: 5 }, "'reconnect'"],
      [{ headers: { host: "a" } }, "host"],
      [{ headers: () => ({}) }, "'headers' must be a plain object of text values unless"],
      [{ headers: {}, header: {} }, "'header'"],
      [{ schema: {} }, "'schema'"],
    ] as const
  ) {
    it(`throws 401 for ${JSON.stringify(options)}, as webSocketClass does`, () => {
      for (
        const call of [() => new Untyped("ws://127.0.0.1:1/", [], options), () => bind(options)]
      ) {
        const error = assertThrows(call, BusinessError);
        assertEquals(error.code, 401);
        assertEquals(error.message.includes(words), true, error.message);
      }
    });
  }

  it("throws 2302002 for a certificate that is not there", () => {
    const options = { caPath: "/nowhere/ca.pem" };
    const error = assertThrows(() => new Untyped("wss://127.0.0.1:1/", [], options), BusinessError);
    assertEquals(error.code, 2302002);
  });

  for (
    const headers of [
      { authorization: "Bearer me" },
      new Headers({ authorization: "Bearer me" }),
      [["Authorization", "Bearer me"]],
    ]
  ) {
    it(`sends headers given as ${Object.prototype.toString.call(headers)}`, async () => {
      const seen: string[] = [];
      const server = await RawServer.listen({
        answer: (request) => {
          seen.push(header(request, "authorization"));
          return acceptHead(request);
        },
      });
      const direct = new Untyped(server.url, [], { headers });
      await next(direct, "open");
      direct.close();
      await next(direct, "close");
      const bound = new (bind({ headers }))(server.url);
      await next(bound, "open");
      bound.close();
      await next(bound, "close");
      assertEquals(seen, ["Bearer me", "Bearer me"]);
      await server.close();
    });
  }

  it("goes before what the class was bound to", async () => {
    let seen = "";
    const server = await RawServer.listen({
      answer: (request) => {
        seen = `${header(request, "x-a")} ${header(request, "x-b")}`;
        return acceptHead(request);
      },
    });
    const Bound = bind({ headers: { "x-a": "1" }, pingInterval: 7 });
    const ws = new Bound(server.url, [], { headers: { "x-b": "2" } });
    await next(ws, "open");
    assertEquals(seen, " 2");
    ws.close();
    await next(ws, "close");
    await server.close();
  });

  it("sends the URL's user and password as Basic authorization", async () => {
    let seen = "";
    const server = await RawServer.listen({
      answer: (request) => {
        seen = header(request, "authorization");
        return acceptHead(request);
      },
    });
    const ws = new WebSocket(server.url.replace("ws://", "ws://foo:bar@"));
    await within(next(ws, "open"));
    assertEquals(seen, "Basic Zm9vOmJhcg==");
    ws.close();
    await next(ws, "close");
    await server.close();
  });
});

function bind(options: unknown): WebSocketConstructor {
  return (webSocketClass as (options: unknown) => WebSocketConstructor)(options);
}

import { assertEquals, assertInstanceOf, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Buffer } from "node:buffer";
import { BusinessError, createWebSocket } from "../../mod.ts";
import { Session, untyped, within } from "../helpers/client.ts";
import { MemoryPair } from "../helpers/memory_pair.ts";
import { TcpServer } from "../helpers/tcp.ts";
import { acceptHead, BINARY, frame, PING, PONG, TEXT } from "../peers/raw.ts";

describe("createWebSocket() events", () => {
  it("come in order: open, openInfo, message and dataEnd each, close", async () => {
    await using session = await Session.start();
    const peer = await session.open();
    peer.send(TEXT, "one");
    peer.send(BINARY, Uint8Array.of(1, 2));
    peer.close(4000, "done");
    await session.log.next("close");
    const info = { status: 101, message: "Switching Protocols" };
    assertEquals(session.log.entries.map(({ event, args }) => [event, ...args]), [
      ["open", undefined, info],
      ["openInfo", undefined, info],
      ["message", undefined, "one"],
      ["dataEnd"],
      ["message", undefined, Uint8Array.of(1, 2).buffer],
      ["dataEnd"],
      ["close", undefined, { code: 4000, reason: "done" }],
    ]);
  });

  it("tell a message that came with the handshake's answer after 'open' and 'openInfo'", async () => {
    await using eager = await TcpServer.listen((socket) => {
      socket.once("data", (request) => {
        const head = new TextEncoder().encode(acceptHead(String(request)));
        socket.write(Buffer.concat([head, frame(TEXT, "first"), frame(TEXT, "second")]));
      });
    });
    await using session = await Session.start();
    await within(session.ws.connect(eager.url));
    await session.log.next("dataEnd", 2);
    assertEquals(session.log.messages, ["first", "second"]);
    assertEquals(session.log.names, [
      "open",
      "openInfo",
      "message",
      "dataEnd",
      "message",
      "dataEnd",
    ]);
    await eager[Symbol.asyncDispose]();
    await session.log.next("close");
  });

  it("are not forged for 'closed' by a listener that writes to the result", async () => {
    await using session = await Session.start();
    session.ws.on("close", (_, result) => Object.assign(result, { code: 1, reason: "forged" }));
    const peer = await session.open();
    peer.close(4000, "true");
    await session.log.next("close");
    assertEquals(await within(session.ws.closed), { code: 4000, reason: "true" });
  });

  it("say 'protocol' in 'openInfo' only, and only where there is one", async () => {
    await using session = await Session.start({
      server: { answer: (request) => acceptHead(request, ["Sec-WebSocket-Protocol: chat"]) },
    });
    await session.open({ protocol: "chat" });
    const [[, open] = []] = session.log.of("open");
    const [[, info] = []] = session.log.of("openInfo");
    assertEquals(Object.keys(open as object).sort(), ["message", "status"]);
    assertEquals((info as { protocol: string }).protocol, "chat");
  });

  it("say it there also where a listener of 'open' has closed, and the client has it no more", async () => {
    for (const client of [{}, { reconnect: true }]) {
      await using pair = await MemoryPair.start({ client, config: { protocol: "chat" } });
      const told: unknown[] = [];
      pair.ws.on("open", () => void pair.ws.close());
      pair.ws.on("openInfo", (_, { protocol }) => told.push(protocol, pair.ws.protocol));
      await pair.open({ protocol: "chat" });
      assertEquals(told, ["chat", ""]);
    }
  });
});

describe("createWebSocket().on('message')", () => {
  it("tells text as a string and bytes as an ArrayBuffer, never a view or a Blob", async () => {
    await using session = await Session.start();
    const peer = await session.open();
    const sent: [number, string | Uint8Array][] = [
      [TEXT, "é€😀"],
      [TEXT, ""],
      [TEXT, "\0"],
      [BINARY, Uint8Array.of(0, 255)],
      [BINARY, new Uint8Array(0)],
      [BINARY, new Uint8Array(100_000).fill(3)],
      [TEXT, "a".repeat(100_000)],
    ];
    for (const [opcode, payload] of sent) peer.send(opcode, payload);
    await session.log.next("dataEnd", sent.length);
    for (const [i, [opcode, payload]] of sent.entries()) {
      const data = session.log.messages[i];
      if (opcode === TEXT) {
        assertEquals(data, payload);
      } else {
        assertInstanceOf(data, ArrayBuffer);
        assertEquals(Object.getPrototypeOf(data), ArrayBuffer.prototype);
        assertEquals(new Uint8Array(data), Uint8Array.from(payload as Uint8Array));
      }
    }
    assertEquals(session.log.of("message").every(([error]) => error === undefined), true);
  });

  it("gives each message a buffer of its own", async () => {
    await using session = await Session.start();
    const peer = await session.open();
    peer.send(BINARY, Uint8Array.of(1));
    peer.send(BINARY, Uint8Array.of(2));
    await session.log.next("dataEnd", 2);
    const [one, two] = session.log.messages as [ArrayBuffer, ArrayBuffer];
    new Uint8Array(one).fill(9);
    assertEquals([one.byteLength, two.byteLength, new Uint8Array(two)[0]], [1, 1, 2]);
  });

  it("tells a fragmented message once, and answers a Ping within it", async () => {
    await using session = await Session.start();
    const peer = await session.open();
    const text = new TextEncoder().encode("x€y");
    peer.send(TEXT, text.subarray(0, 2), { fin: false });
    peer.send(PING, "are you there");
    peer.send(0, text.subarray(2, 3), { fin: false });
    peer.send(0, "", { fin: false });
    peer.send(0, text.subarray(3));
    const pong = await within(peer.next(PONG));
    assertEquals([new TextDecoder().decode(pong.payload), pong.masked], ["are you there", true]);
    await session.log.next("dataEnd");
    assertEquals(session.log.messages, ["x€y"]);
    assertEquals(session.log.names, ["open", "openInfo", "message", "dataEnd"]);
  });

  it("tells a message that comes byte by byte", async () => {
    await using session = await Session.start();
    const peer = await session.open();
    peer.socket.setNoDelay(true);
    for (const byte of frame(TEXT, "slow")) {
      await new Promise<void>((resolve) => peer.socket.write(Uint8Array.of(byte), () => resolve()));
    }
    await session.log.next("dataEnd");
    assertEquals(session.log.messages, ["slow"]);
  });
});

describe("createWebSocket().on()", () => {
  it("calls several listeners in the order they were added, one added twice once", async () => {
    await using session = await Session.start();
    const heard: string[] = [];
    const [a, b, c] = ["a", "b", "c"].map((name) => () => void heard.push(name));
    for (const listener of [b, a, b, c, a]) session.ws.on("message", listener!);
    session.ws.on("dataEnd", () => heard.push("end"));
    const peer = await session.open();
    peer.send(TEXT, "1");
    peer.send(TEXT, "2");
    await session.log.next("dataEnd", 2);
    assertEquals(heard, ["b", "a", "c", "end", "b", "a", "c", "end"]);
  });

  it("adds the same function to several events", async () => {
    await using session = await Session.start();
    const heard: unknown[] = [];
    const listener = (...args: unknown[]) => void heard.push(args[1] ?? "end");
    session.ws.on("message", listener);
    session.ws.on("dataEnd", listener);
    const peer = await session.open();
    peer.send(TEXT, "1");
    await session.log.next("dataEnd");
    assertEquals(heard, ["1", "end"]);
  });

  it("keeps listeners over reconnects, and takes a removed one back at the end", async () => {
    await using session = await Session.start();
    const heard: string[] = [];
    const [a, b] = ["a", "b"].map((name) => () => void heard.push(name));
    session.ws.on("open", a!);
    session.ws.on("open", b!);
    await session.open();
    await within(session.ws.close());
    await session.log.next("close");
    session.ws.off("open", a!);
    session.ws.on("open", a!);
    await session.open();
    assertEquals(heard, ["a", "b", "b", "a"]);
  });

  it("ignores an event that does not exist", async () => {
    await using session = await Session.start();
    const ws = untyped(session.ws);
    const heard: unknown[] = [];
    for (const type of ["nonsense", "", "Open", "toString", "__proto__", "constructor"]) {
      ws.on(type, () => heard.push(type));
      ws.off(type);
      ws.on(type, () => heard.push(type));
      ws.off(type, () => {});
    }
    const peer = await session.open();
    peer.send(TEXT, "1");
    await session.log.next("dataEnd");
    assertEquals(heard, []);
  });

  const wrong: [string, unknown[]][] = [
    ["nothing", []],
    ["no listener", ["open"]],
    ["a listener of undefined", ["open", undefined]],
    ["a listener of null", ["open", null]],
    ["a listener that is an object", ["open", { handleEvent() {} }]],
    ["a listener that is text", ["message", "listener"]],
    ["an event of null", [null, () => {}]],
    ["an event of undefined", [undefined, () => {}]],
    ["an event that is a number", [5, () => {}]],
    ["an event that is a symbol", [Symbol("open"), () => {}]],
    ["the arguments swapped", [() => {}, "open"]],
  ];
  for (const [what, args] of wrong) {
    it(`throws 401 when given ${what}`, () => {
      assertThrows401(() => untyped(createWebSocket()).on(...args));
    });
  }
});

describe("createWebSocket().off()", () => {
  it("removes one listener, or all of the event, and no other event's", async () => {
    await using session = await Session.start();
    const heard: string[] = [];
    const listen = (name: string) => () => void heard.push(name);
    const [a, b, c] = [listen("a"), listen("b"), listen("c")];
    for (const listener of [a, b, c]) session.ws.on("message", listener);
    session.ws.on("dataEnd", listen("end"));
    session.ws.off("message", b);
    session.ws.off("message", listen("a"));
    const peer = await session.open();
    peer.send(TEXT, "1");
    await session.log.next("dataEnd");
    session.ws.off("message");
    peer.send(TEXT, "2");
    await session.log.next("dataEnd", 2);
    session.ws.on("message", c);
    untyped(session.ws).off("message", undefined);
    peer.send(TEXT, "3");
    await session.log.next("dataEnd", 3);
    assertEquals(heard, ["a", "c", "end", "end", "end"]);
    assertEquals(session.log.messages, ["1"]);
  });

  const wrong: [string, unknown[]][] = [
    ["nothing", []],
    ["an event of null", [null]],
    ["an event that is a number", [5]],
    ["a listener of null", ["open", null]],
    ["a listener that is text", ["open", "listener"]],
    ["a listener that is an object", ["open", {}]],
  ];
  for (const [what, args] of wrong) {
    it(`throws 401 when given ${what}`, () => {
      assertThrows401(() => untyped(createWebSocket()).off(...args));
    });
  }
});

function assertThrows401(call: () => void): void {
  let thrown: unknown;
  try {
    call();
  } catch (error) {
    thrown = error;
  }
  assertInstanceOf(thrown, BusinessError);
  assertEquals(thrown.code, 401);
  assertMatch(thrown.message, /^Parameter error: /);
}

import { assert, assertEquals, assertGreater, assertNotStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type BusinessError, createWebSocket } from "../../mod.ts";
import { refusal, Session, within } from "../helpers/client.ts";
import { REFUSED_URL } from "../helpers/tcp.ts";
import { acceptHead, BINARY, CLOSE, readClose, TEXT } from "../peers/raw.ts";

describe("createWebSocket().protocol", () => {
  it("is the server's choice while open, and '' otherwise", async () => {
    await using session = await Session.start({
      server: { answer: (request) => acceptHead(request, ["Sec-WebSocket-Protocol: chat"]) },
    });
    const { ws } = session;
    const inOpen: string[] = [];
    ws.on("open", () => inOpen.push(ws.protocol));
    assertEquals(ws.protocol, "");
    const accepted = session.server.accept();
    const connected = ws.connect(session.url, { protocol: "other,chat" });
    assertEquals(ws.protocol, "");
    await within(connected);
    await within(accepted);
    await session.log.next("openInfo");
    assertEquals([ws.protocol, ...inOpen], ["chat", "chat"]);
    await within(ws.close());
    await session.log.next("close");
    assertEquals(ws.protocol, "");
  });
});

describe("createWebSocket().bufferedAmount", () => {
  it("is 0 while idle, and counts what waits for 'open' while connecting", async () => {
    await using session = await Session.start({ server: { answer: () => undefined } });
    assertEquals(session.ws.bufferedAmount, 0);
    await within(session.ws.connect(session.url));
    await within(session.ws.send("ä".repeat(500)));
    await within(session.ws.send(new Uint8Array(24)));
    assertEquals(session.ws.bufferedAmount, 1024);
  });

  it("grows while the peer does not read, and falls to 0 when it does", async () => {
    await using session = await Session.start();
    const peer = await session.open();
    peer.socket.pause();
    const chunk = new Uint8Array(4_000_000);
    for (let i = 0; i < 5; i++) void session.ws.send(chunk);
    assertGreater(session.ws.bufferedAmount, 4_000_000);
    peer.socket.resume();
    void session.ws.send("last");
    await within(peer.next(TEXT));
    assertEquals(peer.frames.map(({ payload }) => payload.length), [
      ...Array(5).fill(chunk.length),
      4,
    ]);
    peer.send(TEXT, "all read");
    await session.log.next("dataEnd");
    assertEquals(session.ws.bufferedAmount, 0);
  });

  it("is 0 once the connection is gone", async () => {
    await using session = await Session.start();
    const peer = await session.open();
    peer.socket.pause();
    for (let i = 0; i < 5; i++) void session.ws.send(new Uint8Array(4_000_000));
    peer.reset();
    await session.log.next("close");
    assertEquals(session.ws.bufferedAmount, 0);
  });
});

describe("createWebSocket().opened", () => {
  it("resolves with what 'open' tells, asked before or after", async () => {
    await using session = await Session.start();
    const before = session.ws.opened;
    await session.open();
    const expected = { status: 101, message: "Switching Protocols" };
    assertEquals(await within(before), expected);
    assertEquals(await within(session.ws.opened), expected);
  });

  it("rejects with the 'error' of a failed attempt, and resolves for the next one", async () => {
    await using session = await Session.start();
    const before = session.ws.opened;
    await within(session.ws.connect(REFUSED_URL));
    const error = await refusal(before);
    assertEquals(error.code, 200);
    assertEquals(session.log.errors, [error]);
    await session.open();
    assertEquals((await within(session.ws.opened)).status, 101);
  });

  it("rejects when the attempt is closed", async () => {
    await using session = await Session.start({ server: { answer: () => undefined } });
    await within(session.ws.connect(session.url));
    const { opened } = session.ws;
    await within(session.ws.close());
    assertEquals((await refusal(opened)).code, 2302999);
  });

  it("rejects when the URL has no host", async () => {
    const ws = createWebSocket();
    await refusal(ws.connect("ws://"));
    assertEquals((await refusal(ws.opened)).code, 200);
  });
});

describe("createWebSocket().closed", () => {
  it("resolves with what 'close' tells, asked before or after", async () => {
    await using session = await Session.start();
    const before = session.ws.closed;
    const peer = await session.open();
    peer.close(4000, "done");
    assertEquals(await within(before), { code: 4000, reason: "done" });
    assertEquals(await within(session.ws.closed), { code: 4000, reason: "done" });
  });

  it("resolves with 1006 when the connection is lost", async () => {
    await using session = await Session.start();
    (await session.open()).reset();
    assertEquals(await within(session.ws.closed), { code: 1006, reason: "The link is down" });
  });

  it("resolves when an attempt is closed", async () => {
    await using session = await Session.start({ server: { answer: () => undefined } });
    await within(session.ws.connect(session.url));
    await within(session.ws.close({ code: 4000, reason: "never mind" }));
    assertEquals(await within(session.ws.closed), { code: 4000, reason: "never mind" });
  });

  it("rejects when an attempt fails", async () => {
    const ws = createWebSocket();
    await within(ws.connect(REFUSED_URL));
    assertEquals((await refusal(ws.closed)).code, 200);
  });

  it("is another promise for the next connection", async () => {
    await using session = await Session.start();
    (await session.open()).close(4001);
    const first = session.ws.closed;
    await within(first);
    const peer = await session.open();
    const second = session.ws.closed;
    assertNotStrictEquals(first, second);
    peer.close(4002);
    assertEquals([(await within(first)).code, (await within(second)).code], [4001, 4002]);
  });
});

describe("for await of createWebSocket()", () => {
  /** Reads all there is. */
  async function readAll(messages: AsyncIterable<string | ArrayBuffer>) {
    const read: (string | ArrayBuffer)[] = [];
    for await (const data of messages) read.push(data);
    return read;
  }

  it("gives the messages and ends when the connection does", async () => {
    await using session = await Session.start();
    const peer = await session.open();
    const reading = readAll(session.ws);
    peer.send(TEXT, "1");
    peer.send(BINARY, Uint8Array.of(2));
    peer.send(TEXT, "");
    peer.send(BINARY, "");
    peer.close(4000);
    assertEquals(await within(reading), [
      "1",
      Uint8Array.of(2).buffer,
      "",
      new ArrayBuffer(0),
    ]);
  });

  it("may begin before connect", async () => {
    await using session = await Session.start();
    const reading = readAll(session.ws);
    const peer = await session.open();
    peer.send(TEXT, "1");
    peer.close(4000);
    assertEquals(await within(reading), ["1"]);
  });

  it("keeps what comes while the loop is busy, in order", async () => {
    await using session = await Session.start();
    const peer = await session.open();
    const messages = session.ws[Symbol.asyncIterator]();
    for (let i = 0; i < 50; i++) peer.send(TEXT, `${i}`);
    peer.close(4000);
    await session.log.next("close");
    assertEquals(await within(readAll(messages)), Array.from({ length: 50 }, (_, i) => `${i}`));
    assertEquals(await within(messages.next()), { done: true, value: undefined });
  });

  it("ends when this side closes", async () => {
    await using session = await Session.start();
    const peer = await session.open();
    const read: unknown[] = [];
    peer.send(TEXT, "bye");
    await within((async () => {
      for await (const data of session.ws) {
        read.push(data);
        await session.ws.close();
      }
    })());
    assertEquals(read, ["bye"]);
  });

  it("leaves the connection open after break, and can begin anew", async () => {
    await using session = await Session.start();
    const peer = await session.open();
    for (const text of ["1", "2"]) {
      peer.send(TEXT, text);
      const read: unknown[] = [];
      await within((async () => {
        for await (const data of session.ws) {
          read.push(data);
          break;
        }
      })());
      assertEquals(read, [text]);
    }
    assertEquals(session.ws.state, "open");
  });

  it("gives every message to each of two loops", async () => {
    await using session = await Session.start();
    const peer = await session.open();
    const readings = [readAll(session.ws), readAll(session.ws)];
    peer.send(TEXT, "1");
    peer.send(TEXT, "2");
    peer.close(4000);
    assertEquals(await within(Promise.all(readings)), [["1", "2"], ["1", "2"]]);
  });

  it("throws the 'error' when the connection is lost, after what had come", async () => {
    await using session = await Session.start();
    const peer = await session.open();
    const messages = session.ws[Symbol.asyncIterator]();
    peer.send(TEXT, "1");
    await session.log.next("dataEnd");
    peer.reset();
    await session.log.next("close");
    const read: unknown[] = [];
    const error = await refusal((async () => {
      for await (const data of messages) read.push(data);
    })());
    assertEquals([read, error.code], [["1"], 200]);
    assertEquals(session.log.errors, [error]);
  });

  it("throws the 'error' when the attempt fails", async () => {
    await using session = await Session.start({
      server: { answer: () => "HTTP/1.1 403 Forbidden\r\n\r\n" },
    });
    const reading = refusal(readAll(session.ws));
    await within(session.ws.connect(session.url));
    const { code, data } = await reading;
    assertEquals([code, data], [200, "403"]);
  });

  it("is not ended by a listener that fails", async () => {
    await using session = await Session.start();
    session.ws.on("message", () => {
      throw new Error("the listener's own");
    });
    const peer = await session.open();
    const reading = readAll(session.ws);
    peer.send(TEXT, "1");
    peer.send(TEXT, "2");
    peer.close(4000);
    assertEquals(await within(reading), ["1", "2"]);
  });
});

describe("await using createWebSocket()", () => {
  it("closes with 1000 and waits for the end", async () => {
    await using session = await Session.start();
    const peer = await session.open();
    {
      await using ws = session.ws;
      void ws.send("last");
    }
    assertEquals(session.ws.state, "idle");
    assertEquals(session.log.closes, [{ code: 1000, reason: "CLOSE_NORMAL" }]);
    const close = await within(peer.next(CLOSE));
    assertEquals([readClose(close).code, ...peer.texts()], [1000, "last"]);
  });

  it("waits for a close under way, and ends an attempt", async () => {
    await using session = await Session.start();
    await session.open();
    void session.ws.close({ code: 4000 });
    await within(session.ws[Symbol.asyncDispose]());
    assertEquals([session.ws.state, session.log.closes.length], ["idle", 1]);
    void session.ws.connect(session.url);
    await within(session.ws[Symbol.asyncDispose]());
    assertEquals([session.ws.state, session.log.closes.length], ["idle", 2]);
    assertEquals(session.log.names, ["open", "openInfo", "close", "close"]);
  });

  it("does nothing when idle", async () => {
    await using session = await Session.start();
    await within(session.ws[Symbol.asyncDispose]());
    await session.assertEvents();
    await within(session.ws[Symbol.asyncDispose]());
    const errors: BusinessError[] = session.log.errors;
    assert(errors.length === 0);
  });
});

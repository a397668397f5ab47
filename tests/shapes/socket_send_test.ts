/** What a socket sends, and what it counts as queued. */

import { runInNewContext } from "node:vm";
import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { BusinessError } from "../../mod.ts";
import { WebSocket, type WebSocketInit } from "../../standard.ts";
import { within } from "../helpers/client.ts";
import { assertThrowsDom, loose, next, nextTask } from "../helpers/sockets.ts";
import { BINARY, CLOSE, PING, PONG, RawServer, readClose, TEXT, textOf } from "../peers/raw.ts";

/** An open socket and its peer. */
async function pair(init: WebSocketInit = {}) {
  const server = await RawServer.listen();
  const ws = loose(new WebSocket(server.url, [], init));
  const [peer] = await Promise.all([server.accept(), next(ws, "open")]);
  const end = async () => {
    const closed = next(ws, "close");
    ws.close();
    await closed;
    await server.close();
  };
  return { server, ws, peer, end };
}

/** What a program makes that has globals of its own. */
function elsewhere(program: string): unknown {
  return runInNewContext(program);
}

/** A view of memory that somebody else has now. */
function transferred(): DataView {
  const view = new DataView(new ArrayBuffer(8));
  structuredClone(view.buffer, { transfer: [view.buffer] });
  return view;
}

/** A view of memory that has become too short for it. */
function cutOff(make: (buffer: ArrayBuffer) => ArrayBufferView): ArrayBufferView {
  const buffer = new ArrayBuffer(8, { maxByteLength: 8 });
  const view = make(buffer);
  buffer.resize(2);
  return view;
}

describe("send()", () => {
  for (
    const [given, text] of [
      ["", ""],
      ["h\u00e9 \ud83d\ude00", "h\u00e9 \ud83d\ude00"],
      [null, "null"],
      [undefined, "undefined"],
      [5, "5"],
      [{ toString: () => "mine" }, "mine"],
      [["a", 1], "a,1"],
      ["a\ud800b", "a\ufffdb"],
    ] as const
  ) {
    it(`sends ${typeof given} ${JSON.stringify(given)} as the text ${text}`, async () => {
      const { ws, peer, end } = await pair();
      assertEquals(ws.send(given) as unknown, undefined);
      assertEquals(textOf((await within(peer.next(TEXT))).payload), text);
      await end();
    });
  }

  const bytes = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]);
  for (
    const [name, given, sent] of [
      ["an ArrayBuffer", bytes.slice().buffer, bytes],
      ["a Uint8Array in the middle of a buffer", bytes.subarray(2, 5), bytes.slice(2, 5)],
      ["an Int16Array", new Int16Array(bytes.slice().buffer, 4), bytes.slice(4)],
      ["a Float64Array", new Float64Array(bytes.slice().buffer), bytes],
      ["a DataView", new DataView(bytes.slice().buffer, 1, 2), bytes.slice(1, 3)],
      ["a Blob", new Blob([bytes.slice(0, 4)]), bytes.slice(0, 4)],
      [
        "another realm's ArrayBuffer",
        elsewhere("new Uint8Array([1, 2]).buffer"),
        bytes.slice(0, 2),
      ],
      ["another realm's view", elsewhere("new Uint8Array([0, 1]).subarray(1)"), bytes.slice(0, 1)],
      ["an empty buffer", new ArrayBuffer(0), new Uint8Array()],
      ["an empty Blob", new Blob([]), new Uint8Array()],
      ["a buffer that was transferred", transferred().buffer, new Uint8Array()],
      ["a view of such a one", transferred(), new Uint8Array()],
      [
        "a view that its buffer is too short for",
        cutOff((one) => new Uint8Array(one, 4)),
        new Uint8Array(),
      ],
      ["another such view", cutOff((one) => new DataView(one, 4)), new Uint8Array()],
    ] as const
  ) {
    it(`sends ${name} as bytes`, async () => {
      const { ws, peer, end } = await pair();
      ws.send(given);
      assertEquals(new Uint8Array((await within(peer.next(BINARY))).payload), sent);
      await end();
    });
  }

  it("throws TypeError for nothing, shared memory or a view of it, and what cannot be text", async () => {
    const { ws, end } = await pair();
    assertThrows(() => ws.send(), TypeError);
    const memory = new SharedArrayBuffer(2);
    for (const shared of [memory, new Uint8Array(memory)]) {
      assertThrows(() => ws.send(shared), TypeError, "shared");
    }
    for (const program of ["new SharedArrayBuffer(2)", "new DataView(new SharedArrayBuffer(2))"]) {
      assertThrows(() => ws.send(elsewhere(program)), TypeError, "shared");
    }
    assertThrows(() => ws.send(Symbol("x")), TypeError);
    assertEquals(ws.bufferedAmount, 0);
    await end();
  });

  it("throws InvalidStateError while connecting", async () => {
    const ws = loose(new WebSocket("ws://127.0.0.1:1/"));
    assertThrowsDom(() => ws.send("too early"), "InvalidStateError");
    assertThrowsDom(() => ws.send(new Blob(["x"])), "InvalidStateError");
    assertThrows(() => ws.send(), TypeError);
    await next(ws, "close");
  });

  it("keeps the order of Blobs and everything else, and close() comes last", async () => {
    const { ws, peer, server } = await pair();
    ws.send("1");
    ws.send(new Blob(["2", new Uint8Array(100_000)]));
    ws.send("3");
    const view = new Uint8Array([4]);
    ws.send(view);
    view[0] = 9;
    ws.send(transferred().buffer);
    ws.send(new Blob(["5"]));
    ws.close(3000, "done");
    assertEquals(ws.readyState, WebSocket.CLOSING);
    const close = await within(peer.next(CLOSE));
    const kinds = peer.frames.map(({ opcode, payload }) =>
      opcode === TEXT ? textOf(payload) : `${opcode}:${payload.length}:${payload[0]}`
    );
    const sent = ["1", "2:100001:50", "3", "2:1:4", "2:0:undefined", "2:1:53"];
    assertEquals(kinds.slice(0, 6), sent);
    assertEquals(readClose(close).code, 3000);
    await next(ws, "close");
    await server.close();
  });

  it("tells of a Blob that cannot be read, and closes with 1011", async () => {
    const { ws, peer, server } = await pair();
    const blob = new Blob(["gone"]);
    blob.arrayBuffer = () => Promise.reject(new Error("the file is gone"));
    const failed = next(ws, "error");
    ws.send(blob);
    ws.send("never");
    const { error } = (await failed) as Event & { error: BusinessError };
    assertInstanceOf(error, BusinessError);
    assert(error.message.includes("the file is gone"), error.message);
    assertEquals(readClose(await within(peer.next(CLOSE))).code, 1011);
    assertEquals(peer.texts(), []);
    await next(ws, "close");
    assertEquals(ws.bufferedAmount, 9);
    await server.close();
  });

  it("tells no message once it closes, though a Blob is still on its way", async () => {
    const { ws, peer, server } = await pair();
    const blob = new Blob(["slow"]);
    const { promise, resolve } = Promise.withResolvers<ArrayBuffer>();
    blob.arrayBuffer = () => promise;
    ws.send(blob);
    ws.close(3000);
    const heard: unknown[] = [];
    ws.onmessage = ({ data }) => heard.push(data);
    peer.send(TEXT, "too late");
    peer.send(PING);
    await within(peer.next(PONG)); // by then the message has come in
    const closed = next(ws, "close");
    resolve(new TextEncoder().encode("slow").buffer);
    assertEquals(textOf((await within(peer.next(BINARY))).payload), "slow");
    assertEquals((await closed).code, 3000);
    assertEquals(heard, []);
    await server.close();
  });

  it("throws QuotaExceededError over maxPayload and over maxBufferedAmount", async () => {
    const { ws, peer, end } = await pair({ maxPayload: 4, maxBufferedAmount: 6 });
    assertThrowsDom(() => ws.send("12345"), "QuotaExceededError");
    ws.send("1234");
    await within(peer.next(TEXT));
    assertEquals(peer.texts(), ["1234"]);
    await end();
  });
});

describe("bufferedAmount", () => {
  it("grows in send() by the bytes on the wire, and is the same all through the task", async () => {
    const { ws, peer, end } = await pair();
    assertEquals(ws.bufferedAmount, 0);
    ws.send("h\u00e9");
    assertEquals(ws.bufferedAmount, 3);
    ws.send(new ArrayBuffer(10));
    ws.send(new Blob(["1234"]));
    assertEquals(ws.bufferedAmount, 17);
    const until = performance.now() + 20;
    while (performance.now() < until);
    assertEquals(ws.bufferedAmount, 17);
    await within(peer.next(BINARY, 2));
    assertEquals(ws.bufferedAmount, 0);
    await end();
  });

  it("is 0 again when a message has come back", async () => {
    const { ws, peer, end } = await pair();
    const seen: number[] = [];
    const heard = new Promise<void>((resolve) =>
      ws.onmessage = () => {
        seen.push(ws.bufferedAmount);
        resolve();
      }
    );
    const data = "x".repeat(65_000);
    ws.send(data);
    seen.push(ws.bufferedAmount);
    assertEquals(textOf((await within(peer.next(TEXT))).payload), data);
    peer.send(TEXT, "thanks");
    await within(heard);
    assertEquals(seen, [65_000, 0]);
    await end();
  });

  it("keeps what was never sent when the connection is lost", async () => {
    const { ws, peer, server } = await pair();
    const blob = new Blob(["12345"]);
    blob.arrayBuffer = () => new Promise(() => {});
    ws.send(blob);
    ws.send("678");
    assertEquals(ws.bufferedAmount, 8);
    const closed = next(ws, "close");
    peer.reset();
    await closed;
    assertEquals(ws.bufferedAmount, 8);
    await server.close();
  });

  it("counts what is sent after close(), for ever", async () => {
    const { ws, peer, server } = await pair();
    const closed = next(ws, "close");
    ws.close();
    ws.send("abc");
    assertEquals(ws.bufferedAmount, 3);
    await nextTask();
    ws.send(new Uint8Array(2));
    ws.send(new Blob(["1"]));
    assertEquals(ws.bufferedAmount, 6);
    await closed;
    assertEquals(ws.bufferedAmount, 6);
    ws.send("late");
    assertEquals(ws.bufferedAmount, 10);
    assertEquals(peer.texts(), []);
    await server.close();
  });
});

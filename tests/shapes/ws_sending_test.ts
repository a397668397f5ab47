/** When a socket in the shape of npm's `ws` sends, in which order, and whom it tells of that. */

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { once } from "node:events";
import { createWebSocketServer } from "../../mod.ts";
import { wsServer, type WsSocket } from "../../node.ts";
import { within } from "../helpers/client.ts";
import { pair } from "../helpers/ws_pair.ts";
import { BINARY, CLOSE, PING, type RawPeer, readClose, TEXT, textOf } from "../peers/raw.ts";

/** A Blob that is read when the test says so. */
function slowBlob(text: string) {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const blob = new Blob([text]);
  const { arrayBuffer } = blob;
  const read = () => promise.then(() => arrayBuffer.call(blob));
  return { blob: Object.assign(blob, { arrayBuffer: read }), resolve, reject };
}

/** What the peer gets up to the Close frame. */
async function gets(peer: RawPeer): Promise<string[]> {
  await within(peer.next(CLOSE));
  return peer.frames.map((frame) => {
    if (frame.opcode === CLOSE) return `close ${readClose(frame).code}`;
    return `${frame.opcode === TEXT ? "text" : "bytes"} ${textOf(frame.payload)}`;
  });
}

describe("what a socket is given and gets", () => {
  it("is bytes where `ws` makes some of it: of nothing, numbers, an object with a value, shared memory", async () => {
    const { peer, server, socket } = await pair();
    for (const nothing of [undefined, null, false, 0n, []]) socket.send(nothing as never);
    const given = [[65, 66], { type: "Buffer", data: [67] }, new String("D")];
    for (const one of given) socket.send(one as never);
    socket.send([69] as const, { binary: false });
    socket.send([Uint8Array.of(70), Uint8Array.of(71)]);
    const memory = new SharedArrayBuffer(2);
    new Uint8Array(memory).set([72, 73]);
    for (const shared of [memory, new DataView(memory, 1)]) socket.send(shared as never);
    socket.send(new Uint8Array(memory), { binary: false });
    socket.close(4000);
    assertEquals(await gets(peer), [
      ...Array(5).fill("bytes "),
      ...["bytes AB", "bytes C", "bytes D", "text E", "bytes FG"],
      ...["bytes HI", "bytes I", "text HI"],
      "close 4000",
    ]);
    await server.stop();
  });

  it("may be a number, as text or as bytes, and text of which half is not ASCII", async () => {
    const { peer, server, socket } = await pair();
    const got: string[] = [];
    socket.on("message", (data) => void got.push(`${data}`));
    const texts = ["éa", "aé", "€uro", "€€", "a\u{1F600}", "\ufeff"];
    for (const text of texts) peer.send(TEXT, text);
    peer.send(TEXT, "end");
    while (!got.includes("end")) await within(once(socket, "message"));
    assertEquals(got, [...texts, "end"]);
    socket.send(7);
    for (const binary of [true, 1, 0, false]) socket.send(65, { binary: binary as never });
    for (const binary of [1, 0]) socket.send(Buffer.from("B"), { binary: binary as never });
    socket.close(4000);
    assertEquals(await gets(peer), [
      ...["text 7", "bytes 65", "bytes 65", "text 65", "text 65"],
      ...["bytes B", "text B", "close 4000"],
    ]);
    await server.stop();
  });

  it("is closed with no reason where that has no length, as with `ws`: an Error, a number", async () => {
    for (const reason of [new Error("why"), 5, false, {}, () => {}, [], new ArrayBuffer(2)]) {
      const { peer, server, socket } = await pair();
      for (const bad of [["why"], null]) {
        assertThrows(() => socket.close(1011, bad as never), TypeError);
      }
      assertEquals(socket.readyState, 1);
      socket.close(1011, reason as never);
      assertEquals(readClose(await within(peer.next(CLOSE))), { code: 1011, reason: "" });
      await server.stop();
    }
  });
});

describe("a socket that sends a Blob", () => {
  it("sends what comes after it in order, as it was at the call, and closes behind it", async () => {
    const { peer, server, socket } = await pair();
    const bytes = new TextEncoder().encode("bytes");
    const told: unknown[] = [];
    const closed = once(socket, "close");
    socket.send(new Blob(["one"]));
    socket.send("two", (error) => told.push(error));
    const shared = new Uint8Array(new SharedArrayBuffer(5));
    shared.set(bytes);
    for (const one of [bytes, shared]) socket.send(one);
    socket.send(bytes, { binary: false });
    socket.send("three", { binary: true });
    socket.send(new Blob(["four"]), { binary: false });
    socket.close(4000, "done");
    for (const one of [bytes, shared]) one.fill(0);
    assertEquals(socket.readyState, 2);
    socket.close(4001);
    socket.send("late", (error) => told.push(error?.message.split(":")[0]));
    assertEquals(await gets(peer), [
      ...["bytes one", "text two", "bytes bytes", "bytes bytes", "text bytes", "bytes three"],
      "text four",
      "close 4000",
    ]);
    peer.close(4000);
    await within(closed);
    assertEquals(told, ["WebSocket is not open", undefined]); // at once, as with `ws`
    await server.stop();
  });

  it("sends at once again when it has been read", async () => {
    const { peer, server, socket } = await pair();
    await within(new Promise<void>((resolve) => socket.send(new Blob(["one"]), () => resolve())));
    await new Promise((resolve) => setTimeout(resolve)); // nothing waits any more
    socket.send("two");
    socket.close(4000);
    assertEquals(await gets(peer), ["bytes one", "text two", "close 4000"]);
    await server.stop();
  });

  it("keeps the order while the second of two is read", async () => {
    const { peer, server, socket } = await pair();
    const [one, two] = [slowBlob("one"), slowBlob("two")];
    const sent = new Promise<void>((resolve) => socket.send(one.blob, () => resolve()));
    socket.send(two.blob);
    one.resolve();
    await within(sent);
    await new Promise((resolve) => setTimeout(resolve)); // nothing waits any more for the first
    socket.send("three");
    await new Promise((resolve) => setTimeout(resolve));
    two.resolve();
    socket.close(4000);
    assertEquals(await gets(peer), ["bytes one", "bytes two", "text three", "close 4000"]);
    await server.stop();
  });

  it("counts as queued what waits still, and no more what is sent or cannot be read", async () => {
    const { peer, server, socket } = await pair();
    const [gone, one, two] = [slowBlob("gone"), slowBlob("one"), slowBlob("two, too")];
    const told = once(socket, "error");
    for (const { blob } of [gone, one, two]) socket.send(blob);
    assertEquals(socket.bufferedAmount, 15);
    gone.reject(new Error("gone"));
    await within(told);
    assertEquals(socket.bufferedAmount, 11);
    one.resolve();
    await within(peer.next(BINARY));
    for (let times = 0; times < 500 && socket.bufferedAmount > 8; times++) {
      await new Promise((resolve) => setTimeout(resolve)); // the runtime may count it for a moment
    }
    assertEquals(socket.bufferedAmount, 8);
    two.resolve();
    socket.close(4000);
    assertEquals(await gets(peer), ["bytes one", "bytes two, too", "close 4000"]);
    await server.stop();
  });

  it("sends, and closes, from a callback behind what waits, and counts that as queued", async () => {
    const { peer, server, socket } = await pair();
    const one = slowBlob("one");
    socket.send(one.blob, () => {
      socket.send("four");
      socket.close(4000);
      socket.send("late");
    });
    socket.send("two");
    socket.send({ fin: 1 } as never, () => {}); // what cannot be sent has no bytes
    socket.send(new Uint8Array(5));
    assertEquals(socket.bufferedAmount, 11);
    one.resolve();
    const rest = ["text two", `bytes ${"\0".repeat(5)}`, "text four", "close 4000"];
    assertEquals(await gets(peer), ["bytes one", ...rest]);
    assertEquals(socket.bufferedAmount, 4);
    await server.stop();
  });

  it("tells of one that cannot be read, and sends what comes after it", async () => {
    const { peer, server, socket } = await pair();
    const one = slowBlob("one");
    const told: unknown[] = [];
    socket.on("error", (error) => told.push(error.message));
    socket.send(one.blob);
    socket.send(new ArrayBuffer(0));
    socket.send({ fin: 1 } as never, (error) => told.push((error as { code?: number }).code)); // what cannot be sent
    socket.close(4000);
    one.reject(new Error("gone"));
    assertEquals(await gets(peer), ["bytes ", "close 4000"]);
    assertEquals([told, socket.bufferedAmount], [["gone", 401], 0]);
    await server.stop();
  });

  it("says nothing of one that cannot be read once it is over, and reads none then", async () => {
    const { server, socket } = await pair();
    const [one, late] = [slowBlob("one"), slowBlob("late")];
    const told: unknown[] = [];
    socket.on("error", (error) => told.push(error.message));
    socket.send(one.blob);
    socket.terminate();
    await within(once(socket, "close"));
    one.reject(new Error("gone"));
    await new Promise((resolve) => setTimeout(resolve));
    late.blob.arrayBuffer = () => Promise.reject(told.push("read"));
    socket.send(late.blob);
    await new Promise<void>((resolve) => {
      socket.send(late.blob, (error) => {
        told.push(error?.message);
        resolve();
      });
    });
    socket.ping("x".repeat(126)); // too late for anybody to look at it, as in `ws`
    assertEquals([told, socket.bufferedAmount], [[
      "WebSocket is not open: readyState 3 (CLOSED)",
    ], 8]);
    await server.stop();
  });

  it("tells the callbacks of what waits when it is dropped meanwhile", async () => {
    const { server, socket } = await pair();
    const one = slowBlob("one");
    const told: string[] = [];
    const sent = [one.blob, "text"].map((data) =>
      new Promise<void>((resolve) =>
        socket.send(data, (error) => {
          told.push(`${typeof data} ${error?.message}`);
          resolve();
        })
      )
    );
    socket.close(4000); // behind those
    assertEquals(socket.readyState, 2);
    socket.terminate();
    one.resolve();
    await within(Promise.all(sent));
    assertEquals(socket.readyState, 3);
    const message = "WebSocket is not open: readyState 3 (CLOSED)";
    assertEquals(told, [`object ${message}`, `string ${message}`]);
    assertEquals(socket.bufferedAmount, 7);
    await server.stop();
  });
});

describe("a listener of a socket's 'error' that fails", () => {
  const lost = { arrayBuffer: () => Promise.reject(new Error("gone")) };
  const sent: [what: string, send: (socket: WsSocket) => void][] = [
    ["what cannot be sent", (socket) => socket.send({} as never)],
    ["a Blob that cannot be read", (socket) => socket.send(Object.assign(new Blob(["a"]), lost))],
  ];
  for (const [what, send] of sent) {
    it(`is told to the server's 'error', and what comes after it is sent: ${what}`, async () => {
      const { peer, server, socket } = await pair();
      const error = new Promise<unknown>((resolve) => server.once("error", resolve));
      const cause = new Error("mine");
      socket.on("error", () => {
        throw cause;
      });
      send(socket);
      socket.send("after");
      const { kind, message, cause: told } = await within(error) as Record<string, unknown>;
      assertEquals([kind, told], ["listenerFailed", cause]);
      assertStringIncludes(
        message as string,
        "a listener of a socket's 'error' failed: Error: mine",
      );
      socket.close(4000);
      assertEquals(await gets(peer), ["text after", "close 4000"]);
      await server.stop();
    });
  }
});

describe("a callback that fails", () => {
  /** Calls that end in a callback. */
  const calls: [what: string, call: (socket: WsSocket, callback: () => never) => void][] = [
    ["send", (socket, callback) => socket.send("text", callback)],
    ["send of a lot", (socket, callback) => socket.send(new Uint8Array(1_000_000), callback)],
    ["send of a Blob", (socket, callback) => socket.send(new Blob(["a"]), callback)],
    ["send of what cannot be", (socket, callback) => socket.send({} as never, callback)],
    ["ping", (socket, callback) => socket.ping(undefined, undefined, callback)],
    ["send after the end", (socket, callback) => {
      socket.terminate();
      socket.send("late", callback);
    }],
  ];
  for (const [what, call] of calls) {
    it(`is told to the server's 'error': ${what}`, async () => {
      const { peer, server, socket } = await pair();
      const error = new Promise<unknown>((resolve) => server.once("error", resolve));
      const cause = new Error("mine");
      call(socket, () => {
        throw cause;
      });
      const { kind, message, cause: told } = await within(error) as Record<string, unknown>;
      assertEquals([kind, told], ["listenerFailed", cause]);
      assertEquals(message, "Websocket Unknown Other Error: a callback failed: Error: mine");
      if (what === "ping") await within(peer.next(PING)); // and no timer is left
      await server.stop();
    });
  }

  it("is printed where it is that of close(), or a listener of 'close' where nothing runs", async () => {
    const printed: unknown[] = [];
    const { error } = console;
    console.error = ({ message }: Error) => printed.push(message);
    try {
      const wss = wsServer(createWebSocketServer());
      wss.on("close", () => {
        throw new Error("first");
      });
      wss.close(() => {
        throw new Error("mine");
      });
      await new Promise((resolve) => setTimeout(resolve)); // after all that settles in this turn
    } finally {
      console.error = error;
    }
    assertEquals(printed, [
      "Websocket Unknown Other Error: a listener of 'close' failed: Error: first",
      "Websocket Unknown Other Error: a callback failed: Error: mine",
    ]);
  });
});

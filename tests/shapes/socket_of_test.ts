/** A server's connection as a WHATWG socket. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { BusinessError } from "../../mod.ts";
import { connectionOf, listenersTo } from "../../shapes/server_hub.ts";
import { socketOf, WebSocket } from "../../standard.ts";
import { within } from "../helpers/client.ts";
import { until } from "../helpers/until.ts";
import { shaped } from "../helpers/shaped_server.ts";
import { assertThrowsDom, logOf, loose, next } from "../helpers/sockets.ts";
import { BINARY, CLOSE, PING, rawConnect, readClose, TEXT, textOf } from "../peers/raw.ts";

describe("socketOf()", () => {
  it("is a WebSocket that is open, with the path and the subprotocol that were asked for", async () => {
    const { server, one, connection, peer } = await shaped(socketOf, { protocol: "chat" }, {
      line: "GET /room?a=1 HTTP/1.1",
      headers: { "sec-websocket-protocol": "chat" },
    });
    assert(one instanceof WebSocket);
    assert(one instanceof EventTarget);
    assertEquals(String(one), "[object WebSocket]");
    assertEquals([one.readyState, one.url, one.protocol, one.extensions, one.binaryType], [
      ...[1, "/room?a=1", "chat", "", "blob"],
    ]);
    assert(socketOf(server, connection) === one);
    assert(socketOf(server, { ...connection }) === one);
    one.send(new Blob(["last"]));
    one.close(); // behind that
    assertEquals([one.readyState, socketOf(server, connection) === one], [2, true]);
    peer.end();
    await server.stop();
  });

  it("hears and sends messages in order, of its own peer and no other", async () => {
    const { server, one, peer } = await shaped(socketOf);
    const other = await within(rawConnect(server.address!.port));
    one.binaryType = "arraybuffer";
    const heard: unknown[] = [];
    const three = new Promise<void>((resolve) =>
      one.onmessage = (event) => {
        assertEquals([event.target === one, event.origin], [true, ""]);
        if (heard.push(event.data) === 2) resolve();
      }
    );
    other.send(TEXT, "not for you");
    peer.send(TEXT, "one");
    peer.send(BINARY, new Uint8Array([2]));
    await within(three);
    assertEquals([heard[0], new Uint8Array(heard[1] as ArrayBuffer)], ["one", new Uint8Array([2])]);
    one.send("a");
    one.send(new Blob(["b"]));
    one.send("c");
    while (peer.frames.length < 3) await within(peer.next(TEXT, peer.frames.length));
    assertEquals(peer.frames.map(({ payload }) => textOf(payload)), ["a", "b", "c"]);
    assertEquals(other.frames, []);
    await server.stop();
  });

  it("counts what a listener sends until all have been told of the message", async () => {
    const { server, one, peer } = await shaped(socketOf);
    for (let i = 0; i < 100; i++) one.send("many");
    assertEquals([one.bufferedAmount, one.bufferedAmount], [400, 400]);
    const seen: number[] = [];
    one.onmessage = () => {
      seen.push(one.bufferedAmount);
      one.send("h\u00e9");
    };
    one.addEventListener("message", () => {
      one.send(new Uint8Array(2));
      one.send("!");
      seen.push(one.bufferedAmount);
    });
    for (const frames of [100, 103, 106]) {
      await until("all is there", () => peer.frames.length === frames && one.bufferedAmount === 0);
      peer.send(TEXT, "go on");
      await within(peer.next(BINARY, frames));
    }
    assertEquals(seen, [0, 6, 0, 6, 0, 6]);
    await server.stop();
  });

  it("closes with codes of the protocol, too, and tells its end once", async () => {
    const { server, one, peer } = await shaped(socketOf);
    const log = logOf(one);
    for (const code of [999, 1004, 1005, 1006, 1015, 2999, 5000]) {
      assertThrowsDom(() => one.close(code), "InvalidAccessError");
    }
    assertThrowsDom(() => one.close(1001, "x".repeat(124)), "SyntaxError");
    const closed = next(one, "close");
    one.close(1012, "back soon");
    assertEquals(one.readyState, WebSocket.CLOSING);
    one.send("late");
    assertEquals(one.bufferedAmount, 4);
    one.close(1000);
    await closed;
    assertEquals(readClose(await within(peer.next(CLOSE))), { code: 1012, reason: "back soon" });
    assertEquals(log, ["close 3 1012 true back soon"]);
    assertEquals(peer.texts(), []);
    await server.stop();
  });

  for (
    const [how, end, log] of [
      ["a Close frame", "close", ["close 3 4001 true bye"]],
      ["a Close frame with no code", "empty", ["close 3 1005 true"]],
      ["a reset", "reset", ["error 3", "close 3 1006 false"]],
    ] as const
  ) {
    it(`hears of the end by ${how}`, async () => {
      const { server, one, peer } = await shaped(socketOf);
      const heard = logOf(one);
      const closed = next(one, "close");
      if (end === "close") peer.close(4001, "bye");
      else if (end === "empty") peer.close();
      else peer.reset();
      await closed;
      assertEquals(heard, [...log]);
      await server.stop();
    });
  }

  it("tells a reason that is no Unicode as it went out", async () => {
    const { server, one, peer } = await shaped(socketOf);
    const log = logOf(one);
    const closed = next(one, "close");
    one.close(3001, "a\ud800");
    await closed;
    assertEquals(readClose(await within(peer.next(CLOSE))), { code: 3001, reason: "a\ufffd" });
    assertEquals(log, ["close 3 3001 true a\ufffd"]);
    await server.stop();
  });

  it("is told 1001 where the server stops", async () => {
    const { server, one } = await shaped(socketOf);
    const log = logOf(one);
    await server.stop();
    assertEquals(log, ["close 3 1001 true server is going away"]);
  });

  it("can be dropped: terminate()", async () => {
    const { server, one, peer } = await shaped(socketOf);
    const log = logOf(one);
    const closed = next(one, "close");
    one.terminate();
    await closed;
    await within(peer.ended);
    assertEquals(log, ["error 3", "close 3 1006 false"]);
    assertEquals(peer.frames, []);
    one.terminate();
    await server.stop();
  });

  it("dispatches events as the runtime's targets do", async () => {
    const { server, one } = await shaped(socketOf);
    const log: unknown[] = [];
    const event = new Event("close", { cancelable: true });
    one.addEventListener("close", (heard) => {
      const { target, currentTarget, eventPhase } = heard;
      log.push(heard === event, target === one, currentTarget === one, eventPhase);
      log.push(heard.composedPath().length, heard.composedPath()[0] === one);
      assertThrowsDom(() => one.dispatchEvent(heard), "InvalidStateError");
      heard.preventDefault();
    });
    one.addEventListener("close", (heard) => heard.stopImmediatePropagation());
    one.onclose = () => log.push("after it was stopped");
    assertEquals(one.dispatchEvent(event), false);
    assertEquals(log, [true, true, true, Event.AT_TARGET, 1, true]);
    assert(event.target === one && event.srcElement === one);
    assertEquals([event.currentTarget, event.eventPhase, event.composedPath()], [null, 0, []]);
    const stopped = new Event("message");
    stopped.stopPropagation();
    one.onmessage = () => log.push("though it was stopped");
    assertEquals(one.dispatchEvent(stopped), true);
    assertEquals(one.dispatchEvent(new Event("constructor")), true);
    assertEquals(log.length, 6);
    assertThrows(() => Reflect.apply(one.dispatchEvent, one, [{ type: "close" }]), TypeError);
    await server.stop();
  });

  it("may be given an event again, and another target afterwards", async () => {
    const { server, one } = await shaped(socketOf);
    const log: unknown[] = [];
    const event = new Event("close", { cancelable: true });
    one.addEventListener("close", (heard) => {
      log.push("once more");
      heard.preventDefault();
      heard.stopImmediatePropagation();
    });
    event.stopPropagation();
    assertEquals([one.dispatchEvent(event), event.cancelBubble, log.length], [true, false, 0]);
    for (const times of [1, 2]) {
      assertEquals([one.dispatchEvent(event), log.length], [false, times]);
      // At the end of a dispatch it is stopped no longer, and cancelled for good (DOM §2.9).
      assertEquals([event.cancelBubble, event.defaultPrevented], [false, true]);
      assert(event.target === one && event.srcElement === one);
    }
    const other = new EventTarget();
    other.addEventListener("close", (heard) => {
      log.push(heard.target === other, heard.srcElement === other);
      heard.stopPropagation();
    });
    other.dispatchEvent(event);
    assertEquals(log.slice(2), [true, true]);
    assert(event.target === other && event.srcElement === other);
    one.dispatchEvent(event);
    assert(event.target === one && event.srcElement === one);
    assertEquals(log.length, 5);
    await server.stop();
  });

  it("keeps handlers in their place when listeners come to them", async () => {
    const { server, one, peer } = await shaped(socketOf);
    const heard: string[] = [];
    const [message, close] = [() => heard.push("onmessage"), () => heard.push("onclose")];
    assertEquals([one.onmessage, one.onclose, one.onerror, one.onopen], [null, null, null, null]);
    one.removeEventListener("message", message);
    one.onmessage = message;
    one.onerror = null;
    one.onclose = close;
    assert(one.onmessage === message && one.onclose === close && one.onerror === null);
    const told = new Promise<void>((resolve) =>
      one.addEventListener("message", () => {
        heard.push("listener");
        resolve();
      })
    );
    one.addEventListener("message", () => heard.push("captures"), true);
    assert(one.onmessage === message && one.onclose === close && one.onerror === null);
    peer.send(TEXT, "a");
    await within(told);
    one.onmessage = null;
    assertEquals([one.onmessage, one.onopen], [null, null]);
    const closed = next(one, "close");
    one.terminate();
    await closed;
    assertEquals(heard, ["captures", "onmessage", "listener", "onclose"]);
    await server.stop();
  });

  it("tells nothing of a Blob that cannot be read when the connection is over", async () => {
    const { server, one } = await shaped(socketOf);
    const { promise, reject } = Promise.withResolvers<ArrayBuffer>();
    class LateBlob extends Blob {
      override arrayBuffer = () => promise;
    }
    one.send(new LateBlob(["a"]));
    const closed = next(one, "close");
    one.terminate();
    await closed;
    const log = logOf(one);
    reject(new Error("the file is gone"));
    await new Promise((resolve) => setTimeout(resolve));
    assertEquals([log, one.bufferedAmount], [[], 1]);
    await server.stop();
  });

  it("hears nothing of a Pong", async () => {
    const { server, one, peer } = await shaped(socketOf);
    one.ping();
    await within(peer.next(PING));
    const heard = next(one, "message");
    peer.send(TEXT, "after the Pong");
    await heard;
    await server.stop();
  });

  it("is let go of with its connection", async () => {
    const { server, one, connection } = await shaped(socketOf);
    const found = connectionOf("test", server, connection);
    assertEquals(listenersTo(found).length, 1);
    const closed = next(one, "close");
    one.close();
    await closed;
    assertEquals(listenersTo(found), []);
    await server.stop();
  });

  it("closes with an empty Close frame where no code is given, as the standard has it", async () => {
    const { server, one, peer } = await shaped(socketOf);
    const told = new Promise((resolve) => server.on("close", (_, close) => resolve(close)));
    const closed = next(one, "close");
    one.close();
    assertEquals((await within(peer.next(CLOSE))).payload.length, 0);
    const { code, reason, wasClean } = await closed;
    assertEquals([code, reason, wasClean], [1005, "", true]);
    assertEquals(await told, { code: 1000, reason: "" });
    await server.stop();
  });

  it("has no room for a message over maxPayload", async () => {
    const { server, one } = await shaped(socketOf, { maxPayload: 4 });
    assertThrowsDom(() => one.send("12345"), "QuotaExceededError");
    assertThrows(() => loose(one).send(), TypeError);
    assertEquals(one.readyState, WebSocket.OPEN);
    await server.stop();
  });

  it("refuses what is no connection, and one that is over", async () => {
    const { server, connection, one } = await shaped(socketOf);
    for (const wrong of [null, 5, "text", {}, { clientIP: "127.0.0.1" }]) {
      const call = () => socketOf(server, wrong as unknown as typeof connection);
      assertEquals(assertThrows(call, BusinessError).code, 401);
    }
    const nobody = { clientIP: "127.0.0.1", clientPort: 1 };
    const { code, message } = assertThrows(() => socketOf(server, nobody), BusinessError);
    assertEquals([code, message.slice(message.indexOf(": ") + 2)], [
      2302006,
      'socketOf: "127.0.0.1:1"',
    ]);
    const { clientIP, clientPort } = connection;
    assert(socketOf(server, { clientIP: `::ffff:${clientIP}`, clientPort }) === one);
    const closed = next(one, "close");
    one.close();
    await closed;
    assertEquals(assertThrows(() => socketOf(server, connection), BusinessError).code, 2302006);
    await server.stop();
  });

  it("refuses a connection of another server, which it would never hear", async () => {
    const [one, other] = [await shaped(socketOf), await shaped(() => {})];
    assertEquals(
      assertThrows(() => socketOf(one.server, other.connection), BusinessError).code,
      2302006,
    );
    assert(socketOf(other.server, { ...other.connection }) !== one.one);
    await Promise.all([one.server.stop(), other.server.stop()]);
  });
});

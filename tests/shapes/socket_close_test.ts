/** How a socket ends: what `close()` takes, the codes, the events and their order. */

import { assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { BusinessError } from "../../mod.ts";
import { WebSocket, type WebSocketInit } from "../../standard.ts";
import { within } from "../helpers/client.ts";
import { onDeno } from "../helpers/programs.ts";
import { assertThrowsDom, logOf, loose, next, nextTask } from "../helpers/sockets.ts";
import { CLOSE, RawServer, type RawServerOptions, readClose, TEXT } from "../peers/raw.ts";

/** An open socket, its log, and its peer. */
async function pair(options: RawServerOptions = {}, init: WebSocketInit = {}) {
  const server = await RawServer.listen(options);
  const ws = loose(new WebSocket(server.url, [], init));
  const [peer] = await Promise.all([server.accept(), next(ws, "open")]);
  return { server, ws, peer, log: logOf(ws) };
}

describe("close()", () => {
  for (
    const given of [
      ...[0, 500, 999, 1001, 1005, 1006, 1015, 2999, 5000, 65_536 + 1000, NaN, -1, Infinity],
      ...["string", null, {}, "", 999.4, 1000.6, 4999.6],
    ]
  ) {
    it(`throws InvalidAccessError for ${given}, in every state`, async () => {
      const { ws, server } = await pair();
      assertThrowsDom(() => ws.close(given), "InvalidAccessError");
      assertThrowsDom(() => ws.close(given, "x".repeat(200)), "InvalidAccessError");
      assertEquals(ws.readyState, WebSocket.OPEN);
      ws.close();
      assertThrowsDom(() => ws.close(given), "InvalidAccessError");
      await next(ws, "close");
      assertThrowsDom(() => ws.close(given), "InvalidAccessError");
      await server.close();
    });
  }

  it("throws TypeError for what is no number and no text, and closes nothing", async () => {
    const { ws, server } = await pair();
    for (const args of [[1000n], [Symbol.iterator], [1000, Symbol.iterator], [1, Symbol()]]) {
      assertThrows(() => ws.close(...args), TypeError);
    }
    assertEquals(ws.readyState, WebSocket.OPEN);
    ws.close();
    await next(ws, "close");
    await server.close();
  });

  it("throws SyntaxError for a reason of over 123 bytes", async () => {
    const { ws, server } = await pair();
    assertThrowsDom(() => ws.close(1000, "x".repeat(124)), "SyntaxError");
    assertThrowsDom(() => ws.close(undefined, "\u00e9".repeat(62)), "SyntaxError");
    assertEquals(ws.readyState, WebSocket.OPEN);
    ws.close(1000, "\u00e9".repeat(61) + "x");
    assertEquals((await next(ws, "close")).reason.length, 62);
    await server.close();
  });

  for (
    const [args, code, reason] of [
      [[], undefined, ""],
      [[undefined], undefined, ""],
      [[undefined, undefined], undefined, ""],
      [[undefined, ""], undefined, ""],
      [[1000], 1000, ""],
      [[1000, "bye"], 1000, "bye"],
      [[3000, ""], 3000, ""],
      [[4999, "caf\u00e9"], 4999, "caf\u00e9"],
      [["4000", 12], 4000, "12"],
      [[999.5], 1000, ""],
      [[1000.5], 1000, ""],
      [[undefined, "only a reason"], 1000, "only a reason"],
      [[1000, "\ud800"], 1000, "\ufffd"],
      [[{ valueOf: () => 3001 }, null], 3001, "null"],
    ] as const
  ) {
    it(`sends ${code ?? "no code"} '${reason}' for (${args.map(String).join()})`, async () => {
      const { ws, peer, log, server } = await pair();
      assertEquals(ws.close(...args) as unknown, undefined);
      assertEquals(ws.readyState, WebSocket.CLOSING);
      const frame = await within(peer.next(CLOSE));
      assertEquals(frame.payload.length === 0 ? undefined : readClose(frame).code, code);
      if (code !== undefined) assertEquals(readClose(frame).reason, reason);
      await next(ws, "close");
      assertEquals(log, [`close 3 ${code ?? 1005} true ${reason}`.trim()]);
      await server.close();
    });
  }

  it("may be called again, also in 'close', and tells of one end", async () => {
    const { ws, log, server } = await pair();
    ws.close(3000);
    ws.close(3001);
    ws.onclose = () => ws.close(3002);
    await next(ws, "close");
    await nextTask();
    assertEquals(log, ["close 3 3000 true"]);
    await server.close();
  });

  it("lets what was sent go out first", async () => {
    const { ws, peer, server } = await pair();
    ws.send("last words");
    ws.close();
    await within(peer.next(CLOSE));
    assertEquals(peer.texts(), ["last words"]);
    await next(ws, "close");
    await server.close();
  });

  it("tells the peer's code where the peer answers with another", async () => {
    const { ws, peer, log, server } = await pair({ answerClose: false });
    ws.close(3000, "mine");
    await within(peer.next(CLOSE));
    peer.close(4001, "yours");
    peer.end();
    await next(ws, "close");
    assertEquals(log, ["close 3 4001 true yours"]);
    await server.close();
  });

  it("ends unclean, with no 'error', where the peer goes without an answer", async () => {
    const { ws, peer, log, server } = await pair({ answerClose: false });
    ws.close(3000, "mine");
    await within(peer.next(CLOSE));
    const closed = next(ws, "close");
    peer.reset();
    await closed;
    assertEquals(log, ["close 3 1006 false"]);
    await server.close();
  });

  it("with no code cannot be told from an answer on Deno where the peer goes without one", async () => {
    const { ws, peer, log, server } = await pair({ answerClose: false });
    ws.close();
    await within(peer.next(CLOSE));
    const closed = next(ws, "close");
    peer.reset();
    await closed;
    assertEquals(log, [onDeno ? "close 3 1005 true" : "close 3 1006 false"]);
    await server.close();
  });

  it("while connecting ends in 'error' and an unclean 'close', in a task of its own", async () => {
    const server = await RawServer.listen({ answer: () => undefined });
    const ws = new WebSocket(server.url);
    const log = logOf(ws);
    ws.close(3000, "never mind");
    assertEquals(ws.readyState, WebSocket.CLOSING);
    await Promise.resolve().then(() => {}).then(() => {});
    assertEquals([log.length, ws.readyState], [0, WebSocket.CLOSING]);
    await next(ws, "close");
    assertEquals(log, ["error 3", "close 3 1006 false"]);
    await server.close();
  });
});

describe("the end of a connection", () => {
  for (
    const [code, reason] of [
      [1000, "done"],
      [1001, ""],
      [1011, "caf\u00e9"],
      [3000, "x".repeat(123)],
      [4999, ""],
      [undefined, ""],
    ] as const
  ) {
    it(`by the peer's Close frame with ${code ?? "no code"} is clean`, async () => {
      const { ws, peer, log, server } = await pair();
      const closed = next(ws, "close");
      peer.close(code, reason);
      const frame = await within(peer.next(CLOSE));
      assertEquals(frame.payload.length === 0 ? undefined : readClose(frame).code, code);
      peer.end();
      await closed;
      assertEquals(log, [`close 3 ${code ?? 1005} true ${reason}`.trim()]);
      await server.close();
    });
  }

  it("may come slowly: a peer that takes a second to answer has closed cleanly", async () => {
    const { ws, peer, log, server } = await pair({ answerClose: false });
    ws.close(1000, "bye");
    await within(peer.next(CLOSE));
    await new Promise((resolve) => setTimeout(resolve, 1000));
    assertEquals(ws.readyState, WebSocket.CLOSING);
    peer.close(1000, "bye");
    peer.end();
    await next(ws, "close");
    assertEquals(log, ["close 3 1000 true bye"]);
    await server.close();
  });

  for (const how of ["reset", "end"] as const) {
    it(`by the peer's ${how} is 'error' and an unclean 'close'`, async () => {
      const { ws, peer, log, server } = await pair();
      const failed = next(ws, "error");
      peer[how]();
      await next(ws, "close");
      assertEquals(log, ["error 3", "close 3 1006 false"]);
      const event = await failed;
      assertEquals(event.constructor, Event);
      assertEquals(Object.keys(event).includes("error"), false);
      const { error } = event as Event & { error: BusinessError };
      assertInstanceOf(error, BusinessError);
      assertEquals(error.code, 200);
      await server.close();
    });
  }

  it("by a close code that may not be is 'error' and an unclean 'close'", async () => {
    const { ws, peer, log, server } = await pair();
    peer.close(1006, "cheat");
    await next(ws, "close");
    assertEquals(log, ["error 3", "close 3 1006 false"]);
    await server.close();
  });

  it("by a message that is too big is 'error' and 'close'", async () => {
    const { ws, peer, log, server } = await pair({}, { maxPayload: 3 });
    peer.send(TEXT, "1234");
    assertEquals(readClose(await within(peer.next(CLOSE))).code, 1009);
    await next(ws, "close");
    assertEquals(log[0], "error 3");
    assertEquals(log.length, 2);
    await server.close();
  });

  it("by a heartbeat that runs out is 'error' and an unclean 'close'", async () => {
    const { ws, log, server } = await pair({ pong: false }, {
      pingInterval: 0.2,
      pongTimeout: 0.2,
    });
    await next(ws, "close");
    assertEquals(log, ["error 3", "close 3 1006 false"]);
    await server.close();
  });

  it("by the signal it was given is that of a close()", async () => {
    const abort = new AbortController();
    const { ws, peer, log, server } = await pair({}, { signal: abort.signal });
    abort.abort();
    assertEquals(ws.readyState, WebSocket.CLOSING);
    assertEquals(readClose(await within(peer.next(CLOSE))).code, 1000);
    await next(ws, "close");
    assertEquals(log, ["close 3 1000 true CLOSE_NORMAL"]);
    await server.close();
  });
});

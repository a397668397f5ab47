/** How a socket connects, and what becomes of attempts that fail. */

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { BusinessError } from "../../mod.ts";
import { WebSocket } from "../../standard.ts";
import { within } from "../helpers/client.ts";
import { logOf, next, nextTask } from "../helpers/sockets.ts";
import { acceptHead, RawServer, TEXT } from "../peers/raw.ts";

describe("an attempt to connect", () => {
  it("opens, and only then may anything be heard", async () => {
    const server = await RawServer.listen();
    const ws = new WebSocket(server.url);
    const log = logOf(ws);
    assertEquals(ws.readyState, WebSocket.CONNECTING);
    const peer = await within(server.accept());
    peer.send(TEXT, "at once");
    await next(ws, "message");
    assertEquals(log, ["open 1", "message 1 at once"]);
    ws.close();
    await next(ws, "close");
    await server.close();
  });

  for (
    const [name, answer] of [
      ["is refused with 401", () => "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n"],
      [
        "is answered with a subprotocol that was not offered",
        (request: string) => acceptHead(request, ["Sec-WebSocket-Protocol: other"]),
      ],
      [
        "is answered with an extension that was not offered",
        (request: string) => acceptHead(request, ["Sec-WebSocket-Extensions: x-other"]),
      ],
      [
        "is answered with the wrong case of a subprotocol",
        (request: string) => acceptHead(request, ["Sec-WebSocket-Protocol: ECHO"]),
      ],
    ] as const
  ) {
    it(`that ${name} is 'error' and an unclean 'close'`, async () => {
      const server = await RawServer.listen({ answer });
      const ws = new WebSocket(server.url, name.includes("case") ? "echo" : []);
      const log = logOf(ws);
      await next(ws, "close");
      assertEquals(log, ["error 3", "close 3 1006 false"]);
      assertEquals(ws.protocol, "");
      await server.close();
    });
  }

  it("fails where subprotocols were offered and none was chosen", async () => {
    const server = await RawServer.listen();
    const ws = new WebSocket(server.url, ["a", "b"]);
    const log = logOf(ws);
    await next(ws, "close");
    assertEquals(log, ["error 3", "close 3 1006 false"]);
    await server.close();
  });

  for (const url of ["ws://127.0.0.1:1/", "ws://nobody.invalid/"]) {
    it(`to ${url} fails on a later turn`, async () => {
      const ws = new WebSocket(url);
      const log = logOf(ws);
      assertEquals(ws.readyState, WebSocket.CONNECTING);
      const failed = next(ws, "error");
      await next(ws, "close");
      assertEquals(log, ["error 3", "close 3 1006 false"]);
      const { error } = (await failed) as Event & { error: BusinessError };
      assertEquals(error.code, 200);
    });
  }

  it("fails when its time is up", async () => {
    const server = await RawServer.listen({ answer: () => undefined });
    const ws = new WebSocket(server.url, [], { connectTimeout: 0.2 });
    const failed = next(ws, "error");
    await next(ws, "close");
    const { error } = (await failed) as Event & { error: BusinessError };
    assert(error.message.includes("timed out after 0.2 s"), error.message);
    await server.close();
  });
});

describe("an attempt whose signal aborts", () => {
  const ENDED = ["error 3", "close 3 1006 false"];

  it("ends as one that is closed, before it begins and while it connects", async () => {
    const silent = await RawServer.listen({ answer: () => undefined });
    for (const reconnect of [false, true]) {
      for (const isLate of [false, true]) {
        const abort = new AbortController();
        if (!isLate) abort.abort();
        const ws = new WebSocket(silent.url, [], { signal: abort.signal, reconnect });
        const log = logOf(ws);
        if (isLate) await nextTask();
        abort.abort();
        assertEquals(ws.readyState, WebSocket.CLOSING);
        await next(ws, "close");
        assertEquals(log, ENDED);
      }
    }
    await silent.close();
  });

  it("ends so while it waits its turn", async () => {
    const server = await RawServer.listen({ answer: () => undefined });
    const first = new WebSocket(server.url);
    const abort = new AbortController();
    const ws = new WebSocket(server.url, [], { signal: abort.signal });
    const log = logOf(ws);
    await nextTask();
    abort.abort();
    await next(ws, "close");
    assertEquals([log, first.readyState], [ENDED, WebSocket.CONNECTING]);
    first.close();
    await next(first, "close");
    await server.close();
  });

  it("ends so between two connections", async () => {
    const server = await RawServer.listen();
    const abort = new AbortController();
    const ws = new WebSocket(server.url, [], { signal: abort.signal, reconnect: { minDelay: 9 } });
    const log = logOf(ws);
    const [peer] = await Promise.all([server.accept(), next(ws, "open")]);
    peer.reset();
    await next(ws, "close");
    abort.abort();
    await next(ws, "close");
    assertEquals(log, ["open 1", "error 0", "close 0 1006 false", ...ENDED]);
    await server.close();
  });
});

describe("attempts to connect to one host", () => {
  it("are made one after the other (RFC 6455 §4.1)", async () => {
    let under = 0;
    let most = 0;
    const server = await RawServer.listen({
      answer: (request) => {
        most = Math.max(most, ++under);
        return acceptHead(request);
      },
    });
    const all = [1, 2, 3, 4].map(() => new WebSocket(server.url));
    const order: number[] = [];
    await within(Promise.all(all.map(async (ws, i) => {
      await next(ws, "open");
      order.push(i);
      under--;
    })));
    assertEquals(order, [0, 1, 2, 3]);
    assertEquals(most, 1);
    for (const ws of all) ws.close();
    await Promise.all(all.map((ws) => next(ws, "close")));
    await server.close();
  });

  it("go on when one fails, and when one that waits is given up", async () => {
    let asked = 0;
    const server = await RawServer.listen({
      answer: (request) => ++asked === 1 ? undefined : acceptHead(request),
    });
    const first = new WebSocket(server.url, [], { connectTimeout: 0.3 });
    const second = new WebSocket(server.url);
    const third = new WebSocket(server.url);
    const log = logOf(second);
    await nextTask();
    second.close();
    assertEquals(second.readyState, WebSocket.CLOSING);
    await next(second, "close");
    assertEquals(log, ["error 3", "close 3 1006 false"]);
    assertEquals([first.readyState, third.readyState], [0, 0]);
    await Promise.all([next(first, "close"), next(third, "open")]);
    assertEquals(asked, 2);
    third.close();
    await next(third, "close");
    await server.close();
  });

  it("do not wait for those to another port", async () => {
    const silent = await RawServer.listen({ answer: () => undefined });
    const server = await RawServer.listen();
    const stuck = new WebSocket(silent.url);
    const ws = new WebSocket(server.url);
    await next(ws, "open");
    assertEquals(stuck.readyState, WebSocket.CONNECTING);
    for (const one of [ws, stuck]) one.close();
    await Promise.all([ws, stuck].map((one) => next(one, "close")));
    await Promise.all([silent.close(), server.close()]);
  });
});

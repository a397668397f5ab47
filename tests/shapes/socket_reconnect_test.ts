/** A socket that reconnects by itself: an 'open' and a 'close' for each connection. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { BusinessError } from "../../errors.ts";
import { createWebSocketServer } from "../../server.ts";
import { webSocketClass, type WebSocketInit } from "../../standard.ts";
import { FakeClock, MemoryNetwork } from "../../testing.ts";
import { within } from "../helpers/client.ts";
import { ScriptedClient } from "../helpers/scripted_runtime.ts";
import { assertThrowsDom, logOf, next } from "../helpers/sockets.ts";
import { acceptHead, header, RawServer, type RawServerOptions, TEXT } from "../peers/raw.ts";

const DEFLATE = "permessage-deflate";

const QUICK = { minDelay: 0.05, maxDelay: 0.1, random: () => 0.5 };

/** A socket that comes back at once, and its server. */
async function setup(options: RawServerOptions = {}, init: WebSocketInit = {}) {
  const server = await RawServer.listen(options);
  const Socket = webSocketClass({ reconnect: QUICK, ...init });
  const ws = new Socket(server.url);
  return { server, ws, log: logOf(ws) };
}

describe("a socket that reconnects", () => {
  it("tells 'close' and 'open' for each connection, and connects in between", async () => {
    const { server, ws, log } = await setup();
    const first = await within(server.accept());
    await next(ws, "open");
    first.close(1001, "later");
    await next(ws, "close");
    assertEquals(ws.readyState, ws.CONNECTING);
    const second = await within(server.accept());
    await next(ws, "open");
    second.reset();
    await next(ws, "close");
    await within(server.accept());
    await next(ws, "open");
    ws.close(1000, "enough");
    await next(ws, "close");
    assertEquals(log, [
      ...["open 1", "close 0 1001 true later"],
      ...["open 1", "error 0", "close 0 1006 false"],
      ...["open 1", "close 3 1000 true enough"],
    ]);
    await server.close();
  });

  it("tells the reason of each end as Unicode, which a runtime may not", async () => {
    const runtime = new ScriptedClient();
    const clock = new FakeClock();
    const ws = new (webSocketClass({ runtime, clock, reconnect: QUICK }))("ws://localhost/");
    const told: string[] = [];
    ws.onclose = ({ reason }) => void told.push(reason);
    for (const code of [4000, 1000]) { // which comes back, and which does not
      runtime.events.open();
      runtime.events.closed({ code, reason: "a\ud800" });
      await clock.advance(1000);
    }
    assertEquals(told, ["a\ufffd", "a\ufffd"]);
  });

  it("shows what each connection has agreed on", async () => {
    const runtime = new ScriptedClient();
    const clock = new FakeClock();
    const Socket = webSocketClass({ runtime, clock, reconnect: QUICK, compression: true });
    const ws = new Socket("ws://localhost/", ["a", "b"]);
    const shown: string[] = [];
    ws.onopen = ws.onclose = ({ type }: Event) => {
      shown.push(`${type} '${ws.protocol}' '${ws.extensions}'`);
    };
    for (const [protocol, extensions] of [["a", DEFLATE], ["b", ""], ["a", DEFLATE]]) {
      Object.assign(runtime.socket, { protocol, extensions });
      runtime.events.open();
      runtime.events.closed({ code: 4000, reason: "" });
      await clock.advance(1000);
    }
    ws.close();
    await next(ws, "close");
    assertEquals(shown, [
      ...[`open 'a' '${DEFLATE}'`, `close 'a' '${DEFLATE}'`, "open 'b' ''", "close 'b' ''"],
      ...[`open 'a' '${DEFLATE}'`, `close 'a' '${DEFLATE}'`, `close 'a' '${DEFLATE}'`],
    ]);
  });

  it("keeps what is sent in between, in order, before anything else", async () => {
    const { server, ws } = await setup();
    ws.send("before the first");
    const first = await within(server.accept());
    await within(first.next(TEXT));
    assertEquals(first.texts(), ["before the first"]);
    first.reset();
    await next(ws, "close");
    ws.send("one");
    ws.send(new Blob(["two"]));
    ws.send("three");
    ws.onopen = () => ws.send("four");
    const second = await within(server.accept());
    while (second.frames.length < 4) await within(second.next(TEXT, second.frames.length));
    assertEquals(second.texts(), ["one", "three", "four"]);
    assertEquals(second.frames[1]!.opcode, 2);
    ws.close();
    await next(ws, "close");
    await server.close();
  });

  it("may be dropped, or closed, as it opens: no timer is left", async () => {
    for (const end of ["terminate", "close"] as const) {
      const clock = new FakeClock();
      const network = new MemoryNetwork({ clock });
      const server = createWebSocketServer({ clock, runtime: network.server });
      await server.start({ serverPort: 80 });
      const Socket = webSocketClass({ reconnect: true, clock, runtime: network.client });
      const ws = new Socket("ws://localhost/");
      ws.onopen = () => ws[end]();
      await clock.until(next(ws, "close"));
      assertEquals(ws.readyState, ws.CLOSED);
      await clock.until(server.stop());
      assertEquals(clock.pending, 0);
    }
  });

  it("may be closed by an observer while it dials, in its turn or again", async () => {
    let attempts = 0;
    const closer = (at: number) => ({
      dialling: (who: unknown) => {
        attempts++;
        if (attempts === at) (who as WebSocket).close();
      },
    });
    const { server, ws, log } = await setup({}, { observer: closer(2) });
    const first = await within(server.accept());
    await next(ws, "open");
    first.reset();
    await next(ws, "close");
    await next(ws, "close");
    assertEquals([attempts, ws.readyState], [2, ws.CLOSED]);
    const aborted = ["error 3", "close 3 1006 false"];
    assertEquals(log.slice(-2), aborted);

    // Of two that connect to one host, the second waits for the first.
    attempts = 0;
    const Socket = webSocketClass({ observer: closer(2) });
    const [one, two] = [new Socket(server.url), new Socket(server.url)];
    const told = logOf(two);
    await next(two, "close");
    assertEquals([attempts, told, one.readyState], [2, aborted, one.OPEN]);
    one.close();
    await next(one, "close");
    await server.close();
  });

  it("keeps no more than it may", async () => {
    const { server, ws } = await setup({}, { reconnect: { ...QUICK, maxQueued: 5 } });
    ws.send("12345");
    assertThrowsDom(() => ws.send("6"), "QuotaExceededError");
    assertEquals(ws.bufferedAmount, 5);
    await next(ws, "open");
    ws.close();
    await next(ws, "close");
    await server.close();
  });

  it("tells 'error' and 'close' for an attempt that fails, and asks for headers each time", async () => {
    let asked = 0;
    const seen: string[] = [];
    const { server, ws, log } = await setup({
      answer: (request) => {
        seen.push(header(request, "x-attempt"));
        return seen.length < 3
          ? "HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n"
          : acceptHead(request);
      },
    }, {
      headers() { // in any of the shapes that headers may have
        const headers = { "x-attempt": String(++asked) };
        return [Object.entries(headers), new Headers(headers), headers][asked % 3]!;
      },
    });
    await next(ws, "open");
    assertEquals(seen, ["1", "2", "3"]);
    assertEquals(log, [
      ...["error 0", "close 0 1006 false", "error 0", "close 0 1006 false"],
      "open 1",
    ]);
    ws.close();
    await next(ws, "close");
    await server.close();
  });

  for (
    const [headers, what] of [
      [{ "x-a": 5 }, "x-a must be text"],
      [undefined, "must be a plain object of text values"],
    ] as const
  ) {
    it(`says by the name they were given by that headers ${what}`, async () => {
      const { server, ws } = await setup({}, { headers: () => headers as never });
      const event = await next(ws, "error") as ErrorEvent;
      assertStringIncludes(event.error.cause.message, `WebSocket: 'headers' ${what}`);
      ws.close();
      await next(ws, "close");
      await server.close();
    });
  }

  it("ends for good after a code that says so, and when it is closed in between", async () => {
    const { server, ws, log } = await setup();
    (await within(server.accept())).close(4401, "log in");
    await next(ws, "close");
    assertEquals(ws.readyState, ws.CLOSED);
    assertEquals(log, ["open 1", "close 3 4401 true log in"]);

    const other = await setup({}, { reconnect: { minDelay: 60, maxDelay: 60 } });
    (await within(other.server.accept())).reset();
    await next(other.ws, "close");
    other.ws.close();
    assertEquals(other.ws.readyState, ws.CLOSING);
    await next(other.ws, "close");
    assertEquals(other.log.slice(-2), ["error 3", "close 3 1006 false"]);
    await Promise.all([server.close(), other.server.close()]);
  });

  it("waits its turn before a host, and its time runs meanwhile", async () => {
    const { server, ws, log } = await setup({ answer: () => undefined });
    const Socket = webSocketClass({ connectTimeout: 0.2, reconnect: { ...QUICK, attempts: 1 } });
    const second = new Socket(server.url);
    const late = logOf(second);
    const failed = next(second, "error");
    await next(second, "close");
    const { error } = await failed as Event & { error: BusinessError };
    assert(
      error.message.endsWith(": timed out after 0.2 s, with nothing to dial yet"),
      error.message,
    );
    assertEquals(late, ["error 0", "close 0 1006 false"]);
    await next(second, "close");
    assertEquals(late.slice(2), ["error 3", "close 3 1006 false"]);
    assertEquals(log, []);
    ws.close();
    await next(ws, "close");
    await server.close();
  });
});

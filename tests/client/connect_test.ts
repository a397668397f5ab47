import { assert, assertEquals, assertGreaterOrEqual, assertLess, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { BusinessError } from "../../mod.ts";
import { FakeClock } from "../../testing.ts";
import { refusal, Session, untyped, within } from "../helpers/client.ts";
import { REFUSED_URL, TcpServer } from "../helpers/tcp.ts";
import { acceptHead, CLOSE, readClose, TEXT, textOf } from "../peers/raw.ts";

/** Asserts that an attempt was accepted and told one 'error' 200 and nothing else. */
async function assertFails(
  session: Session,
  expected: { data: string; cause: RegExp; url?: string },
): Promise<void> {
  const { ws, log } = session;
  assertEquals(await within(ws.connect(expected.url ?? session.url)), true);
  const [error] = await log.next("error") as [BusinessError];
  assertEquals(error.code, 200);
  assertMatch(error.message, /^Websocket connect failed: ./);
  assertEquals(error.data, expected.data);
  assert(error.cause instanceof Error);
  assertMatch(error.cause.message, expected.cause);
  const shown = JSON.parse(JSON.stringify(error));
  assertEquals([shown.code, shown.message], [200, error.message]);
  assertEquals(ws.state, "idle");
  await session.assertEvents("error");
}

describe("createWebSocket().connect() failing", () => {
  it("tells one 'error' 200 when the connection is refused", async () => {
    await using session = await Session.start();
    await assertFails(session, { url: REFUSED_URL, data: "0", cause: /refused/ });
  });

  it("tells one 'error' 200 when the host name is not found", async () => {
    await using session = await Session.start();
    const url = "ws://no-such-host.invalid/";
    await assertFails(session, { url, data: "0", cause: /host name was not found/ });
  });

  const STATUSES = [200, 204, 302, 400, 401, 403, 404, 407, 426, 429, 500, 503];
  for (const status of STATUSES) {
    it(`tells one 'error' 200 with data '${status}' when answered ${status}`, async () => {
      await using session = await Session.start({
        server: {
          answer: () => `HTTP/1.1 ${status} Whatever\r\nContent-Length: 0\r\n\r\n`,
        },
      });
      await assertFails(session, { data: String(status), cause: new RegExp(`\\b${status}\\b`) });
    });
  }

  it("tells the status when the answer has a body and no length", async () => {
    await using session = await Session.start({
      server: { answer: () => "HTTP/1.1 403 Forbidden\r\n\r\nnot for you" },
    });
    await assertFails(session, { data: "403", cause: /403/ });
  });

  it("does not follow a redirection", async () => {
    await using session: Session = await Session.start({
      server: { answer: () => `HTTP/1.1 302 Found\r\nLocation: ${session.url}\r\n\r\n` },
    });
    await assertFails(session, { data: "302", cause: /302/ });
  });

  it("tells one 'error' 200 when the answer is no HTTP", async () => {
    await using session = await Session.start({
      server: { answer: () => "SSH-2.0-OpenSSH_9.6\r\n\r\n" },
    });
    await assertFails(session, { data: "0", cause: /HTTP/ });
  });

  it("tells one 'error' 200 when the connection ends before an answer", async () => {
    await using session = await Session.start({ server: { answer: () => "" } });
    await assertFails(session, { data: "0", cause: /reset|closed|ended/ });
  });

  it("tells one 'error' 200 when the connection is reset before an answer", async () => {
    await using tcp = await TcpServer.listen((socket) => {
      socket.once("data", () => socket.resetAndDestroy());
    });
    await using session = await Session.start();
    await assertFails(session, { url: tcp.url, data: "0", cause: /reset/ });
  });

  it("tells one 'error' 200 when the connection ends within the answer", async () => {
    await using tcp = await TcpServer.listen((socket) => {
      socket.once("data", () => socket.end("HTTP/1.1 101 Switching Proto"));
    });
    await using session = await Session.start();
    await assertFails(session, { url: tcp.url, data: "0", cause: /./ });
  });

  for (const name of ["Upgrade", "Connection"]) {
    it(`tells one 'error' 200 when the answer has no ${name}`, async () => {
      await using session = await Session.start({
        server: {
          answer: (request) => acceptHead(request).replace(new RegExp(`${name}: .*\r\n`), ""),
        },
      });
      await assertFails(session, { data: "0", cause: /did not upgrade/ });
    });
  }
});

describe("createWebSocket().connect() with connectTimeout", () => {
  it("tells one 'error' 200 and drops the connection when nobody answers", async () => {
    const dropped = Promise.withResolvers<void>();
    await using tcp = await TcpServer.listen((socket) => {
      socket.resume();
      socket.once("close", () => dropped.resolve());
    });
    await using session = await Session.start();
    const began = performance.now();
    assertEquals(await within(session.ws.connect(tcp.url, { connectTimeout: 0.3 })), true);
    const [error] = await session.log.next("error") as [BusinessError];
    const took = performance.now() - began;
    assertGreaterOrEqual(took, 290);
    assertLess(took, 5000);
    assertEquals([error.code, error.data], [200, "0"]);
    assertMatch((error.cause as Error).message, /0\.3 s/);
    assertEquals(session.ws.state, "idle");
    await within(dropped.promise);
    await session.assertEvents("error");
  });

  it("is 20 seconds unless set", async () => {
    const clock = new FakeClock();
    await using session = await Session.start({
      client: { clock },
      server: { answer: () => undefined },
    });
    await within(session.ws.connect(session.url));
    clock.tick(19_999);
    assertEquals([session.ws.state, ...session.log.names], ["connecting"]);
    clock.tick(1);
    assertEquals([session.ws.state, ...session.log.names], ["idle", "error"]);
    assertMatch((session.log.errors[0]!.cause as Error).message, /\b20 s/);
    assertEquals(clock.pending, 0);
  });

  it("does not matter once open", async () => {
    await using silent = await TcpServer.listen((socket) => void socket.resume());
    await using session = await Session.start();
    await using other = await Session.start();
    const peer = await session.open({ connectTimeout: 0.5 });
    // This one starts later, with as much time: when it is over, the first one's would be, too.
    await within(other.ws.connect(silent.url, { connectTimeout: 0.5 }));
    await other.log.next("error");
    assertEquals([session.ws.state, ...session.log.names], ["open", "open", "openInfo"]);
    await within(session.ws.send("still here"));
    assertEquals(textOf((await within(peer.next(TEXT))).payload), "still here");
  });

  it("is not needed by a server that answers in time, however slowly", async () => {
    await using session = await Session.start();
    await using slow = await TcpServer.listen((socket) => {
      let request = "";
      socket.on("data", (chunk) => {
        request += chunk;
        if (!request.includes("\r\n\r\n")) return;
        const head = acceptHead(request);
        socket.write(head.slice(0, 40));
        setTimeout(() => socket.write(head.slice(40)), 50);
      });
    });
    await within(session.ws.connect(slow.url, { connectTimeout: 10 }));
    await session.log.next("openInfo");
    assertEquals(session.log.names, ["open", "openInfo"]);
    await slow[Symbol.asyncDispose]();
    await session.log.next("close");
  });

  for (const connectTimeout of [0, -1, NaN, Infinity, 2_147_484, "20", null, 1n]) {
    it(`answers 401 when it is ${String(connectTimeout)} (${typeof connectTimeout})`, async () => {
      await using session = await Session.start();
      const error = await refusal(untyped(session.ws).connect(session.url, { connectTimeout }));
      assertEquals(error.code, 401);
      assertMatch(error.message, /^Parameter error: .*connectTimeout/);
    });
  }
});

describe("createWebSocket().connect() with signal", () => {
  it("tells one 'close' and no 'open' when aborted before", async () => {
    await using session = await Session.start();
    const signal = AbortSignal.abort();
    assertEquals(await within(session.ws.connect(session.url, { signal })), true);
    await session.log.next("close");
    assertEquals(session.log.closes, [{ code: 1000, reason: "CLOSE_NORMAL" }]);
    assertEquals(session.ws.state, "idle");
    await session.assertEvents("close");
  });

  it("tells one 'close' and no 'open' when aborted while connecting", async () => {
    const controller = new AbortController();
    const dropped = Promise.withResolvers<void>();
    await using tcp = await TcpServer.listen((socket) => {
      socket.once("data", () => controller.abort());
      socket.once("close", () => dropped.resolve());
    });
    await using session = await Session.start();
    await within(session.ws.connect(tcp.url, { signal: controller.signal }));
    await session.log.next("close");
    assertEquals(session.log.closes, [{ code: 1000, reason: "CLOSE_NORMAL" }]);
    await within(dropped.promise);
    await session.assertEvents("close");
  });

  it("closes with 1000 when aborted while open", async () => {
    const controller = new AbortController();
    await using session = await Session.start();
    const peer = await session.open({ signal: controller.signal });
    await within(session.ws.send("first"));
    controller.abort(new Error("a reason of the program's"));
    assertEquals(session.ws.state, "closing");
    assertEquals(readClose(await within(peer.next(CLOSE))), { code: 1000, reason: "CLOSE_NORMAL" });
    await session.log.next("close");
    assertEquals(peer.texts(), ["first"]);
    assertEquals(session.log.closes, [{ code: 1000, reason: "CLOSE_NORMAL" }]);
    await session.assertEvents("open", "openInfo", "close");
  });

  it("changes nothing when aborted while closing", async () => {
    const controller = new AbortController();
    await using session = await Session.start();
    const peer = await session.open({ signal: controller.signal });
    await within(session.ws.close({ code: 4000, reason: "mine" }));
    controller.abort();
    await session.log.next("close");
    assertEquals(session.log.closes, [{ code: 4000, reason: "mine" }]);
    assertEquals(peer.frames.filter(({ opcode }) => opcode === CLOSE).length, 1);
  });

  it("ends only the connection it was given for", async () => {
    const controller = new AbortController();
    await using session = await Session.start();
    await session.open({ signal: controller.signal });
    await within(session.ws.close());
    await session.log.next("close");
    const peer = await session.open();
    controller.abort();
    await within(session.ws.send("still here"));
    assertEquals(textOf((await within(peer.next(TEXT))).payload), "still here");
    assertEquals(session.ws.state, "open");
  });

  it("ends several connections when given to several", async () => {
    const controller = new AbortController();
    const { signal } = controller;
    await using one = await Session.start();
    await using other = await Session.start();
    await one.open({ signal });
    await other.open({ signal });
    controller.abort();
    await one.log.next("close");
    await other.log.next("close");
    assertEquals([one.log.closes.length, other.log.closes.length], [1, 1]);
  });

  for (const signal of [null, {}, "signal", new AbortController(), true]) {
    it(`answers 401 when it is ${signal === null ? "null" : signal.constructor.name}`, async () => {
      await using session = await Session.start();
      const error = await refusal(untyped(session.ws).connect(session.url, { signal }));
      assertEquals(error.code, 401);
      assertMatch(error.message, /^Parameter error: .*signal/);
    });
  }
});

import {
  assertEquals,
  assertGreaterOrEqual,
  assertMatch,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { BusinessError, WebSocketEvents } from "../../mod.ts";
import { answerOf, Session, untyped, within } from "../helpers/client.ts";
import { MODULE, runSource } from "../helpers/source.ts";
import { CLOSE, TEXT, textOf } from "../peers/raw.ts";

/** Ways to fail. */
const FAILURES: [string, (cause: unknown) => unknown][] = [
  ["throws", (cause) => {
    throw cause;
  }],
  ["rejects", (cause) => Promise.reject(cause)],
  ["is async and rejects later", async (cause) => {
    await Promise.resolve();
    throw cause;
  }],
  ["returns a thenable that rejects", (cause) => ({
    then: (_: unknown, reject: (cause: unknown) => void) => reject(cause),
  })],
];

function assertReport(error: BusinessError, cause: unknown): void {
  assertEquals(error.code, 2302999);
  assertMatch(error.message, /^Websocket Unknown Other Error: /);
  assertStrictEquals(error.cause, cause);
}

describe("createWebSocket() with a listener that fails", () => {
  const events = ["open", "openInfo", "message", "dataEnd", "close"] as const;
  for (const event of events) {
    for (const [how, fail] of FAILURES) {
      it(`tells 'error' 2302999 with its cause when one of '${event}' ${how}`, async () => {
        await using session = await Session.start();
        const cause = new Error("the listener's own");
        let others = 0;
        session.ws.on(event, (() => fail(cause)) as WebSocketEvents[typeof event]);
        session.ws.on(event, () => others++);
        const peer = await session.open();
        peer.send(TEXT, "hello");
        await session.log.next("dataEnd");
        await within(session.ws.send("still here"));
        assertEquals(textOf((await within(peer.next(TEXT))).payload), "still here");
        await within(session.ws.close({ code: 4000 }));
        await within(peer.next(CLOSE));
        await session.log.next("close");
        await session.log.next("error");
        assertEquals(session.log.errors.length, 1);
        assertReport(session.log.errors[0]!, cause);
        assertEquals(others, 1);
        assertEquals(session.log.names.filter((name) => name !== "error"), [...events]);
        assertEquals(session.log.closes, [{ code: 4000, reason: "CLOSE_NORMAL" }]);
      });
    }
  }

  for (const cause of [undefined, null, 0, "text", { code: 5 }, Symbol("cause")]) {
    it(`keeps whatever it throws as the cause: ${String(cause)}`, async () => {
      await using session = await Session.start();
      session.ws.on("open", () => {
        throw cause;
      });
      await session.open();
      await session.log.next("error");
      assertReport(session.log.errors[0]!, cause);
      assertEquals("cause" in session.log.errors[0]!, true);
    });
  }

  it("reports every time it fails, and each of several", async () => {
    await using session = await Session.start();
    const causes: Error[] = [];
    for (const name of ["a", "b"]) {
      session.ws.on("message", () => {
        causes.push(new Error(name));
        throw causes.at(-1);
      });
    }
    const peer = await session.open();
    peer.send(TEXT, "1");
    peer.send(TEXT, "2");
    await session.log.next("dataEnd", 2);
    assertEquals(causes.map(({ message }) => message), ["a", "b", "a", "b"]);
    assertEquals(session.log.errors.length, 4);
    session.log.errors.forEach((error, i) => assertReport(error, causes[i]));
    assertEquals(session.log.messages, ["1", "2"]);
  });
});

describe("createWebSocket() with a callback that fails", () => {
  const calls: [string, (session: Session, callback: () => unknown) => unknown][] = [
    ["an accepted connect", ({ ws, url }, callback) => ws.connect(url, callback)],
    ["a refused connect", ({ ws }, callback) => ws.connect("", callback)],
    ["a refused send", ({ ws }, callback) => ws.send("hello", callback)],
    ["a refused close", ({ ws }, callback) => ws.close(callback)],
    ["a wrong argument", ({ ws }, callback) => untyped(ws).send(5, callback)],
  ];
  for (const [what, call] of calls) {
    for (const [how, fail] of FAILURES) {
      it(`tells 'error' 2302999 with its cause when that of ${what} ${how}`, async () => {
        await using session = await Session.start();
        const cause = new Error("the callback's own");
        call(session, () => fail(cause));
        await session.log.next("error");
        assertReport(session.log.errors[0]!, cause);
        if (session.ws.state === "connecting") await session.log.next("openInfo");
        assertEquals(session.log.errors.length, 1);
      });
    }
  }

  it("stays open", async () => {
    await using session = await Session.start();
    const peer = await session.open();
    session.ws.send("1", () => {
      throw new Error("the callback's own");
    });
    assertEquals(await answerOf((callback) => session.ws.send("2", callback)), [undefined, true]);
    await session.log.next("error");
    await within(session.ws.close());
    await within(peer.next(CLOSE));
    assertEquals(peer.texts(), ["1", "2"]);
  });
});

/** A server, a client and a way to fail, in a program of its own. */
const RAW = new URL("../peers/raw.ts", import.meta.url).href;
const PROGRAM = `
import { createWebSocket } from ${JSON.stringify(MODULE)};
import { RawServer } from ${JSON.stringify(RAW)};
const server = await RawServer.listen();
const ws = createWebSocket();
function failHere() { throw new Error("a failure of the program's own"); }
`;
const END = `
await ws.connect(server.url);
const peer = await server.accept();
await ws.opened;
peer.send(1, "hello");
peer.close(4000, "done");
const { code } = await ws.closed;
await server.close();
console.log("the end", code);
`;

describe("createWebSocket() with no 'error' listener", () => {
  const programs: [string, string, number][] = [
    ["a listener that throws", `ws.on("message", () => failHere());`, 1],
    ["a listener that rejects", `ws.on("message", async () => failHere());`, 1],
    ["a listener of 'close' that throws", `ws.on("close", () => failHere());`, 1],
    ["two listeners that throw", `for (let i = 0; i < 2; i++) ws.on("open", () => failHere());`, 2],
    ["a callback that throws", `ws.send("early", () => failHere());`, 1],
    ["a callback that rejects", `ws.close(async () => failHere());`, 1],
  ];
  for (const [what, line, times] of programs) {
    it(`prints the failure of ${what} with its stack, and goes on`, async () => {
      const { code, stdout, stderr } = await runSource(PROGRAM + line + END);
      assertEquals([code, stdout.trim()], [0, "the end 4000"], stderr);
      const printed = stderr.match(/Error: a failure of the program's own/g) ?? [];
      assertGreaterOrEqual(printed.length, times);
      assertStringIncludes(stderr, "2302999");
      assertStringIncludes(stderr, "failHere");
      assertMatch(stderr, /program\.ts:6/);
    });
  }

  it("prints the failure of an 'error' listener, and calls the others once", async () => {
    const { code, stdout, stderr } = await runSource(
      `${PROGRAM}
      ws.on("error", () => failHere());
      ws.on("error", async () => failHere());
      ws.on("error", (error) => console.log("heard", error.code));
      ws.on("open", () => { throw new Error("first"); });
      ${END}`,
    );
    assertEquals([code, stdout.trim()], [0, "heard 2302999\nthe end 4000"], stderr);
    assertStringIncludes(stderr, "failHere");
  });

  it("survives a refused connection, a loss and an abnormal handshake", async () => {
    const { code, stdout, stderr } = await runSource(
      `${PROGRAM}
      await ws.connect("ws://127.0.0.1:1/");
      await ws.closed.catch((error) => console.log(error.code));
      await ws.connect(server.url);
      const lost = await server.accept();
      await ws.opened;
      lost.reset();
      console.log((await ws.closed).code);
      ${END}`,
    );
    assertEquals([code, stdout.trim()], [0, "200\n1006\nthe end 4000"], stderr);
  });
});

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { BusinessError, type WebSocketClient } from "../../mod.ts";
import { answerOf, createUntyped, refusal, Session, untyped, within } from "../helpers/client.ts";
import { CLOSE, readClose } from "../peers/raw.ts";

const OK_URL = "ws://127.0.0.1:1/";

/** Something that fails when it is looked into. */
const trap = new Proxy({}, {
  get() {
    throw new Error("looked into");
  },
  ownKeys() {
    throw new Error("looked into");
  },
});

/** Something with a property that fails when it is read. */
const withBrokenGetter = (name: string) =>
  Object.defineProperty({}, name, {
    enumerable: true,
    get() {
      throw new Error(`${name} was read`);
    },
  });

function assertArgumentError(error: unknown): void {
  if (!(error instanceof BusinessError)) throw new Error(`no BusinessError: ${error}`);
  assertEquals(error.code, 401);
  assertEquals(error.message.startsWith("Parameter error: "), true, error.message);
}

/** Asserts that arguments are refused with 401 in both forms, and that the client stays idle. */
async function assertWrong(method: "connect" | "send" | "close", args: unknown[]): Promise<void> {
  const ws = createUntyped();
  assertArgumentError(await refusal(untyped(ws)[method](...args)));
  const [error, value] = await answerOf((callback) => untyped(ws)[method](...args, callback));
  assertArgumentError(error);
  assertEquals(value, undefined);
  assertEquals(ws.state, "idle");
}

/** Asserts that arguments, among them perhaps a callback out of place, are refused with 401. */
async function assertWrongAsPromise(
  method: "connect" | "send" | "close",
  args: unknown[],
  ws: WebSocketClient = createUntyped(),
): Promise<void> {
  assertArgumentError(await refusal(untyped(ws)[method](...args)));
}

describe("createWebSocket().connect() arguments", () => {
  const wrongUrls: [string, unknown][] = [
    ["undefined", undefined],
    ["null", null],
    ["a number", 5],
    ["a bigint", 5n],
    ["a symbol", Symbol("url")],
    ["a URL object", new URL(OK_URL)],
    ["an array", [OK_URL]],
    ["an object without a prototype", Object.create(null)],
    ["an object that cannot be looked into", trap],
  ];
  for (const [what, url] of wrongUrls) {
    it(`answers 401 when the URL is ${what}`, () => assertWrong("connect", [url]));
  }

  const wrongOptions: [string, unknown][] = [
    ["null", null],
    ["text", "protocol"],
    ["a number", 5],
    ["an array", []],
    ["an object that cannot be looked into", trap],
    ["an object with a property that cannot be read", withBrokenGetter("header")],
  ];
  for (const [what, options] of wrongOptions) {
    it(`answers 401 when the options are ${what}`, () => assertWrong("connect", [OK_URL, options]));
  }

  it("answers 401 when there is no argument, or nothing but a callback", async () => {
    await assertWrong("connect", []);
  });

  it("answers 401 when there is one argument too many", () =>
    assertWrong("connect", [OK_URL, {}, {}]));

  it("answers 401 when the callback is null or no function", async () => {
    for (const callback of [null, 5, "callback", {}]) {
      await assertWrongAsPromise("connect", [OK_URL, {}, callback]);
    }
  });

  it("answers 401 to a callback that is not the last argument", async () => {
    const ws = untyped(createUntyped());
    const [error] = await answerOf((callback) => ws.connect(OK_URL, callback, {}));
    assertArgumentError(error);
  });

  it("takes trailing undefined for left out", async () => {
    await using session = await Session.start();
    assertEquals(
      await within(untyped(session.ws).connect(session.url, undefined, undefined)),
      true,
    );
    await session.log.next("open");
  });

  it("takes undefined after the callback for left out", async () => {
    await using session = await Session.start();
    const answer = await answerOf((callback) =>
      untyped(session.ws).connect(session.url, callback, undefined)
    );
    assertEquals(answer, [undefined, true]);
    await session.log.next("open");
  });

  it("takes undefined options before a callback for left out", async () => {
    await using session = await Session.start();
    const answer = await answerOf((callback) =>
      untyped(session.ws).connect(session.url, undefined, callback)
    );
    assertEquals(answer, [undefined, true]);
    await session.log.next("open");
  });
});

describe("createWebSocket().send() arguments", () => {
  const wrong: [string, unknown][] = [
    ["undefined", undefined],
    ["null", null],
    ["a number", 5],
    ["a bigint", 5n],
    ["a boolean", true],
    ["a symbol", Symbol("data")],
    ["an object", {}],
    ["an array of bytes", [1, 2]],
    ["a String object", Object("text")],
    ["a Blob", new Blob(["text"])],
    ["a SharedArrayBuffer", new SharedArrayBuffer(2)],
    ["an object that cannot be looked into", trap],
  ];
  for (const [what, data] of wrong) {
    it(`answers 401 when the data is ${what}`, () => assertWrong("send", [data]));
  }

  it("answers 401 while connecting, open and closing, too", async () => {
    await using session = await Session.start({ server: { answerClose: false } });
    const connected = session.ws.connect(session.url);
    await assertWrongAsPromise("send", [null], session.ws);
    await within(connected);
    await session.log.next("open");
    await assertWrongAsPromise("send", [null], session.ws);
    await within(session.ws.close());
    await assertWrongAsPromise("send", [null], session.ws);
  });

  it("answers 401 when there is no argument", async () => {
    await assertWrongAsPromise("send", []);
  });

  it("answers 401 to the callback when there is nothing but a callback", async () => {
    const [error] = await answerOf((callback) => untyped(createUntyped()).send(callback));
    assertArgumentError(error);
  });

  it("answers 401 to the last of two callbacks", async () => {
    const told: string[] = [];
    const [error] = await answerOf((callback) =>
      untyped(createUntyped()).send("a", () => told.push("the first"), callback)
    );
    assertArgumentError(error);
    assertEquals(told, []);
  });

  it("answers 401 when there is one argument too many", () => assertWrong("send", ["a", "b"]));

  it("answers 401 when the callback is null or no function, and no options either", async () => {
    for (const callback of [null, 5, "callback", { callback: () => {} }]) {
      await assertWrongAsPromise("send", ["hello", callback]);
    }
  });

  it("takes trailing undefined for left out", async () => {
    await using session = await Session.start();
    const peer = await session.open();
    const { ws } = session;
    assertEquals(await within(untyped(ws).send("1", undefined)), true);
    assertEquals(await within(untyped(ws).send("2", undefined, undefined)), true);
    const answer = await answerOf((callback) => untyped(ws).send("3", callback, undefined));
    assertEquals(answer, [undefined, true]);
    await within(ws.close());
    await within(peer.next(CLOSE));
    assertEquals(peer.texts(), ["1", "2", "3"]);
  });
});

describe("createWebSocket().close() arguments", () => {
  const wrong: [string, unknown][] = [
    ["null", null],
    ["a number", 1000],
    ["text", "bye"],
    ["an array", [1000]],
    ["an object that cannot be looked into", trap],
    ["an object with a property that cannot be read", withBrokenGetter("code")],
    ["{code: null}", { code: null }],
    ["{code: '1000'}", { code: "1000" }],
    ["{code: 1000n}", { code: 1000n }],
    ["{reason: null}", { reason: null }],
    ["{reason: 5}", { reason: 5 }],
  ];
  for (const [what, options] of wrong) {
    it(`answers 401 when the options are ${what}`, () => assertWrong("close", [options]));
  }

  it("answers 401 when there is one argument too many", () => assertWrong("close", [{}, {}]));

  it("answers 401 when the callback is null or no function", async () => {
    for (const callback of [null, 5, "callback", {}]) {
      await assertWrongAsPromise("close", [{}, callback]);
    }
  });

  it("stays open when refused", async () => {
    await using session = await Session.start();
    const peer = await session.open();
    assertArgumentError(await refusal(untyped(session.ws).close(null)));
    assertEquals(session.ws.state, "open");
    await within(session.ws.close());
    assertEquals(readClose(await within(peer.next(CLOSE))), { code: 1000, reason: "CLOSE_NORMAL" });
  });

  for (const args of [[], [undefined], [undefined, undefined], [{}], [{ code: undefined }]]) {
    it(`takes ${JSON.stringify(args)} for the defaults`, async () => {
      await using session = await Session.start();
      const peer = await session.open();
      assertEquals(await within(untyped(session.ws).close(...args)), true);
      assertEquals(readClose(await within(peer.next(CLOSE))), {
        code: 1000,
        reason: "CLOSE_NORMAL",
      });
    });
  }
});

describe("createWebSocket() arguments", () => {
  const wrong: [string, unknown][] = [
    ["null", null],
    ["a number", 5],
    ["text", "maxPayload"],
    ["an array", []],
    ["an unknown option", { maxPayLoad: 5 }],
    ["a maxPayload of 0", { maxPayload: 0 }],
    ["a maxPayload of -1", { maxPayload: -1 }],
    ["a maxPayload of 1.5", { maxPayload: 1.5 }],
    ["a maxPayload of NaN", { maxPayload: NaN }],
    ["a maxPayload of Infinity", { maxPayload: Infinity }],
    ["a maxPayload of 2 GiB", { maxPayload: 2 ** 31 }],
    ["a maxPayload that is text", { maxPayload: "5" }],
    ["a maxPayload of null", { maxPayload: null }],
    ["an object that cannot be looked into", trap],
    ["an object with a property that cannot be read", withBrokenGetter("maxPayload")],
  ];
  for (const [what, options] of wrong) {
    it(`does not throw, and connect answers 401, when given ${what}`, async () => {
      await assertWrongAsPromise("connect", [OK_URL], createUntyped(options));
    });
  }

  it("takes undefined for left out, as itself and as an option", async () => {
    for (const args of [[], [undefined], [{}], [{ maxPayload: undefined }]]) {
      const ws = createUntyped(...args);
      assertEquals((await refusal(ws.connect("http://127.0.0.1/"))).code, 2302001);
    }
  });
});

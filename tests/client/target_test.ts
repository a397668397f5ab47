/** What the arguments of `connect` say, and what is asked for at each attempt. */

import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { asks, askTarget, readConnect, readTarget, type Target } from "../../client/target.ts";
import { BusinessError } from "../../errors.ts";
import { ScriptedClient } from "../helpers/scripted_runtime.ts";

const URL = "ws://localhost/";
const fn = () => URL;
const other = () => {};
const TEXT = "connect: the URL must be text";
const NONE = "current value is a function";

describe("readConnect()", () => {
  /** What is read of arguments, and what the console says. */
  function read(args: unknown[], mayAsk: boolean) {
    const said: unknown[] = [];
    const { warn } = console;
    console.warn = (...words) => void said.push(...words);
    try {
      const { url, options, callback, error } = readConnect(args, mayAsk);
      return { read: [url, options, callback, error?.message], said };
    } finally {
      console.warn = warn;
    }
  }

  it("takes a function that comes first for the URL where a client reconnects", () => {
    const options = {};
    const cases: [unknown[], unknown[]][] = [
      [[fn], [fn, undefined, undefined]],
      [[fn, other], [fn, undefined, other]],
      [[fn, options, other], [fn, options, other]],
      [[fn, fn], [fn, undefined, fn]],
      [[URL, other], [URL, undefined, other]],
      [[URL, options], [URL, options, undefined]],
    ];
    for (const [args, expected] of cases) {
      assertEquals(read(args, true), { read: [...expected, undefined], said: [] });
    }
  });

  it("takes it for the callback where it is all there is and a client does not, and says so", () => {
    const { read: got, said } = read([fn], false);
    assertEquals(got, [undefined, undefined, fn, undefined]);
    const words =
      "connect: a function that gives the URL needs 'reconnect': this one is the callback";
    // It is said once in a process, and tests of other files may share this one.
    assertEquals(said.length === 0 ? [words] : said, [words]);
  });

  it("takes it for no callback where something comes after it", () => {
    for (const [args, callback] of [[[fn, {}], undefined], [[fn, {}, other], other]] as const) {
      const { read: got, said } = read([...args], false);
      assertEquals([got[0], got[2], said], [fn, callback, []]);
    }
    assertEquals(read([fn, other], false).read.slice(0, 3), [fn, undefined, other]);
    assertEquals(read([fn, undefined], false).read, [undefined, undefined, fn, undefined]);
  });

  it("refuses too many", () => {
    const words = "connect: takes a URL, options and a callback: 3 arguments were given";
    for (const mayAsk of [true, false]) {
      assertEquals(read([URL, {}, 5], mayAsk).read[3], `Parameter error: ${words}`);
    }
  });
});

describe("readTarget()", () => {
  it("refuses what is no URL, and says when a function would be one", () => {
    const cases: [unknown, boolean, string][] = [
      [5, true, `${TEXT}: current value is 5`],
      [5, false, `${TEXT}: current value is 5`],
      [fn, false, `${TEXT} unless there is 'reconnect': ${NONE}`],
    ];
    for (const [url, mayAsk, says] of cases) {
      const error = readTarget(url, undefined, mayAsk);
      assertInstanceOf(error, BusinessError);
      assertEquals(error.message, `Parameter error: ${says}`);
    }
  });

  it("refuses options that are wrong, beside functions, too", () => {
    for (const given of [{ protocol: 5 }, { header: fn, nope: 1 }, 5]) {
      assertInstanceOf(readTarget(fn, given, true), BusinessError);
    }
  });

  it("says when 'header' could be a function", () => {
    const error = readTarget(URL, { header: fn }, false);
    assertInstanceOf(error, BusinessError);
    assertEquals(
      error.message,
      "Parameter error: connect: 'header' must be a plain object of text values unless there is " +
        `'reconnect': ${NONE}`,
    );
    for (const given of [null, 5, [], { header: 5 }, { header: fn, nope: 1 }]) {
      const { message } = readTarget(URL, given, false) as BusinessError;
      assertEquals(message.includes("unless"), false, message);
    }
  });

  it("says whether somebody must be asked", () => {
    const target = (url: unknown, given: unknown) => readTarget(url, given, true) as Target;
    assertEquals(asks(target(URL, undefined)), false);
    assertEquals(asks(target(URL, { header: { a: "b" } })), false);
    assertEquals(asks(target(fn, undefined)), true);
    assertEquals(asks(target(URL, { header: fn })), true);
  });
});

describe("askTarget()", () => {
  const ask = (url: unknown, given?: object) =>
    askTarget(new ScriptedClient(), readTarget(url, given, true) as Target);

  it("gives what is to be dialled: the URL and the headers of now", async () => {
    const request = await ask(() => Promise.resolve(URL), { header: () => ({ A: "b" }) });
    assert(!(request instanceof Error));
    assertEquals([request.url, request.headers], [URL, { a: "b" }]);
    const fixed = await ask(fn, { header: { C: "d" } });
    assert(!(fixed instanceof Error));
    assertEquals(fixed.headers, { c: "d" });
  });

  it("takes a header that names the host where the URL does so too, whoever says either", async () => {
    const header = { Host: "LOCALHOST:80", a: "b" };
    for (const [url, given] of [[URL, () => header], [fn, () => header], [URL, header]] as const) {
      const request = await ask(url, { header: given });
      assert(!(request instanceof Error));
      assertEquals(request.headers, { a: "b" });
    }
    const other = () => ask(() => "ws://example.com/", { header: () => header });
    await assertRejects(other, BusinessError, "connect: 'header' host must be left");
  });

  it("throws what may be better next time, and returns what will not", async () => {
    const thrown: [unknown, object | undefined, number][] = [
      [() => 5, undefined, 401],
      [() => "http://a/", undefined, 2302001],
      [() => "ws://", undefined, 200],
      [fn, { header: () => 5 }, 401],
      [fn, { header: () => undefined }, 401], // that is no header
    ];
    for (const [url, given, code] of thrown) {
      const error = await assertRejects(() => ask(url, given), BusinessError);
      assertEquals(error.code, code);
    }
    const gone = await ask(fn, { caPath: "/nowhere" });
    assertEquals((gone as BusinessError).code, 2302002);
    const runtime = Object.assign(new ScriptedClient(), {
      unsupported: () => ({ option: "proxy", why: "none" }),
    });
    const refused = await askTarget(runtime, readTarget(fn, {}, true) as Target);
    assertEquals((refused as BusinessError).code, 2302999);
  });

  it("asks a runtime what it cannot do of what can be dialled alone", async () => {
    const asked: unknown[] = [];
    const runtime = Object.assign(new ScriptedClient(), {
      unsupported: (request: { url?: string }) => void asked.push(request.url),
    });
    const target = (given: object) => readTarget(fn, given, true) as Target;
    await askTarget(runtime, target({ caPath: "/nowhere" }));
    assertEquals(asked, []);
    await askTarget(runtime, target({}));
    assertEquals(asked, [URL]);
  });

  it("asks in a later turn, and tells the function nothing", async () => {
    const log: unknown[] = [];
    const asked = ask(function (this: unknown, ...args: unknown[]) {
      log.push(this, args.length);
      return URL;
    });
    assertEquals(log, []);
    await asked;
    assertEquals(log, [undefined, 0]);
  });
});

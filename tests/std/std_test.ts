/** The stand-ins in `std/` behave as the real `@std`: on Deno this file runs on whichever is there. */
import {
  assert,
  assertAlmostEquals,
  assertArrayIncludes,
  assertEquals,
  assertExists,
  assertFalse,
  assertGreater,
  assertGreaterOrEqual,
  assertInstanceOf,
  AssertionError,
  assertLess,
  assertLessOrEqual,
  assertMatch,
  assertNotEquals,
  assertNotStrictEquals,
  assertObjectMatch,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
  equal,
  fail,
  unreachable,
} from "@std/assert";
import { deadline, delay, retry } from "@std/async";
import { RetryError } from "@std/async/retry";
import {
  after,
  afterAll,
  afterEach,
  before,
  beforeAll,
  beforeEach,
  describe,
  it,
  test,
} from "@std/testing/bdd";
import { assertSpyCall, assertSpyCallArgs, assertSpyCalls, spy, stub } from "@std/testing/mock";
import { FakeTime } from "@std/testing/time";

describe("@std/assert", () => {
  it("equal() compares deeply", () => {
    const pairs: [unknown, unknown][] = [
      [NaN, NaN],
      [[1, [2, { a: 3 }]], [1, [2, { a: 3 }]]],
      [{ a: 1, b: undefined }, { b: undefined, a: 1 }],
      [Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
      [new Date(5), new Date(5)],
      [/a/g, /a/g],
      [new URL("ws://a/"), new URL("ws://a/")],
      [new Uint8Array([1, 2]), new Uint8Array([1, 2])],
      [new Map([["a", { b: 1 }]]), new Map([["a", { b: 1 }]])],
      [new Set([1, 2]), new Set([2, 1])],
    ];
    for (const [index, [a, b]] of pairs.entries()) assert(equal(a, b), `pair ${index}`);
  });

  it("equal() sees every difference", () => {
    const circle: Record<string, unknown> = { a: 1 };
    circle["self"] = circle;
    const pairs: [unknown, unknown][] = [
      [1, "1"],
      [null, undefined],
      [null, {}],
      [{ a: 1 }, { a: 1, b: undefined }],
      [{ a: undefined }, { b: undefined }],
      [[1, 2], [2, 1]],
      [[1], { 0: 1 }],
      [new Date(5), new Date(6)],
      [/a/g, /a/i],
      [new Uint8Array([1, 2]), new Uint8Array([1, 3])],
      [new Uint8Array([1, 2]), new Uint8Array([1])],
      [new Uint8Array([1]), new Uint8Array([1, 2])],
      [new Uint8Array([1]), new Int8Array([1])],
      [new Map([["a", 1]]), new Map([["a", 2]])],
      [new Set([1, 2]), new Set([1, 3])],
      [circle, { a: 1, self: { a: 2 } }],
    ];
    for (const [index, [a, b]] of pairs.entries()) assertFalse(equal(a, b), `pair ${index}`);
  });

  it("passes what holds", () => {
    assert(1);
    assertFalse("");
    assertEquals({ a: [1] }, { a: [1] });
    assertNotEquals({ a: 1 }, { a: 2 });
    assertStrictEquals(NaN, NaN);
    assertNotStrictEquals({}, {});
    assertExists(0);
    assertAlmostEquals(0.1 + 0.2, 0.3);
    assertAlmostEquals(10, 12, 2);
    assertGreater(2, 1);
    assertGreaterOrEqual(2, 2);
    assertLess(1, 2);
    assertLessOrEqual(2, 2);
    assertInstanceOf(new TypeError(), Error);
    assertMatch("1006", /^\d+$/);
    assertStringIncludes("CLOSE_NORMAL", "NORMAL");
    assertArrayIncludes([{ a: 1 }, { a: 2 }], [{ a: 2 }]);
    assertObjectMatch({ a: { b: 1, c: 2 }, d: [1, 2] }, { a: { b: 1 }, d: [1, 2] });
  });

  const failing: Record<string, () => void> = {
    assert: () => assert(0),
    assertFalse: () => assertFalse("a"),
    assertEquals: () => assertEquals({ a: 1 }, { a: 2 }),
    assertNotEquals: () => assertNotEquals({ a: 1 }, { a: 1 }),
    assertStrictEquals: () => assertStrictEquals<unknown>({}, {}),
    assertNotStrictEquals: () => assertNotStrictEquals(1, 1),
    assertExists: () => assertExists(null),
    assertAlmostEquals: () => assertAlmostEquals(1, 1.1),
    assertGreater: () => assertGreater(1, 1),
    assertGreaterOrEqual: () => assertGreaterOrEqual(1, 2),
    assertLess: () => assertLess(1, 1),
    assertLessOrEqual: () => assertLessOrEqual(2, 1),
    assertInstanceOf: () => assertInstanceOf(new Error(), TypeError),
    assertMatch: () => assertMatch("a", /b/),
    assertStringIncludes: () => assertStringIncludes("a", "b"),
    assertArrayIncludes: () => assertArrayIncludes([1], [2]),
    assertObjectMatch: () => assertObjectMatch({ a: { b: 1 } }, { a: { b: 2 } }),
    "assertObjectMatch, absent": () => assertObjectMatch({ a: 1 }, { b: undefined }),
    "assertThrows, nothing": () => void assertThrows(() => {}),
    "assertThrows, another class": () =>
      void assertThrows(() => {
        throw new Error("a");
      }, TypeError),
    "assertThrows, another message": () =>
      void assertThrows(() => JSON.parse("{"), SyntaxError, "no such text"),
    fail: () => fail("for this reason"),
    unreachable: () => unreachable(),
  };
  for (const [name, run] of Object.entries(failing)) {
    it(`${name} fails what does not hold`, () => {
      let thrown: unknown;
      try {
        run();
      } catch (error) {
        thrown = error;
      }
      if (!(thrown instanceof AssertionError)) throw new Error(`not an AssertionError: ${thrown}`);
    });
  }

  it("assertThrows() and assertRejects() return the error", async () => {
    const error = new RangeError("the port is out of range");
    const throws = () => {
      throw error;
    };
    assertStrictEquals(assertThrows(throws), error);
    assertStrictEquals(assertThrows(throws, RangeError, "out of"), error);
    assertStrictEquals(await assertRejects(() => Promise.reject(error), RangeError, "out"), error);
    assertStrictEquals(await assertRejects(() => Promise.reject("text")), "text");
  });

  it("assertRejects() fails what does not reject", async () => {
    await assertRejects(() => assertRejects(() => Promise.resolve()), AssertionError);
    await assertRejects(() => assertRejects(throwsAtOnce), AssertionError);
    const another = () => assertRejects(() => Promise.reject(new Error("a")), TypeError);
    await assertRejects(another, AssertionError);

    function throwsAtOnce(): Promise<void> {
      throw new Error("at once");
    }
  });
});

describe("@std/async", () => {
  it("delay() waits", async () => {
    const start = performance.now();
    await delay(20);
    assertGreaterOrEqual(performance.now() - start, 18);
  });

  it("delay() ends with its signal's reason", async () => {
    const controller = new AbortController();
    const waiting = delay(10_000, { signal: controller.signal });
    controller.abort(new TypeError("enough"));
    await assertRejects(() => waiting, TypeError, "enough");
    const aborted = AbortSignal.abort(new TypeError("before"));
    await assertRejects(() => delay(10_000, { signal: aborted }), TypeError, "before");
  });

  it("deadline() passes the outcome on", async () => {
    assertEquals(await deadline(Promise.resolve(7), 1000), 7);
    const failing = Promise.reject(new TypeError("no"));
    await assertRejects(() => deadline(failing, 1000), TypeError, "no");
  });

  it("deadline() rejects when the time is up", async () => {
    const never = new Promise<void>(() => {});
    const error = await assertRejects(() => deadline(never, 10), DOMException);
    assertEquals(error.name, "TimeoutError");
  });

  it("retry() calls until it succeeds, and throws RetryError after the last attempt", async () => {
    let calls = 0;
    const third = () => ++calls === 3 ? "done" : Promise.reject(new Error("not yet"));
    assertEquals(await retry(third, { minTimeout: 1 }), "done");
    assertEquals(calls, 3);
    const never = () => Promise.reject(new TypeError("never"));
    const error = await assertRejects(
      () => retry(never, { minTimeout: 1, maxAttempts: 2 }),
      RetryError,
    );
    assertInstanceOf(error.cause, TypeError);
    await assertRejects(() => retry(never, { isRetriable: () => false }), TypeError);
  });
});

describe("@std/testing/bdd", () => {
  const log: string[] = [];

  describe("hooks", () => {
    before(() => void log.push("before"));
    beforeAll(async () => {
      await delay(1);
      log.push("beforeAll");
    });
    beforeEach(() => void log.push("beforeEach"));
    afterEach(() => void log.push("afterEach"));
    after(() => void log.push("after"));

    it("one", () => void log.push("one"));

    describe("inner", () => {
      beforeEach(() => void log.push("inner beforeEach"));
      afterEach(() => void log.push("inner afterEach"));
      afterAll(() => void log.push("inner afterAll"));

      test("two", () => void log.push("two"));
    });
  });

  it("runs hooks around cases, outer before inner, then inner before outer", () => {
    assertEquals(log, [
      ...["before", "beforeAll"],
      ...["beforeEach", "one", "afterEach"],
      ...["beforeEach", "inner beforeEach", "two", "inner afterEach", "afterEach"],
      ...["inner afterAll", "after"],
    ]);
  });
});

describe("@std/testing/mock", () => {
  it("spy() records calls, results and errors", () => {
    const half = spy((value: number) => {
      if (value % 2) throw new RangeError("odd");
      return value / 2;
    });
    assertEquals(half(4), 2);
    assertThrows(() => half(3), RangeError);
    assertSpyCalls(half, 2);
    assertSpyCall(half, 0, { args: [4], returned: 2 });
    assertSpyCallArgs(half, 1, [3]);
    assertInstanceOf(half.calls[1]?.error, RangeError);
    assertThrows(() => assertSpyCalls(half, 1), Error);
  });

  it("spy() on a method calls it and can be restored", () => {
    class Counter {
      count = 0;
      add(by: number): number {
        return this.count += by;
      }
    }
    const counter = new Counter();
    const add = spy(counter, "add");
    assertEquals(counter.add(2), 2);
    assertSpyCall(add, 0, { args: [2], returned: 2, self: counter });
    add.restore();
    assert(add.restored);
    assertStrictEquals(counter.add, Counter.prototype.add);
  });

  it("stub() replaces a method until the end of its scope", () => {
    const clock = { now: () => 1 };
    const real = clock.now;
    {
      using now = stub(clock, "now", () => 2);
      assertEquals(clock.now(), 2);
      assertSpyCalls(now, 1);
    }
    assertStrictEquals(clock.now, real);
  });
});

describe("@std/testing/time", () => {
  it("FakeTime moves timers and Date together", async () => {
    const log: string[] = [];
    {
      using time = new FakeTime(1000);
      setTimeout((word: string) => log.push(`${word} ${Date.now()}`), 20, "late");
      const interval = setInterval(() => log.push(`tick ${new Date().getTime()}`), 10);
      const cleared = setTimeout(() => log.push("cleared"), 5);
      clearTimeout(cleared);
      time.tick(9);
      assertEquals(log, []);
      time.tick(1);
      assertEquals(log, ["tick 1010"]);
      await time.tickAsync(15);
      clearInterval(interval);
      time.tick(100);
      assertEquals(log, ["tick 1010", "late 1020", "tick 1020"]);
      assertEquals(time.now, 1125);
    }
    assertGreater(Date.now(), 1_000_000);
    await delay(1);
  });
});

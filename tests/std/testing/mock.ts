/** Stand-in for `jsr:@std/testing/mock`: see ../README.md. */
import { assert, assertEquals } from "../assert.ts";

/** One call of a spy. */
export interface SpyCall<
  // deno-lint-ignore no-explicit-any
  Self = any,
  // deno-lint-ignore no-explicit-any
  Args extends unknown[] = any[],
  // deno-lint-ignore no-explicit-any
  Return = any,
> {
  args: Args;
  returned?: Return;
  error?: Error;
  self?: Self;
}

/** A function that records its calls. */
export interface Spy<
  // deno-lint-ignore no-explicit-any
  Self = any,
  // deno-lint-ignore no-explicit-any
  Args extends unknown[] = any[],
  // deno-lint-ignore no-explicit-any
  Return = any,
> {
  (this: Self, ...args: Args): Return;
  original: (this: Self, ...args: Args) => Return;
  calls: SpyCall<Self, Args, Return>[];
  restored: boolean;
  restore(): void;
}

/** A spy in the place of a method. */
export interface MethodSpy<
  // deno-lint-ignore no-explicit-any
  Self = any,
  // deno-lint-ignore no-explicit-any
  Args extends unknown[] = any[],
  // deno-lint-ignore no-explicit-any
  Return = any,
> extends Spy<Self, Args, Return>, Disposable {}

/** What a call is expected to have been. */
// deno-lint-ignore no-explicit-any
export type ExpectedSpyCall<Args extends unknown[] = any[], Return = any> = {
  args?: Partial<Args>;
  returned?: Return;
  self?: unknown;
};

/** Methods of an object, and what they take and give. */
type Method<Self, Args extends unknown[], Return> = (this: Self, ...args: Args) => Return;
type ArgsOf<Self, Key extends keyof Self> = Self[Key] extends (...args: infer Args) => unknown
  ? Args
  : never;
type ReturnOf<Self, Key extends keyof Self> = Self[Key] extends (...args: never[]) => infer Return
  ? Return
  : never;

/** A misuse of this module. */
export class MockError extends Error {
  override name = "MockError";
}

function record<Self, Args extends unknown[], Return>(
  original: Method<Self, Args, Return>,
  run: Method<Self, Args, Return>,
  undo: () => void,
): MethodSpy<Self, Args, Return> {
  const calls: SpyCall<Self, Args, Return>[] = [];
  let restored = false;
  const spy = function (this: Self, ...args: Args): Return {
    const call: SpyCall<Self, Args, Return> = { args };
    if (this) call.self = this;
    try {
      const returned = run.apply(this, args);
      call.returned = returned;
      return returned;
    } catch (error) {
      call.error = error as Error;
      throw error;
    } finally {
      calls.push(call);
    }
  };
  const restore = () => {
    if (restored) throw new MockError("The method is restored already");
    undo();
    restored = true;
  };
  return Object.defineProperties(spy, {
    original: { value: original },
    calls: { value: calls },
    restored: { get: () => restored },
    restore: { value: restore },
    [Symbol.dispose]: { value: () => restored || restore() },
  }) as MethodSpy<Self, Args, Return>;
}

function replace<Self, Args extends unknown[], Return>(
  self: Self,
  property: keyof Self,
  func?: Method<Self, Args, Return>,
): MethodSpy<Self, Args, Return> {
  const original = self[property];
  if (typeof original !== "function") {
    throw new MockError(`Cannot spy on "${String(property)}": it is not a method`);
  }
  const own = Object.getOwnPropertyDescriptor(self, property);
  const method = original as unknown as Method<Self, Args, Return>;
  const spy = record(method, func ?? method, () => {
    if (own) Object.defineProperty(self, property, own);
    else delete self[property];
  });
  Object.defineProperty(self, property, {
    value: spy,
    configurable: true,
    enumerable: own?.enumerable ?? false,
    writable: true,
  });
  return spy;
}

/** Records the calls of a new function, of the one given, or of an object's method. */
// deno-lint-ignore no-explicit-any
export function spy<Self = any, Args extends unknown[] = any[], Return = any>(
  func?: Method<Self, Args, Return>,
): Spy<Self, Args, Return>;
export function spy<Self, Key extends keyof Self>(
  self: Self,
  property: Key,
): MethodSpy<Self, ArgsOf<Self, Key>, ReturnOf<Self, Key>>;
export function spy(target?: unknown, property?: PropertyKey): Spy {
  if (property !== undefined) return replace(target as Record<PropertyKey, unknown>, property);
  const original = (target ?? (() => {})) as Method<unknown, unknown[], unknown>;
  return record(original, original, () => {
    throw new MockError("A function cannot be restored");
  });
}

/** Replaces a method, by default with one that does nothing, and records its calls. */
export function stub<Self, Key extends keyof Self>(
  self: Self,
  property: Key,
  func: (this: Self, ...args: ArgsOf<Self, Key>) => ReturnOf<Self, Key> =
    (() => undefined) as unknown as () => ReturnOf<Self, Key>,
): MethodSpy<Self, ArgsOf<Self, Key>, ReturnOf<Self, Key>> {
  return replace(self, property, func);
}

/** Asserts how often a spy was called. */
export function assertSpyCalls<Self, Args extends unknown[], Return>(
  spy: Spy<Self, Args, Return>,
  expectedCalls: number,
): void {
  assertEquals(spy.calls.length, expectedCalls, "number of calls of the spy");
}

/** Asserts that a spy was called, and what of the call is given. */
export function assertSpyCall<Self, Args extends unknown[], Return>(
  spy: Spy<Self, Args, Return>,
  callIndex: number,
  expected: ExpectedSpyCall<Args, Return> = {},
): void {
  const call = spy.calls[callIndex];
  assert(call, `Expected the spy to have a call number ${callIndex}`);
  if (expected.args) assertEquals<unknown>(call.args, expected.args, "arguments");
  if ("returned" in expected) assertEquals<unknown>(call.returned, expected.returned, "returned");
  if ("self" in expected) assertEquals<unknown>(call.self, expected.self, "this");
}

/** Asserts the arguments of one call of a spy. */
export function assertSpyCallArgs<Self, Args extends unknown[], Return>(
  spy: Spy<Self, Args, Return>,
  callIndex: number,
  expected: Partial<Args>,
): void {
  assertSpyCall(spy, callIndex, { args: expected });
}

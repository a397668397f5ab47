/** Stand-in for `jsr:@std/assert`: see README.md. */
import { inspect } from "node:util";
import { equal } from "./equal.ts";

export { equal };

/** The error that a failed assertion throws. */
export class AssertionError extends Error {
  override name = "AssertionError";
}

// deno-lint-ignore no-explicit-any
type Constructor<T> = abstract new (...args: any[]) => T;
// deno-lint-ignore no-explicit-any
type ErrorConstructor<E extends Error> = new (...args: any[]) => E;

function show(value: unknown): string {
  return inspect(value, { depth: 8, sorted: true });
}

/** The text is made only where it is shown: that of a megabyte takes longer than to compare it. */
function check(ok: boolean, text: () => string, msg?: string): asserts ok {
  if (!ok) throw new AssertionError(msg ? `${text()}: ${msg}` : text());
}

/** Fails. */
export function fail(msg?: string): never {
  throw new AssertionError(msg ? `Failed assertion: ${msg}` : "Failed assertion.");
}

/** Fails: for code that must not be reached. */
export function unreachable(reason?: string): never {
  throw new AssertionError(reason ? `Unreachable: ${reason}` : "Unreachable.");
}

/** Asserts that a value is truthy. */
export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) throw new AssertionError(msg);
}

/** Asserts that a value is falsy. */
export function assertFalse(expr: unknown, msg = ""): void {
  if (expr) throw new AssertionError(msg);
}

/** Asserts deep equality. */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  check(
    equal(actual, expected),
    () => `Values are not equal.\n  actual: ${show(actual)}\nexpected: ${show(expected)}\n`,
    msg,
  );
}

/** Asserts that two values are not deeply equal. */
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  check(!equal(actual, expected), () => `Expected a value other than ${show(expected)}`, msg);
}

/** Asserts that two values are the same, as `Object.is` has it. */
export function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  msg?: string,
): asserts actual is T {
  check(
    Object.is(actual, expected),
    () =>
      `Values are not strictly equal.\n  actual: ${show(actual)}\nexpected: ${show(expected)}\n`,
    msg,
  );
}

/** Asserts that two values are not the same, as `Object.is` has it. */
export function assertNotStrictEquals<T>(actual: T, expected: T, msg?: string): void {
  check(!Object.is(actual, expected), () => `Expected a value other than ${show(expected)}`, msg);
}

/** Asserts that a value is neither `undefined` nor `null`. */
export function assertExists<T>(actual: T, msg?: string): asserts actual is NonNullable<T> {
  check(actual !== undefined && actual !== null, () => `Expected a value, got ${actual}`, msg);
}

/** Asserts that two numbers differ by no more than a tolerance. */
export function assertAlmostEquals(
  actual: number,
  expected: number,
  tolerance?: number,
  msg?: string,
): void {
  const most = tolerance ?? (Number.isFinite(expected) ? Math.abs(expected) * 1e-7 : 0);
  const ok = Object.is(actual, expected) || Math.abs(actual - expected) <= most;
  check(ok, () => `Expected ${actual} to be ${expected}, give or take ${most}`, msg);
}

/** Asserts that a value is greater than another. */
export function assertGreater<T>(actual: T, expected: T, msg?: string): void {
  check(actual > expected, () => `Expected ${show(actual)} > ${show(expected)}`, msg);
}

/** Asserts that a value is greater than another or equal to it. */
export function assertGreaterOrEqual<T>(actual: T, expected: T, msg?: string): void {
  check(actual >= expected, () => `Expected ${show(actual)} >= ${show(expected)}`, msg);
}

/** Asserts that a value is less than another. */
export function assertLess<T>(actual: T, expected: T, msg?: string): void {
  check(actual < expected, () => `Expected ${show(actual)} < ${show(expected)}`, msg);
}

/** Asserts that a value is less than another or equal to it. */
export function assertLessOrEqual<T>(actual: T, expected: T, msg?: string): void {
  check(actual <= expected, () => `Expected ${show(actual)} <= ${show(expected)}`, msg);
}

/** Asserts that a value is an instance of a class. */
export function assertInstanceOf<T>(
  actual: unknown,
  expectedType: Constructor<T>,
  msg?: string,
): asserts actual is T {
  check(
    actual instanceof expectedType,
    () => `Expected an instance of ${expectedType.name}, got ${show(actual)}`,
    msg,
  );
}

/** Asserts that a string matches an expression. */
export function assertMatch(actual: string, expected: RegExp, msg?: string): void {
  check(expected.test(actual), () => `Expected ${show(actual)} to match ${expected}`, msg);
}

/** Asserts that a string contains another. */
export function assertStringIncludes(actual: string, expected: string, msg?: string): void {
  check(
    actual.includes(expected),
    () => `Expected ${show(actual)} to include ${show(expected)}`,
    msg,
  );
}

/** Asserts that an array has members deeply equal to each of the expected ones. */
export function assertArrayIncludes<T>(
  actual: ArrayLike<T>,
  expected: ArrayLike<T>,
  msg?: string,
): void {
  const missing = Array.from(expected).filter((member) =>
    !Array.from(actual).some((other) => equal(other, member))
  );
  check(missing.length === 0, () => `Expected ${show(actual)} to include ${show(missing)}`, msg);
}

/** Asserts that an object has at least the expected properties, deeply. */
export function assertObjectMatch(
  // deno-lint-ignore no-explicit-any
  actual: Record<PropertyKey, any>,
  expected: Record<PropertyKey, unknown>,
  msg?: string,
): void {
  check(
    matches(actual, expected),
    () => `Expected the object to match.\n  actual: ${show(actual)}\nexpected: ${show(expected)}\n`,
    msg,
  );
}

function matches(actual: unknown, expected: unknown): boolean {
  if (!isPlain(expected) || typeof actual !== "object" || actual === null) {
    return equal(actual, expected);
  }
  return Reflect.ownKeys(expected).every((key) =>
    key in actual && matches(Reflect.get(actual, key), Reflect.get(expected, key))
  );
}

/** A literal or an array: what can match in part. */
function isPlain(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  return Array.isArray(value) || [Object.prototype, null].includes(Object.getPrototypeOf(value));
}

/** Asserts that a function throws, and what. */
export function assertThrows(fn: () => unknown, msg?: string): unknown;
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  ErrorClass: ErrorConstructor<E>,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows(
  fn: () => unknown,
  classOrMsg?: ErrorConstructor<Error> | string,
  msgIncludes?: string,
  msg?: string,
): unknown {
  try {
    fn();
  } catch (error) {
    return checkError(error, classOrMsg, msgIncludes, msg);
  }
  throw new AssertionError(withNote("Expected function to throw", classOrMsg, msg));
}

/** Asserts that a promise is rejected, and with what. */
export function assertRejects(fn: () => PromiseLike<unknown>, msg?: string): Promise<unknown>;
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  ErrorClass: ErrorConstructor<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects(
  fn: () => PromiseLike<unknown>,
  classOrMsg?: ErrorConstructor<Error> | string,
  msgIncludes?: string,
  msg?: string,
): Promise<unknown> {
  let promise: PromiseLike<unknown>;
  try {
    promise = fn();
  } catch {
    throw new AssertionError(withNote("Function throws when expected to reject", classOrMsg, msg));
  }
  const isPromise = typeof promise?.then === "function";
  check(
    isPromise,
    () => withNote("Function returns no promise when expected to reject", classOrMsg, msg),
  );
  try {
    await promise;
  } catch (error) {
    return checkError(error, classOrMsg, msgIncludes, msg);
  }
  throw new AssertionError(withNote("Expected function to reject", classOrMsg, msg));
}

function checkError(
  error: unknown,
  classOrMsg: ErrorConstructor<Error> | string | undefined,
  msgIncludes: string | undefined,
  msg: string | undefined,
): unknown {
  if (typeof classOrMsg !== "function") return error;
  check(
    error instanceof classOrMsg,
    () => `Expected error to be an instance of ${classOrMsg.name}, got ${show(error)}`,
    msg,
  );
  check(
    error.message.includes(msgIncludes ?? ""),
    () => `Expected error message to include ${show(msgIncludes)}, got ${show(error.message)}`,
    msg,
  );
  return error;
}

function withNote(text: string, classOrMsg: unknown, msg?: string): string {
  const note = typeof classOrMsg === "string" ? classOrMsg : msg;
  return note ? `${text}: ${note}` : `${text}.`;
}

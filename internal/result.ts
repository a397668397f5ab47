import { type BusinessError, businessError } from "../errors.ts";
import type { Listener, Listeners } from "./listeners.ts";

/** The result of every accepted call. All share one promise, as it never changes. */
export const ACCEPTED: Promise<boolean> = Object.freeze(Promise.resolve(true));

/** The result of a `send` that has queued its message until there is a connection. */
const KEPT: Promise<boolean> = Object.freeze(Promise.resolve(false));

/**
 * The result of a refused call: a rejected promise that cannot end the process.
 *
 * HarmonyOS programs call `close` and `stop` with no `catch`, and a peer may disconnect between any two
 * lines of a program. An ordinary rejection that nobody handles ends a Deno process. This one is
 * printed instead, and so is the same error when a `then` behind it passes it on.
 */
export class Refusal<T> extends Promise<T> {
  #handled = false;
  #isGuarded = false;
  /** What `then` has returned before this was rejected: most promises never are. */
  #next: Refusal<unknown> | Refusal<unknown>[] | undefined;

  /** A promise rejected with an error. */
  static of(error: BusinessError): Promise<never> {
    const refusal = new Refusal<never>((_, reject) => reject(error));
    refusal.#guard(error);
    return refusal;
  }

  /** A promise that may be rejected later. */
  static pending<T>(
    executor: (resolve: (value: T) => void, reject: (error: BusinessError) => void) => void,
  ): Promise<T> {
    let settle!: Parameters<typeof executor>;
    const pending = new Refusal<T>((...given) => settle = given);
    const [resolve, reject] = settle;
    executor(resolve, (error) => {
      reject(error);
      pending.#guard(error); // from here on: most are never rejected
    });
    return pending;
  }

  /** The same as a promise, with no end of the process where that is rejected and nobody handles it. */
  static from<T>(promise: Promise<T>): Promise<T> {
    return Refusal.pending((resolve, reject) => void promise.then(resolve, reject));
  }

  override then<A = T, B = never>(
    onfulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onrejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#handled = true;
    const next = super.then(onfulfilled, onrejected) as Refusal<A | B>;
    if (this.#isGuarded) super.then(undefined, (error) => next.#guard(error));
    else if (this.#next === undefined) this.#next = next;
    else this.#next = [this.#next, next].flat();
    return next;
  }

  /** Prints `error` if this promise is rejected with it and nobody handles that. */
  #guard(error: unknown): void {
    this.#isGuarded = true;
    for (const next of [this.#next ?? []].flat()) {
      super.then(undefined, (error) => next.#guard(error));
    }
    this.#next = undefined;
    super.then(undefined, async (reason) => {
      await undefined; // an `await` of this promise handles it one microtask after it was made
      if (this.#handled) return;
      if (reason !== error) throw reason; // an error of the program itself, in a handler
      report(reason as BusinessError);
    });
  }
}

/**
 * The result of a call: refused with an error, or accepted with a value; `undefined` means `true`. A
 * promise where that takes longer.
 */
export type Result = BusinessError | boolean | Promise<boolean> | undefined;

/** Gives the result of a call to its callback, in a later microtask, or returns it as a promise. */
export function settle(
  result: Result,
  callback: Listener | undefined,
  listeners: Listeners<string>,
): Promise<boolean> | undefined {
  if (callback === undefined) {
    if (result === undefined || result === true) return ACCEPTED;
    if (result instanceof Promise) return result;
    return result === false ? KEPT : Refusal.of(result);
  }
  if (result instanceof Promise) {
    result.then(
      (value) => listeners.call("a callback", callback, undefined, value),
      (error) => listeners.call("a callback", callback, error),
    );
    return undefined;
  }
  queueMicrotask(() => {
    if (result instanceof Error) listeners.call("a callback", callback, result);
    else listeners.call("a callback", callback, undefined, result !== false);
  });
  return undefined;
}

/** The result of a call that is accepted, unless it is refused with an error. */
export function settled(error: BusinessError | undefined): Promise<boolean> {
  return error === undefined ? ACCEPTED : Refusal.of(error);
}

/** The answer of a call that is accepted with a value, if not with `true` alone. */
export function answered<T>(
  result: BusinessError | T | Promise<T> | undefined,
): Promise<boolean | T> {
  if (result instanceof Error) return Refusal.of(result);
  if (result instanceof Promise) return result; // it may be a refusal, which stays one
  return result === undefined ? ACCEPTED : Promise.resolve(result);
}

/** The arguments of a call, and its callback. */
export interface Call {
  values: unknown[];
  callback: Listener | undefined;
  error: BusinessError | undefined;
}

/**
 * Reads the arguments of a call that may end in a callback. `undefined` at the end counts as not given:
 * programs pass on arguments that they did not get themselves.
 *
 * @param takes What it takes, in words.
 */
export function readCall(
  name: string,
  args: ArrayLike<unknown>,
  takes: readonly string[],
): Call {
  const values = Array.from(args);
  while (values.length > 0 && values.at(-1) === undefined) values.pop();
  const callback = values.findLast((value) => typeof value === "function") as Listener | undefined;
  // A function that is not the last argument stays among the values, and is refused there.
  if (callback !== undefined && values.at(-1) === callback) values.pop();
  const error = values.length <= takes.length ? undefined : businessError(
    "argument",
    `${name}: takes ${takes.join(", ")} and a callback: ${values.length} arguments were given`,
  );
  return { values, callback, error };
}

/**
 * Runs a task after the code of this turn and after what awaits an accepted call, and before anything
 * can come in. So the code after `await close()` runs before 'close' is told, and 'close' is told
 * before the other end, even in this process, can know of it.
 */
export function afterTurn(task: () => void): void {
  queueMicrotask(() => queueMicrotask(task));
}

/** So many microtasks a program may take to have a result: a `deadline` of it, in functions of its own, takes nine. */
const MOST_AWAITED = 20;

/**
 * The same, later: what awaits an accepted call through functions of the program's own goes before, too.
 * No macrotask, as in one something may come in.
 */
export function atEndOfTurn(task: () => void, left: number = MOST_AWAITED): void {
  queueMicrotask(left === 0 ? task : () => atEndOfTurn(task, left - 1));
}

/** How many refusals of each kind nobody has handled. */
const unhandled = new Map<string, number>();

/**
 * Says that nobody has handled a refusal: the first of a kind with its stack. The others are counted,
 * and one line says how many there were whenever that has doubled, as a loop may make thousands.
 */
function report(error: BusinessError): void {
  const { kind, code, message } = error;
  const count = (unhandled.get(`${kind}`) ?? 0) + 1;
  unhandled.set(`${kind}`, count);
  if (count === 1) return console.error(error);
  const isDoubled = (count & (count - 1)) === 0;
  if (isDoubled) console.error(`${count} refusals '${kind}' not handled: ${code} ${message}`);
}

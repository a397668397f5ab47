import { type BusinessError, businessError } from "../errors.ts";
import type { Listener, Listeners } from "./listeners.ts";

/** The answer to every accepted call: one promise for all of them, as it never changes. */
export const ACCEPTED: Promise<boolean> = Promise.resolve(true);

/** The answer to a `send` whose message waits until there is a connection again. */
const KEPT: Promise<boolean> = Promise.resolve(false);

/**
 * The answer to a refused call: a rejected promise that cannot end the process.
 *
 * HarmonyOS programs call `close` and `stop` with no `catch`, and a peer may leave between any two
 * lines of a program. An ordinary rejection nobody handles ends a Deno process. This one is printed
 * instead, and so is the same error coming out of a `then` behind it.
 */
export class Refusal<T> extends Promise<T> {
  #handled = false;

  /** A promise rejected with an error. */
  static of(error: BusinessError): Promise<never> {
    const refusal = new Refusal<never>((_, reject) => reject(error));
    refusal.#guard(error);
    return refusal;
  }

  override then<A = T, B = never>(
    onfulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onrejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#handled = true;
    const next = super.then(onfulfilled, onrejected) as Refusal<A | B>;
    super.then(undefined, (error) => next.#guard(error));
    return next;
  }

  /** Prints `error` if this is rejected with it and nobody takes that up. */
  #guard(error: unknown): void {
    super.then(undefined, async (reason) => {
      await undefined; // an `await` of this promise takes it up one microtask after it was made
      if (this.#handled) return;
      if (reason !== error) throw reason; // a failure of the program's own, in a handler
      console.error(error);
    });
  }
}

/** What becomes of a call: refused, or accepted with a value; `undefined` counts as `true`. */
export type Result = BusinessError | boolean | undefined;

/** Settles a call: tells its callback on a later turn, or answers with a promise. */
export function settle(
  result: Result,
  callback: Listener | undefined,
  listeners: Listeners<string>,
): Promise<boolean> | undefined {
  if (callback === undefined) {
    if (result === undefined || result === true) return ACCEPTED;
    return result === false ? KEPT : Refusal.of(result);
  }
  queueMicrotask(() => {
    if (result instanceof Error) listeners.call("a callback", callback, result);
    else listeners.call("a callback", callback, undefined, result !== false);
  });
  return undefined;
}

/** The arguments of a call, its callback taken off. */
export interface Call {
  values: unknown[];
  callback: Listener | undefined;
  error: BusinessError | undefined;
}

/**
 * Reads the arguments of a call that may end in a callback. Trailing `undefined`s count as left
 * out, as programs pass on what they were not given themselves.
 */
export function readCall(name: string, args: ArrayLike<unknown>, most: number): Call {
  const values = Array.from(args);
  while (values.length > 0 && values.at(-1) === undefined) values.pop();
  const callback = values.findLast((value) => typeof value === "function") as Listener | undefined;
  // One that is not the last is left among the values, where it is wrong.
  if (callback !== undefined && values.at(-1) === callback) values.pop();
  const error = values.length <= most ? undefined : businessError(
    "argument",
    `${name}: takes at most ${most} arguments and a callback: ${values.length} were given`,
  );
  return { values, callback, error };
}

/**
 * Runs a task when this turn's code and whatever awaits an accepted call have had their say, and
 * before anything else can come in. So `await close()` goes on before 'close' is told, and 'close'
 * is told before the other end, be it in this very process, can have heard of it.
 */
export function afterTurn(task: () => void): void {
  queueMicrotask(() => queueMicrotask(task));
}

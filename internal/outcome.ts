import type { BusinessError } from "../errors.ts";
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
export type Outcome = BusinessError | boolean | undefined;

/** Answers a call: to its callback on a later turn, or with a promise. */
export function answer(
  outcome: Outcome,
  callback: Listener | undefined,
  listeners: Listeners<string>,
): Promise<boolean> | undefined {
  if (callback === undefined) {
    if (outcome === undefined || outcome === true) return ACCEPTED;
    return outcome === false ? KEPT : Refusal.of(outcome);
  }
  queueMicrotask(() => {
    if (outcome instanceof Error) listeners.call(callback, outcome);
    else listeners.call(callback, undefined, outcome !== false);
  });
  return undefined;
}

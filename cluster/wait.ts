/** Waiting that ends. Not part of the public API. */

import { systemClock } from "../internal/clock.ts";

/**
 * Waits for something, for so many milliseconds at the most, or until the signal aborts.
 *
 * @returns What it resolves with; rejects with `what` when it takes too long.
 */
export function within<T>(
  promise: PromiseLike<T>,
  ms: number,
  what: string,
  signal?: AbortSignal,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => end(() => reject(signal!.reason));
    const timer = systemClock.setTimer(
      () => end(() => reject(new Error(`${what} within ${ms} ms`))),
      ms,
    );
    const end = (settle: () => void) => {
      systemClock.clearTimer(timer);
      signal?.removeEventListener("abort", abort);
      settle();
    };
    signal?.addEventListener("abort", abort);
    promise.then((value) => end(() => resolve(value)), (cause) => end(() => reject(cause)));
    if (signal?.aborted) abort();
  });
}

/** Fails all that waits, once: as an AbortSignal would, which takes several times as long for each. */
export class Ending {
  readonly #waiting = new Set<(cause: unknown) => void>();
  /** Why it has ended, if it has. */
  cause: Error | undefined;

  /** How much waits. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Waits for something, or until the end: then it rejects with the cause, and what comes later is dropped. */
  before<T>(promise: PromiseLike<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject);
      promise.then((value) => {
        this.#waiting.delete(reject);
        resolve(value);
      }, (cause) => {
        this.#waiting.delete(reject);
        reject(cause);
      });
      if (this.cause !== undefined) reject(this.cause);
    });
  }

  /** It ends. */
  end(cause: Error): void {
    this.cause = cause;
    for (const fail of this.#waiting) fail(cause);
  }
}

/** Waits for so many milliseconds, or until the signal aborts. Never rejects. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = () => {
      systemClock.clearTimer(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = systemClock.setTimer(end, ms);
    signal.addEventListener("abort", end);
  });
}

/** Where a timer fires so many ms late, this process stood still: what came meanwhile is heard within as long again. */
export const STILL_MS = 500;

/** What waits, and until when. */
interface Wait {
  readonly until: number;
  readonly late: () => void;
}

/** Has what comes thousands of times a second wait with one timer, which is set anew when it has run down. */
export class Deadlines {
  readonly #waiting = new Set<Wait>();
  #timer: unknown;
  #due = Infinity;
  #isResting = false;
  /** Whether it is looked once more, as the process stood still. */
  #isAgain = false;

  /** The same as {@linkcode within}, but for the timer: it stays until {@linkcode Deadlines.rest}. */
  within<T>(promise: PromiseLike<T>, ms: number, what: string): Promise<T> {
    return new Promise((resolve, reject) => {
      const late = () => reject(new Error(`${what} within ${ms} ms`));
      const wait = { until: systemClock.now() + ms, late };
      this.#waiting.add(wait);
      this.#isResting = false;
      if (wait.until < this.#due) this.#arm(wait.until);
      promise.then((value) => {
        this.#end(wait);
        resolve(value);
      }, (cause) => {
        this.#end(wait);
        reject(cause);
      });
    });
  }

  /** Lets go of the timer as soon as nothing waits, until something does again. */
  rest(): void {
    this.#isResting = true;
    if (this.#waiting.size === 0) this.#arm(Infinity);
  }

  #end(wait: Wait): void {
    this.#waiting.delete(wait);
    if (this.#isResting) this.rest();
  }

  #arm(due: number): void {
    systemClock.clearTimer(this.#timer);
    this.#due = due;
    if (due === Infinity) return;
    this.#timer = systemClock.setTimer(() => this.#look(), due - systemClock.now());
  }

  #look(): void {
    const now = systemClock.now();
    this.#isAgain = !this.#isAgain && now - this.#due > STILL_MS;
    if (this.#isAgain) return this.#arm(now + STILL_MS);
    let next = Infinity;
    for (const wait of this.#waiting) {
      if (wait.until > now) {
        next = Math.min(next, wait.until);
        continue;
      }
      this.#waiting.delete(wait);
      wait.late();
    }
    this.#arm(next);
  }
}

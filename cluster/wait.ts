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

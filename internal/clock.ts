/** Where time comes from: the system's clock, or a fake one in tests. */
export interface Clock {
  /** Milliseconds since some fixed moment. Never goes back. */
  now(): number;
  /** Calls `task` once, after `ms` milliseconds. */
  setTimer(task: () => void, ms: number): unknown;
  /** Cancels a timer that `setTimer` returned. */
  clearTimer(timer: unknown): void;
  /**
   * Calendar time in milliseconds, which goes on while the machine sleeps. Without it, a client that
   * reconnects does not notice that the machine slept.
   */
  wall?(): number;
}

/** A timer of fewer ms is taken for the system's, which may be a little early. */
const LEAST_FAKED_MS = 100;

/** More than what is lost of a ms where sums of such times are rounded: then nothing is a little early. */
const ROUNDING_MS = 0.001;

/**
 * By how many ms timers have gone ahead of the clock. In a program's tests they may be others than the system's, as
 * `FakeTime` of `@std/testing` and `mock.timers` of `node:test` make them, which leave `performance` alone: time goes by
 * with such a timer.
 */
let ahead = 0;

function now(): number {
  return performance.now() + ahead;
}

/** The system's clock, by functions that every runtime has. */
export const systemClock: Clock = Object.freeze<Clock>({
  now,
  setTimer(task, ms) {
    // What is due by now may be some µs late: the runtimes print a warning of a negative number.
    if (ms < LEAST_FAKED_MS) return setTimeout(task, Math.max(0, ms));
    const began = now();
    return setTimeout(() => {
      const took = now() - began;
      if (took < ms / 2 || (ahead > 0 && took < ms)) ahead += ms - took + ROUNDING_MS;
      task();
    }, ms);
  },
  clearTimer: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
  wall: () => Date.now(),
});

/** Where time comes from: the system's, or a fake one in tests. */
export interface Clock {
  /** Milliseconds since any fixed moment; never goes back. */
  now(): number;
  /** Calls `task` once, after `ms` milliseconds. */
  setTimer(task: () => void, ms: number): unknown;
  /** Takes a `setTimer` back. */
  clearTimer(timer: unknown): void;
  /**
   * Milliseconds of the calendar's time, which goes on while a machine sleeps. Where it is missing, a
   * client that reconnects does not notice that it slept.
   */
  wall?(): number;
}

/** The system's clock. Its timers run in every runtime and need nothing of one. */
export const systemClock: Clock = {
  now: () => performance.now(),
  setTimer: (task, ms) => setTimeout(task, ms),
  clearTimer: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
  wall: () => Date.now(),
};

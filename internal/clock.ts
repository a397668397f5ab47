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

/** The system's clock, by functions that every runtime has. */
export const systemClock: Clock = Object.freeze<Clock>({
  now: () => performance.now(),
  // What is due by now may be some µs late: the runtimes print a warning of a negative number.
  setTimer: (task, ms) => setTimeout(task, Math.max(0, ms)),
  clearTimer: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
  wall: () => Date.now(),
});

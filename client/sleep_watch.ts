/** Notices that the machine has slept. Not part of the public API. */

import type { Clock } from "../heartbeat.ts";

/** How often to look, in ms. */
const CHECK_MS = 2000;

/** How much longer than that must have passed by the calendar, in ms, for it to count as sleep. */
const SLEPT_MS = 5000;

/** Looks from time to time, from `start` to `end`; does nothing where the clock has no calendar. */
export class SleepWatch {
  readonly #clock: Clock;
  readonly #slept: () => void;
  #timer: unknown;

  constructor(clock: Clock, slept: () => void) {
    this.#clock = clock;
    this.#slept = slept;
  }

  start(): void {
    if (this.#clock.wall !== undefined) this.#wait(this.#clock.wall());
  }

  end(): void {
    this.#clock.clearTimer(this.#timer);
  }

  #wait(since: number): void {
    this.#timer = this.#clock.setTimer(() => {
      const now = this.#clock.wall!();
      this.#wait(now);
      if (now - since > CHECK_MS + SLEPT_MS) this.#slept();
    }, CHECK_MS);
  }
}

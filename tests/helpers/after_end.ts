/**
 * What may not come after the end, in real time, where no test can wait for the longest deadline: what is
 * over has no timer, so nothing of it can come from a deadline; and whatever else came late is noticed at
 * the end of the tests that follow.
 */

import { assertEquals } from "@std/assert";
import { type Clock, systemClock } from "../../heartbeat.ts";

/** The system's clock, and how many of its timers run. */
export class CountedClock implements Clock {
  readonly #running = new Set<unknown>();

  /** How many timers run. */
  get pending(): number {
    return this.#running.size;
  }

  now(): number {
    return systemClock.now();
  }

  setTimer(task: () => void, ms: number): unknown {
    const timer = systemClock.setTimer(() => {
      this.#running.delete(timer);
      task();
    }, ms);
    this.#running.add(timer);
    return timer;
  }

  clearTimer(timer: unknown): void {
    this.#running.delete(timer);
    systemClock.clearTimer(timer);
  }

  wall(): number {
    return systemClock.wall!();
  }
}

/** How many that are over are looked at again: what comes late comes soon. */
const KEPT = 100;

/** Those that are over: what they have told, and how much of it there was at their end. */
const over: { told: readonly unknown[]; length: number }[] = [];

/**
 * Asserts that something which is over waits for nothing, and that nothing was told by those that were
 * over before.
 *
 * @param clock Its clock.
 * @param told What it has told, which grows where it tells more.
 */
export function assertOver(clock: CountedClock, told: readonly unknown[]): void {
  const late = over.flatMap(({ told, length }) => told.slice(length));
  for (const one of over) one.length = one.told.length; // each is told of once
  over.push({ told, length: told.length });
  if (over.length > KEPT) over.shift();
  assertEquals(late, [], "something was told after the end");
  assertEquals(clock.pending, 0, "timers are left");
}

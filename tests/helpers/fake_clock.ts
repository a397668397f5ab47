import type { Clock } from "../../heartbeat.ts";

interface Timer {
  at: number;
  task: () => void;
}

/** A clock that stands still until it is told to go on. */
export class FakeClock implements Clock {
  #now = 1000; // not 0: nothing may take the moment it starts for a number of its own
  #timers: Timer[] = [];
  /** How many timers have fired. */
  fired = 0;

  /** How many timers wait. */
  get pending(): number {
    return this.#timers.length;
  }

  now(): number {
    return this.#now;
  }

  setTimer(task: () => void, ms: number): unknown {
    // The runtimes make 1 ms of anything shorter, so a timer can never fire in the same moment.
    const timer = { at: this.#now + Math.max(1, ms), task };
    this.#timers.push(timer);
    return timer;
  }

  clearTimer(timer: unknown): void {
    this.#timers = this.#timers.filter((other) => other !== timer);
  }

  /** Lets time pass; each timer fires at its moment, in order. */
  tick(ms: number): void {
    const end = this.#now + ms;
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#now = Math.max(this.#now, next.at);
      this.#fire(next);
    }
    this.#now = end;
  }

  /**
   * Lets time pass as it does while a process is blocked: the timers that fell due meanwhile fire
   * at the end of it, late.
   */
  block(ms: number): void {
    this.#now += ms;
    const now = this.#now;
    for (let next = this.#next(now); next !== undefined; next = this.#next(now)) this.#fire(next);
  }

  #next(until: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.at <= until && (first === undefined || timer.at < first.at)) first = timer;
    }
    return first;
  }

  #fire(timer: Timer): void {
    this.clearTimer(timer);
    this.fired++;
    timer.task();
  }
}

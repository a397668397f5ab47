import type { Clock } from "./clock.ts";

/**
 * How late a verdict's timer may be, in ms, before the cause is taken to be this process itself: a
 * loop that was blocked has not read the Pong that may lie in its socket.
 */
export const STALL_MS = 100;

/** What a {@linkcode TimeoutQueue} is made of. */
export interface TimeoutQueueOptions<T> {
  clock: Clock;
  /** How long every item waits, in milliseconds. */
  ms: number;
  /** Items due within so many milliseconds of a timer that fires go with it. */
  slack?: number;
  /** Whether the timer runs on when nothing is left, so that few need be made; until `close`. */
  keepsTimer?: boolean;
  /** Called for each item due, with how many milliseconds later than meant. Must not throw. */
  expired: (item: T, late: number) => void;
}

/**
 * Items that all wait equally long, and one timer for all of them.
 *
 * As every item waits the same time, they fall due in the order they were added, which is the order
 * a Map keeps: adding, removing and finding the next one due cost the same for ten items and for
 * ten thousand.
 */
export class TimeoutQueue<T> {
  readonly #options: Required<TimeoutQueueOptions<T>>;
  readonly #due = new Map<T, number>();
  #timer: unknown;
  #firing = false;

  constructor(options: TimeoutQueueOptions<T>) {
    this.#options = { slack: 0, keepsTimer: false, ...options };
  }

  /** Makes an item wait, from now, whether it waited before or not. */
  add(item: T): void {
    this.#due.delete(item);
    const { clock, ms } = this.#options;
    this.#due.set(item, clock.now() + ms);
    // While any waits a timer runs. Without one, this is the first.
    if (this.#timer === undefined && !this.#firing) this.#timer = clock.setTimer(this.#fire, ms);
  }

  /** Lets an item go. With none left no timer runs, so a process can end. */
  delete(item: T): void {
    if (this.#due.delete(item) && this.#due.size === 0 && !this.#options.keepsTimer) this.close();
  }

  /** Lets all go. */
  close(): void {
    this.#due.clear();
    if (this.#timer !== undefined) this.#options.clock.clearTimer(this.#timer);
    this.#timer = undefined;
  }

  #arm(): void {
    const next = this.#due.values().next();
    if (next.done) return;
    const { clock } = this.#options;
    this.#timer = clock.setTimer(this.#fire, Math.max(0, next.value - clock.now()));
  }

  readonly #fire = (): void => {
    const { clock, slack, expired } = this.#options;
    this.#timer = undefined;
    this.#firing = true;
    const now = clock.now();
    let left = this.#due.size; // what is added by an item that expires waits for another turn
    for (const [item, due] of this.#due) {
      if (left-- === 0 || due > now + slack) break;
      this.#due.delete(item);
      expired(item, now - due);
    }
    this.#firing = false;
    this.#arm();
  };
}

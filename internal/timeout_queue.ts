import type { Clock } from "./clock.ts";

/**
 * How late a timer may fire, in ms, before this process itself is taken for the cause. A process that
 * was blocked has not read its sockets: the Pong may have come in.
 */
export const STALL_MS = 100;

/** What a {@linkcode TimeoutQueue} needs. */
export interface TimeoutQueueOptions<T> {
  clock: Clock;
  /** How long every item waits, in milliseconds. */
  ms: number;
  /** Items that are due up to so many milliseconds later expire together with the first. */
  slack?: number;
  /** How many items may expire at a time; the timer fires again for the others. No limit where left out. */
  most?: number;
  /** For how many milliseconds items may expire at a time, likewise; one of them may take longer. */
  mostMs?: number;
  /** Whether the timer runs on, until `close`, when no item is left: then fewer timers are made. */
  keepsTimer?: boolean;
  /** Called for each item that is due, with how many milliseconds it is late. Must not throw. */
  expired: (item: T, late: number) => void;
}

/**
 * Items that all wait for the same time, and one timer for all of them.
 *
 * As all wait equally long, they expire in the order in which they were added, and a Map keeps that
 * order. So it costs the same to add, to remove and to find the next one, whether there are ten items
 * or ten thousand.
 */
export class TimeoutQueue<T> {
  readonly #options: Required<TimeoutQueueOptions<T>>;
  readonly #due = new Map<T, number>();
  #timer: unknown;
  #firing = false;

  constructor(options: TimeoutQueueOptions<T>) {
    this.#options = {
      slack: 0,
      most: Infinity,
      mostMs: Infinity,
      keepsTimer: false,
      ...options,
    };
  }

  /** How many items wait. */
  get size(): number {
    return this.#due.size;
  }

  /** Adds an item, or starts its wait anew where it is there already. */
  add(item: T): void {
    this.#due.delete(item);
    const { clock, ms } = this.#options;
    this.#due.set(item, clock.now() + ms);
    // While items wait, a timer runs. Where none runs, this is the only item.
    if (this.#timer === undefined && !this.#firing) {
      this.#timer = clock.setTimer(this.#fire, ms);
    }
  }

  /** Removes an item. When none is left the timer stops, unless `keepsTimer` is set. */
  delete(item: T): void {
    if (this.#due.size === 0) return;
    if (
      this.#due.delete(item) && this.#due.size === 0 &&
      !this.#options.keepsTimer
    ) this.close();
  }

  /** Removes all items and stops the timer. */
  close(): void {
    this.#due.clear();
    if (this.#timer !== undefined) this.#options.clock.clearTimer(this.#timer);
    this.#timer = undefined;
  }

  #arm(): void {
    const next = this.#due.values().next();
    if (next.done) return;
    const { clock } = this.#options;
    this.#timer = clock.setTimer(
      this.#fire,
      Math.max(0, next.value - clock.now()),
    );
  }

  readonly #fire = (): void => {
    const { clock, slack, most, mostMs, expired } = this.#options;
    this.#timer = undefined;
    this.#firing = true;
    const now = clock.now();
    let left = Math.min(this.#due.size, most); // an item that is added by one that expires waits for the next timer
    for (const [item, due] of this.#due) {
      if (left-- === 0 || due > now + slack) break;
      this.#due.delete(item);
      expired(item, now - due);
      if (mostMs !== Infinity && clock.now() - now >= mostMs) break;
    }
    this.#firing = false;
    this.#arm();
  };
}

import type { Clock } from "./clock.ts";

/** Something with a queue that falls. */
export interface Draining {
  /** Bytes that are queued. */
  readonly bufferedAmount: number;
}

/** What a {@linkcode DrainWatch} is made of. */
export interface DrainWatchOptions {
  clock: Clock;
  /** Whether somebody calls `fell` whenever a queue gets shorter. If not, the watch looks by itself. */
  isTold: boolean;
}

/** Between two looks at one queue, in ms. */
const SOONEST_MS = 1;
const LATEST_MS = 100;

/** Those who wait for one queue, and how it was when it was last looked at. */
interface Entry {
  waiting: { bytes: number; resolve: (drained: boolean) => void }[];
  amount: number;
  at: number;
  /** Milliseconds to the next look, and when that is. */
  delay: number;
  due: number;
}

/** The answers that are known at once. Frozen, as all who ask get the same. */
const DRAINED: Promise<boolean> = Object.freeze(Promise.resolve(true));
export const OVER: Promise<boolean> = Object.freeze(Promise.resolve(false));

const watches = new WeakMap<Clock, DrainWatch<Draining>>();

/** The one watch on a clock: clients, each of which has one queue, share its timer. */
export function drainWatchOn(clock: Clock): DrainWatch<Draining> {
  let watch = watches.get(clock);
  if (watch === undefined) watches.set(clock, watch = new DrainWatch({ clock, isTold: false }));
  return watch;
}

/**
 * Waits until queues have fallen. Where the runtime does not tell that, it looks: as often as the rate
 * at which a queue falls makes sensible, and with one timer for all queues. With nobody waiting there
 * is no timer.
 */
export class DrainWatch<T extends Draining> {
  readonly #clock: Clock;
  readonly #isTold: boolean;
  readonly #entries = new Map<T, Entry>();
  #timer: unknown;
  #due = Infinity;

  constructor({ clock, isTold }: DrainWatchOptions) {
    this.#clock = clock;
    this.#isTold = isTold;
  }

  /**
   * Waits for a queue.
   *
   * @param one Whose queue.
   * @param bytes How many may be left in it.
   * @returns `true` once no more are left; `false` when it is over before.
   */
  wait(one: T, bytes: number): Promise<boolean> {
    const amount = one.bufferedAmount;
    if (amount <= bytes) return DRAINED;
    let entry = this.#entries.get(one);
    if (entry === undefined) {
      entry = { waiting: [], amount, at: 0, delay: 0, due: 0 };
      this.#entries.set(one, entry);
    }
    const { waiting } = entry;
    if (!this.#isTold) this.#plan(entry, amount, SOONEST_MS);
    return new Promise((resolve) => waiting.push({ bytes, resolve }));
  }

  /** A queue has got shorter. */
  fell(one: T): void {
    const entry = this.#entries.get(one);
    if (entry !== undefined) this.#look(one, entry, one.bufferedAmount);
  }

  /** There is no queue any more. */
  over(one: T): void {
    const entry = this.#entries.get(one);
    if (entry === undefined) return;
    this.#entries.delete(one);
    for (const { resolve } of entry.waiting) resolve(false);
    this.#stopIfIdle();
  }

  /** There was one for a while longer, as 'close' is told first: so many bytes of it are lost. */
  gone(one: T, bytes: number): void {
    if (bytes === 0) this.fell(one);
    else this.over(one);
    this.#stopIfIdle();
  }

  /** Tells who has waited long enough; whether anybody is left. */
  #look(one: T, entry: Entry, amount: number): boolean {
    const done = entry.waiting.filter(({ bytes }) => amount <= bytes);
    if (done.length > 0) {
      entry.waiting = entry.waiting.filter(({ bytes }) => amount > bytes);
      if (entry.waiting.length === 0) this.#entries.delete(one);
      for (const { resolve } of done) resolve(true);
    }
    return entry.waiting.length > 0;
  }

  readonly #fire = (): void => {
    this.#timer = undefined;
    this.#due = Infinity;
    const now = this.#clock.now();
    for (const [one, entry] of this.#entries) {
      if (entry.due > now) {
        this.#arm(entry.due);
        continue;
      }
      const amount = one.bufferedAmount;
      if (!this.#look(one, entry, amount)) continue;
      const rate = (entry.amount - amount) / Math.max(1, now - entry.at);
      const nearest = entry.waiting.reduce((most, { bytes }) => Math.max(most, bytes), 0);
      this.#plan(entry, amount, rate > 0 ? (amount - nearest) / rate : entry.delay * 2);
    }
  };

  /** Looks at a queue again in so many milliseconds. */
  #plan(entry: Entry, amount: number, ms: number): void {
    entry.amount = amount;
    entry.at = this.#clock.now();
    entry.delay = Math.min(LATEST_MS, Math.max(SOONEST_MS, ms));
    entry.due = entry.at + entry.delay;
    this.#arm(entry.due);
  }

  /** Sees to it that the timer fires by then. */
  #arm(due: number): void {
    if (due >= this.#due) return;
    if (this.#timer !== undefined) this.#clock.clearTimer(this.#timer);
    this.#due = due;
    this.#timer = this.#clock.setTimer(this.#fire, Math.max(0, due - this.#clock.now()));
  }

  /** A timer with nothing to look at would keep the process. */
  #stopIfIdle(): void {
    if (this.#entries.size > 0 || this.#timer === undefined) return;
    this.#clock.clearTimer(this.#timer);
    this.#timer = undefined;
    this.#due = Infinity;
  }
}

/** Chance that comes out the same again, by a seed (mulberry32). */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A number from 0 up to 1. */
  readonly next = (): number => {
    this.#state = (this.#state + 0x6D2B79F5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };

  /** An integer from 0 up to a limit. */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  /** Whether something that is so likely happens. */
  is(likely: number): boolean {
    return this.next() < likely;
  }

  /** One of several; nothing where there is none. */
  of<T>(all: readonly T[]): T | undefined {
    return all[this.below(all.length)];
  }
}

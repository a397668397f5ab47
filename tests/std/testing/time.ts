/** Stand-in for `jsr:@std/testing/time`: see ../README.md. */

interface Timer {
  id: number;
  due: number;
  /** Milliseconds, of an interval only. */
  every?: number;
  run: () => void;
}

const NAMES = ["Date", "setTimeout", "clearTimeout", "setInterval", "clearInterval"] as const;

/** Puts a clock that only moves when told in the place of the real one. */
export class FakeTime {
  readonly start: number;
  #now: number;
  #nextId = 1;
  #timers: Timer[] = [];
  #real: PropertyDescriptorMap | undefined = {};

  constructor(start: Date | number | string = Date.now()) {
    this.start = this.#now = new Date(start).getTime();
    for (const name of NAMES) {
      const real = Object.getOwnPropertyDescriptor(globalThis, name);
      if (real && this.#real) this.#real[name] = real;
    }
    const set = (
      callback: (...args: unknown[]) => void,
      ms: number,
      args: unknown[],
      again = false,
    ) => {
      const id = this.#nextId++;
      const wait = Math.max(0, Number(ms) || 0);
      const run = () => callback(...args);
      // An interval of zero would never let the clock pass.
      const timer = again ? { id, run, every: Math.max(1, wait) } : { id, run };
      this.#timers.push({ ...timer, due: this.#now + wait });
      return id;
    };
    const clear = (id: unknown) => {
      this.#timers = this.#timers.filter((timer) => timer.id !== id);
    };
    this.#fake("Date", this.#dateClass());
    this.#fake("setTimeout", (fn: () => void, ms = 0, ...args: unknown[]) => set(fn, ms, args));
    this.#fake(
      "setInterval",
      (fn: () => void, ms = 0, ...args: unknown[]) => set(fn, ms, args, true),
    );
    this.#fake("clearTimeout", clear);
    this.#fake("clearInterval", clear);
  }

  /** Milliseconds since 1970, on this clock. */
  get now(): number {
    return this.#now;
  }

  /** Moves the clock, running the timers that come due. */
  tick(ms = 0): void {
    const end = this.#now + ms;
    while (this.#runNext(end));
    this.#now = end;
  }

  /** As {@linkcode tick}, and lets promises settle before, between and after. */
  async tickAsync(ms = 0): Promise<void> {
    const end = this.#now + ms;
    do await this.runMicrotasks(); while (this.#runNext(end));
    this.#now = end;
  }

  /** Moves to the next timer and runs it. Returns whether there was one. */
  next(): boolean {
    return this.#runNext(Infinity);
  }

  /** Lets promises that can settle do so. */
  async runMicrotasks(): Promise<void> {
    for (let turn = 0; turn < 32; turn++) await Promise.resolve();
  }

  /** Brings the real clock back. */
  restore(): void {
    if (!this.#real) throw new Error("Cannot restore the time: it is restored already");
    Object.defineProperties(globalThis, this.#real);
    this.#real = undefined;
  }

  [Symbol.dispose](): void {
    if (this.#real) this.restore();
  }

  #runNext(end: number): boolean {
    // Stable: those due at once run in the order they were set.
    const next = this.#timers.toSorted((a, b) => a.due - b.due).find(({ due }) => due <= end);
    if (!next) return false;
    this.#now = Math.max(this.#now, next.due);
    if (next.every !== undefined) next.due += next.every;
    else this.#timers = this.#timers.filter((timer) => timer !== next);
    next.run();
    return true;
  }

  #fake(name: typeof NAMES[number], value: unknown): void {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }

  #dateClass(): DateConstructor {
    const now = () => this.#now;
    return new Proxy(Date, {
      construct: (real, args, target) =>
        Reflect.construct(real, args.length ? args : [now()], target),
      apply: (real) => new real(now()).toString(),
      get: (real, key) => key === "now" ? now : Reflect.get(real, key),
    });
  }
}

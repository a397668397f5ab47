import { type Clock, systemClock } from "../heartbeat.ts";
import { underWay } from "../internal/loading.ts";
import { checkArgument, DURATION, type Rule } from "../internal/validate.ts";

/** How long a promise may wait for what takes real time, such as a file that is read, in ms. */
const REAL_MS = 5000;

/** When a timer fires. What is due by now may be a little less than 0. */
const DELAY: Rule = [Number.isFinite, "must be a number of milliseconds"];

/** What can be waited for. */
const PROMISE: Rule = [
  (value) => typeof (value as Partial<PromiseLike<unknown>> | null)?.then === "function",
  "must be a promise",
];

interface Timer {
  at: number;
  task: () => void;
}

/**
 * A clock that stands still until it is told to go on. Time that is no number of milliseconds from 0 on is
 * refused with 401.
 *
 * @example Thirty seconds in no time
 * ```ts
 * import { FakeClock } from "@netkit/websocket/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const clock = new FakeClock();
 * const log: string[] = [];
 * clock.setTimer(() => log.push("thirty"), 30_000);
 * clock.setTimer(() => log.push("ten"), 10_000);
 *
 * await clock.advance(10_000);
 * assertEquals([log, clock.pending], [["ten"], 1]);
 * await clock.advance(20_000);
 * assertEquals([log, clock.pending], [["ten", "thirty"], 0]);
 * ```
 */
export class FakeClock implements Clock {
  #now = 1000; // not 0, so that no code may take "now" for "not set"
  readonly #timers = new Set<Timer>();
  #fired = 0;
  #slept = 0;

  /** How many timers wait. */
  get pending(): number {
    return this.#timers.size;
  }

  /** How many timers have fired. */
  get fired(): number {
    return this.#fired;
  }

  /** Milliseconds since a fixed moment. */
  now(): number {
    return this.#now;
  }

  /** Calendar time in milliseconds, which goes on while the machine sleeps. */
  readonly wall = (): number => this.#now + this.#slept;

  /**
   * Lets the machine sleep: calendar time goes on, and nothing else does.
   *
   * @param ms How many milliseconds.
   */
  sleep(ms: number): void {
    checkArgument("sleep: ms", DURATION, ms);
    this.#slept += ms;
  }

  /**
   * Calls a task once.
   *
   * @param task What to call.
   * @param ms How many milliseconds from now; at least 1, as on the runtimes, so that a timer never
   * fires in the moment it is set.
   * @returns The timer, for `clearTimer`.
   */
  setTimer(task: () => void, ms: number): unknown {
    checkArgument("setTimer: ms", DELAY, ms);
    const timer = { at: this.#now + Math.max(1, ms), task };
    this.#timers.add(timer);
    return timer;
  }

  /**
   * Takes a `setTimer` back.
   *
   * @param timer What it returned.
   */
  clearTimer(timer: unknown): void {
    this.#timers.delete(timer as Timer);
  }

  /**
   * Lets time pass, all in this turn: each timer fires at its moment, in order, and no promise
   * settles meanwhile.
   *
   * @param ms How many milliseconds.
   */
  tick(ms: number): void {
    checkArgument("tick: ms", DURATION, ms);
    const end = this.#now + ms;
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) this.#fire(next);
    this.#now = Math.max(this.#now, end); // a task may have blocked, or ticked on
  }

  /**
   * Lets time pass: each timer fires at its moment, in order. Before the first,
   * between two of them and after the last, promises that wait for no timer settle.
   *
   * @param ms How many milliseconds; with 0 only promises settle.
   */
  async advance(ms: number): Promise<void> {
    checkArgument("advance: ms", DURATION, ms);
    const end = this.#now + ms;
    await settle();
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#fire(next);
      await settle();
    }
    this.#now = Math.max(this.#now, end);
  }

  /**
   * Lets time pass until a promise settles. Where no timer waits, what takes real time may come: a file
   * that is read. No time passes while this module loads a part of itself.
   *
   * @param promise What to wait for, such as `server.stop()`.
   * @param ms How many milliseconds of this clock to wait at the most: a minute, unless it is given.
   * @returns What the promise settles with; rejects with an Error where it does not settle in time.
   *
   * @example A server stops when its peers have answered, which takes time
   * ```ts
   * import { createWebSocketServer } from "@netkit/websocket";
   * import { FakeClock, MemoryNetwork } from "@netkit/websocket/testing";
   * import { assertEquals } from "@std/assert";
   *
   * const clock = new FakeClock();
   * const network = new MemoryNetwork({ clock });
   * const server = createWebSocketServer({ clock, runtime: network.server });
   * await server.start({ serverPort: 0 });
   * assertEquals(await clock.until(server.stop()), true);
   * ```
   */
  async until<T>(promise: Promise<T>, ms = 60_000): Promise<T> {
    checkArgument("until: the promise", PROMISE, promise);
    checkArgument("until: ms", DURATION, ms);
    const end = this.#now + ms;
    let settled = false;
    const note = () => void (settled = true);
    promise.then(note, note);
    await settle();
    while (!settled) {
      const next = this.#next(end);
      if (next !== undefined) {
        this.#fire(next);
        await settle();
      } else if (this.pending > 0 || !await comes(() => settled || this.pending > 0)) {
        throw new Error(`Cannot wait longer as nothing has come in ${ms} ms`);
      }
    }
    return promise;
  }

  /**
   * Lets time pass as it does while a process is blocked: the timers that fell due meanwhile fire
   * at the end of it, late.
   *
   * @param ms How many milliseconds.
   */
  block(ms: number): void {
    checkArgument("block: ms", DURATION, ms);
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
    this.#now = Math.max(this.#now, timer.at);
    this.#timers.delete(timer);
    this.#fired++;
    timer.task();
  }
}

/**
 * Lets promises settle until none is left that waits for another alone, however many follow each other:
 * a task of the runtime comes only when all of them have. No timer is used for it: that would cost a
 * millisecond each time. A module that is being loaded is waited for, too, as no time passes meanwhile.
 */
async function settle(): Promise<void> {
  await turn();
  while (underWay.size > 0) {
    await Promise.allSettled(underWay);
    await turn();
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === "function") return void setImmediate(resolve);
    const { port1, port2 } = new MessageChannel(); // a web page has no setImmediate
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}

/** Whether something comes in real time. */
async function comes(isThere: () => boolean): Promise<boolean> {
  for (const end = systemClock.now() + REAL_MS; !isThere();) {
    if (systemClock.now() > end) return false;
    await new Promise<void>((resolve) => systemClock.setTimer(resolve, 1));
  }
  return true;
}

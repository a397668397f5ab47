/** What reading a log has in common, whatever the log is made of. Not part of the public API. */

import { systemClock } from "../../internal/clock.ts";
import { describe } from "../../internal/describe.ts";
import type { BrokerReader } from "../broker.ts";
import { pause, within } from "../wait.ts";

/** How long to wait before it is tried again, in ms: at first, and at the most. */
const RETRY_MS = [20, 1000] as const;

/** After so many milliseconds of reading, the first wait is the short one again. */
const WELL_MS = 5000;

/** One reader: reads again and again, until it ends. `Row` is an entry and its place. */
export abstract class Reading<Row> {
  /** Resolves when it is known that the stream is the one that was read. */
  seen!: Promise<void>;
  readonly ended: Promise<void>;
  protected readonly reader: BrokerReader;
  protected readonly signal: AbortSignal;
  readonly #ending = new AbortController();
  #isSeen = true;
  #resolveSeen!: () => void;
  #resolveEnded!: () => void;
  #isUp: boolean | undefined;
  #cause: unknown;

  constructor(reader: BrokerReader, signal: AbortSignal) {
    this.reader = reader;
    this.signal = this.#ending.signal;
    this.ended = new Promise((resolve) => this.#resolveEnded = resolve);
    signal.addEventListener("abort", () => this.end(), { once: true });
    this.unsee();
  }

  /** Whether it reads on. */
  get isGoing(): boolean {
    return !this.signal.aborted;
  }

  /** Whether it is known by now. */
  get isSeen(): boolean {
    return this.#isSeen;
  }

  /** Why it could not be read when that was tried last; it may be another reason than the one that was told. */
  get cause(): unknown {
    return this.#cause;
  }

  /**
   * An append was answered. Where its place proves that nothing is in the log between it and what was read
   * last, it is told at once, and only compared when it is read.
   *
   * The answer may be another server's than the one that is read, as after a failover. So nothing is looked
   * up or read on by what was told like this: that goes by what was read. And it is one entry at a time.
   */
  appended(row: Row): void {
    if (this.#isSeen && !this.signal.aborted) this.tellAhead(row);
  }

  end(): void {
    this.#ending.abort(new Error("reading has ended"));
    this.doubt();
  }

  /** Has the stream looked at again: it may be another one. */
  doubt(): void {
    this.unsee();
    this.interrupt();
  }

  async run(): Promise<void> {
    for (let ms: number = RETRY_MS[0]; !this.signal.aborted;) {
      const began = systemClock.now();
      try {
        await this.read();
      } catch (cause) {
        if (this.signal.aborted) break;
        this.#cause = cause;
        this.doubt();
        this.#state(false, cause);
      }
      if (systemClock.now() - began > WELL_MS) ms = RETRY_MS[0];
      await pause(ms, this.signal);
      ms = Math.min(2 * ms, RETRY_MS[1]);
    }
    this.interrupt();
    this.see();
    this.#resolveEnded();
  }

  /** Reads until something is wrong, which it throws, or until the signal aborts. */
  protected abstract read(): Promise<void>;

  /** Tells an entry that was appended, where it is the next. */
  protected abstract tellAhead(row: Row): void;

  /** Ends what {@linkcode Reading.read} is at. */
  protected abstract interrupt(): void;

  /** The stream is perhaps another than the one that was read. */
  protected unsee(): void {
    if (!this.#isSeen) return;
    this.#isSeen = false;
    this.seen = new Promise((resolve) => this.#resolveSeen = resolve);
  }

  /** The stream is the one that was read, or is read from its start. */
  protected see(): void {
    this.#isSeen = true;
    this.#resolveSeen();
  }

  /** The log can be read. */
  protected up(): void {
    this.#cause = undefined;
    this.#state(true);
  }

  #state(isUp: boolean, cause?: unknown): void {
    if (isUp === this.#isUp) return;
    this.#isUp = isUp;
    if (isUp) this.reader.state(true);
    else this.reader.state(false, cause);
  }
}

/** Those who read by one broker. */
export class Readings<Row> {
  readonly #all = new Set<Reading<Row>>();

  /** How many there are. */
  get size(): number {
    return this.#all.size;
  }

  /** Whether each has seen that the stream is the one it has read. */
  get isSeen(): boolean {
    for (const { isSeen } of this.#all) if (!isSeen) return false;
    return true;
  }

  /** Waits until each has. Rejects where all have ended meanwhile, so that nothing is begun after the end. */
  async seen(ms: number): Promise<void> {
    const unseen = [...this.#all].filter(({ isSeen }) => !isSeen);
    const seen = Promise.all(unseen.map((reading) => reading.seen));
    await within(seen, ms, "the log could not be read").catch((late: Error) => {
      const cause = unseen.find(({ cause }) => cause !== undefined)?.cause;
      throw cause === undefined
        ? late
        : new Error(`${late.message}: ${describe(cause)}`, { cause });
    });
    if (unseen.length === 0 || [...this.#all].some(({ isGoing }) => isGoing)) return;
    throw new Error("reading has ended");
  }

  doubt(): void {
    for (const reading of this.#all) reading.doubt();
  }

  /** Has all know of an append that was answered; see {@linkcode Reading.appended}. */
  appended(row: Row): void {
    for (const reading of this.#all) reading.appended(row);
  }

  /** Has one read until it ends. */
  async run(reading: Reading<Row>): Promise<void> {
    this.#all.add(reading);
    await reading.run();
    this.#all.delete(reading);
  }

  /** Ends all of them. */
  async end(): Promise<void> {
    const all = [...this.#all];
    for (const reading of all) reading.end();
    await Promise.all(all.map(({ ended }) => ended));
  }
}

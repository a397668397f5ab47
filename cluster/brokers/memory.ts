/** A log in memory: the servers of one process, and what tests let befall a log. */

import type { Broker, BrokerReader, LostReason, Position } from "../broker.ts";

/** How the entries of a log in memory are bounded. */
export interface MemoryBrokerOptions {
  /**
   * How many characters of entries are kept at the most; the oldest go first.
   *
   * @default {16_777_216}
   */
  maxBytes?: number | undefined;
}

/** Somebody who reads. */
interface Reading {
  reader: BrokerReader;
  /** The number of entries it has been told, of all that there ever were in this epoch. */
  next: number;
  epoch: number;
  isReady: boolean;
  isUp: boolean | undefined;
  isHeld: boolean;
  end: () => void;
}

/** What becomes of an append while something is wrong. */
export type MemoryFault = "refused" | "lost answer" | "held";

/**
 * A log in memory, which can be made to fail. Entries are told on a later turn than they were
 * appended on.
 */
export class MemoryBroker implements Broker {
  readonly #maxBytes: number;
  readonly #readings = new Map<BrokerReader, Reading>();
  #epoch = 1;
  /** Why there is another epoch than the one before. */
  #why: LostReason = "gone";
  /** The number of the oldest entry that is kept. */
  #first = 1;
  #entries: string[] = [];
  #bytes = 0;
  #isUp = true;
  #isClosed = false;
  #faults: MemoryFault[] = [];
  #held: { entry: string; resolve: () => void; reject: (cause: Error) => void }[] = [];
  /** Whether everybody is told on the next turn. */
  #telling = false;

  constructor({ maxBytes = 16 * 1024 * 1024 }: MemoryBrokerOptions = {}) {
    this.#maxBytes = maxBytes;
  }

  /** What is kept, oldest first. */
  get entries(): readonly string[] {
    return this.#entries;
  }

  /** How many appends wait for {@linkcode MemoryBroker.release}. */
  get held(): number {
    return this.#held.length;
  }

  append(entry: string): Promise<void> {
    if (this.#isClosed) return Promise.reject(new Error("the log in memory is closed"));
    if (!this.#isUp) return Promise.reject(new Error("the log in memory is down"));
    const fault = this.#faults.shift();
    if (fault === "held") {
      return new Promise((resolve, reject) => this.#held.push({ entry, resolve, reject }));
    }
    if (fault !== "refused") this.#add(entry);
    return fault === undefined
      ? Promise.resolve()
      : Promise.reject(new Error(`the log in memory has an append fail: ${fault}`));
  }

  read(reader: BrokerReader, signal: AbortSignal): Promise<void> {
    if (this.#isClosed || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const end = () => {
        signal.removeEventListener("abort", end);
        this.#readings.delete(reader);
        resolve();
      };
      const reading = { isReady: false, isUp: undefined, isHeld: false };
      const at = { epoch: this.#epoch, next: this.#first };
      this.#readings.set(reader, { reader, ...at, ...reading, end });
      signal.addEventListener("abort", end);
      this.#tell();
    });
  }

  close(): Promise<void> {
    this.#isClosed = true;
    for (const { end } of [...this.#readings.values()]) end();
    for (const { reject } of this.#held.splice(0)) {
      reject(new Error("the log in memory is closed"));
    }
    return Promise.resolve();
  }

  /**
   * Orders faults: what becomes of the next appends, one each. `refused` is not in the log and
   * rejects, `lost answer` is in the log and rejects, `held` waits.
   */
  fail(...faults: MemoryFault[]): void {
    this.#faults.push(...faults);
  }

  /** Lets the appends that are held go: into the log, or nowhere. */
  release(isIn = true): void {
    for (const { entry, resolve, reject } of this.#held.splice(0)) {
      if (!isIn) reject(new Error("the log in memory has an append fail: held"));
      else {
        this.#add(entry);
        resolve();
      }
    }
  }

  /** Nobody can read or append until it is up again. */
  down(): void {
    this.#isUp = false;
    this.#tell();
  }

  up(): void {
    this.#isUp = true;
    this.#tell();
  }

  /** Has all be well from now on: no fault is due, what is held goes in, and it is up. */
  mend(): void {
    this.#faults = [];
    this.up();
    this.release();
    for (const reading of this.#readings.values()) reading.isHeld = false;
  }

  /** Has one reader be told nothing, as behind a link that hangs, until it is let go. */
  hold(reader: BrokerReader, isHeld = true): void {
    const reading = this.#readings.get(reader);
    if (reading !== undefined) reading.isHeld = isHeld;
    this.#tell();
  }

  /** Drops the oldest entries. */
  trim(count: number): void {
    for (const entry of this.#entries.splice(0, count)) {
      this.#bytes -= entry.length;
      this.#first++;
    }
    this.#tell();
  }

  /** Loses the newest entries, as a failover does. */
  cut(count: number): void {
    const kept = this.#entries.slice(0, Math.max(0, this.#entries.length - count));
    this.#restart("forked", kept);
  }

  /** Loses everything. */
  empty(): void {
    this.#restart("gone", []);
  }

  /** A new epoch: everybody reads it from its start. */
  #restart(why: LostReason, kept: string[]): void {
    this.#epoch++;
    this.#first = 1;
    this.#entries = kept;
    this.#bytes = kept.reduce((sum, entry) => sum + entry.length, 0);
    this.#why = why;
    this.#tell();
  }

  #add(entry: string): void {
    this.#entries.push(entry);
    this.#bytes += entry.length;
    while (this.#bytes > this.#maxBytes && this.#entries.length > 1) {
      this.#bytes -= this.#entries.shift()!.length;
      this.#first++;
    }
    this.#tell();
  }

  #tell(): void {
    if (this.#telling) return;
    this.#telling = true;
    queueMicrotask(() => {
      this.#telling = false;
      for (const reading of [...this.#readings.values()]) this.#tellOne(reading);
    });
  }

  #tellOne(reading: Reading): void {
    const { reader } = reading;
    const isThere = () => this.#readings.get(reader) === reading;
    const isUp = this.#isUp && !reading.isHeld;
    if (isUp !== reading.isUp) {
      reading.isUp = isUp;
      if (isUp) reader.state(true);
      else if (!reading.isHeld) reader.state(false, new Error("the log in memory is down"));
    }
    if (!isUp) return;
    if (reading.epoch !== this.#epoch) {
      reading.epoch = this.#epoch;
      reading.next = this.#first;
      reader.lost(this.#why);
    } else if (reading.next < this.#first) {
      reading.next = this.#first;
      reader.lost("trimmed");
    }
    // Entries that a reader appends meanwhile are told in another walk, as is a new epoch.
    const [epoch, end] = [this.#epoch, this.#first + this.#entries.length];
    while (reading.next < end && isThere() && this.#epoch === epoch && this.#isUp) {
      const at = reading.next - this.#first;
      if (at < 0) break; // it was trimmed meanwhile
      reading.next++;
      const position: Position = { epoch: String(epoch), offset: reading.next - 1 };
      reader.entry(position, this.#entries[at]!);
    }
    if (!reading.isReady && isThere() && reading.next >= end) {
      reading.isReady = true;
      reader.ready();
    }
  }
}

/**
 * A log in memory, for the servers of one process.
 *
 * @param options How much it keeps.
 * @returns The log; hand it to each of the servers.
 */
export function memoryBroker(options?: MemoryBrokerOptions): Broker {
  return new MemoryBroker(options);
}

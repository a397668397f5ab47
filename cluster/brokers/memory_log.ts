/** The entries of a log in memory, and what its links have in common. Not part of the public API. */

import { Fifo } from "../../internal/fifo.ts";
import { checkArgument, oneOf } from "../../internal/validate.ts";
import type { LostReason } from "../broker.ts";

/**
 * What becomes of an append while something is wrong:
 *
 * - `refused`: it is not in the log, and fails;
 * - `lost answer`: it is in the log, and fails all the same;
 * - `held`: it waits until `release` of the `MemoryBroker` says what becomes of it.
 */
export type MemoryFault = "refused" | "lost answer" | "held";

const FAULT = oneOf("refused", "lost answer", "held");

/** Throws where a fault that is ordered is none: it would never be seen. */
export function checkFaults(faults: readonly unknown[]): void {
  for (const fault of faults) checkArgument("fail: the fault", FAULT, fault);
}

/** An append that waits. */
export interface Appending {
  readonly entry: string;
  readonly fault: MemoryFault | undefined;
  resolve(): void;
  reject(cause: Error): void;
}

/** How far a log goes: to the entry before `end`. */
export interface Extent {
  epoch: number;
  end: number;
}

/** A log in memory. */
export class MemoryLog {
  epoch: number;
  /** Why there is another epoch than the one before. */
  why: LostReason = "gone";
  /** The number of the oldest entry that is kept. */
  first = 1;
  entries: Fifo<string> = new Fifo();
  isUp = true;
  isClosed = false;
  /** What becomes of the next appends, whoever makes them. */
  readonly faults: MemoryFault[] = [];
  /** Appends that wait until they are let go. */
  readonly held: Appending[] = [];
  /** Called when something has changed. */
  readonly watchers: Set<() => void> = new Set();
  readonly #maxBytes: number;
  /** Whether an entry that was told is dropped: there is one reader. */
  readonly isForgetful: boolean;
  #bytes = 0;

  constructor(maxBytes: number, epoch = 1, isForgetful = false) {
    this.#maxBytes = maxBytes;
    this.epoch = epoch;
    this.isForgetful = isForgetful;
  }

  /** The number of the next entry, in which epoch. */
  get extent(): Extent {
    return { epoch: this.epoch, end: this.first + this.entries.size };
  }

  add(entry: string): void {
    this.entries.push(entry);
    this.#bytes += entry.length;
    while (this.#bytes > this.#maxBytes && this.entries.size > 1) this.shift();
    this.changed();
  }

  /** Drops the oldest entries. */
  trim(count: number): void {
    for (let n = Math.min(count, this.entries.size); n > 0; n--) this.shift();
    this.changed();
  }

  /** A new epoch: everybody reads it from its start. */
  restart(why: LostReason, kept: string[]): void {
    this.epoch++;
    this.first = 1;
    this.entries = new Fifo(kept);
    this.#bytes = kept.reduce((sum, entry) => sum + entry.length, 0);
    this.why = why;
    this.changed();
  }

  changed(): void {
    for (const watcher of [...this.watchers]) watcher();
  }

  /** Drops the oldest entry. */
  shift(): void {
    this.#bytes -= this.entries.shift()!.length;
    this.first++;
  }
}

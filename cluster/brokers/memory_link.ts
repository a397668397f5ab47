/** A server's link to a log in memory, and what may befall it. */

import type { Clock } from "../../internal/clock.ts";
import { checkArgument, DURATION, NUMBER_OF, oneOf } from "../../internal/validate.ts";
import type { Broker, BrokerReader } from "../broker.ts";
import {
  type Appending,
  checkFaults,
  type Extent,
  type MemoryFault,
  type MemoryLog,
} from "./memory_log.ts";

/** What is held on a {@linkcode MemoryBrokerLink}. */
export type MemoryTraffic = "appends" | "entries" | "both";

const TRAFFIC = oneOf("appends", "entries", "both");

/** Somebody who reads. */
interface Reading {
  readonly reader: BrokerReader;
  /** The number of the next entry it is to be told, and in which epoch. */
  next: number;
  epoch: number;
  isReady: boolean;
  isUp: boolean | undefined;
  /** How many of the next entries it is not told. */
  gap: number;
  /** Whether that is to be said before the next. */
  isGapped: boolean;
  readonly end: () => void;
}

const closed = () => new Error("the log in memory is closed");
const down = () => new Error("the log in memory is down");

/**
 * One server's link to the log of a {@linkcode MemoryBroker}, so that something can befall it alone. It is
 * a broker: hand it to a server.
 */
export class MemoryBrokerLink implements Broker {
  readonly #log: MemoryLog;
  readonly #clock: Clock;
  readonly #readings = new Map<BrokerReader, Reading>();
  readonly #faults: MemoryFault[] = [];
  readonly #timers = new Set<unknown>();
  /** Appends that have not come to the log, and those that are held. */
  readonly #underWay = new Set<Appending>();
  #waiting: Appending[] = [];
  readonly #latency: number;
  #delay: number;
  #isUp = true;
  #isClosed = false;
  #holdsAppends = false;
  #holdsEntries = false;
  #stale = 0;
  /** How far the log goes, as far as is known here. */
  #known: Extent;
  /** Whether everybody is told on the next turn. */
  #telling = false;

  /**
   * Makes a link; `broker.link()` is the way to one.
   *
   * @param log The log.
   * @param clock Where time comes from.
   * @param latency Milliseconds from here to the log, or back.
   */
  constructor(log: MemoryLog, clock: Clock, latency: number) {
    this.#log = log;
    this.#clock = clock;
    this.#known = log.extent;
    this.#latency = this.#delay = latency;
  }

  /** See {@linkcode Broker.append}. */
  append(entry: string): Promise<void> {
    if (this.#isClosed || this.#log.isClosed) return Promise.reject(closed());
    if (!this.#isUp || !this.#log.isUp) return Promise.reject(down());
    const fault = this.#faults.shift() ?? this.#log.faults.shift();
    return new Promise((resolve, reject) => {
      const one: Appending = { entry, fault, resolve, reject };
      if (fault === "held") return void this.#log.held.push(one);
      this.#underWay.add(one);
      this.#later(() => this.#arrive(one));
    });
  }

  /** See {@linkcode Broker.read}. */
  read(reader: BrokerReader, signal: AbortSignal): Promise<void> {
    if (this.#isClosed || this.#log.isClosed || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const end = () => {
        signal.removeEventListener("abort", end);
        this.#readings.delete(reader);
        if (this.#readings.size === 0) this.#log.watchers.delete(this.#watch);
        resolve();
      };
      const { epoch, first } = this.#log;
      const reading = { isReady: false, isUp: undefined, gap: 0, isGapped: false };
      this.#readings.set(reader, { reader, epoch, next: first, ...reading, end });
      this.#log.watchers.add(this.#watch);
      signal.addEventListener("abort", end);
      this.#watch();
    });
  }

  /** See {@linkcode Broker.close}. Other links stay. */
  close(): Promise<void> {
    this.#isClosed = true;
    for (const { end } of [...this.#readings.values()]) end();
    this.#drop(closed);
    for (const timer of this.#timers) this.#clock.clearTimer(timer);
    this.#timers.clear();
    return Promise.resolve();
  }

  /**
   * Orders faults: what becomes of the next appends over this link, one each.
   *
   * @param faults See {@linkcode MemoryFault}.
   * @throws {BusinessError} 401 where one of them is none.
   */
  fail(...faults: MemoryFault[]): void {
    checkFaults(faults);
    this.#faults.push(...faults);
  }

  /** Drops the connection, until {@linkcode MemoryBrokerLink.up}: nothing is read or appended. */
  down(): void {
    this.#isUp = false;
    this.#drop(down);
    this.#tell();
  }

  /** The connection is back. */
  up(): void {
    this.#isUp = true;
    this.#tell();
  }

  /**
   * Lets nothing through, and tells nobody, until {@linkcode MemoryBrokerLink.release}.
   *
   * @param what Only appends, or only what is read; both where it is left out.
   * @throws {BusinessError} 401 where it is neither.
   */
  hold(what: MemoryTraffic = "both"): void {
    checkArgument("hold: what", TRAFFIC, what);
    if (what !== "entries") this.#holdsAppends = true;
    if (what !== "appends") this.#holdsEntries = true;
  }

  /** Lets everything through again, first what was held back. */
  release(): void {
    this.#holdsAppends = this.#holdsEntries = false;
    for (const one of this.#waiting.splice(0)) this.#arrive(one);
    this.#tell();
  }

  /**
   * Sets how long everything takes on this link.
   *
   * @param ms Milliseconds from here to the log, or back, from 0 on; 0 for the next turn.
   * @throws {BusinessError} 401 where it is no such number.
   */
  delay(ms: number): void {
    checkArgument("delay: ms", DURATION, ms);
    this.#delay = ms;
    this.#watch();
  }

  /**
   * Has readers not be told the next entries, as when the log was trimmed before they got there. The
   * entry after those follows a `lost: "trimmed"`.
   *
   * @param count How many entries, an integer from 0 on.
   * @throws {BusinessError} 401 where it is none.
   */
  gap(count: number): void {
    checkArgument("gap: count", NUMBER_OF, count);
    for (const reading of this.#readings.values()) reading.gap += count;
  }

  /**
   * Reads a copy of the log that is behind, as that of a replica may be.
   *
   * @param count By how many entries, an integer from 0 on; 0 for the log itself.
   * @throws {BusinessError} 401 where it is none.
   */
  stale(count: number): void {
    checkArgument("stale: count", NUMBER_OF, count);
    this.#stale = count;
    this.#tell();
  }

  /** Has all be well from now on: what was ordered for this link is forgotten. */
  mend(): void {
    this.#faults.length = 0;
    this.#stale = 0;
    this.#delay = this.#latency;
    for (const reading of this.#readings.values()) reading.gap = 0;
    this.up();
    this.release();
  }

  /** Calls something when so much time has passed as anything takes, or at once. */
  #later(task: () => void): void {
    if (this.#delay === 0) return task();
    const timer = this.#clock.setTimer(() => {
      this.#timers.delete(timer);
      task();
    }, this.#delay);
    this.#timers.add(timer);
  }

  /** An append comes to the log. */
  #arrive(one: Appending): void {
    if (!this.#underWay.has(one)) return; // the link went down
    if (!this.#log.isUp) return this.#answer(one, down());
    if (this.#holdsAppends) return void this.#waiting.push(one);
    const { fault } = one;
    if (fault !== "refused") this.#log.add(one.entry);
    this.#later(() => {
      const what = `the log in memory has an append fail: ${fault}`;
      this.#answer(one, fault && new Error(what));
    });
  }

  #answer(one: Appending, cause: Error | undefined): void {
    this.#underWay.delete(one);
    if (cause === undefined) one.resolve();
    else one.reject(cause);
  }

  /** Appends under way are lost: nobody knows what becomes of them, whatever is answered then. */
  #drop(why: () => Error): void {
    this.#waiting = [];
    for (const one of this.#underWay) one.reject(why());
    this.#underWay.clear();
  }

  /** The log has changed, of which is heard here when so much time has passed. */
  readonly #watch = (): void => {
    const { extent } = this.#log;
    this.#later(() => {
      const known = this.#known;
      const isOld = extent.epoch === known.epoch
        ? extent.end < known.end
        : extent.epoch < known.epoch;
      if (!isOld) this.#known = extent;
      this.#tell();
    });
  };

  #tell(): void {
    if (this.#telling) return;
    this.#telling = true;
    queueMicrotask(() => {
      this.#telling = false;
      for (const reading of [...this.#readings.values()]) this.#tellOne(reading);
    });
  }

  #tellOne(reading: Reading): void {
    const [log, { reader }] = [this.#log, reading];
    const isUp = this.#isUp && log.isUp;
    if (isUp !== reading.isUp && !this.#holdsEntries) {
      reading.isUp = isUp;
      reader.state(isUp, isUp ? undefined : down());
    }
    if (!isUp || this.#holdsEntries || this.#known.epoch !== log.epoch) return;
    if (reading.epoch !== log.epoch) {
      reading.epoch = log.epoch;
      reading.next = log.first;
      reading.isGapped = false;
      reader.lost(log.why);
    } else if (reading.next < log.first) {
      reading.next = log.first;
      reader.lost("trimmed");
    }
    // Entries that a reader appends meanwhile are told in another walk, as is a new epoch.
    const epoch = log.epoch;
    const end = this.#known.end - this.#stale;
    const isOn = () => this.#readings.get(reader) === reading && this.#isUp && log.isUp;
    while (reading.next < end && log.epoch === epoch && isOn() && !this.#holdsEntries) {
      const at = reading.next - log.first;
      if (at < 0) break; // it was trimmed meanwhile
      if (reading.gap > 0) {
        reading.gap--;
        reading.next++;
        reading.isGapped = true;
        continue;
      }
      if (reading.isGapped) {
        reading.isGapped = false;
        reader.lost("trimmed");
        continue; // whatever that has led to
      }
      reading.next++;
      const entry = log.entries.at(at)!;
      if (log.isForgetful) log.shift();
      reader.entry({ epoch: String(epoch), offset: reading.next - 1 }, entry);
    }
    if (!reading.isReady && isOn() && reading.next >= end) {
      reading.isReady = true;
      reader.ready();
    }
  }
}

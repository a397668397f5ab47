/** A log in memory: the servers of one process, and what tests let befall a log. */

import { type Clock, systemClock } from "../../internal/clock.ts";
import {
  checkArgument,
  CLOCK,
  COUNT,
  DURATION,
  NUMBER_OF,
  readOptions,
} from "../../internal/validate.ts";
import type { Broker, BrokerReader } from "../broker.ts";
import { MemoryBrokerLink } from "./memory_link.ts";
import { checkFaults, type MemoryFault, MemoryLog } from "./memory_log.ts";

const OPTIONS = { clock: CLOCK, latency: DURATION, maxBytes: COUNT };

/** How many characters of entries are kept unless it is told. */
const MAX_BYTES = 16 * 1024 * 1024;

/** How the entries of a log in memory are bounded. */
export interface MemoryBrokerOptions {
  /**
   * How many characters of entries are kept at the most; the oldest go first.
   *
   * @default {16_777_216}
   */
  maxBytes?: number | undefined;
}

/** What a {@linkcode MemoryBroker} takes. */
export interface FaultyBrokerOptions extends MemoryBrokerOptions {
  /** Where time comes from; the servers should have the same. The system's by default. */
  clock?: Clock | undefined;
  /**
   * Milliseconds from a server to the log, or back.
   *
   * @default {0}
   */
  latency?: number | undefined;
}

/**
 * A log in memory, which can be made to fail. Entries are told on a later turn than they were
 * appended on, or after `latency`. The servers of a test have it as `broker`, or each a link of its own:
 * `broker.link()`, so that something can befall one of them alone.
 *
 * @example A message that the log takes twice is told once
 * ```ts
 * import { createWebSocketServer } from "@netkit/websocket";
 * import { FakeClock, MemoryBroker, MemoryNetwork } from "@netkit/websocket/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const clock = new FakeClock();
 * const network = new MemoryNetwork({ clock });
 * const broker = new MemoryBroker({ clock, latency: 1 });
 * const links = [broker.link(), broker.link()];
 * const [one, other] = links.map((link, n) =>
 *   createWebSocketServer({ broker: link, node: `n${n}`, clock, runtime: network.server })
 * );
 * const started = [one!.start({ serverPort: 1 }), other!.start({ serverPort: 2 })];
 * await clock.until(Promise.all(started));
 * const log: unknown[] = [];
 * other!.subscribe("t", ({ data }) => log.push(data));
 *
 * broker.fail("lost answer"); // it is in the log, and its server does not hear of it
 * links[0]!.hold("entries"); // nor does it read it, and so it appends it again
 * const published = one!.publish("t", "Hello");
 * await clock.advance(1000);
 * links[0]!.release();
 * await clock.advance(10);
 * assertEquals([await published, log], [{ sent: 0, tooSlow: 0 }, ["Hello"]]);
 * assertEquals(broker.entries.length, 2);
 *
 * await clock.until(Promise.all([one!.stop(), other!.stop()]));
 * ```
 */
export class MemoryBroker implements Broker {
  readonly #log: MemoryLog;
  readonly #clock: Clock;
  readonly #latency: number;
  readonly #links = new Set<MemoryBrokerLink>();
  /** What those have who have the broker itself. */
  readonly #own: MemoryBrokerLink;

  /**
   * Makes a log with nothing in it.
   *
   * @param options See {@linkcode FaultyBrokerOptions}.
   * @throws {BusinessError} 401 where an option is wrong.
   */
  constructor(options: FaultyBrokerOptions = {}) {
    const given = readOptions("MemoryBroker", options, OPTIONS, 1);
    if (given instanceof Error) throw given;
    const { maxBytes = MAX_BYTES, clock, latency = 0 }: FaultyBrokerOptions = given;
    this.#log = new MemoryLog(maxBytes);
    this.#clock = clock ?? systemClock;
    this.#latency = latency;
    this.#own = this.link();
  }

  /** What is kept, oldest first. */
  get entries(): readonly string[] {
    return this.#log.entries.all;
  }

  /** How many appends wait for {@linkcode MemoryBroker.release}. */
  get held(): number {
    return this.#log.held.length;
  }

  /** Makes a link of a server's own. */
  link(): MemoryBrokerLink {
    const link = new MemoryBrokerLink(this.#log, this.#clock, this.#latency);
    this.#links.add(link);
    return link;
  }

  /** See {@linkcode Broker.append}. */
  append(entry: string): Promise<void> {
    return this.#own.append(entry);
  }

  /** See {@linkcode Broker.read}. */
  read(reader: BrokerReader, signal: AbortSignal): Promise<void> {
    return this.#own.read(reader, signal);
  }

  /** See {@linkcode Broker.close}. All links end. */
  async close(): Promise<void> {
    this.#log.isClosed = true;
    for (const link of this.#links) await link.close();
    this.#letGo(false, "the log in memory is closed");
  }

  /**
   * Orders faults: what becomes of the next appends, whoever makes them, one each.
   *
   * @param faults See {@linkcode MemoryFault}.
   * @throws {BusinessError} 401 where one of them is none.
   */
  fail(...faults: MemoryFault[]): void {
    checkFaults(faults);
    this.#log.faults.push(...faults);
  }

  /**
   * Lets the appends that are held go.
   *
   * @param isIn Whether they go into the log, or nowhere.
   */
  release(isIn = true): void {
    this.#letGo(isIn, "the log in memory has an append fail: held");
  }

  /** Nobody can read or append until it is {@linkcode MemoryBroker.up} again. */
  down(): void {
    this.#log.isUp = false;
    this.#log.changed();
  }

  /** It can be read again. */
  up(): void {
    this.#log.isUp = true;
    this.#log.changed();
  }

  /** Has all be well from now on: no fault is due, what is held goes in, and it is up. */
  mend(): void {
    this.#log.faults.length = 0;
    this.up();
    this.release();
    for (const link of this.#links) link.mend();
  }

  /**
   * Drops the oldest entries. A reader that has not been told them is told `lost: "trimmed"`.
   *
   * @param count How many, an integer from 0 on.
   * @throws {BusinessError} 401 where it is none.
   */
  trim(count: number): void {
    checkArgument("trim: count", NUMBER_OF, count);
    this.#log.trim(count);
  }

  /**
   * Loses the newest entries, as a failover does: a new epoch, and `lost: "forked"`.
   *
   * @param count How many, an integer from 0 on; with 0 there is only a new epoch.
   * @throws {BusinessError} 401 where it is none.
   */
  cut(count: number): void {
    checkArgument("cut: count", NUMBER_OF, count);
    const { all } = this.#log.entries;
    this.#log.restart("forked", all.slice(0, Math.max(0, all.length - count)));
  }

  /** Loses everything: a new epoch, and `lost: "gone"`. */
  empty(): void {
    this.#log.restart("gone", []);
  }

  #letGo(isIn: boolean, what: string): void {
    for (const { entry, resolve, reject } of this.#log.held.splice(0)) {
      if (!isIn) {
        reject(new Error(what));
        continue;
      }
      this.#log.add(entry);
      resolve();
    }
  }
}

/**
 * A log in memory, for the servers of one process.
 *
 * @param options How much it keeps.
 * @returns The log; hand it to each of the servers.
 * @throws {BusinessError} 401 where an option is wrong.
 */
export function memoryBroker(options: MemoryBrokerOptions = {}): Broker {
  const given = readOptions("memoryBroker", options, { maxBytes: COUNT }, 1);
  if (given instanceof Error) throw given;
  const { maxBytes = MAX_BYTES }: MemoryBrokerOptions = given;
  return new MemoryBrokerLink(new MemoryLog(maxBytes, someEpoch()), systemClock, 0);
}

/**
 * The log of a server that shares it with nobody: what that has read is kept no longer, as nobody else will. Not part
 * of the public API.
 */
export function loneBroker(): Broker {
  return new MemoryBrokerLink(new MemoryLog(Infinity, someEpoch(), true), systemClock, 0);
}

/**
 * The first epoch of a log, which no other log has had: clients that resume come back from one that ended
 * with its process, and must not take a place in that for one in this.
 */
function someEpoch(): number {
  return 1 + Math.floor(Math.random() * 2 ** 52);
}

/** Somebody who reads a broker's log and notes what is told. */

import { assert } from "@std/assert";
import type { Broker, BrokerReader, LostReason, Position } from "../../cluster.ts";
import { until } from "./until.ts";

/** A reader, until the end of the block. */
export class LogReader implements BrokerReader, AsyncDisposable {
  /** What was told: entries, and what else there was, as `<…>`. */
  readonly log: string[] = [];
  readonly positions: Position[] = [];
  readonly states: boolean[] = [];
  /** Why it could not be read, each time. */
  readonly causes: string[] = [];
  readonly lostReasons: LostReason[] = [];
  isReady = false;
  /** The first entry whose place does not follow from the one before, or that came while down, with nothing said. */
  unsaid: string | undefined;
  readonly #ending = new AbortController();
  /** Resolves when reading has ended, for whatever reason. */
  readonly ended: Promise<void>;
  #last: Position | undefined;

  constructor(broker: Broker) {
    this.ended = broker.read(this, this.#ending.signal);
  }

  /** The entries alone. */
  get entries(): string[] {
    return this.log.filter((line) => !line.startsWith("<"));
  }

  entry(position: Position, entry: string): void {
    const last = this.#last;
    const follows = last === undefined ||
      (position.epoch === last.epoch && position.offset === last.offset + 1);
    if (!follows) this.unsaid ??= `${JSON.stringify(last)} → ${JSON.stringify(position)}`;
    if (this.states.at(-1) !== true) this.unsaid ??= `${entry}: not said that the log can be read`;
    this.#last = position;
    this.positions.push(position);
    this.log.push(entry);
  }

  ready(): void {
    assert(!this.isReady, "ready twice");
    this.isReady = true;
    this.log.push("<ready>");
  }

  lost(why: LostReason): void {
    this.#last = undefined;
    this.lostReasons.push(why);
    this.log.push(`<lost: ${why}>`);
  }

  state(up: boolean, cause?: unknown): void {
    this.states.push(up);
    assert(!up || cause === undefined, `it is up, and yet: ${cause}`);
    if (!up) this.causes.push(cause instanceof Error ? cause.message : String(cause));
  }

  /** Waits until it is ready. */
  async whenReady(): Promise<this> {
    await until("ready", () => this.isReady, 30_000, () => this.log);
    return this;
  }

  /** Waits until an entry was told. */
  async told(entry: string, ms = 30_000): Promise<void> {
    await until(`told ${entry}`, () => this.log.includes(entry), ms, () => this.log.slice(-20));
  }

  /** Waits until it was told that something is lost. */
  async whenLost(why: LostReason, ms = 30_000): Promise<void> {
    await until(`lost ${why}`, () => this.lostReasons.includes(why), ms, () => this.log.slice(-20));
  }

  async end(): Promise<void> {
    this.#ending.abort();
    await this.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }
}

/** What an observer reads of a server that listens. Not part of the public API. */

import type { Clock } from "../heartbeat.ts";
import type { Observing, ServerGauges } from "../internal/observer.ts";
import type { Traffic } from "../internal/stats.ts";

/** How often a timer is due whose delay is told, in ms. */
const DELAY_MS = 200;

/** What the gauges read. */
export interface GaugesOwner {
  readonly clock: Clock;
  readonly observing: Observing | undefined;
  readonly maxBufferedAmount: number;
  readonly paused: { readonly size: number };
  readonly clustered: { readonly waiting: { unacknowledged: Traffic | undefined } } | undefined;
  readonly registry: { attached(): Iterable<{ readonly bufferedAmount: number }> };
}

/** Reads what is now, and tells how late the timers are where somebody wants to know. */
export class Gauges implements ServerGauges {
  readonly #owner: GaugesOwner;
  #timer: unknown;

  constructor(owner: GaugesOwner) {
    this.#owner = owner;
  }

  get buffered(): number {
    return this.#queues().reduce((sum, bytes) => sum + bytes, 0);
  }

  get fullest(): number {
    return this.#queues().reduce((most, bytes) => Math.max(most, bytes), 0);
  }

  get limit(): number {
    return this.#owner.maxBufferedAmount;
  }

  get paused(): number {
    return this.#owner.paused.size;
  }

  get unacknowledged(): number {
    return this.#owner.clustered?.waiting.unacknowledged?.messages ?? 0;
  }

  /** The server listens. */
  start(): void {
    const { observing } = this.#owner;
    observing?.started?.(this);
    if (observing?.delayed !== undefined) this.#watch(observing.delayed);
  }

  /** It does so no more. */
  stop(): void {
    const { clock, observing } = this.#owner;
    clock.clearTimer(this.#timer);
    observing?.stopped?.(this);
  }

  /** What is queued to each, also to those whose 'close' has been told and who read on. */
  #queues(): number[] {
    return Array.from(this.#owner.registry.attached(), ({ bufferedAmount }) => bufferedAmount);
  }

  #watch(delayed: (ms: number) => void): void {
    const { clock } = this.#owner;
    const due = clock.now() + DELAY_MS;
    this.#timer = clock.setTimer(() => {
      this.#watch(delayed);
      delayed(Math.max(0, clock.now() - due));
    }, DELAY_MS);
  }
}

import type { Clock } from "../heartbeat.ts";
import { Fifo } from "../internal/fifo.ts";

/** One thing that is under way in one direction. */
interface Packet {
  readonly bytes: number;
  readonly deliver: () => void;
}

/** Who has stopped a pipe: the link, which is held, or the end that does not read. */
export type Stopper = "link" | "reader";

/** One direction of a connection: what goes in comes out in the same order, some time later. */
export class Pipe {
  readonly #clock: Clock;
  readonly #latency: number;
  readonly #packets = new Fifo<Packet>();
  readonly #timers = new Set<unknown>();
  readonly #stoppers = new Set<Stopper>();
  /** Packets whose time has come while the pipe was stopped. */
  #late = 0;
  #bytes = 0;

  constructor(clock: Clock, latency: number) {
    this.#clock = clock;
    this.#latency = latency;
  }

  /** Bytes under way. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Puts something in. */
  push(deliver: () => void, bytes = 0): void {
    this.#packets.push({ deliver, bytes });
    this.#bytes += bytes;
    this.#setTimer();
  }

  /** Delivers nothing until `go`. */
  stop(stopper: Stopper): void {
    this.#stoppers.add(stopper);
  }

  /** Delivers again; where the other stopper has stopped it, too, what was late is late again. */
  go(stopper: Stopper): void {
    if (!this.#stoppers.delete(stopper)) return;
    for (; this.#late > 0; this.#late--) this.#setTimer();
  }

  /** Throws away everything under way, and is no longer stopped. */
  clear(): void {
    for (const timer of this.#timers) this.#clock.clearTimer(timer);
    this.#timers.clear();
    this.#stoppers.clear();
    this.#packets.take();
    this.#late = 0; // the bytes count on: who has put them in has not heard of it
  }

  #setTimer(): void {
    const timer = this.#clock.setTimer(() => {
      this.#timers.delete(timer);
      if (this.#stoppers.size > 0) this.#late++;
      else this.#deliver();
    }, this.#latency);
    this.#timers.add(timer);
  }

  /** Delivers the oldest packet, whichever timer fires: so packets keep their order. */
  #deliver(): void {
    const packet = this.#packets.shift()!;
    this.#bytes -= packet.bytes;
    packet.deliver();
  }
}

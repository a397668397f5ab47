import type { Incoming } from "../internal/payload.ts";

/** The connection of a {@linkcode Backlog}. */
export interface BacklogOwner {
  /** Stops reading, if that can be done. */
  pause(): boolean;
  resume(): void;
  /** Called where reading cannot be stopped. */
  dropTooFast(): void;
}

/**
 * What a message counts besides its data, in bytes: an empty one at work costs 500 to 1,000 bytes of
 * memory, for its event and the promises of its listeners.
 */
const OVERHEAD = 1024;

/**
 * The messages of one connection whose listeners are still at work. When they have more bytes than the
 * limit, reading stops until half of the bytes are done; where it cannot stop, the peer is dropped, unless it is
 * one message alone.
 */
export class Backlog {
  readonly #limit: number;
  readonly #owner: BacklogOwner;
  #bytes = 0;
  /** Whether it has stopped reading. */
  isPaused = false;

  constructor(limit: number, owner: BacklogOwner) {
    this.#limit = limit;
    this.#owner = owner;
  }

  /**
   * Adds a message that listeners work on until `done` settles. `failed` is told where it rejects. It is passed
   * in, as a second `then` would cost one more promise and a microtask for each message.
   */
  add(data: Incoming, done: Promise<unknown>, failed?: (cause: unknown) => void): void {
    const bytes = OVERHEAD + (typeof data === "string" ? data.length : data.byteLength);
    this.#bytes += bytes;
    const settled = () => this.#settled(bytes);
    done.then(settled, (cause) => {
      settled();
      failed?.(cause);
    });
    if (this.isPaused || this.#bytes <= this.#limit) return;
    this.isPaused = true;
    if (this.#owner.pause()) return;
    // One that is alone was not sent too fast, however long it is: `maxPayload` says how long that may be.
    if (this.#bytes > bytes) this.#owner.dropTooFast();
    else this.isPaused = false;
  }

  #settled(bytes: number): void {
    this.#bytes -= bytes;
    if (!this.isPaused || this.#bytes > this.#limit / 2) return;
    this.isPaused = false;
    this.#owner.resume();
  }
}

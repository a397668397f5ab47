/** What a {@linkcode Backlog} does about its connection. */
export interface BacklogOwner {
  /** Stops reading, if that can be done. */
  pause(): boolean;
  resume(): void;
  /** Reading cannot be stopped. */
  dropTooFast(): void;
}

/** What a message costs beside its data, in bytes: many empty ones weigh, too. */
const OVERHEAD = 64;

/**
 * The messages of one connection whose listeners are still at work. When they weigh more than the
 * limit, reading stops until half is done.
 */
export class Backlog {
  readonly #limit: number;
  readonly #owner: BacklogOwner;
  #bytes = 0;
  #paused = false;

  constructor(limit: number, owner: BacklogOwner) {
    this.#limit = limit;
    this.#owner = owner;
  }

  /** Notes a message that is being worked on until `done` settles. */
  add(data: string | ArrayBuffer, done: Promise<unknown>): void {
    const bytes = OVERHEAD + (typeof data === "string" ? data.length : data.byteLength);
    this.#bytes += bytes;
    const settled = () => this.#settled(bytes);
    done.then(settled, settled);
    if (this.#paused || this.#bytes <= this.#limit) return;
    this.#paused = true;
    if (!this.#owner.pause()) this.#owner.dropTooFast();
  }

  #settled(bytes: number): void {
    this.#bytes -= bytes;
    if (!this.#paused || this.#bytes > this.#limit / 2) return;
    this.#paused = false;
    this.#owner.resume();
  }
}

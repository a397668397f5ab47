/** What may be under way between two Duplexes. Not part of the public API. */

import { businessError } from "../errors.ts";
import { quote } from "../internal/describe.ts";
import { Fifo } from "../internal/fifo.ts";

/**
 * Both directions of a connection whose two ends tell each other how much was read: a message of text is
 * a number of bytes, a binary one is data. Whoever sends stops when as much as the window is not read yet,
 * so what waits here has never more bytes than that and one message.
 */
export class FlowWindow {
  readonly #bytes: number;
  readonly #tell: (text: string) => PromiseLike<unknown> | void;
  /** Whether what was told last is not sent yet. */
  #isTelling = false;
  /** Bytes that were sent, and not read as far as is known. */
  #unread = 0;
  #room: PromiseWithResolvers<void> | undefined;
  #isOver = false;
  /** What has come in and waits to be read; `null` is its end. */
  readonly #waiting = new Fifo<Uint8Array | null>();
  #waitingBytes = 0;
  /** Bytes that were read, and not told yet. */
  #read = 0;
  /** Takes the next chunk: somebody waits for it. */
  #push: ((chunk: Uint8Array | null) => unknown) | undefined;

  /** `tell` sends a message to the far end; a promise where that takes time, which never rejects. */
  constructor(bytes: number, tell: (text: string) => PromiseLike<unknown> | void) {
    this.#bytes = bytes;
    this.#tell = tell;
  }

  /** Waits until so many bytes may be sent. */
  async send(bytes: number): Promise<void> {
    while (this.#unread >= this.#bytes && !this.#isOver) {
      this.#room ??= Promise.withResolvers();
      await this.#room.promise;
    }
    this.#unread += bytes;
  }

  /** The far end tells how much it has read. */
  acknowledged(text: string): void {
    const bytes = /^\d+$/.test(text) ? Number(text) : NaN;
    if (!(bytes <= this.#unread)) {
      throw businessError(
        "unacceptable",
        `the far end has no 'window': it says '${quote(text.slice(0, 20))}'`,
      );
    }
    this.#unread -= bytes;
    this.#release();
  }

  /** A message has come in, or the end. */
  add(chunk: Uint8Array | null): void {
    if (chunk?.length === 0) return; // nothing to read, however many come
    if (this.#waitingBytes >= this.#bytes && chunk !== null) {
      throw businessError(
        "tooFast",
        `the far end has a larger 'window', or none: over ${this.#bytes}`,
      );
    }
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk?.length ?? 0;
    const push = this.#push;
    if (push !== undefined) this.take(push);
  }

  /** Gives the next chunk, as soon as there is one. */
  take(push: (chunk: Uint8Array | null) => unknown): void {
    const chunk = this.#waiting.shift();
    if (chunk === undefined) {
      this.#push = push;
      return;
    }
    this.#push = undefined;
    const bytes = chunk?.length ?? 0;
    this.#waitingBytes -= bytes;
    this.#read += bytes;
    // Not of each chunk, but of all before the far end may have to wait.
    if (this.#waiting.size === 0 || this.#read * 2 >= this.#bytes) this.#tellRead();
    push(chunk);
  }

  /** Tells how much was read; one at a time, as a far end that reads nothing may send ever more. */
  #tellRead(): void {
    if (this.#read === 0 || this.#isTelling) return;
    const telling = this.#tell(String(this.#read));
    this.#read = 0;
    if (telling === undefined) return;
    this.#isTelling = true;
    void telling.then(() => {
      this.#isTelling = false;
      this.#tellRead();
    });
  }

  /** It is over: nobody waits for room any more. */
  end(): void {
    this.#isOver = true;
    this.#release();
  }

  #release(): void {
    this.#room?.resolve();
    this.#room = undefined;
  }
}

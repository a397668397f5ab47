import { type BusinessError, businessError } from "../errors.ts";
import { CLOSE_DEADLINE_MS } from "./close_frame.ts";

/** By how many bytes a queue must get shorter for the deadline to begin anew. */
const PROGRESS_BYTES = 64 * 1024;

/** How long a peer may take altogether, in ms. */
const MOST_MS = 120_000;

/** How often to look at a queue, in ms. */
export const LOOK_MS = 250;

/**
 * How long a peer may take to read what is queued and then to answer the Close frame: five seconds,
 * which begin anew whenever the queue has got shorter by 64 KiB or is empty, and two minutes at the
 * most. What was accepted is sent as long as the peer takes it.
 */
export class CloseDeadline {
  readonly #began: number;
  #since: number;
  #queued: number;

  /**
   * @param queued How many bytes are queued as the close begins.
   * @param now When that is, in ms.
   */
  constructor(queued: number, now: number) {
    this.#queued = queued;
    this.#began = this.#since = now;
  }

  /**
   * Looks at the queue.
   *
   * @returns In how many ms to look again; 0 when the peer has had its time.
   */
  look(queued: number, now: number): number {
    const isEmptied = queued === 0 && this.#queued > 0;
    if (isEmptied || this.#queued - queued >= PROGRESS_BYTES) {
      this.#queued = queued;
      this.#since = now;
    }
    const left = Math.min(this.#since + CLOSE_DEADLINE_MS, this.#began + MOST_MS) - now;
    return Math.max(0, queued > 0 ? Math.min(left, LOOK_MS) : left);
  }
}

/**
 * The error of so many bytes that were accepted, and not sent when a connection was over.
 *
 * @param asked Whether this side has closed.
 */
export function unsentError(
  bytes: number,
  asked: boolean,
  options: { cause?: unknown } = {},
): BusinessError {
  const why = asked ? "were not sent in time" : "were not sent before the server closed";
  const what = `${asked ? "close: " : ""}${bytes} bytes that were queued ${why}`;
  return businessError("unsent", what, { ...options, data: String(bytes) });
}

/** What an AbortSignal has aborted for, as the cause of an error; nothing where it has not. */
export function causeOf(signal: AbortSignal | undefined): { cause?: unknown } {
  return signal?.aborted ? { cause: signal.reason } : {};
}

import type { Clock } from "../internal/clock.ts";
import { CloseDeadline, LOOK_MS } from "../internal/close_deadline.ts";
import { CLOSE_DEADLINE_MS } from "../internal/close_frame.ts";
import { TimeoutQueue } from "../internal/timeout_queue.ts";

/** A connection that closes. */
export interface Closing {
  /** Bytes that wait to be taken by the peer; the Close frame goes out after them. */
  readonly bufferedAmount: number;
  /** Ends the connection, whatever is queued. */
  cut(): void;
}

/**
 * Drops connections whose peer does not read what was sent to it, or does not answer the Close frame, with
 * two timers for all of them.
 */
export class ClosingDeadlines<T extends Closing> {
  readonly #clock: Clock;
  /** Those that have read everything, and must only answer. */
  readonly #answering: TimeoutQueue<T>;
  /** Those whose queue is looked at. */
  readonly #looks: TimeoutQueue<T>;
  readonly #deadlines = new Map<T, CloseDeadline>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#answering = new TimeoutQueue({
      clock,
      keepsTimer: true,
      ms: CLOSE_DEADLINE_MS,
      expired: (connection) => connection.cut(),
    });
    this.#looks = new TimeoutQueue({
      clock,
      keepsTimer: true,
      ms: LOOK_MS,
      expired: (connection) => this.#look(connection),
    });
  }

  /**
   * Takes in a connection that closes.
   *
   * @param isPatient Whether its peer may have longer as long as it reads. One that is dropped may not.
   */
  add(connection: T, isPatient = true): void {
    const queued = isPatient ? connection.bufferedAmount : 0;
    if (queued === 0) return this.#answering.add(connection);
    this.#deadlines.set(connection, new CloseDeadline(queued, this.#clock.now()));
    this.#looks.add(connection);
  }

  /** Lets a connection go. */
  delete(connection: T): void {
    this.#answering.delete(connection);
    if (this.#deadlines.size > 0 && this.#deadlines.delete(connection)) {
      this.#looks.delete(connection);
    }
  }

  /** Lets all go. */
  close(): void {
    this.#deadlines.clear();
    this.#answering.close();
    this.#looks.close();
  }

  #look(connection: T): void {
    const queued = connection.bufferedAmount;
    const ms = this.#deadlines.get(connection)!.look(queued, this.#clock.now());
    if (queued > 0 && ms > 0) return this.#looks.add(connection);
    this.#deadlines.delete(connection);
    if (queued > 0) connection.cut();
    else this.#answering.add(connection);
  }
}

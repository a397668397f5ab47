/**
 * The answers of the user's functions that decide about a handshake, and how long they are waited for.
 * Not part of the public API.
 */

import type { Clock } from "../heartbeat.ts";
import { isThenable } from "../internal/listeners.ts";
import { TimeoutQueue } from "../internal/timeout_queue.ts";
import { STOPPING } from "./http.ts";
import type { HandshakeFault } from "./upgrade_request.ts";

/** Why nobody waits any more for an answer. */
export class TooLate {
  /** What the client is told; `undefined` where it has disconnected. */
  readonly fault: HandshakeFault | undefined;

  constructor(fault?: HandshakeFault) {
    this.fault = fault;
  }
}

/** The reasons that are always the same. */
export const TOO_LATE = { disconnected: new TooLate(), stopping: new TooLate(STOPPING) };

/** The server that the clients wait for. */
interface AnswersOwner {
  readonly clock: Clock;
  /** Whether the server is not stopping. */
  admits(): boolean;
}

/** Waits for answers, until `authorizeTimeout`, the client disconnects or the server stops. */
export class PendingAnswers {
  readonly #owner: AnswersOwner;
  readonly #seconds: number;
  /** One function for each client that waits for `authorize` or `clientAddress`: it ends the waiting. */
  readonly #waiting = new Set<(why: TooLate) => void>();
  /** The same for those that wait for too long. */
  readonly #late: TimeoutQueue<() => void>;

  constructor(owner: AnswersOwner, seconds: number) {
    this.#owner = owner;
    this.#seconds = seconds;
    this.#late = new TimeoutQueue({
      clock: owner.clock,
      keepsTimer: true,
      ms: seconds * 1000,
      expired: (late) => late(),
    });
  }

  /** Ends all waiting: the server stops. */
  close(): void {
    for (const waits of this.#waiting) waits(TOO_LATE.stopping);
    this.#late.close();
  }

  /** What a function of the user has answered, or a promise of that or of a {@linkcode TooLate}. */
  wait(request: Request, name: string, answer: unknown): unknown {
    if (!isThenable(answer)) return answer;
    if (!this.#owner.admits()) { // it has stopped the server, or a listener has: no timer may be left
      Promise.resolve(answer).catch(() => {});
      return TOO_LATE.stopping;
    }
    return new Promise((resolve, reject) => {
      // May be called again, by an answer that comes too late: nothing is left to be done then.
      const decided = (settle: () => void) => {
        this.#waiting.delete(tooLate);
        this.#late.delete(late);
        settle();
      };
      const tooLate = (why: TooLate) => decided(() => resolve(why));
      const late = () => {
        const why = `'${name}' gave no answer within ${this.#seconds} s`;
        tooLate(new TooLate({ status: 503, reason: "authorize_timeout", why }));
      };
      this.#waiting.add(tooLate);
      this.#late.add(late);
      const disconnected = () => tooLate(TOO_LATE.disconnected);
      if (request.signal.aborted) disconnected();
      request.signal.addEventListener("abort", disconnected);
      Promise.resolve(answer).then(
        (value) => decided(() => resolve(value)),
        (cause) => decided(() => reject(cause)),
      );
    });
  }
}

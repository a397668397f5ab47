/** The handshakes of a server that is observed. Not part of the public API. */

import type { RefusalReason } from "../errors.ts";
import type { Clock } from "../heartbeat.ts";
import type { Observing, ServerHandshake } from "../internal/observer.ts";

/** Tells the observer of each handshake once when it begins, and once when it is decided. */
export class ObservedHandshakes<Connection extends { readonly handle: unknown }> {
  readonly #observing: Observing;
  readonly #clock: Clock;
  /** When those that are not decided have begun. */
  readonly #began = new WeakMap<ServerHandshake, number>();
  /** Those of the connections that are let in and not open yet. */
  readonly #admitted = new WeakMap<Connection, ServerHandshake>();

  constructor(observing: Observing, clock: Clock) {
    this.#observing = observing;
    this.#clock = clock;
  }

  asked({ headers }: Request, { ip, port }: { ip: string; port: number }): ServerHandshake {
    // Read at once: one runtime's headers are gone when the request is.
    const trace = traceOf(headers);
    const seen = { clientIP: ip, clientPort: port, peerIP: ip, trace, duration: 0 };
    this.#began.set(seen, this.#clock.now());
    this.#observing.asked?.(seen);
    return seen;
  }

  admitted(connection: Connection, seen: ServerHandshake | undefined): void {
    if (seen !== undefined) this.#admitted.set(connection, seen);
  }

  /** The handshake of a connection that is let in and not open, which is decided now. */
  take(connection: Connection): ServerHandshake | undefined {
    const seen = this.#admitted.get(connection);
    this.#admitted.delete(connection);
    return seen;
  }

  opened(connection: Connection): void {
    const seen = this.take(connection)!;
    this.#observing.opened?.(connection.handle, this.#decided(seen, 101));
  }

  refused(status: number, why: string, reason: RefusalReason, seen?: ServerHandshake): void {
    if (seen === undefined) return this.#observing.refused?.(status, why, reason);
    this.#observing.refused?.(status, why, reason, this.#decided(seen, status, reason));
  }

  /** The client has left before it was answered. */
  abandoned(seen: ServerHandshake | undefined): void {
    this.#observing.abandoned?.(this.#decided(seen!, undefined, "client_left"));
  }

  /** Nothing is left of a connection, which may never have been open. */
  detached(connection: Connection): void {
    const seen = this.take(connection);
    if (seen !== undefined) this.abandoned(seen);
  }

  #decided(seen: ServerHandshake, status?: number, reason?: RefusalReason): ServerHandshake {
    seen.duration = this.#clock.now() - this.#began.get(seen)!;
    seen.status = status;
    seen.reason = reason;
    return seen;
  }
}

/** The trace that a request is part of; whoever sends it may write anything. */
function traceOf(headers: Headers): ServerHandshake["trace"] {
  const traceparent = headers.get("traceparent");
  if (
    traceparent === null || !/^[\da-f]{2}-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}$/.test(traceparent)
  ) {
    return undefined;
  }
  const tracestate = headers.get("tracestate");
  return tracestate === null || tracestate.length > 512
    ? { traceparent }
    : { traceparent, tracestate };
}

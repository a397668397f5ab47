/** Reading that is stopped while somebody cannot keep up. Not part of the public API. */

import {
  type Clock,
  type Heartbeat,
  type HeartbeatOptions,
  type HeartbeatPeer,
  heartbeatPolicy,
} from "../heartbeat.ts";
import type { Socket } from "../runtime/contract.ts";

/** What a connection has of this. */
export interface ReadingParts {
  clock: Clock;
  heartbeat: Heartbeat;
  options: object;
  runtime: { canPing: boolean };
}

/**
 * Readers that cannot keep up, and for whom a connection is not read meanwhile. Its heartbeat rests, as no Pong can be
 * read. The connection is read again when the last of them goes on, or after as long as a silent peer may live.
 */
export class ReadingPauses {
  readonly #peer: HeartbeatPeer;
  readonly #socket: Socket;
  readonly #parts: ReadingParts;
  readonly #by = new Set<() => void>();
  #timer: unknown;

  /** The socket is one that can be paused. */
  constructor(peer: HeartbeatPeer, socket: Socket, parts: ReadingParts) {
    this.#peer = peer;
    this.#socket = socket;
    this.#parts = parts;
  }

  /**
   * Stops reading.
   *
   * @param expired Called where it takes too long; by then the connection is read again.
   * @returns Call it to read on.
   */
  add(expired: () => void): () => void {
    this.#by.add(expired);
    if (this.#timer === undefined) this.#stop();
    return () => {
      if (this.#by.delete(expired) && this.#by.size === 0) this.#go();
    };
  }

  /** Reads again, whoever wants it stopped. */
  end(): void {
    if (this.#by.size === 0) return;
    this.#by.clear();
    this.#go();
  }

  #stop(): void {
    const { clock, heartbeat, options } = this.#parts;
    const { pingInterval, pongTimeout } = heartbeatPolicy(options as HeartbeatOptions);
    this.#socket.pause!();
    heartbeat.delete(this.#peer);
    this.#timer = clock.setTimer(() => {
      const all = [...this.#by];
      this.end();
      for (const expired of all) expired();
    }, (pingInterval + pongTimeout) * 1000);
  }

  #go(): void {
    const { clock, heartbeat, runtime } = this.#parts;
    clock.clearTimer(this.#timer);
    this.#timer = undefined;
    if (runtime.canPing) heartbeat.add(this.#peer);
    this.#socket.resume!(); // last, as what it tells at once may be too much again
  }
}

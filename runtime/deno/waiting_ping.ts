/** A Ping of a Deno socket, from when it is asked for until it leaves. Not part of the public API. */

import type { WebSocketData } from "../../client/types.ts";
import { byteLength, snapshot } from "../../internal/payload.ts";
import { AT_ONCE, type Inner, internals, NEVER } from "./internals.ts";

/** How often to check whether a queue has drained, in ms: at first, and later. */
export const DRAIN_CHECK_MS = { first: 1, most: 25 };

/** How often a Ping is tried beside what is being sent, before that is held back for it. */
const TRIES = 5;

/** So many bytes, sent since nothing was queued, do not stall: a Ping may go out behind them. */
const FRESH_BYTES = 65_536;

/**
 * A Ping that is sent as soon as nothing is queued: then Deno writes its frame at once. A frame that waits
 * behind a stalled write keeps the process alive, even after the connection was dropped (2.9.6,
 * `client_quirks_test.ts`). A peer that keeps up is sent everything else without delay. Where something is
 * always queued, what is sent is held back in the end. If the queue never drains, the Ping is never sent.
 */
export class WaitingPing {
  /** Bytes that are held back. */
  bytes = 0;
  readonly #ws: Inner;
  readonly #hasLeft: () => void;
  /**
   * It waits, or Deno's timer is set for it: then what is sent passes it. Or that is held back, as it waits for
   * the queue to drain, or leaves.
   */
  #state: "waits" | "armed" | "holds" | "leaves" = "waits";
  /** How often it is still to be tried beside what is sent. */
  #tries = TRIES;
  readonly #held: WebSocketData[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param hasLeft Called once it has left, before what was held back is sent. */
  constructor(ws: Inner, hasLeft: () => void) {
    this.#ws = ws;
    this.#hasLeft = hasLeft;
    this.#try();
  }

  /** Sends a message, beside the Ping or once that has left. */
  send(data: WebSocketData): void {
    if (this.#ws.bufferedAmount === 0) this.#useEmptyQueue();
    if (this.#state === "waits" || this.#state === "armed") {
      return this.#ws.send(data as string | ArrayBuffer);
    }
    this.#held.push(snapshot(data));
    this.bytes += byteLength(data);
  }

  /** Takes the Ping back, and sends what was held back. */
  giveUp(): void {
    this.end();
    this.#disarm();
    this.#release();
  }

  /** The connection is over: sends nothing more. */
  end(): void {
    clearTimeout(this.#timer);
  }

  /** Looks whether nothing is queued; with each message that is looked at, too. */
  #try(): void {
    this.#state = "waits";
    if (this.#ws.bufferedAmount === 0) return this.#arm();
    this.#timer = setTimeout(() => this.#check(), AT_ONCE);
  }

  /**
   * Sets Deno's timer for a Ping, and one that looks once more. Set in a timer, as the heartbeat does,
   * that mostly fires right before Deno's own (2.9.6, `deno_internals_test.ts`). Where it does not, the
   * Ping waits behind what was sent in these few milliseconds, and a second one may follow.
   */
  #arm(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#check(), AT_ONCE);
    this.#state = "armed";
    armPing(this.#ws);
  }

  #check(): void {
    if (this.#state === "armed" && this.#ws.bufferedAmount <= FRESH_BYTES) return this.#hasLeft();
    this.#disarm();
    if (--this.#tries > 0) return this.#try();
    this.#state = "holds";
    this.#leaveOnceDrained(DRAIN_CHECK_MS.first);
  }

  #leaveOnceDrained(ms: number): void {
    if (this.#ws.bufferedAmount === 0) return this.#leave();
    const next = Math.min(ms * 2, DRAIN_CHECK_MS.most);
    this.#timer = setTimeout(() => this.#leaveOnceDrained(next), ms);
  }

  #leave(): void {
    clearTimeout(this.#timer);
    this.#state = "leaves";
    armPing(this.#ws);
    // It fires right after Deno's own.
    this.#timer = setTimeout(() => {
      if (this.#ws.readyState !== this.#ws.OPEN) return; // its end is about to be told, with what is held back
      this.#hasLeft();
      this.#release();
    }, AT_ONCE);
  }

  /** What waits for the queue to be empty need not wait for the next look. */
  #useEmptyQueue(): void {
    if (this.#state === "waits") this.#arm();
    else if (this.#state === "holds") this.#leave();
  }

  /** Takes back a Ping that has not gone out. */
  #disarm(): void {
    if (this.#state === "armed") internals?.arm.call(this.#ws);
  }

  #release(): void {
    for (const data of this.#held) this.#ws.send(data as string | ArrayBuffer);
  }
}

/**
 * Sets Deno's own idle timer so that it sends a Ping now, and never ends the connection (2.9.6,
 * `deno_internals_test.ts`, `close_quirks_test.ts`).
 */
function armPing(ws: Inner): void {
  if (internals === undefined || ws.readyState !== ws.OPEN) return;
  ws[internals.idleTime] = AT_ONCE;
  internals.arm.call(ws);
  ws[internals.idleTime] = NEVER;
}

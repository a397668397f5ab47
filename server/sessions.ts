/**
 * What a server has seen of messages that it is to acknowledge: over a break a client sends them again.
 * Not part of the public API.
 */

import type { Clock } from "../internal/clock.ts";
import { Receipt, type Refused } from "../internal/receipt.ts";

/** How many sessions are kept whose clients are away. */
const MAX_AWAY = 100_000;

/** How many refused messages of one session are remembered as such. */
const MAX_REFUSED = 1000;

/** How many of all whose clients are away: each costs some 60 bytes of memory. */
const MAX_REFUSED_AWAY = 200_000;

/** Who sends such messages. */
export interface SessionPeer {
  /** A message was accepted, or refused. */
  answer(number: number, refused: Refused | undefined): void;
}

/** What a client says of itself. */
export interface Introduction {
  /** Its session. */
  id: string;
  /** On how many connections it has said so, this one included. */
  nth: number;
  /** The lowest number that it may send. */
  first: number;
  /** The highest that it has sent, to whomever. */
  sent: number;
}

/** Reads it; nothing where it is none. */
export function readIntroduction(told: Record<string, unknown>): Introduction | undefined {
  const { session: id, nth, first, sent } = told;
  if (typeof id !== "string" || !/^[\w-]{16,64}$/.test(id)) return undefined;
  if (![nth, first, sent].every(Number.isSafeInteger)) return undefined;
  return { id, nth: nth as number, first: first as number, sent: sent as number };
}

/**
 * The messages of one client. On each connection it sends all that have no answer, in order, before
 * anything new: so what has a number up to the highest that was seen has been seen.
 */
export class Session {
  /** Who is told. */
  peer: SessionPeer | undefined;
  /** When it was last there, where it is away. */
  leftAt = 0;
  /** How many refused messages it remembered as its client left. */
  refusedAway = 0;
  /** The last of its client's connections that it was told on. */
  nth = 0;
  #last = 0;
  /** Those up to this one may have been seen elsewhere. */
  #unsure = 0;
  /** Those whose listeners are at work. */
  readonly #atWork = new Set<number>();
  /** Those that were refused, oldest first. */
  readonly #refused = new Map<number, Refused>();
  /** Of those up to this one it is not known any more whether they were refused. */
  #forgotten = 0;

  /** A client is there, again. Returns whether it can be the same. */
  enter(peer: SessionPeer, { nth, first, sent }: Introduction): boolean {
    if (nth <= this.nth) return false;
    // It was elsewhere meanwhile, or this server does not know it any more.
    if (nth > this.nth + 1) this.#unsure = sent;
    this.nth = nth;
    this.peer = peer;
    for (const number of this.#refused.keys()) if (number < first) this.#refused.delete(number);
    return true;
  }

  /** A message came in. Returns its receipt where it is new, and answers again where it is not. */
  take(number: number): Receipt | undefined {
    if (number > this.#last) {
      this.#last = number;
      this.#atWork.add(number);
      const isUnsure = number <= this.#unsure;
      return new Receipt((refused) => this.#settled(number, refused), isUnsure);
    }
    if (this.#atWork.has(number)) return undefined; // it has its answer when they are done
    const forgotten = number <= this.#forgotten ? "forgotten" : undefined;
    this.peer?.answer(number, this.#refused.get(number) ?? forgotten);
    return undefined;
  }

  /** Its client leaves. So many refused messages it may remember; where it has more, it knows of none. */
  leave(now: number, mostRefused: number): void {
    this.peer = undefined;
    this.leftAt = now;
    if (this.#refused.size > mostRefused) {
      this.#refused.clear();
      this.#forgotten = this.#last;
    }
    this.refusedAway = this.#refused.size;
  }

  #settled(number: number, refused: Refused | undefined): void {
    this.#atWork.delete(number);
    if (refused !== undefined) {
      this.#refused.set(number, refused);
      if (this.#refused.size > MAX_REFUSED) {
        const [oldest] = this.#refused.keys();
        this.#refused.delete(oldest!);
        this.#forgotten = Math.max(this.#forgotten, oldest!);
      }
    }
    this.peer?.answer(number, refused);
  }
}

/** The sessions of all clients that are there, and of those that have been for a while. */
export class Sessions {
  readonly #clock: Clock;
  readonly #maxAge: number;
  readonly #sessions = new Map<string, Session>();
  /** Those whose clients are away, the one that left first before all others. */
  readonly #away = new Map<string, Session>();
  /** How many refused messages those remember. */
  #refusedAway = 0;

  /** @param maxAge How long a session is kept whose client is away, in ms. */
  constructor(maxAge: number, clock: Clock) {
    this.#maxAge = maxAge;
    this.#clock = clock;
  }

  /** A client has said who it is. */
  enter(peer: SessionPeer, introduction: Introduction): Session {
    this.#forget();
    const { id } = introduction;
    const known = this.#sessions.get(id) ?? new Session();
    if (known.enter(peer, introduction)) {
      if (this.#away.delete(id)) this.#refusedAway -= known.refusedAway;
      this.#sessions.set(id, known);
      return known;
    }
    // It says that it is a client that is here already. No message of either is dropped. What comes late, on a
    // connection of before, may all have been sent again.
    const own = new Session();
    const sent = introduction.nth < known.nth ? Infinity : introduction.sent;
    own.enter(peer, { ...introduction, nth: Infinity, sent });
    return own;
  }

  /** A client has gone; it may come back. */
  leave(peer: SessionPeer, session: Session, id: string): void {
    if (session.peer !== peer) return; // it is back already
    session.leave(this.#clock.now(), MAX_REFUSED_AWAY - this.#refusedAway);
    if (this.#sessions.get(id) !== session) return;
    this.#refusedAway += session.refusedAway;
    this.#away.set(id, session);
  }

  #forget(): void {
    const oldest = this.#clock.now() - this.#maxAge;
    for (const [id, { leftAt, refusedAway }] of this.#away) {
      if (leftAt >= oldest && this.#away.size <= MAX_AWAY) break;
      this.#refusedAway -= refusedAway;
      this.#away.delete(id);
      this.#sessions.delete(id);
    }
  }
}

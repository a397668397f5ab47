/** What a socket of the WHATWG's shape has sent of late, or could not. Not part of the public API. */

import type { WebSocketData } from "../client/types.ts";
import { type BusinessError, businessError } from "../errors.ts";
import { byteLength, mostBytes } from "../internal/payload.ts";

/** How many of anything are kept for the next turn: as many sockets as usually send in one. */
export const MOST_SPARE = 64;

/** What waits for a Blob to be read, and the Blob itself. */
export type Waiting = WaitingData | { code: number | undefined; reason: string };

/** A message that waits. */
export interface WaitingData {
  readonly data: WebSocketData | Blob;
  /** Bytes that it counts until it is sent. */
  readonly bytes: number;
  /** Whoever is to hear of it, where it is to be acknowledged. */
  readonly answer?: Answer;
}

/** What becomes of one that is to be acknowledged. */
interface Answer {
  resolve(value: boolean): void;
  reject(error: BusinessError): void;
}

/** A list that is emptied often: its memory stays where it is, unless it has become much. */
export class Pile<T> {
  #items: (T | undefined)[] = [];
  /** How many there are. */
  size = 0;

  /** Adds one; returns how many there are. */
  push(item: T): number {
    this.#items[this.size++] = item;
    return this.size;
  }

  /** Takes out all, one after the other. */
  empty(take: (item: T) => void): void {
    const items = this.#items;
    for (let i = 0; i < this.size; i++) {
      take(items[i]!);
      items[i] = undefined;
    }
    this.size = 0;
    if (items.length > MOST_SPARE) this.#items = [];
  }
}

/** What a socket has sent of late, or could not. */
export class Sent {
  /** What is sent when a Blob before it has been read. */
  waiting: Waiting[] | undefined;
  waitingBytes = 0;
  /** What was sent since the connection began to close: it never goes (§3.1, `bufferedAmount`). */
  lateBytes = 0;
  /** What was sent in this turn: until the next one all of it counts as queued. */
  freshBytes = 0;
  /** The texts among that, whose bytes are counted only where somebody asks. */
  readonly freshTexts = new Pile<string>();
  isFresh = false;
}

/**
 * How many bytes it has on the wire: none where it is no message, or none that can be sent. Nor of a Blob before it is
 * read that is a pipe, or the like: on Bun 1.4.5 that has a size without end.
 */
export function sizeOf(data: unknown): number {
  if (data instanceof Blob) return Number.isFinite(data.size) ? data.size : 0;
  return Number.isNaN(mostBytes(data)) ? 0 : byteLength(data as WebSocketData);
}

/** Says of those that were to be acknowledged that they were never sent. */
export function refuseAll(waiting: readonly Waiting[] = []): void {
  for (const one of waiting) {
    if ("data" in one) one.answer?.reject(businessError("unsent", "send: it was never sent"));
  }
}

/**
 * The types of the client's option `reconnect`.
 *
 * @module
 */

import type { Interruption } from "./reconnect_policy.ts";

/**
 * When a client connects again, and how often. Between two connections its state is `reconnecting`.
 *
 * The n-th attempt in a row comes after a random time of up to `minDelay * factor ** (n - 1)` seconds,
 * and at most `maxDelay`: clients that were cut off together do not come back together. A server that
 * closes with 1012 or 1013 and a reason such as `5` or `retry after 5` is left alone for that many
 * seconds first, an hour at the most. When
 * the machine has slept the next attempt is made at once, and an open connection is pinged.
 */
export interface ReconnectOptions {
  /**
   * The longest wait before the first attempt, in seconds above 0 and at most 86,400.
   *
   * @default {1}
   */
  minDelay?: number;
  /**
   * The longest wait before any attempt, in seconds above 0 and at most 86,400.
   *
   * @default {30}
   */
  maxDelay?: number;
  /**
   * By how much the longest wait grows from one attempt to the next, from 1 on.
   *
   * @default {2}
   */
  factor?: number;
  /**
   * How many attempts in a row there are, above 0, before it is given up.
   *
   * @default {Infinity}
   */
  attempts?: number;
  /**
   * How many seconds a connection must have been open for the count to begin anew.
   *
   * @default {5}
   */
  stableAfter?: number;
  /**
   * How many bytes `send` may queue while there is no connection, an integer from 0 on. One more is
   * refused with 2302999.
   *
   * @default {1048576}
   */
  maxQueued?: number;
  /**
   * Whether to go on after an end or a failed attempt. Unless it is given: not after the close codes
   * 1000, 1002, 1003, 1007 to 1010 and 4400 to 4499, whoever sent them, nor after a handshake that
   * was refused with a status of 400 to 499 other than 408, 425 and 429.
   */
  shouldReconnect?: (end: Interruption) => boolean;
  /**
   * Where chance comes from: a number from 0 up to 1.
   *
   * @default {Math.random}
   */
  random?: () => number;
}

export type { Interruption };

/** What 'reconnecting' tells. */
export interface ReconnectInfo {
  /** Which attempt in a row is next, from 1. */
  attempt: number;
  /** In how many seconds. */
  delay: number;
}

/** What hears of one connection. Not part of the public API. */

import type { CloseResult } from "../client/types.ts";
import type { Receipt } from "../internal/receipt.ts";

/** What is told of one connection to what shows it in another shape. */
export interface ConnectionEars {
  /**
   * A message came in; a promise holds back what comes next, where the runtime can.
   *
   * @param receipt Where the client wants to hear what becomes of it.
   */
  message(data: string | ArrayBuffer, receipt?: Receipt): unknown;
  /** It is over; a promise that is rejected where somebody fails with that. */
  closed(close: CloseResult): unknown;
  /** A Ping was answered. */
  ponged(): void;
  /** Whether it wants nothing read. */
  readonly isPaused?: boolean;
}

/**
 * The message that listeners are being told: whose it is, what has shown that connection before, and its receipt. What
 * comes to show the connection meanwhile hears from the next one on. Nothing where a server's one listener is told.
 */
export const telling: {
  now: { of: object; ears: ConnectionEars | undefined; receipt: Receipt | undefined } | undefined;
} = { now: undefined };

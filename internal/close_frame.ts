/** A Close frame: what goes out in one, and what one that came in says. */

import type { CloseResult } from "../client/types.ts";
import { NO_CODE } from "./close_codes.ts";

/** How long a peer may take to answer a Close frame, in ms. Then the connection is dropped. */
export const CLOSE_DEADLINE_MS = 5000;

/** Codes that must not be sent (RFC 6455 §7.4.1): 1000 is sent in their place. */
const UNSENDABLE = new Set([1004, 1005, 1006, 1015]);

/** The longest reason a Close frame holds: 125 bytes less the code (RFC 6455 §5.5). */
const MAX_REASON_BYTES = 123;

/** Whether a code may be sent. */
export function isSendable(code: number): boolean {
  return !UNSENDABLE.has(code);
}

/** What is sent for a close that was asked for. */
export function toWire({ code, reason }: CloseResult): CloseResult {
  return { code: isSendable(code) ? code : 1000, reason: cut(reason) };
}

/**
 * What 'close' reports for a Close frame that came in: no code (1005) is 1000 with no reason
 * (RFC 6455 §7.1.5). `undefined` where no valid Close frame came: the peer vanished. A reason is cut to
 * what a Close frame may hold, as Deno takes longer ones (2.9.6, `tests/hostile/long_text_test.ts`).
 */
export function fromWire(code: number, reason: string): CloseResult | undefined {
  if (code === 1005) return NO_CODE;
  if (code < 1000 || code === 1006 || code === 1015) return undefined;
  return { code, reason: cut(reason) };
}

/** Cuts a reason to what a Close frame holds, between two characters. */
function cut(reason: string): string {
  if (reason.length * 3 <= MAX_REASON_BYTES) return reason;
  const room = new Uint8Array(MAX_REASON_BYTES);
  return reason.slice(0, new TextEncoder().encodeInto(reason, room).read);
}

import type { CloseResult } from "../client/types.ts";
import type { BusinessError } from "../errors.ts";
import { NUMBER, readOptions, TEXT } from "./validate.ts";

/** How long a peer may take to answer a Close frame, in ms. */
export const CLOSE_DEADLINE_MS = 5000;

/** What 'close' reports when the peer vanished or its heartbeat ran out (RFC 6455 §7.1.5). */
export const LINK_DOWN: CloseResult = { code: 1006, reason: "The link is down" };

/** What a peer is told whose message was over `maxPayload`: Bun's own words, which cannot be changed. */
export const TOO_BIG: CloseResult = { code: 1009, reason: "Received too big message" };

/** The code and reason of a `close` with no options. */
export const NORMAL: CloseResult = { code: 1000, reason: "CLOSE_NORMAL" };

/** Codes an endpoint must not send (RFC 6455 §7.4.1); they go out as 1000. */
const UNSENDABLE = new Set([1004, 1005, 1006, 1015]);

/** The longest reason a Close frame holds: 125 bytes less the code (RFC 6455 §5.5). */
const MAX_REASON_BYTES = 123;

/** Reads the options of `close`; a wrong one is returned as the error it deserves. */
export function readCloseOptions(options: unknown): CloseResult | BusinessError {
  if (options === undefined) return NORMAL;
  const given = readOptions("close", options, RULES);
  if (given instanceof Error) return given;
  const { code, reason } = given as { code?: number; reason?: string };
  return {
    code: code !== undefined && isAllowed(code) ? code : NORMAL.code,
    reason: reason ?? NORMAL.reason,
  };
}

const RULES = { code: NUMBER, reason: TEXT };

/** 1000 to 1015 are the protocol's, 3000 to 4999 the application's (RFC 6455 §7.4.2). */
function isAllowed(code: number): boolean {
  return Number.isInteger(code) &&
    ((code >= 1000 && code <= 1015) || (code >= 3000 && code <= 4999));
}

/** What goes on the wire for a close that was asked for. */
export function toWire({ code, reason }: CloseResult): CloseResult {
  return { code: UNSENDABLE.has(code) ? 1000 : code, reason: cut(reason) };
}

/**
 * What 'close' reports for a Close frame that came in: no code (1005) is 1000 with no reason
 * (RFC 6455 §7.1.5). `undefined` where no valid Close frame came: the peer vanished.
 */
export function fromWire(code: number, reason: string): CloseResult | undefined {
  if (code === 1005) return { code: 1000, reason: "" };
  if (code < 1000 || code === 1006 || code === 1015) return undefined;
  return { code, reason };
}

/** Cuts text to what a Close frame holds, at a character boundary. */
function cut(reason: string): string {
  if (reason.length * 3 <= MAX_REASON_BYTES) return reason;
  const room = new Uint8Array(MAX_REASON_BYTES);
  return reason.slice(0, new TextEncoder().encodeInto(reason, room).read);
}

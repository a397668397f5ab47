/** The options of `stop`: what the peers are told. Not part of the public API. */

import type { CloseResult } from "../client/types.ts";
import type { BusinessError } from "../errors.ts";
import { GOING_AWAY } from "../internal/close_codes.ts";
import { isSendable } from "../internal/close_frame.ts";
import { isAllowed } from "../internal/close_options.ts";
import { argumentError, COUNT, readOptions, type Rule, TEXT } from "../internal/validate.ts";

/** Gives what the next peer is told. */
export type Farewell = () => CloseResult;

/** Codes with which a client that connects again reads from the reason when (RFC 6455 §7.4.1, IANA). */
const SERVICE_RESTART = 1012;
const TRY_AGAIN_LATER = 1013;

const CODE: Rule = [
  (value) => isAllowed(value) && isSendable(value),
  "must be a code that can be sent: 1000 to 1014 but 1004 to 1006, or 3000 to 4999",
];

const RULES: Readonly<Record<string, Rule>> = { code: CODE, reason: TEXT, retryAfter: COUNT };

/** Reads the options of `stop`; a wrong one is returned as the error it deserves. */
export function readStopOptions(options: unknown): Farewell | BusinessError {
  if (options === undefined) return () => GOING_AWAY;
  const given = readOptions("stop", options, RULES);
  if (given instanceof Error) return given;
  const { code, reason, retryAfter } = given as Partial<CloseResult> & { retryAfter?: number };
  if (retryAfter === undefined) {
    const close = { code: code ?? GOING_AWAY.code, reason: reason ?? GOING_AWAY.reason };
    return () => close;
  }
  if (code !== undefined && code !== SERVICE_RESTART && code !== TRY_AGAIN_LATER) {
    return argumentError("stop: 'code'", "must be 1012 or 1013 beside 'retryAfter'", code);
  }
  if (reason !== undefined) {
    return argumentError("stop: 'reason'", "must be left out where 'retryAfter' is given", reason);
  }
  // Each has a second of its own, so that they do not come back together.
  let told = 0;
  return () => ({
    code: code ?? SERVICE_RESTART,
    reason: `retry after ${told++ % retryAfter + 1}`,
  });
}

/** The options of `close`, for the client and the server. */

import type { CloseResult } from "../client/types.ts";
import type { BusinessError } from "../errors.ts";
import { NORMAL } from "./close_codes.ts";
import { NUMBER, readOptions, TEXT } from "./validate.ts";

const RULES = { code: NUMBER, reason: TEXT };

/** Reads the options of `close`. Returns an error where they are wrong. */
export function readCloseOptions(options: unknown): CloseResult | BusinessError {
  if (options === undefined) return NORMAL;
  const given = readOptions("close", options, RULES);
  if (given instanceof Error) return given;
  const { code, reason } = given as { code?: number; reason?: string };
  return {
    code: isAllowed(code) ? code : NORMAL.code,
    reason: reason ?? NORMAL.reason,
  };
}

/**
 * Whether a code is one of the protocol, 1000 to 1015, or of the application, 3000 to 4999 (RFC
 * 6455 §7.4.2).
 */
export function isAllowed(code: unknown): code is number {
  return Number.isInteger(code) &&
    (((code as number) >= 1000 && (code as number) <= 1015) ||
      ((code as number) >= 3000 && (code as number) <= 4999));
}

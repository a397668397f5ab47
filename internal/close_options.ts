/** The options of `close`, of the client's and of the server's. */

import type { CloseResult } from "../client/types.ts";
import type { BusinessError } from "../errors.ts";
import { NORMAL } from "./close_codes.ts";
import { NUMBER, readOptions, TEXT } from "./validate.ts";

const RULES = { code: NUMBER, reason: TEXT };

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

/** 1000 to 1015 are the protocol's, 3000 to 4999 the application's (RFC 6455 §7.4.2). */
function isAllowed(code: number): boolean {
  return Number.isInteger(code) &&
    ((code >= 1000 && code <= 1015) || (code >= 3000 && code <= 4999));
}

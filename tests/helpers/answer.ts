/** What a call answers, where a test has a table of answers. */

import type { BusinessError } from "../../mod.ts";

/** What a call answers: its value, or the kind of the error. */
export function answer(call: Promise<unknown>): Promise<unknown> {
  return call.catch((error: BusinessError) => error.kind);
}

/** Waiting for what a test looks at, and never for ever. */

import { assert } from "@std/assert";
import { Stopwatch } from "./stopwatch.ts";

/** Waits for a condition, which is looked at now and then; under load longer, as {@linkcode Stopwatch} has it. */
export async function until(
  what: string,
  isSo: () => boolean,
  ms = 30_000,
  note: () => unknown = () => "",
): Promise<void> {
  const watch = new Stopwatch();
  while (!isSo()) {
    assert(
      watch.ms < ms || watch.isLess(ms),
      `not within ${ms} ms: ${what} ${JSON.stringify(note())}`,
    );
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
}

/** Waiting for what a test looks at, and never for ever. */

import { assert } from "@std/assert";

/** Waits for a condition, which is looked at now and then. */
export async function until(
  what: string,
  isSo: () => boolean,
  ms = 30_000,
  note: () => unknown = () => "",
): Promise<void> {
  const end = performance.now() + ms;
  while (!isSo()) {
    assert(performance.now() < end, `not within ${ms} ms: ${what} ${JSON.stringify(note())}`);
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
}

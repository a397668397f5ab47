/** Random programs on a runtime that tells of an end whenever it may, one for each seed. */

import { assertEquals } from "@std/assert";
import { it } from "@std/testing/bdd";
import process from "node:process";

/**
 * A test of many programs, each of which comes to a list of what was wrong. `MODEL_RUNS` says how many, `MODEL_SEED`
 * which is the first.
 */
export function programs(
  what: string,
  most: number,
  run: (seed: number) => Promise<unknown[]>,
): void {
  const runs = Number(process.env["MODEL_RUNS"] ?? most);
  const first = Number(process.env["MODEL_SEED"] ?? Date.now() % 2 ** 31);
  it(`${what}: MODEL_SEED=${first}, ${runs} programs`, async () => {
    const { error } = console;
    console.error = () => {}; // what nobody has handled
    try {
      for (let seed = first; seed < first + runs; seed++) {
        assertEquals([seed, await run(seed)], [seed, []]);
      }
    } finally {
      console.error = error;
    }
  });
}

/**
 * Random programs on nodes that share a log in memory, on a clock that stands still: publishing, coming
 * and going, appends that fail or hang, a broker that is away, nodes that are, and logs that are
 * trimmed, cut back and emptied. What the log has in the end says what must have been told.
 *
 * `MODEL_RUNS` says how many programs, `MODEL_SEED` which; see `model_test.ts`.
 */

import { assertEquals, assertGreater } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import process from "node:process";
import { clusterProgram } from "./cluster_program.ts";
import { runCluster } from "./cluster_run.ts";

/** So many programs in one case: each case has its time limit. */
const BATCH = 500;

const runs = Number(process.env["MODEL_RUNS"] ?? 500);
const seed = Number(process.env["MODEL_SEED"] ?? Date.now() % 2 ** 31);

describe("random programs on a cluster", () => {
  for (let batch = 0; batch * BATCH < runs; batch++) {
    const options = { numRuns: Math.min(BATCH, runs - batch * BATCH), seed: seed + batch };
    it(`do what the log says: MODEL_SEED=${options.seed}, ${options.numRuns} of them`, async () => {
      await fc.assert(
        fc.asyncProperty(clusterProgram, async (program) => {
          assertEquals(await runCluster(program), [], JSON.stringify(program));
        }),
        options,
      );
    });
  }

  it("reach what they are meant to reach", async () => {
    const reached = new Map<string, number>();
    const note = (what: string, times = 1) => reached.set(what, (reached.get(what) ?? 0) + times);
    for (const program of fc.sample(clusterProgram, { numRuns: 300, seed: 1 })) {
      await runCluster(program, ({ published, nodes }) => {
        for (const { outcome } of published) note(`outcome ${outcome}`);
        for (const { lost, told, changes, log } of nodes) {
          for (const { why } of lost) note(`lost ${why}`);
          note("messages", told.length);
          note("members that left", changes.flatMap(({ left }) => left).length);
          note("duplicates", log.figures.duplicates);
        }
      });
    }
    for (
      const what of [
        ...["messages", "members that left", "duplicates"],
        ...["lost trimmed", "lost forked", "lost gone"],
        ...["outcome told", "outcome unconfirmed", "outcome brokerDown", "outcome notRunning"],
      ]
    ) {
      assertGreater(reached.get(what) ?? 0, 0, what);
    }
  });
});

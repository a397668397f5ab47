/**
 * Random programs on nodes that share a log in memory, on a clock that stands still: publishing, coming
 * and going, appends that fail or hang, a broker that is away, nodes that are, links that are slow,
 * stale or have gaps, and logs that are trimmed, cut back and emptied. What the log has in the end says
 * what must have been told. Half of them run on nodes with nobody connected, and half on real servers,
 * with real clients on a network in memory.
 *
 * `MODEL_RUNS` says how many programs, `MODEL_SEED` which; see `model_test.ts`.
 */

import { assertEquals, assertGreater } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import process from "node:process";
import { clusterProgram } from "./cluster_program.ts";
import { runCluster } from "./cluster_run.ts";
import { runWorld } from "./cluster_world.ts";

/** So many programs in one case: each case has its time limit. */
const BATCH = 500;

const runs = Number(process.env["MODEL_RUNS"] ?? 500);
const seed = Number(process.env["MODEL_SEED"] ?? Date.now() % 2 ** 31);

describe("random programs on a cluster", () => {
  for (const [where, run] of [["nodes", runCluster], ["a network", runWorld]] as const) {
    for (let batch = 0; 2 * batch * BATCH < runs; batch++) {
      const numRuns = Math.min(BATCH, Math.ceil(runs / 2) - batch * BATCH);
      const options = { numRuns, seed: seed + batch };
      const name =
        `of ${where} do what the log says: MODEL_SEED=${options.seed}, ${numRuns} of them`;
      it(name, async () => {
        await fc.assert(
          fc.asyncProperty(clusterProgram, async (program) => {
            assertEquals(await run(program), [], JSON.stringify(program));
          }),
          options,
        );
      });
    }
  }

  it("of nodes reach what they are meant to reach", async () => {
    const reached = new Map<string, number>();
    const note = (what: string, times = 1) => reached.set(what, (reached.get(what) ?? 0) + times);
    for (const program of fc.sample(clusterProgram, { numRuns: 150, seed: 1 })) {
      await runCluster(program, ({ published, nodes }) => {
        for (const { outcome } of published) note(`outcome ${outcome}`);
        for (const { lost, told, changes, duplicates } of nodes) {
          for (const { why } of lost) note(`lost ${why}`);
          note("messages", told.length);
          note("members that left", changes.flatMap(({ left }) => left).length);
          note("duplicates", duplicates);
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

  it("of a network reach what they are meant to reach", async () => {
    const reached = new Map<string, number>();
    const note = (what: string, times = 1) => reached.set(what, (reached.get(what) ?? 0) + times);
    for (const program of fc.sample(clusterProgram, { numRuns: 75, seed: 2 })) {
      await runWorld(program, ({ published, clients, codes, duplicates, gaps }) => {
        for (const { outcome, except } of published) {
          note(`outcome ${outcome}`);
          if (except !== undefined) note("not for somebody");
        }
        for (const { told } of clients) note("messages", [...told.values()].flat().length);
        for (const code of codes) note(`close ${code}`);
        note("duplicates", duplicates);
        note("gaps", gaps);
      });
    }
    for (
      const what of [
        ...[
          "gaps",
          "messages",
          "not for somebody",
          "close 1006",
          "close 1001",
          "close 1012",
          "duplicates",
        ],
        ...["outcome told", "outcome unconfirmed", "outcome brokerDown"],
      ]
    ) {
      assertGreater(reached.get(what) ?? 0, 0, what);
    }
  });
});

/**
 * Random programs on a cluster in memory: `cluster_model.ts [PROGRAMS] [SEED]`. Every second one runs on
 * nodes with nobody connected, the others on servers and clients on a network. Ends with 1, and the program
 * as short as it gets, where one does not do what the log says.
 */

import fc from "fast-check";
import process from "node:process";
import { clusterProgram } from "../model/cluster_program.ts";
import { runCluster } from "../model/cluster_run.ts";
import { runWorld } from "../model/cluster_world.ts";

/** So many programs have seeds that follow from one. */
const BATCH = 500;

const programs = Number(process.argv[2] ?? 100_000);
const first = Number(process.argv[3] ?? Date.now() % 2 ** 31);
console.log(`${programs} programs from seed ${first} on`);

let done = 0;
for (let seed = first; done < programs; seed++) {
  for (const run of [runCluster, runWorld]) {
    const numRuns = Math.min(BATCH, programs - done);
    const property = fc.asyncProperty(clusterProgram, async (program) => {
      const wrongs = await run(program);
      if (wrongs.length > 0) throw new Error(wrongs.join("\n"));
    });
    const details = await fc.check(property, { seed, numRuns });
    if (details.failed) {
      const what = fc.defaultReportMessage(details);
      console.log(`MODEL_SEED=${seed}, ${run.name}: ${what}`, details.errorInstance);
      process.exit(1);
    }
    done += numRuns;
  }
  if (done % (20 * BATCH) === 0 || done === programs) {
    const seconds = Math.round(performance.now() / 1000);
    console.log(`${done} programs did what the log says, in ${seconds} s`);
  }
}

/**
 * Random programs on the network in memory: a server, three clients, every call, everything that can
 * happen to a connection, and listeners that fail or that call the module. `server_calls.ts` and
 * `simulation.ts` know what each call must answer, `recorder.ts` which event may come when,
 * `final_check.ts` which events must have come at the end, and `run.ts` that nothing is left.
 *
 * `MODEL_RUNS` says how many programs, `MODEL_SEED` which. A failure prints the seed, the path to
 * the program and the program itself, made as short as it gets; whatever it was, the program belongs
 * into `cases.ts` then.
 */

import { assertEquals, assertGreater } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import process from "node:process";
import { CASES } from "./cases.ts";
import { program } from "./program.ts";
import { run } from "./run.ts";

/** So many programs in one case: each case has its time limit. */
const BATCH = 1000;

const runs = Number(process.env["MODEL_RUNS"] ?? 1500);
const seed = Number(process.env["MODEL_SEED"] ?? Date.now() % 2 ** 31);

describe("random programs", () => {
  for (let batch = 0; batch * BATCH < runs; batch++) {
    const options = { numRuns: Math.min(BATCH, runs - batch * BATCH), seed: seed + batch };
    it(`do what the model says: MODEL_SEED=${options.seed}, ${options.numRuns} of them`, async () => {
      await fc.assert(
        fc.asyncProperty(program, async (program) => {
          assertEquals(await run(program), [], JSON.stringify(program));
        }),
        options,
      );
    });
  }

  it("reach what they are meant to reach", async () => {
    const reached = new Map<string, number>();
    const note = (what: string, times = 1) => reached.set(what, (reached.get(what) ?? 0) + times);
    for (const one of fc.sample(program, { numRuns: 200, seed: 1 })) {
      await run(one, ({ attempts, published, runs, thrown }) => {
        for (const { opened, asked, events, peer, refused, up, down } of attempts) {
          if (opened !== undefined) note("opened");
          if (asked !== undefined) note(`asked from ${asked.from}`);
          note(`ended ${events.at(-1)!.code ?? events.at(-1)!.why}`);
          if (peer !== undefined) note(`the server's end ${peer.close!.code}`);
          if (refused !== undefined) note(`refused ${refused.status}`);
          note("messages up", up.got.length);
          note("messages down", down.got.length);
        }
        if (runs.length > 1) note("started again");
        note("published to more than one", published);
        note("failing listeners", [...thrown.values()].filter((how) => how === "told").length);
      });
    }
    for (
      const what of [
        ...[
          "published to more than one",
          "opened",
          "messages up",
          "messages down",
          "started again",
          "failing listeners",
        ],
        ...["asked from open", "asked from connecting", "ended connection refused"],
        ...[1000, 1001, 1006, 1009, 4000].map((code) => `ended ${code}`),
        ...[1000, 1001, 1006, 1009, 4000].map((code) => `the server's end ${code}`),
        ...[400, 403, 429, 503].map((status) => `refused ${status}`),
      ]
    ) {
      assertGreater(reached.get(what) ?? 0, 0, what);
    }
  });
});

describe("the program about", () => {
  for (const [name, program] of Object.entries(CASES)) {
    it(name, async () => assertEquals(await run(program), []));
  }
});

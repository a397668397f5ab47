/** Two features at a time, each with each, both ways round: over the network in memory, in time that stands still. */

import { describe, it } from "@std/testing/bdd";
import { World } from "./feature_world.ts";
import { FEATURES } from "./features.ts";

/** `clientAddress` makes all clients one: a limit of one for each does not go with it. */
const APART = new Set(["two at one address", "limits of all kinds"]);

describe("two features at a time", () => {
  const names = Object.keys(FEATURES);
  for (const one of names) {
    it(`${one}, and each other`, async () => {
      for (const two of names) {
        if (APART.has(one) && APART.has(two) && one !== two) continue;
        const features = one === two ? [FEATURES[one]!] : [FEATURES[one]!, FEATURES[two]!];
        const world = new World(features);
        try {
          await world.start();
          for (const { during } of features) await during?.(world);
          await world.finish();
        } catch (cause) {
          const log = `${world.log.join(", ")}; ${[...world.told.values()].join("; ")}`;
          throw new Error(`${one} and ${two}: ${(cause as Error).message} (${log})`, { cause });
        }
      }
    });
  }
});

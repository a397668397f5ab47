/** `./testing`: a clock whose tasks move it themselves, or fail. */

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { FakeClock } from "../../testing.ts";

const OUTER = ["tick", "advance", "block", "until"] as const;
const INNER = ["tick", "block"] as const;

describe("a FakeClock that a task moves", () => {
  for (const outer of OUTER) {
    for (const inner of INNER) {
      it(`never goes back, and fires what falls due: ${inner} within ${outer}`, async () => {
        const clock = new FakeClock();
        const start = clock.now();
        const log: [string, number][] = [];
        const note = (name: string) => log.push([name, clock.now() - start]);
        clock.setTimer(() => {
          note("begins");
          clock[inner](100);
          note("ends");
        }, 10);
        clock.setTimer(() => note("within"), 50);
        clock.setTimer(() => note("after"), 115);
        if (outer === "until") {
          await clock.until(new Promise<void>((resolve) => clock.setTimer(resolve, 20)));
        } else await clock[outer](20);
        // A task that blocks is one that takes so long: what is due meanwhile is late.
        const begin = outer === "block" ? 20 : 10;
        const within = inner === "tick" ? 50 : begin + 100;
        const isDue = begin + 100 >= 115;
        assertEquals(log, [
          ["begins", begin],
          ["within", within],
          ...isDue ? [["after", inner === "tick" ? 115 : begin + 100] as [string, number]] : [],
          ["ends", begin + 100],
        ]);
        assertEquals(clock.now() - start, begin + 100);
        clock.tick(10);
        assertEquals([log.length, clock.now() - start], [4, begin + 110]);
      });
    }
  }

  for (const way of ["tick", "block"] as const) {
    it(`counts what has failed, and goes on after it: ${way}`, () => {
      const clock = new FakeClock();
      const log: string[] = [];
      clock.setTimer(() => {
        throw new TypeError("no luck");
      }, 1);
      clock.setTimer(() => log.push("later"), 2);
      assertThrows(() => clock[way](5), TypeError, "no luck");
      assertEquals([clock.fired, clock.pending, log], [1, 1, []]);
      clock[way](5);
      assertEquals([clock.fired, clock.pending, log], [2, 0, ["later"]]);
    });
  }
});

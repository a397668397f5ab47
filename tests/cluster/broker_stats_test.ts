/** What `stats()` counts of a broker. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Stats } from "../../internal/stats.ts";

describe("Stats of a broker", () => {
  it("count entries and their characters, with the lag of the last one of its own", () => {
    const stats = new Stats();
    const lags = ([[10, 5], [7, undefined], [1, 3], [2, 0]] as const).map(([length, lag]) => {
      stats.entry(length, lag);
      return stats.read(0).broker!.lag;
    });
    assertEquals(lags, [5, 5, 3, 0]);
    const { entries, bytes, queued } = stats.read(0, { queued: 4 }).broker!;
    assertEquals([entries, bytes, queued], [4, 20, 4]);
  });

  it("count how often it came back, and each gap, which is no end and no return", () => {
    const stats = new Stats();
    const counts = ([
      [true, undefined],
      [false, undefined],
      [false, undefined],
      [true, undefined],
      [true, undefined],
      [true, "trimmed"],
      [true, "gone"],
      [false, "forked"],
      [true, undefined],
    ] as const).map(([up, lost]) => {
      stats.broker(up, lost);
      const { reconnects, gaps } = stats.read(0).broker!;
      return `${reconnects} ${gaps}`;
    });
    assertEquals(counts, ["0 0", "0 0", "0 0", "1 0", "1 0", "1 1", "1 2", "1 3", "2 3"]);
  });

  it("are a copy each time, and none where there was no broker", () => {
    const stats = new Stats();
    assertEquals("broker" in stats.read(0), false);
    stats.entry(10, 5);
    const before = stats.read(0).broker!;
    stats.entry(10, 6);
    assertEquals([before.entries, before.lag], [1, 5]);
  });
});

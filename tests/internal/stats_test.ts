/** What `Stats` makes of what it is told, one by one. */

import { assertEquals, assertNotStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Stats } from "../../internal/stats.ts";

describe("Stats", () => {
  it("adds up what was never sent, and what was refused and dropped, each by itself", () => {
    const stats = new Stats();
    for (const bytes of [3, 4]) stats.unsent(0, bytes);
    for (const status of [503, 429, 503]) stats.refused(status);
    for (const why of ["lost", "too slow", "lost"] as const) stats.dropped(0, why);
    const { unsent, refused, dropped } = stats.read(0);
    assertEquals([unsent, refused, dropped], [7, { 429: 1, 503: 2 }, { lost: 2, "too slow": 1 }]);
    assertNotStrictEquals(stats.read(0).refused, refused);
  });

  it("takes a round trip of less than a millisecond as it is", () => {
    const stats = new Stats();
    stats.ponged(undefined, 0.5);
    const roundTrip = { last: 0.5, min: 0.5, max: 0.5, mean: 0.5 };
    assertEquals(stats.read(0).roundTrip, roundTrip);
  });

  it("has the last round trip, the ends, and the mean", () => {
    const stats = new Stats();
    assertEquals("roundTrip" in stats.read(0), false);
    for (const ms of [5, 1, 3]) stats.ponged(0, ms);
    assertEquals(stats.read(0).roundTrip, { last: 3, min: 1, max: 5, mean: 3 });
    for (const ms of [0, 6]) stats.ponged(0, ms); // none at all, and one after that
    assertEquals(stats.read(0).roundTrip, { last: 6, min: 0, max: 6, mean: 3 });
  });

  it("says nothing of a broker before there was one", () => {
    assertEquals("broker" in new Stats().read(0), false);
  });

  it("adds up a broker's entries, and keeps the last lag that was told", () => {
    const stats = new Stats();
    stats.entry(10, undefined);
    const broker = { entries: 1, bytes: 10, lag: 0, reconnects: 0, gaps: 0, queued: 0 };
    assertEquals(stats.read(0).broker, broker);
    stats.entry(5, 7);
    stats.entry(1, undefined);
    assertEquals(stats.read(0, { queued: 9 }).broker, {
      ...broker,
      entries: 3,
      bytes: 16,
      lag: 7,
      queued: 9,
    });
  });

  it("counts a broker that is there again, not one that is there for the first time, and gaps", () => {
    const stats = new Stats();
    const told = (up: boolean, lost?: string) => {
      stats.broker(up, lost);
      const { reconnects, gaps } = stats.read(0).broker!;
      return [reconnects, gaps];
    };
    assertEquals(told(true), [0, 0]);
    assertEquals(told(false), [0, 0]);
    assertEquals(told(true), [1, 0]);
    assertEquals(told(true), [1, 0]);
    assertEquals(told(false), [1, 0]);
    assertEquals(told(false, "cut"), [1, 1]);
    assertEquals(told(true), [2, 1]);
    assertEquals(stats.read(0).broker, {
      entries: 0,
      bytes: 0,
      lag: 0,
      reconnects: 2,
      gaps: 1,
      queued: 0,
    });
  });

  it("tells what waits to be acknowledged where something does", () => {
    const read = (messages: number) =>
      new Stats().read(4, { unacknowledged: { messages, bytes: 3 } });
    assertEquals("unacknowledged" in read(0), false);
    assertEquals(read(1).unacknowledged, { messages: 1, bytes: 3 });
    assertEquals(read(1).buffered, 4);
  });
});

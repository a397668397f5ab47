import { assertEquals, assertGreater } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { systemClock } from "../../internal/clock.ts";

describe("systemClock", () => {
  it("goes forward, calls once, and takes a timer back", async () => {
    const log: string[] = [];
    const before = systemClock.now();
    systemClock.clearTimer(systemClock.setTimer(() => log.push("taken back"), 5));
    await new Promise<void>((resolve) => {
      systemClock.setTimer(() => {
        log.push("called");
        resolve();
      }, 20);
    });
    assertEquals(log, ["called"]);
    assertGreater(systemClock.now() - before, 18);
  });
});

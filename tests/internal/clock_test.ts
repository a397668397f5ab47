import { assertEquals, assertGreater } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import process from "node:process";
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

  it("knows the calendar's time", () => {
    const [before, wall, after] = [Date.now(), systemClock.wall!(), Date.now()];
    assertEquals([before <= wall, wall <= after], [true, true]);
  });

  it("calls at once what is due already, and the runtime warns of nothing", async () => {
    const warned: string[] = [];
    const warn = ({ name }: Error) => void warned.push(name);
    process.on("warning", warn);
    for (const ms of [-0.02, -1, 0]) {
      await new Promise<void>((resolve) => systemClock.setTimer(resolve, ms));
    }
    process.off("warning", warn);
    assertEquals(warned, []);
  });
});

import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { FakeTime } from "@std/testing/time";
import process from "node:process";
import { Heartbeat } from "../../heartbeat.ts";
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

  it("goes with timers that a program has put in the place of the system's", () => {
    using time = new FakeTime();
    const began = systemClock.now();
    const told: string[] = [];
    const tell = (what: string) => () =>
      told.push(`${what} ${Math.floor(systemClock.now() - began) >= 30_000}`);
    systemClock.setTimer(tell("short"), 99);
    systemClock.setTimer(tell("long"), 30_000);
    systemClock.clearTimer(systemClock.setTimer(tell("never"), 20_000));
    time.tick(29_999);
    assertLess(systemClock.now() - began, 20_000);
    time.tick(1);
    assertEquals(told, ["short false", "long true"]);
  });

  it("has a heartbeat go with them", () => {
    for (const pingInterval of [undefined, 0, -1, NaN, 30_001, 5]) {
      using time = new FakeTime();
      const heartbeat = new Heartbeat({ pingInterval });
      const began = time.now;
      const told: string[] = [];
      const tell = (what: string) => () => told.push(`${what} ${(time.now - began) / 1000}`);
      heartbeat.add({ ping: tell("ping"), dead: tell("dead") });
      time.tick(120_000);
      const seconds = pingInterval === 5 ? 5 : 30;
      assertEquals(told, [`ping ${seconds}`, `dead ${2 * seconds}`], `${pingInterval}`);
    }
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

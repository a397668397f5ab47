/** `./testing`: the clock that stands still. */

import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { BusinessError } from "../../mod.ts";
import { FakeClock } from "../../testing.ts";
import { runSource } from "../helpers/source.ts";

const [MAIN, TESTING, CLUSTER] = ["mod.ts", "testing.ts", "cluster.ts"]
  .map((name) => new URL(`../../${name}`, import.meta.url).href);

describe("FakeClock", () => {
  it("fires timers at their moments, in the order they fall due, then in that they were set", async () => {
    const clock = new FakeClock();
    const start = clock.now();
    const log: [string, number][] = [];
    const note = (name: string) => () => void log.push([name, clock.now() - start]);
    clock.setTimer(note("late"), 20);
    clock.setTimer(note("first"), 10);
    clock.setTimer(note("second"), 10);
    clock.clearTimer(clock.setTimer(note("never"), 5));
    clock.setTimer(() => clock.setTimer(note("nested"), 0), 10);
    assertEquals([clock.pending, clock.fired], [4, 0]);
    clock.tick(9);
    assertEquals(log, []);
    clock.tick(3);
    assertEquals(log, [["first", 10], ["second", 10], ["nested", 11]]);
    await clock.advance(100);
    assertEquals(log.at(-1), ["late", 20]);
    assertEquals([clock.pending, clock.fired, clock.now() - start], [0, 5, 112]);
  });

  it("lets promises settle between two timers where it is advanced, and not where it is ticked", async () => {
    for (const way of ["tick", "advance"] as const) {
      const clock = new FakeClock();
      const log: string[] = [];
      for (const name of ["one", "two"]) {
        clock.setTimer(async () => {
          log.push(name);
          for (let turn = 0; turn < 10; turn++) await undefined;
          log.push(`after ${name}`);
        }, 1);
      }
      await clock[way](1);
      const settled = ["one", "after one", "two", "after two"];
      assertEquals(log, way === "tick" ? ["one", "two"] : settled);
      await clock.advance(0);
      assertEquals(log.length, 4);
    }
  });

  it("lets chains of promises settle, however long they are", async () => {
    const clock = new FakeClock();
    const log: string[] = [];
    const chain = async (name: string) => {
      for (let turn = 0; turn < 5000; turn++) await undefined;
      log.push(name);
    };
    void chain("before");
    clock.setTimer(() => void chain("one"), 10);
    clock.setTimer(
      () => void chain("two").then(() => clock.setTimer(() => log.push("three"), 1)),
      20,
    );
    await clock.advance(0);
    assertEquals(log, ["before"]);
    await clock.advance(21);
    assertEquals(log, ["before", "one", "two", "three"]);
    assertEquals(await clock.until(chain("until").then(() => "done")), "done");
  });

  it("sees timers that promises set in between", async () => {
    const clock = new FakeClock();
    const sleep = (ms: number) => new Promise<void>((resolve) => clock.setTimer(resolve, ms));
    const start = clock.now();
    let woken = 0;
    void (async () => {
      for (let i = 0; i < 10; i++) await sleep(10);
      woken = clock.now() - start;
    })();
    await clock.advance(1000);
    assertEquals(woken, 100);
  });

  it("fires late, and all at the end, where the process is blocked", () => {
    const clock = new FakeClock();
    const start = clock.now();
    const log: number[] = [];
    clock.setTimer(() => log.push(clock.now() - start), 10);
    clock.setTimer(() => log.push(clock.now() - start), 20);
    clock.setTimer(() => log.push(clock.now() - start), 100);
    clock.setTimer(() => log.push(clock.now() - start), 101);
    clock.block(100);
    assertEquals([log, clock.now() - start], [[100, 100, 100], 100]);
  });

  it("waits for what takes real time, where no timer is left", async () => {
    const clock = new FakeClock();
    const loaded = new Promise<void>((resolve) => setTimeout(resolve, 20));
    const later = loaded.then(() => new Promise((resolve) => clock.setTimer(() => resolve(1), 9)));
    assertEquals(await clock.until(later), 1);
    assertEquals(clock.now(), 1009);
  });

  it("lets no time pass while the module loads a part of itself for the first time", async () => {
    const { code, stdout } = await runSource(`
      import { createWebSocket, createWebSocketServer } from ${JSON.stringify(MAIN)};
      import { FakeClock, MemoryNetwork } from ${JSON.stringify(TESTING)};
      import { memoryBroker } from ${JSON.stringify(CLUSTER)};
      const clock = new FakeClock();
      const network = new MemoryNetwork({ clock });
      const parts = { clock, runtime: network.server, history: true, broker: memoryBroker() };
      const server = createWebSocketServer(parts);
      clock.setTimer(() => console.log("late"), 100);
      void server.start({ serverPort: 80 });
      await clock.advance(50);
      console.log(server.address !== undefined);
      const ws = createWebSocket({ clock, runtime: network.client, reconnect: true, resume: true });
      void ws.connect("ws://localhost/");
      await clock.until(ws.opened);
      console.log(ws.state);
      (globalThis.Deno ?? process).exit(0);
    `);
    assertEquals([code, stdout.trim().split("\n")], [0, ["true", "open"]]);
  });

  it("waits until a promise settles, and no longer", async () => {
    const clock = new FakeClock();
    const start = clock.now();
    const sleep = (ms: number) =>
      new Promise<string>((resolve) => clock.setTimer(() => resolve("up"), ms));
    assertEquals(await clock.until(sleep(500)), "up");
    assertEquals(clock.now() - start, 500);
    await assertRejects(() => clock.until(Promise.reject(new TypeError("no"))), TypeError, "no");
    await assertRejects(() => clock.until(sleep(2000), 1000), Error, "1000 ms");
    assertEquals(clock.now() - start, 500);
  });

  it("waits for a minute where it is not told how long, and for no millisecond more", async () => {
    for (const [ms, comes] of [[60_000, true], [60_001, false]] as const) {
      const clock = new FakeClock();
      const up = new Promise<string>((resolve) => clock.setTimer(() => resolve("up"), ms));
      if (comes) assertEquals(await clock.until(up), "up");
      else await assertRejects(() => clock.until(up), Error, "nothing has come in 60000 ms");
      assertEquals([clock.fired, clock.pending], comes ? [1, 0] : [0, 1]);
    }
  });

  it("gives up what takes real time when 5 s of that are over, and not before", async () => {
    const own = performance.now;
    let skipped = 0;
    performance.now = () => own.call(performance) + skipped;
    try {
      for (const [ms, comes] of [[4000, true], [5001, false]] as const) {
        const clock = new FakeClock();
        const { promise, resolve } = Promise.withResolvers<string>();
        setTimeout(() => skipped += ms, 10);
        setTimeout(() => resolve("loaded"), 60);
        if (comes) assertEquals(await clock.until(promise), "loaded");
        else await assertRejects(() => clock.until(promise), Error, "nothing has come in 60000 ms");
        await promise;
      }
    } finally {
      performance.now = own;
    }
  });

  it("settles promises where there is no setImmediate, as in a page, and keeps nothing running", async () => {
    const { code, stdout } = await runSource(`
      import { FakeClock } from ${JSON.stringify(TESTING)};
      globalThis.setImmediate = undefined;
      const clock = new FakeClock();
      const chain = async (name) => {
        for (let turn = 0; turn < 1000; turn++) await undefined;
        console.log(name);
      };
      void chain("before");
      clock.setTimer(() => void chain("at 10"), 10);
      await clock.advance(5);
      console.log("at 5");
      await clock.advance(5);
      console.log("end");
    `);
    assertEquals([code, stdout.trim().split("\n")], [0, ["before", "at 5", "at 10", "end"]]);
  });

  it("has a calendar that goes on while the machine sleeps", async () => {
    const clock = new FakeClock();
    assertEquals([clock.now(), clock.wall()], [1000, 1000]);
    clock.sleep(50);
    clock.sleep(7);
    await clock.advance(1);
    assertEquals([clock.now(), clock.wall()], [1001, 1058]);
  });

  it("refuses what is no time, and what is no promise", async () => {
    const clock = new FakeClock();
    const rule = (what: string) =>
      `Parameter error: ${what} must be a number of milliseconds from 0 on: current value is`;
    for (const ms of [-1, NaN, Infinity, "5"] as never[]) {
      for (const name of ["sleep", "tick", "block"] as const) {
        assertStringIncludes(
          assertThrows(() => clock[name](ms), BusinessError).message,
          rule(`${name}: ms`),
        );
      }
      const advanced = await assertRejects(() => clock.advance(ms), BusinessError);
      assertStringIncludes(advanced.message, rule("advance: ms"));
      const waited = await assertRejects(
        () => clock.until(Promise.resolve(), ms),
        BusinessError,
      );
      assertStringIncludes(waited.message, rule("until: ms"));
    }
    for (const promise of [undefined, null, 5, { then: 1 }] as never[]) {
      const { message } = await assertRejects(() => clock.until(promise), BusinessError);
      assertStringIncludes(message, "until: the promise must be a promise: current value is");
    }
    for (const ms of [NaN, Infinity, "5"] as never[]) {
      const { message } = assertThrows(() => clock.setTimer(() => {}, ms), BusinessError);
      assertStringIncludes(message, "setTimer: ms must be a number of milliseconds: current");
    }
    assertEquals([clock.now(), clock.wall(), clock.pending], [1000, 1000, 0]);
  });

  it("fires after 1 ms what is due already", () => {
    const clock = new FakeClock();
    const fired: number[] = [];
    for (const ms of [-0.1, 0]) clock.setTimer(() => fired.push(clock.now()), ms);
    clock.tick(1);
    assertEquals(fired, [1001, 1001]);
  });
});

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

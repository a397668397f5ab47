import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Deadlines } from "../../cluster/wait.ts";
import { standStill, Stopwatch } from "../helpers/stopwatch.ts";

/** Never settles. */
const never = new Promise<never>(() => {});

describe("what waits with one timer", () => {
  it("gets what comes in time, and its failure", async () => {
    const deadlines = new Deadlines();
    assertEquals(await deadlines.within(Promise.resolve(1), 60_000, "nothing"), 1);
    const failing = deadlines.within(Promise.reject(new Error("no")), 60_000, "nothing");
    await assertRejects(() => failing, Error, "no");
    deadlines.rest();
  });

  it("ends each by its own limit, the shorter one first, whichever began first", async () => {
    const deadlines = new Deadlines();
    const ended: string[] = [];
    const wait = async (what: string, ms: number, promise: Promise<never> = never) => {
      const began = performance.now();
      const { message } = await assertRejects(() => deadlines.within(promise, ms, what), Error);
      ended.push(message);
      return performance.now() - began;
    };
    // In the order in which they began, and with one that goes on before and after them.
    const [first, last] = ["first", "last"].map(() => Promise.withResolvers<never>());
    const one = wait("one", 60_000, first!.promise);
    const waits = [wait("b", 80), wait("a", 60)];
    const other = wait("other", 60_000, last!.promise);
    const [b, a] = await Promise.all(waits);
    assert(a! >= 59 && b! >= 79);
    assertEquals(ended.toSorted(), ["a within 60 ms", "b within 80 ms"]);
    assert(await wait("c", 40) >= 39); // the timer is set anew
    first!.reject(new Error("one has come"));
    last!.reject(new Error("the other has come"));
    await Promise.all([one, other]);
    assertEquals(ended.slice(2), ["c within 40 ms", "one has come", "the other has come"]);
    deadlines.rest();
  });

  it("gets what came while this process stood still, and is ended if nothing did", async () => {
    const deadlines = new Deadlines();
    const later = new Promise<string>((resolve) => setTimeout(resolve, 200, "came"));
    const [came, nothing] = [later, never].map((promise) => deadlines.within(promise, 100, "none"));
    const failing = assertRejects(() => nothing!, Error, "none within 100 ms");
    standStill(800);
    assertEquals(await came, "came");
    await failing;
    deadlines.rest();
  });

  it("is ended in time where this process stands still once more", async () => {
    const deadlines = new Deadlines();
    const failing = assertRejects(() => deadlines.within(never, 100, "none"), Error);
    standStill(800);
    await new Promise((resolve) => setTimeout(resolve, 1));
    standStill(1200);
    const watch = new Stopwatch();
    await failing;
    watch.assertLess(250);
    deadlines.rest();
  });

  it("leaves no timer where it rests, also when something still waits", async () => {
    const deadlines = new Deadlines();
    const coming = Promise.withResolvers<number>();
    const waiting = deadlines.within(coming.promise, 60_000, "nothing");
    deadlines.rest();
    coming.resolve(2);
    assertEquals(await waiting, 2); // Deno fails where a timer is left
  });
});

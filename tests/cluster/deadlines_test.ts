import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Deadlines } from "../../cluster/wait.ts";

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
    const began = performance.now();
    const ended: string[] = [];
    const wait = (what: string, ms: number) =>
      assertRejects(() => deadlines.within(never, ms, what), Error, `${what} within ${ms} ms`)
        .then(() => ended.push(what), (cause) => ended.push(String(cause)));
    await Promise.all([wait("c", 120), wait("a", 40), wait("b", 80)]);
    assertEquals(ended, ["a", "b", "c"]);
    assert(performance.now() - began >= 119);
    // It has no timer any more, and takes another one.
    await wait("d", 20);
    assertEquals(ended.at(-1), "d");
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

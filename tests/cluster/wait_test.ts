import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Ending, pause, within } from "../../cluster/wait.ts";
import { countListeners } from "../helpers/leftovers.ts";

const never = new Promise<string>(() => {});

/** A signal that aborts on a later turn, or has aborted. */
function aborting(when: "now" | "soon"): AbortSignal {
  const controller = new AbortController();
  const abort = () => controller.abort(new Error("given up"));
  if (when === "now") abort();
  else setTimeout(abort, 1);
  return controller.signal;
}

describe("waiting for something", () => {
  it("has what it comes to", async () => {
    const { signal } = new AbortController();
    assertEquals(await within(Promise.resolve("a"), 60_000, "nothing", signal), "a");
    const failed = Promise.reject(new Error("it failed"));
    await assertRejects(() => within(failed, 60_000, "nothing"), Error, "it failed");
  });

  it("ends when it takes too long", async () => {
    await assertRejects(() => within(never, 5, "no answer"), Error, "no answer within 5 ms");
  });

  for (const when of ["now", "soon"] as const) {
    it(`ends when its signal aborts, with the reason: ${when}`, async () => {
      const waiting = () => within(never, 60_000, "nothing", aborting(when));
      await assertRejects(waiting, Error, "given up");
    });

    it(`ends a pause when its signal aborts: ${when}`, async () => {
      const began = performance.now();
      await pause(60_000, aborting(when));
      assert(performance.now() - began < 30_000);
    });
  }

  it("leaves no listener on its signal, however it ends", async () => {
    const { signal } = new AbortController();
    const left = countListeners(signal);
    await pause(1, signal);
    await within(Promise.resolve("a"), 60_000, "nothing", signal);
    await within(Promise.reject(new Error("it failed")), 60_000, "nothing", signal).catch(() => {});
    await within(never, 1, "nothing", signal).catch(() => {});
    assertEquals(left(), 0);
  });

  it("pauses for as long as it is told", async () => {
    const began = performance.now();
    await pause(20, new AbortController().signal);
    const took = performance.now() - began;
    assert(took > 15, `${took} ms`);
  });

  it("fails what waits for an end, and keeps nothing of what has come", async () => {
    const ending = new Ending();
    assertEquals(await ending.before(Promise.resolve("a")), "a");
    const failed = Promise.reject(new Error("it failed"));
    await assertRejects(() => ending.before(failed), Error, "it failed");
    assertEquals([ending.size, ending.cause], [0, undefined]);
    const waiting = [ending.before(never), ending.before(never)];
    assertEquals(ending.size, 2);
    const cause = new Error("given up");
    ending.end(cause);
    for (const one of waiting) await assertRejects(() => one, Error, "given up");
    assertEquals(ending.cause, cause);
    await assertRejects(() => ending.before(never), Error, "given up");
    await assertRejects(() => ending.before(Promise.reject(new Error("later"))), Error, "given up");
  });
});

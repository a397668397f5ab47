/** Listeners that return a thenable which is no promise. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { BusinessError } from "../../errors.ts";
import { Listeners } from "../../internal/listeners.ts";
import { Receipt } from "../../internal/receipt.ts";

describe("a listener that returns a thenable", () => {
  /** One that calls what it is given without a look, some time later, and gives nothing itself. */
  const thenable = (settle: (done: () => void, fail: (cause: unknown) => void) => void) => ({
    then(done: () => void, fail: (cause: unknown) => void): void {
      setTimeout(() => settle(done, fail));
    },
  });

  it("is at work until that is settled", async () => {
    const listeners = new Listeners<"open">(["open", "error"]);
    const log: unknown[] = [];
    listeners.on("error", (error: unknown) => log.push((error as BusinessError).cause));
    listeners.on("open", () => thenable((done) => (log.push("done"), done())));
    await listeners.emit("open");
    assertEquals(log, ["done"]);
    listeners.once("open", () => thenable((_, fail) => fail("failed")));
    await listeners.emit("open");
    assertEquals(log, ["done", "done", "failed"]);
  });

  it("acknowledges its message when that is settled", async () => {
    const listeners = new Listeners<"open">(["open", "error"]);
    const log: unknown[] = [];
    listeners.on("open", () => thenable((done) => (log.push("done"), done())));
    const receipt = new Receipt((refused) => log.push(refused ?? "accepted"));
    receipt.end(listeners.emitTo(receipt.watch(listeners.list("open"))));
    await new Promise((resolve) => setTimeout(resolve, 5));
    assertEquals(log, ["done", "accepted"]);
  });
});

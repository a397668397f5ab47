import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Listeners } from "../../internal/listeners.ts";
import { Receipt } from "../../internal/receipt.ts";

/** Listeners of messages, and what becomes of one that is told to them. */
function setUp() {
  const listeners = new Listeners<"message">(["message", "error"]);
  const faults: unknown[] = [];
  listeners.on("error", ({ cause }: { cause: Error }) => faults.push(cause.message));
  const answers: unknown[] = [];
  const receipt = () => new Receipt((refused) => answers.push(refused ?? "accepted"));
  const tell = (one = receipt()) =>
    one.end(listeners.emitTo(one.watch(listeners.list("message")), undefined, "data"));
  return { listeners, faults, answers, receipt, tell };
}

describe("a receipt", () => {
  it("is answered when all listeners have done, and their failures are told as ever", async () => {
    const { answers, faults, listeners, tell } = setUp();
    tell();
    assertEquals(answers, ["unheard"]);
    const told: unknown[] = [];
    listeners.on("message", (...args: unknown[]) => void told.push(args));
    tell();
    assertEquals([answers.at(-1), told], ["accepted", [[undefined, "data"]]]);
    const { promise, resolve } = Promise.withResolvers<void>();
    listeners.on("message", () => promise);
    tell();
    assertEquals(answers.length, 2);
    resolve();
    await new Promise((resolve) => setTimeout(resolve));
    assertEquals(answers.slice(2), ["accepted"]);
    listeners.on("message", () => {
      throw new Error("one");
    });
    listeners.on("message", () => ({
      then: (_: unknown, reject: (cause: Error) => void) => reject(new Error("two")),
    }));
    tell();
    await new Promise((resolve) => setTimeout(resolve));
    assertEquals(answers.slice(3), ["failed"]);
    assertEquals(faults, ["one", "two"]);
  });

  it("waits for whoever has it in hand, and one of them is enough to have seen it", () => {
    const { answers, receipt } = setUp();
    const one = receipt();
    const [release, other] = [one.hold(), one.hold()];
    one.end(undefined);
    release(true);
    assertEquals(answers, []);
    other(false);
    assertEquals(answers, ["accepted"]);
  });

  it("is refused by the first who fails, whoever has done with it after that", () => {
    const refusals = [undefined, "failed", "unacceptable"] as const;
    for (const one of refusals) {
      for (const other of refusals) {
        for (const isSeen of [true, false]) {
          const { answers, receipt } = setUp();
          const told = receipt();
          const [first, second] = [told.hold(), told.hold()];
          told.end(undefined);
          first(true, one);
          second(isSeen, other);
          assertEquals(answers, [one ?? other ?? "accepted"]);
        }
      }
    }
  });

  it("is refused where it is given to nobody", () => {
    const { answers, receipt } = setUp();
    receipt().refuse("too big");
    assertEquals(answers, ["too big"]);
  });
});

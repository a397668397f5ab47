/** What a log in memory is told to do wrong. */

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { BusinessError } from "../../mod.ts";
import { FakeClock, MemoryBroker } from "../../testing.ts";

describe("fail()", () => {
  it("orders nothing where one of the faults is none", async () => {
    const clock = new FakeClock();
    const broker = new MemoryBroker({ clock });
    for (const one of [broker, broker.link()]) {
      const error = assertThrows(() => one.fail("refused", "lost" as never), BusinessError);
      assertEquals(error.code, 401);
      const appended = one.append("a");
      await clock.advance(0);
      await appended;
    }
    assertEquals(broker.entries, ["a", "a"]);
    await broker.close();
  });
});

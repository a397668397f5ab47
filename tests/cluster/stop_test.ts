/** How long a server that has a broker may take to stop. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocketServer } from "../../mod.ts";
import type { ListenerEvents, TcpListener } from "../../runtime/contract.ts";
import { FakeClock, MemoryBroker } from "../../testing.ts";
import { ScriptedServer, ScriptedSocket } from "../helpers/scripted_runtime.ts";

await import("../../server/clustered.ts"); // which takes time that no fake clock knows of

/** A runtime whose answers that are under way never end by themselves. */
class BusyServer extends ScriptedServer {
  readonly #clock: FakeClock;

  constructor(clock: FakeClock) {
    super();
    this.#clock = clock;
  }

  override listen(options: unknown, events: ListenerEvents): TcpListener {
    const close = (ms: number) =>
      new Promise<void>((resolve) => void this.#clock.setTimer(resolve, ms));
    return { ...super.listen(options, events), close };
  }
}

describe("stop() of a server with a broker", () => {
  for (
    const [what, faults, ms] of [["takes nothing", ["held"], 4800], ["is well", [], 4400]] as const
  ) {
    it(`takes ${ms} ms where no peer and no answer ends, and the broker ${what}`, async () => {
      const clock = new FakeClock();
      const broker = new MemoryBroker({ clock });
      const runtime = new BusyServer(clock);
      const server = createWebSocketServer({ broker, clock, runtime, presence: true });
      await clock.until(server.start({ serverPort: 80 }));
      runtime.enter().open(new ScriptedSocket());
      await clock.advance(100);
      broker.fail(...faults);
      const began = clock.now();
      assertEquals(await clock.until(server.stop()), true);
      assertEquals(clock.now() - began, ms);
      broker.mend();
      await broker.close();
      assertEquals(clock.pending, 0);
    });
  }

  it("gives the broker 700 ms where nothing else takes long", async () => {
    const clock = new FakeClock();
    const broker = new MemoryBroker({ clock });
    const runtime = new ScriptedServer();
    const server = createWebSocketServer({ broker, clock, runtime, presence: true });
    await clock.until(server.start({ serverPort: 80 }));
    broker.fail("held");
    const began = clock.now();
    assertEquals(await clock.until(server.stop()), true);
    assertEquals(clock.now() - began, 700);
    broker.mend();
    await broker.close();
  });
});

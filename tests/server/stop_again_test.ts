/** `stop` that is called again in the midst of `stop`, by whoever hears of what it cuts off. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocketServer } from "../../mod.ts";
import { FakeClock } from "../../testing.ts";
import { PausableSocket, ScriptedServer } from "../helpers/scripted_runtime.ts";

describe("server.stop() within server.stop()", () => {
  for (const who of ["an observer", "a listener of 'error'"]) {
    it(`is the same for ${who}, and ends no later start`, async () => {
      const clock = new FakeClock();
      const runtime = new ScriptedServer();
      const log: string[] = [];
      const again = (): void => {
        log.push("again");
        void server.stop({ code: 4000 }).then((value) => log.push(`again ${value}`));
      };
      const server = createWebSocketServer({
        clock,
        runtime,
        observer: {
          unsent: () => who === "an observer" && again(),
          stopped: () => log.push("stopped"),
        },
      });
      server.on("error", () => who !== "an observer" && again());
      server.on("close", (_, { code }) => log.push(`close ${code}`));
      await server.start({ serverPort: 80 });
      const admission = runtime.enter();
      const socket = new PausableSocket();
      socket.close = () => admission.closed({ code: 1006, reason: "", unsent: 5 });
      admission.open(socket);
      // One more, so that nothing is over at once.
      const other = runtime.enter(50_001);
      const slow = new PausableSocket();
      other.open(slow);
      const stopped = server.stop().then((value) => log.push(`stop ${value}`));
      await clock.advance(0);
      assertEquals(log.splice(0), ["again", "close 1001", "close 1001"]);
      assertEquals(slow.calls, ["close 1001"]);
      other.closed({ code: 1001, reason: "" });
      await clock.until(stopped);
      await clock.advance(0);
      assertEquals(log.splice(0).sort(), ["again true", "stop true", "stopped"]);
      await server.start({ serverPort: 80 });
      await clock.advance(60_000);
      assertEquals([log, server.address?.port], [[], 80]);
      await clock.until(server.stop());
      assertEquals([log, server.address, clock.pending], [["stopped"], undefined, 0]);
    });
  }
});

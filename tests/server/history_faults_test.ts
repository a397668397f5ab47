/** What a runtime tells of its faults, on a server with a history as on one without. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type BusinessError, createWebSocketServer } from "../../mod.ts";
import type { AcceptorEvents } from "../../runtime/contract.ts";
import { FakeClock } from "../../testing.ts";
import { ScriptedServer } from "../helpers/scripted_runtime.ts";

await import("../../server/clustered.ts");

/** A server on a script, and what its 'error' tells. */
function make(history: boolean) {
  const clock = new FakeClock();
  const runtime = new ScriptedServer();
  const server = createWebSocketServer({ clock, runtime, history });
  const errors: BusinessError[] = [];
  server.on("error", (error) => void errors.push(error));
  return { clock, runtime, server, errors };
}

describe("what a runtime tells of its faults is told by 'error', with a history as without", () => {
  for (const history of [false, true]) {
    it(`where an answer could not be sent: ${history}`, async () => {
      const { clock, runtime, server, errors } = make(history);
      await clock.until(server.start({ serverPort: 1 }));
      const cause = new Error("cut off");
      runtime.fail(cause);
      assertEquals(errors.map(({ kind, message }) => [kind, message.split(": ").slice(1)]), [
        ["hookFailed", ["an answer could not be sent", "Error", "cut off"]],
      ]);
      assertEquals(errors[0]!.cause, cause);
      await clock.until(server.stop());
    });

    it(`where the host does something wrong, and why: ${history}`, async () => {
      const { clock, runtime, server, errors } = make(history);
      const given: AcceptorEvents[] = [];
      const { mount } = ScriptedServer.prototype;
      runtime.mount = (options, events) => {
        given.push(events as AcceptorEvents);
        return mount.call(runtime, options, events);
      };
      await clock.until(server.mount());
      const cause = new Error("used up");
      given[0]!.hostFault("no answer", cause);
      given[0]!.hostFault("no cause");
      assertEquals(errors.map(({ kind, message }) => [kind, message.split(": ").slice(1)]), [
        ["hostFault", ["mount", "no answer"]],
        ["hostFault", ["mount", "no cause"]],
      ]);
      assertEquals(errors.map((error) => "cause" in error && error.cause), [cause, false]);
      await clock.until(server.stop());
    });
  }
});

/** What a runtime tells of its faults, and clients that are at fault, on a server with a history. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type BusinessError, createWebSocketServer } from "../../mod.ts";
import type { AcceptorEvents, Admission } from "../../runtime/contract.ts";
import { FakeClock } from "../../testing.ts";
import { HANDSHAKE, ScriptedServer, ScriptedSocket } from "../helpers/scripted_runtime.ts";

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

    it(`where the port is lost for a moment, and why: ${history}`, async () => {
      const { clock, runtime, server, errors } = make(history);
      await clock.until(server.start({ serverPort: 1 }));
      const cause = new Error("too many files");
      runtime.lose(cause);
      const told = errors.map(({ kind, message }) => [kind, message.split(": ").slice(2)]);
      const words = ["Error", "too many files"];
      assertEquals([told, errors[0]!.cause === cause], [[["listenFailed", words]], true]);
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

describe("a client that resumes and does not greet as it should", () => {
  const OFFER = { "sec-websocket-protocol": "resume.netkit.1" };
  const ways: Record<string, (admission: Admission, clock: FakeClock) => unknown> = {
    "with what is no greeting": (admission) => admission.message("hello"),
    "with a message": (admission) => admission.message("\nhello"),
    "with bytes": (admission) => admission.message(new ArrayBuffer(3)),
    "by saying nothing": (_, clock) => clock.advance(10_000),
    "by leaving": (admission) => admission.closed({ code: 1000, reason: "" }),
  };
  for (const [name, act] of Object.entries(ways)) {
    it(`has no place any more, and is told nothing: ${name}`, async () => {
      const { clock, runtime, server, errors } = make(true);
      const told: string[] = [];
      for (const event of ["connect", "close"] as const) server.on(event, () => told.push(event));
      await clock.until(server.start({ serverPort: 1, maxConnections: 1 }));
      await clock.advance(10);
      for (let turn = 0; turn < 3; turn++) {
        const admission = await runtime.request({ headers: { ...HANDSHAKE, ...OFFER } });
        assertEquals(admission instanceof Response, false, `turn ${turn}`);
        const socket = new ScriptedSocket();
        (admission as Admission).open(socket);
        await act(admission as Admission, clock);
        assertEquals(socket.calls, name === "by leaving" ? ["send"] : ["send", "terminate"]);
      }
      assertEquals([told, errors, server.listAllConnections()], [[], [], []]);
      const began = clock.now();
      await clock.until(server.stop());
      assertEquals([clock.now() - began, clock.pending], [0, 0]);
    });
  }
});

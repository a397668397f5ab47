/** A server with `history` whose listeners cannot follow, on a runtime that can stop reading, and on one that cannot. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocketServer } from "../../mod.ts";
import type { Admission } from "../../runtime/contract.ts";
import { FakeClock } from "../../testing.ts";
import {
  HANDSHAKE,
  PausableSocket,
  ScriptedServer,
  ScriptedSocket,
} from "../helpers/scripted_runtime.ts";

const RESUMES = "resume.netkit.1";

/** What a socket of either kind is asked for: as more comes than may, and as the server closes. */
const SOCKETS = [
  [ScriptedSocket, "drops it where the runtime cannot stop reading", ["close 1008"], ["tooFast"]],
  [PausableSocket, "stops reading", ["pause", "close 4000", "resume"], []],
] as const;

/** A client's handshake. */
function handshake(runtime: ScriptedServer, protocol: string): Admission {
  const headers = {
    ...HANDSHAKE,
    ...(protocol !== "" && { "sec-websocket-protocol": protocol }),
  };
  return runtime.request({ headers }) as Admission;
}

describe("a server with 'history' to whom a client sends too fast", () => {
  for (const [Socket, what, calls, kinds] of SOCKETS) {
    for (const [protocol, asks] of [["", false], [RESUMES, false], [RESUMES, true]] as const) {
      const more = asks ? ", and wants it acknowledged" : "";
      it(`${what}: a client that offers '${protocol}'${more}`, async () => {
        const clock = new FakeClock();
        const runtime = new ScriptedServer();
        const server = createWebSocketServer({ history: true, clock, runtime });
        const errors: unknown[] = [];
        server.on("error", ({ kind }) => errors.push(kind));
        server.on("messageReceive", () => new Promise(() => {}));
        await clock.until(server.start({ serverPort: 80, maxPendingAmount: 10 }));
        const wire = new Socket();
        const admission = handshake(runtime, protocol);
        assertEquals(admission.protocol, protocol);
        admission.open(wire);
        if (protocol !== "") admission.message('{"resume":1}\n');
        const line = (n: number) => protocol === "" ? "" : asks ? `#${n}\n` : "\n";
        for (const [n, data] of ["much", "more"].entries()) admission.message(line(n + 1) + data);
        await clock.advance(1);
        for (const one of server.listAllConnections()) await server.close(one, { code: 4000 });
        const greeted = protocol === "" ? [] : ["send"];
        assertEquals([wire.calls, errors], [[...greeted, ...calls], kinds]);
        admission.closed({ code: 1000, reason: "" });
        await clock.until(server.stop());
        assertEquals(clock.pending, 0);
      });
    }
  }
});

/** Clients that want to hear what becomes of their messages, and read none of the answers. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocketServer } from "../../mod.ts";
import type { Admission } from "../../runtime/contract.ts";
import { FakeClock } from "../../testing.ts";
import { HANDSHAKE, ScriptedServer, ScriptedSocket } from "../helpers/scripted_runtime.ts";

const OFFER = { "sec-websocket-protocol": "resume.netkit.1" };

describe("a client that is to stay, however slowly it reads, and reads no answer", () => {
  const MIB = 1024 * 1024;
  const cases = [
    { what: "stays", queued: 10 + MIB, errors: [], closes: [] },
    {
      what: "is let go where that is over 1 MiB more",
      queued: 11 + MIB,
      errors: ["tooSlow"],
      closes: ["close 1013"],
    },
  ];
  for (const { what, queued, errors, closes } of cases) {
    it(what, async () => {
      const runtime = new ScriptedServer();
      const clock = new FakeClock();
      const server = createWebSocketServer({ clock, runtime, history: true });
      const config = { serverPort: 1, maxBufferedAmount: 10, slowPeer: "refuse" } as const;
      await clock.until(server.start(config));
      const told: unknown[] = [];
      server.on("error", ({ kind }) => void told.push(kind));
      server.on("messageReceive", () => {});
      const admission = await runtime.request({ headers: { ...HANDSHAKE, ...OFFER } }) as Admission;
      const socket = new ScriptedSocket();
      admission.open(socket);
      admission.message('{"resume":1}\n');
      socket.bufferedAmount = queued;
      for (let n = 1; n <= 1000; n++) admission.message(`#${n}\n`);
      const calls = socket.calls.filter((call) => call !== "send");
      assertEquals([told, calls], [errors, closes]);
      socket.bufferedAmount = 0;
      admission.closed({ code: 1000, reason: "" });
      await clock.until(server.stop());
    });
  }
});

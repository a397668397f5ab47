/** What a server can do with a connection in the very 'connect' that tells of it, whether it has broadcast before or not. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { WebSocketConnection, WebSocketServer } from "../../mod.ts";
import { answer } from "../helpers/answer.ts";
import { MemoryPair } from "../helpers/memory_pair.ts";

type Call = (server: WebSocketServer, one: WebSocketConnection) => unknown;

/** Each call, what it answers there, and what the client is told by it. */
const CALLS: Record<string, [call: Call, answered: unknown, told: unknown[]]> = {
  broadcast: [(server) => server.broadcast("all"), { sent: 1, tooSlow: 0 }, ["all"]],
  "broadcast to the others": [
    (server, one) => server.broadcast("all", { except: one }),
    { sent: 0, tooSlow: 0 },
    [],
  ],
  "join and publish": [
    (server, one) => {
      void server.join(one, "news");
      return server.publish("news", "new");
    },
    { sent: 1, tooSlow: 0 },
    ["new"],
  ],
  "join, leave and publish": [
    (server, one) => {
      void server.join(one, "news");
      void server.leave(one, "news");
      return server.publish("news", "new");
    },
    { sent: 0, tooSlow: 0 },
    [],
  ],
  send: [(server, one) => server.send("you", one), true, ["you"]],
  "send to a copy": [
    (server, { clientIP, clientPort }) => server.send("you", { clientIP, clientPort }),
    true,
    ["you"],
  ],
  listAllConnections: [(server, one) => server.listAllConnections().indexOf(one), 0, []],
  stats: [(server) => server.stats()!.connections, 1, []],
  drained: [(server, one) => server.drained(one), true, []],
  close: [(server, one) => server.close(one, { code: 4000 }), true, [4000]],
  "close, then broadcast": [
    (server, one) => {
      void server.close(one, { code: 4000 });
      return server.broadcast("all");
    },
    { sent: 0, tooSlow: 0 },
    [4000],
  ],
  terminate: [(server, one) => server.terminate(one), true, [1006]],
};

describe("in 'connect'", () => {
  for (const [name, [call, answered, told]] of Object.entries(CALLS)) {
    for (const before of ["nobody", "somebody"]) {
      it(`${name} has its effect, on a server that has broadcast to ${before} before`, async () => {
        await using pair = await MemoryPair.start({ server: { stats: true } });
        const { clock, server, ws } = pair;
        if (before === "somebody") {
          await pair.open();
          await server.broadcast("before");
          await clock.advance(100);
          await pair.close();
        }
        const log: unknown[] = [];
        ws.on("message", (_, data) => void log.push(data));
        ws.on("close", (_, { code }) => void log.push(code));
        const answers: unknown[] = [];
        server.on("connect", (one) => {
          void answer(Promise.resolve(call(server, one))).then((value) => answers.push(value));
        });
        await pair.open();
        await clock.advance(100);
        assertEquals([answers, log], [[answered], told]);
        // It hears of everything from then on.
        if (ws.state === "open") {
          assertEquals(await server.broadcast("last"), { sent: 1, tooSlow: 0 });
        }
      });
    }
  }
});

/** A server with a history in a host, and on a runtime: what its clients get, whether they can resume or not. */

import { assertEquals, assertStrictEquals } from "@std/assert";
import { deadline } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { createWebSocket, createWebSocketServer, type WebSocketConnection } from "../../mod.ts";
import type { AcceptorEvents, ServerRuntime } from "../../runtime/contract.ts";
import { FakeClock } from "../../testing.ts";
import { ScriptedServer } from "../helpers/scripted_runtime.ts";
import { TestHost } from "../helpers/test_host.ts";
import { LIMIT_MS } from "../helpers/watched_server.ts";

describe("a server with a history that is mounted", () => {
  it("sends to all but one, and afterwards to that one as well, each message once", async () => {
    const server = createWebSocketServer({ history: true });
    const mount = await server.mount({ path: "/" });
    await using host = TestHost.of(mount);
    const log: string[] = [];
    server.on("error", ({ kind }) => void log.push(`error ${kind}`));
    const enter = async (name: string) => {
      const { promise: joined, resolve } = Promise.withResolvers<WebSocketConnection>();
      server.once("connect", async (connection) => {
        await server.join(connection, "t");
        resolve(connection);
      });
      const ws = createWebSocket({ reconnect: true, resume: name.startsWith("resuming") });
      const { promise: done, resolve: end } = Promise.withResolvers<void>();
      ws.on("message", (_, data) => {
        if (data === "end") end();
        else log.push(`${name} ${JSON.stringify(data)}`);
      });
      await ws.connect(`ws://127.0.0.1:${host.port}/`);
      return { ws, done, connection: await joined };
    };
    const all = [];
    for (const name of ["plain 1", "resuming 1", "plain 2", "resuming 2"]) {
      all.push(await enter(name));
    }
    for (const [n, { connection }] of all.entries()) {
      await server.publish("t", `a${n}`, { except: connection });
    }
    await server.publish("t", "b");
    await server.leave(all[1]!.connection, "t");
    await server.publish("t", "c");
    for (const { connection } of all) await server.send("end", connection);
    for (const { done } of all) await deadline(done, LIMIT_MS);
    assertEquals(log.sort(), [
      ...['plain 1 "a1"', 'plain 1 "a2"', 'plain 1 "a3"', 'plain 1 "b"', 'plain 1 "c"'],
      ...['plain 2 "a0"', 'plain 2 "a1"', 'plain 2 "a3"', 'plain 2 "b"', 'plain 2 "c"'],
      ...['resuming 1 "a0"', 'resuming 1 "a2"', 'resuming 1 "a3"', 'resuming 1 "b"'],
      ...['resuming 2 "a0"', 'resuming 2 "a1"', 'resuming 2 "a2"', 'resuming 2 "b"'],
      'resuming 2 "c"',
    ]);
    for (const { ws } of all) await ws.close();
    await server.stop();
  });
});

describe("what a runtime and its owner tell each other", () => {
  for (const history of [false, true]) {
    it(`is told with a history: ${history}, a host's fault and its cause, and who is to leave the port`, async () => {
      const clock = new FakeClock();
      const scripted = new ScriptedServer();
      let host: AcceptorEvents | undefined;
      const log: unknown[] = [];
      const runtime: ServerRuntime = {
        ...{ name: "", canPing: true, checksPayload: true, fault: () => "other" },
        listen: (options, events) => ({
          ...scripted.listen(options, events),
          retire: () => void log.push("retires"),
        }),
        mount: (options, events) => scripted.mount(options, host = events),
      };
      const server = createWebSocketServer({ clock, runtime, history });
      server.on("error", ({ kind, cause }) => log.push([kind, cause]));
      await clock.until(server.start({ serverPort: 1 }));
      await clock.until(server.stop());
      await clock.until(server.mount());
      host!.hostFault("why", log);
      await clock.until(server.stop());
      assertEquals(log.length, 2);
      assertEquals(log[0], "retires");
      assertStrictEquals((log[1] as unknown[])[1], log);
    });
  }
});

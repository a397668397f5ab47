/** A server with a history in a host: what its clients get, whether they can resume or not. */

import { assertEquals } from "@std/assert";
import { deadline } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { createWebSocket, createWebSocketServer, type WebSocketConnection } from "../../mod.ts";
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

/** A client that reconnects, and a server on a network in memory: what the tests of it share. */

import { assertEquals } from "@std/assert";
import { createWebSocket, createWebSocketServer, type ReconnectOptions } from "../../mod.ts";
import { FakeClock, MemoryNetwork } from "../../testing.ts";
import { EventLog } from "../helpers/client.ts";
import { ScriptedClient } from "../helpers/scripted_runtime.ts";

export const URL = "ws://localhost:80/";

/** A client, the server that it connects to, and what that hears. */
export async function world(reconnect: true | ReconnectOptions = true, options = {}) {
  const clock = new FakeClock();
  const network = new MemoryNetwork({ clock });
  const server = createWebSocketServer({ clock, runtime: network.server });
  const received: unknown[] = [];
  server.on("messageReceive", ({ data }) => received.push(data));
  const heads: Request[] = [];
  const listen = (port = 80) =>
    server.start({
      serverPort: port,
      authorize(request) {
        heads.push(request);
        return true;
      },
    });
  await listen();
  const ws = createWebSocket({ clock, runtime: network.client, reconnect, ...options });
  const cut = async () => {
    for (const link of network.links) link.cut();
    await clock.advance(1);
  };
  return {
    ...{ clock, network, server, ws, received, heads, listen, cut },
    async [Symbol.asyncDispose]() {
      if (ws.state !== "idle") void ws.close();
      if (server.address !== undefined) await clock.until(server.stop());
      await clock.advance(10_000);
      assertEquals([ws.state, network.links.length, clock.pending], ["idle", 0, 0]);
    },
  };
}

/** A client on a runtime that does what the test says, and what it tells. */
export function scripted(reconnect: true | ReconnectOptions = { random: () => 0 }, options = {}) {
  const clock = new FakeClock();
  const runtime = new ScriptedClient();
  const ws = createWebSocket({ clock, runtime, reconnect, ...options });
  return { clock, runtime, ws, log: new EventLog(ws) };
}

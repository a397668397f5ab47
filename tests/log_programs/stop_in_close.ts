/** A server that stops in its 'close', as the guide's does, and a client in the same process that has closed. */

import { createWebSocket, createWebSocketServer } from "../../mod.ts";
import { next, say, sayAnswer, watchClient, watchServer } from "../helpers/event_log.ts";
import { TestHost } from "../helpers/test_host.ts";

const server = watchServer(
  createWebSocketServer({ observer: { stopped: () => say("server stopped") } }),
);
let stopped: Promise<void> | undefined;
server.on("close", () => {
  stopped = sayAnswer("stop", server.stop());
});
const ws = watchClient(createWebSocket());

async function closeBy(who: "client" | "server", url: string): Promise<void> {
  const connected = next<never>(server, "connect");
  await ws.connect(url);
  const [connection] = await Promise.all([connected, ws.opened]);
  await sayAnswer("close", who === "client" ? ws.close() : server.close(connection));
  await ws.closed;
  await stopped;
}

for (const who of ["client", "server"] as const) {
  say(`-- the ${who} closes`);
  await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
  await closeBy(who, `ws://127.0.0.1:${server.address!.port}/`);
}

for (const who of ["client", "server"] as const) {
  say(`-- the ${who} closes, in a host`);
  const mount = await server.mount({});
  const host = new TestHost((request, info) => mount.fetch(request, info), mount);
  await closeBy(who, `ws://127.0.0.1:${host.port}/`);
  await host.stop(true);
}

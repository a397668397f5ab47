/**
 * A mounted server whose client leaves in the instant of its upgrade. It stops, as does its host by force, and the
 * process must then end by itself.
 */

import type { Socket } from "node:net";
import { createWebSocketServer } from "../../mod.ts";
import { TestHost } from "../helpers/test_host.ts";
import { openTcp, requestHead } from "../peers/raw.ts";

const server = createWebSocketServer();
const sockets: Socket[] = [];
const asked = Promise.withResolvers<void>();
const mount = await server.mount({
  authorize() {
    sockets[0]!.resetAndDestroy();
    asked.resolve();
    return true;
  },
});
const host = TestHost.of(mount);
sockets.push(await openTcp(host.port));
sockets[0]!.write(requestHead(host.port));
await asked.promise;
await server.stop();
await host.stop(true);
console.log("stopped");

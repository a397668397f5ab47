/** Both sides in one process: `stop` of the server, and the client's 'close'. */

import { createWebSocket, createWebSocketServer } from "../../mod.ts";
import { listen, next, say } from "../helpers/event_log.ts";

const server = createWebSocketServer();
server.on("close", () => say("server close"));
const ws = createWebSocket();
ws.on("close", (_, reason) => say("client close", reason));
const connected = next(server, "connect");
await ws.connect(await listen(server));
await Promise.all([connected, ws.opened]);
const stopped = server.stop();
await ws.closed; // which of the two is first is the system's affair
say("stopped:", await stopped);

/** AbortSignals: on a client before, during and after the attempt, and on a server. */

import { createWebSocket, createWebSocketServer } from "../../mod.ts";
import { listen, next, say, sayAnswer, watchClient, watchServer } from "../helpers/event_log.ts";

const server = watchServer(createWebSocketServer());
const stopper = new AbortController();
const url = await listen(server, { signal: stopper.signal });
const ws = watchClient(createWebSocket());

say("-- aborted before");
await sayAnswer("connect", ws.connect(url, { signal: AbortSignal.abort() }));
say("state:", ws.state);
await ws.opened.catch((error) => say("opened:", error));
say("closed:", await ws.closed);

say("-- aborted while connecting");
let controller = new AbortController();
await ws.connect(url, { signal: controller.signal });
controller.abort(new Error("a reason nobody sees"));
say("state:", ws.state);
say("closed:", await ws.closed);

say("-- aborted while open");
controller = new AbortController();
const connected = next(server, "connect");
await ws.connect(url, { signal: controller.signal });
await Promise.all([connected, ws.opened]);
const left = next(server, "close");
void ws.send("before");
controller.abort();
await sayAnswer("send", ws.send("after"));
await sayAnswer("close", ws.close());
say("closed:", await ws.closed);
await left;

say("-- aborted afterwards");
controller.abort();
say("state:", ws.state);

say("-- aborted while closing");
controller = new AbortController();
await ws.connect(url, { signal: controller.signal });
await ws.opened;
const gone = next(server, "close");
await ws.close({ code: 4000, reason: "closed" });
controller.abort();
say("closed:", await ws.closed);
await gone;

say("-- the server's");
await ws.connect(url);
await ws.opened;
const away = next(server, "close");
stopper.abort();
await sayAnswer("start meanwhile", server.start({ serverPort: 0 }));
await away;
say("closed:", await ws.closed);
await server.stop().catch(() => {});
say("address:", server.address);
stopper.abort();

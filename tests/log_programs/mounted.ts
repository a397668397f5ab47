/** A server in a host of the runtime's own: what is let in, what is the host's, and what comes of both. */

import { createWebSocket, createWebSocketServer, type WebSocketMount } from "../../mod.ts";
import { next, say, sayAnswer, watchClient, watchServer } from "../helpers/event_log.ts";
import { TestHost } from "../helpers/test_host.ts";

const server = watchServer(createWebSocketServer());
server.on("messageReceive", ({ clientConnection, data }) => {
  void server.send(`you said ${data}`, clientConnection);
});
let mount: WebSocketMount = await server.mount({
  path: "/chat",
  maxConnectionsForOneClient: 1,
  authorize: ({ url }) => url.endsWith("?no") ? new Response("no", { status: 401 }) : true,
});
say("address", server.address, mount.address);
await sayAnswer("mount again", server.mount({}));
await sayAnswer("start", server.start({ serverPort: 0 }));

const host = new TestHost((request, info) => mount.fetch(request, info), mount);
const at = (path: string) => `ws://127.0.0.1:${host.port}/${path}`;

say("-- a client that is refused");
const eve = watchClient(createWebSocket());
await sayAnswer("connect", eve.connect(at("chat?no")));
await eve.opened.catch(() => {});

say("-- a client of ours");
const ws = watchClient(createWebSocket());
const connected = next(server, "connect");
await sayAnswer("connect", ws.connect(at("chat?name=ada")));
await Promise.all([ws.opened, connected]);
await ws.send("hello");
await next(ws, "message");

say("-- others");
for (const path of ["chat", "elsewhere"]) {
  const other = watchClient(createWebSocket());
  await sayAnswer("connect", other.connect(at(path)));
  await other.opened.catch(() => {});
}
const page = await fetch(at("page").replace("ws:", "http:"));
say("page", page.status, await page.text());

say("-- stop");
const stopped = server.stop();
await ws.closed; // which of the two is first is the host's affair
say("stop:", await stopped);
const late = watchClient(createWebSocket());
await sayAnswer("connect", late.connect(at("chat")));
await late.opened.catch(() => {});

say("-- again");
mount = await server.mount({});
host.reload(mount.websocket);
const back = next(server, "connect");
await sayAnswer("connect", ws.connect(at("anywhere")));
await Promise.all([ws.opened, back]);
const left = next(server, "close");
await ws.close({ code: 4000, reason: "done" });
await Promise.all([ws.closed, left]);
await server.stop();
await host.stop(true);

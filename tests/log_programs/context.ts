/** `authorize`: who is let in, and what is known of them in every event. */

import { createWebSocket, createWebSocketServer } from "../../mod.ts";
import { listen, next, say, watchClient } from "../helpers/event_log.ts";

interface User {
  name: string;
}

const server = createWebSocketServer<User>();
server.on("connect", ({ context }) => say("server connect", context));
server.on("messageReceive", ({ clientConnection: { context }, data }) => {
  say("server messageReceive", context, data);
});
server.on("close", ({ context }, reason) => say("server close", context, reason));
server.on("error", (error) => say("server error", error));

const url = await listen(server, {
  authorize({ url, headers, method }): Response | User {
    const { pathname, searchParams } = new URL(url);
    say("authorize", method, pathname, headers.get("authorization"), headers.get("cookie"));
    const name = searchParams.get("name");
    if (name === null) return new Response("who are you?", { status: 401 });
    return { name };
  },
});

for (
  const [path, header] of [
    ["", {}],
    ["chat?name=Ada", { Authorization: "Bearer token" }],
    ["a%20b/%C3%A9?name=B%C3%B6b&x=1", { COOKIE: "a=1; b=2", "X-Number": "5" }],
  ] as const
) {
  const ws = watchClient(createWebSocket());
  const connected = next(server, "connect");
  await ws.connect(url + path, { header });
  if (await ws.opened.then(() => false, () => true)) continue;
  await connected;
  const received = next(server, "messageReceive");
  await ws.send("hello");
  await received;
  say("list:", server.listAllConnections().map(({ context }) => context));
  const left = next(server, "close");
  await ws.close();
  await Promise.all([ws.closed, left]);
}
await server.stop();

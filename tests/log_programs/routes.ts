/** Several endpoints on one port: paths, patterns, queries, subprotocols, and who is told what. */

import { createWebSocket, createWebSocketServer } from "../../mod.ts";
import { listen, next, say, sayAnswer, watchClient, watchServer } from "../helpers/event_log.ts";

const server = watchServer(createWebSocketServer());
server.on("connect", ({ url, protocol }) => say("at", url, protocol));
const url = await listen(server, {
  path: ["/chat", new URLPattern({ pathname: "/rooms/:id" })],
  protocol: (offered) => offered.find((name) => name.startsWith("mqtt")),
  authorize(request, { clientIP, headers }) {
    const user = new URL(request.url).searchParams.get("user");
    say("authorize", user, clientIP);
    headers.set("set-cookie", `user=${user}`);
    return user === "eve" ? new Response("no", { status: 401 }) : true;
  },
  fetch: (request, { clientIP, remoteAddr }) => {
    say("fetch", new URL(request.url).pathname, clientIP, remoteAddr.transport);
    return new Response("a page", { status: 404 });
  },
});

const asked: [path: string, protocol: string][] = [
  ["chat", ""],
  ["chat?user=ada&x=%20", "amqp,mqttv3.1,mqtt"],
  ["a/../rooms/7?user=bob", "mqtt"],
  ["rooms/7/8", ""],
  ["Chat", ""],
  ["chat?user=eve", ""],
];
for (const [path, protocol] of asked) {
  say("-- the client asks for", path, protocol);
  const ws = watchClient(createWebSocket());
  const connected = next(server, "connect");
  await sayAnswer("connect", ws.connect(url + path, { protocol }));
  if (await ws.opened.catch(() => undefined) === undefined) continue;
  await connected;
  const left = next(server, "close");
  await ws.close();
  await Promise.all([ws.closed, left]);
}

say("-- no handshake");
const answer = await fetch(`${url.replace("ws:", "http:")}page?x`);
say("status", answer.status, await answer.text());
await server.stop();

for (const path of ["chat", "/chat?x", [], 5]) {
  await sayAnswer("start", server.start({ serverPort: 0, path: path as never }));
}
for (const protocol of [[], ["a", "a"], "a b", 5]) {
  await sayAnswer("start", server.start({ serverPort: 0, protocol: protocol as never }));
}

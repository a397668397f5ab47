/** What `stop` tells the peers, and what the server's own program hears of its topics. */

import { createWebSocket, createWebSocketServer } from "../../mod.ts";
import { listen, next, say, sayAnswer, watchServer } from "../helpers/event_log.ts";

const server = watchServer(createWebSocketServer());
const end = server.subscribe("news", (message) => say("heard", message));
server.subscribe("news", () => {
  throw new Error("no news is good news");
});

const farewells = [
  undefined,
  { code: 1012, reason: "a new version" },
  { retryAfter: 2 },
  { retryAfter: 1, code: 1013 },
];
for (const [i, farewell] of farewells.entries()) {
  say("-- stop with", farewell);
  const url = await listen(server);
  const clients = [createWebSocket(), createWebSocket()];
  for (const ws of clients) {
    const connected = next(server, "connect");
    await ws.connect(url);
    await ws.opened;
    await connected;
  }
  if (i === 1) end();
  await sayAnswer("publish", server.publish("news", `number ${i}`));
  const closed = Promise.all(clients.map((ws) => ws.closed));
  await sayAnswer("stop", server.stop(farewell));
  for (const close of await closed) say("a client was told", close); // in the order they came
}

await listen(server);
for (
  const wrong of [
    null,
    { code: 1006 },
    { code: 99 },
    { reason: 5 },
    { retryAfter: 0 },
    { retryAfter: 3, code: 1001 },
    { retryAfter: 3, reason: "soon" },
    { when: "now" },
  ]
) {
  await sayAnswer("stop", server.stop(wrong as never));
}
for (const [topic, listener] of [[5, () => {}], ["a", "b"]] as const) {
  try {
    server.subscribe(topic as never, listener as never);
  } catch (error) {
    say("subscribe threw", error);
  }
}
await sayAnswer("stop", server.stop());
await sayAnswer("stop", server.stop({ code: 1012 }));

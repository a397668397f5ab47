/** URLs that are none, and the empty host of the guide's placeholder. */

import { createWebSocket } from "../../mod.ts";
import { next, say, sayAnswer, watchClient } from "../helpers/event_log.ts";

const ws = watchClient(createWebSocket());
ws.on("error", () => say(`in error: ${ws.state}`));

const wrong: unknown[] = [
  "",
  "nonsense",
  "/path",
  "http://127.0.0.1/",
  "https://127.0.0.1/",
  "WS://127.0.0.1/",
  "ws:127.0.0.1",
  "ws//127.0.0.1",
  "ftp://127.0.0.1/",
  "ws://127.0.0.1:99999/",
  "ws://127.0.0.1:0/",
  "ws://127.0.0.1:port/",
  "ws://[::1/",
  "ws://a b/",
  "ws://127.0.0.1/#fragment",
  `ws://127.0.0.1/${"x".repeat(8195)}`,
  undefined,
  null,
  5,
  {},
  new URL("ws://127.0.0.1/"),
];
for (const url of wrong) {
  await sayAnswer(`connect to ${JSON.stringify(url)?.slice(0, 60)}`, ws.connect(url as string));
}

for (const url of ["ws://", "wss://", "ws://:80", "ws://user@:80/path", "ws:///path"]) {
  const told = next(ws, "error");
  await sayAnswer(`connect to ${url}`, ws.connect(url));
  await told;
}
const told = next(ws, "error");
await new Promise((resolve) =>
  ws.connect("ws://", (error, ok) => {
    say("called back:", error, ok);
    resolve(undefined);
  })
);
await told;
ws.connect("ws://").catch(() => {});
await ws.opened.catch((error) => say("opened:", error));
await ws.closed.catch((error) => say("closed:", error));

/** Attempts that fail on the way: one 'error' each, no 'close', and the client is idle in it. */

import { createWebSocket } from "../../mod.ts";
import { NOBODY, say, watchClient } from "../helpers/event_log.ts";
import { acceptHead, RawServer } from "../peers/raw.ts";

const ws = watchClient(createWebSocket());
ws.on("error", () => say(`in error: ${ws.state}`));

async function attempt(what: string, url: string) {
  say(`-- ${what}`);
  // Only where nothing comes is it waited for: a busy machine may take more than a second to answer.
  const connectTimeout = what === "the answer never comes" ? 1 : 20;
  say("connect:", await ws.connect(url, { connectTimeout }));
  await ws.opened.catch((error) => say("opened:", error.code, error.data));
  await ws.closed.catch((error) => say("closed:", error.code, error.data));
}

await attempt("nobody listens", NOBODY);
await attempt("no such host", "ws://nowhere.invalid/");

const statuses = ["200 OK", "301 Moved Permanently", "400 Bad Request", "401 Unauthorized"];
statuses.push("404 Not Found", "426 Upgrade Required", "500 Oops", "503 Service Unavailable");
const answers: Record<string, (request: string) => string | undefined> = {
  ...Object.fromEntries(statuses.map((status) => [
    `the answer is ${status}`,
    () => `HTTP/1.1 ${status}\r\nContent-Length: 0\r\nLocation: /\r\n\r\n`,
  ])),
  "the answer is no HTTP": () => "SSH-2.0-OpenSSH\r\n\r\n",
  "the answer never comes": () => undefined,
  "the answer is empty": () => "",
  "the answer upgrades to something else": (request) =>
    acceptHead(request).replace("Upgrade: websocket", "Upgrade: h2c"),
  "the subprotocol was not offered": (request) =>
    acceptHead(request, ["Sec-WebSocket-Protocol: chat"]),
  "the extension was not offered": (request) =>
    acceptHead(request, ["Sec-WebSocket-Extensions: permessage-deflate"]),
};
for (const [what, answer] of Object.entries(answers)) {
  const raw = await RawServer.listen({ answer });
  await attempt(what, raw.url);
  await raw.close();
}

/** Two messages in one packet: how much that the first one's listener awaits is done by the second. */

import { Buffer } from "node:buffer";
import { createWebSocket } from "../../../mod.ts";
import { next, say } from "../../helpers/event_log.ts";
import { frame, RawServer, TEXT } from "../../peers/raw.ts";

const raw = await RawServer.listen();
const ws = createWebSocket();
ws.on("message", async (_, data) => {
  say("message", data);
  for (let i = 0; i < 10; i++) await undefined;
  say("10 microtasks later", data);
});
await ws.connect(raw.url);
const peer = await raw.accept();
await ws.opened;
const frames = ["one", "two", "three", "four"].map((text) => frame(TEXT, text));
peer.write(Buffer.concat(frames));
for (const _ of frames) await next(ws, "dataEnd");
await ws.close();
await ws.closed;
await raw.close();

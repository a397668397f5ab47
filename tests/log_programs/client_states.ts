/** Every call of a client in every state. */

import { createWebSocket, createWebSocketServer } from "../../mod.ts";
import { listen, next, say, sayAnswer, watchClient, watchServer } from "../helpers/event_log.ts";

const server = watchServer(createWebSocketServer());
const url = await listen(server);
const ws = watchClient(createWebSocket());

/** Those calls that change nothing in a state; all where none are named. */
async function callAll(...calls: ("connect" | "send" | "close")[]) {
  const { state } = ws;
  if (calls.includes("connect")) await sayAnswer(`${state}: connect`, ws.connect(url));
  if (calls.includes("send")) await sayAnswer(`${state}: send`, ws.send(`sent ${state}`));
  if (calls.includes("close")) await sayAnswer(`${state}: close`, ws.close());
  say("state:", ws.state, ws.protocol);
}

await callAll("send", "close", "connect");
await callAll("connect", "send");
await ws.opened;
await next(server, "messageReceive");
await callAll("connect");
const received = next(server, "messageReceive");
await callAll("send");
await received;
const left = next(server, "close");
const calls = [ws.close({ code: 3000, reason: "done" }), ws.connect(url), ws.send("late")];
say("state:", ws.state);
await Promise.all([...calls, ws.close()].map((call, i) => sayAnswer(`closing, call ${i}`, call)));
say("closed:", await ws.closed);
await left;
await callAll("send", "close");

// An attempt that is given up: one 'close', no 'open', no 'error', and nobody has come.
await callAll("connect", "close");
await callAll("connect", "send", "close");
say("closed:", await ws.closed);
await server.stop();

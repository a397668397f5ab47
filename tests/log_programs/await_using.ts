/** `await using` of both sides: closed and stopped at the end of the block, in reverse order. */

import { createWebSocket, createWebSocketServer } from "../../mod.ts";
import { listen, next, NOBODY, say, watchClient, watchServer } from "../helpers/event_log.ts";

const plain = watchServer(createWebSocketServer());
const client = watchClient(createWebSocket());
{
  await using server = plain;
  const url = await listen(server);
  await using ws = client;
  const connected = next(server, "connect");
  await ws.connect(url);
  await Promise.all([connected, ws.opened]);
  say("in the block:", ws.state, server.listAllConnections().length);
}
say("after the block:", client.state, plain.address);

try {
  await using server = plain;
  const url = await listen(server);
  await using ws = client;
  await ws.connect(url);
  throw new Error("out of the block");
} catch (error) {
  say("caught:", (error as Error).message, client.state, plain.address);
}

{
  await using ws = client;
  await ws.connect(NOBODY);
}
say("refused meanwhile or not:", client.state);
{
  await using _idle = client;
  await using _stopped = plain;
}
say("nothing to do:", client.state, plain.address);

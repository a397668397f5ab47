/** Close frames of every kind, from peers that know no manners. */

import { createWebSocket, createWebSocketServer } from "../../mod.ts";
import { listen, next, say, watchClient, watchServer } from "../helpers/event_log.ts";
import { CLOSE, closePayload, rawConnect, type RawPeer, RawServer } from "../peers/raw.ts";

const bytes = (...values: number[]) => Uint8Array.from(values);
const cases: Record<string, Uint8Array> = {
  "with nothing": bytes(),
  "with one byte": bytes(3),
  "1000": closePayload(1000),
  "1000 bye": closePayload(1000, "bye"),
  "1001 away": closePayload(1001, "away"),
  "1011": closePayload(1011),
  "3000 app": closePayload(3000, "app"),
  "4999 längst": closePayload(4999, "längst"),
  "of 125 bytes": closePayload(4000, "x".repeat(123)),
  "0": closePayload(0),
  "999": closePayload(999),
  "1004": closePayload(1004),
  "1005": closePayload(1005),
  "1006": closePayload(1006),
  "1015": closePayload(1015),
  "2000": closePayload(2000),
  "5000": closePayload(5000),
  "65535": closePayload(65535),
  "with a reason that is no UTF-8": bytes(3, 232, 255, 254),
};

const server = watchServer(createWebSocketServer());
const url = await listen(server);
const raw = await RawServer.listen();

async function part(peer: RawPeer, payload: Uint8Array) {
  peer.send(CLOSE, payload);
  await peer.ended;
  peer.socket.destroy();
}

for (const [what, payload] of Object.entries(cases)) {
  say(`-- a Close frame ${what}`);
  const left = next(server, "close");
  const connected = next(server, "connect");
  const client = await rawConnect(Number(new URL(url).port), { answerClose: false });
  await connected;
  await Promise.all([part(client, payload), left]);

  const ws = watchClient(createWebSocket());
  await ws.connect(raw.url);
  const peer = await raw.accept();
  await ws.opened;
  await Promise.all([part(peer, payload), ws.closed]);
}
await raw.close();
await server.stop();

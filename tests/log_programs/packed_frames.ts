/** Several frames in one packet, and one frame in many: the messages, then the end. */

import { createWebSocket, createWebSocketServer } from "../../mod.ts";
import { listen, next, say, watchClient, watchServer } from "../helpers/event_log.ts";
import { Buffer } from "node:buffer";
import {
  BINARY,
  CLOSE,
  closePayload,
  frame,
  PING,
  PONG,
  rawConnect,
  type RawPeer,
  RawServer,
  TEXT,
} from "../peers/raw.ts";

/** Two messages, a Ping, a fragmented message with a Ping inside, and a Close frame. */
function burst(mask: boolean): Uint8Array[] {
  return [
    frame(TEXT, "one", { mask }),
    frame(BINARY, Uint8Array.of(2), { mask }),
    frame(PING, "are you there?", { mask }),
    frame(TEXT, "thr", { mask, fin: false }),
    frame(PONG, "unasked", { mask }),
    frame(0, "ee", { mask }),
    frame(CLOSE, closePayload(4000, "done"), { mask }),
    frame(TEXT, "after the Close frame", { mask }),
  ];
}

const server = watchServer(createWebSocketServer());
const port = Number(new URL(await listen(server)).port);
const raw = await RawServer.listen({ answerClose: false });
const ws = watchClient(createWebSocket());

async function part(peer: RawPeer) {
  await peer.ended;
  say("it saw:", peer.frames.map(({ opcode, payload }) => [opcode, payload.length]));
  peer.socket.destroy();
}

const ways: Record<string, (peer: RawPeer, frames: Uint8Array[]) => void> = {
  "all in one packet": (peer, frames) => peer.write(Buffer.concat(frames)),
  "byte by byte": (peer, frames) => {
    peer.socket.setNoDelay(true);
    // Who gets bytes when it is gone already resets the connection, and its answer may be lost.
    for (const byte of Buffer.concat(frames.slice(0, -1))) peer.write(Uint8Array.of(byte));
  },
};
for (const [what, write] of Object.entries(ways)) {
  say(`-- to the server, ${what}`);
  const connected = next(server, "connect");
  const left = next(server, "close");
  const peer = await rawConnect(port, { answerClose: false });
  await connected;
  write(peer, burst(true));
  await left;
  await part(peer);

  say(`-- to the client, ${what}`);
  await ws.connect(raw.url);
  const accepted = await raw.accept();
  await ws.opened;
  write(accepted, burst(false));
  await ws.closed;
  await part(accepted);
}

say("-- to the client, right after the handshake");
await ws.connect(raw.url);
const accepted = await raw.accept();
accepted.write(Buffer.concat(burst(false)));
await ws.closed;
await part(accepted);
await raw.close();
await server.stop();

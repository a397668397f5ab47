/** Peers that break the rules or just vanish, as a client's server and as a server's client. */

import { createWebSocket, createWebSocketServer } from "../../mod.ts";
import { listen, next, say, watchClient, watchServer } from "../helpers/event_log.ts";
import { BINARY, CLOSE, rawConnect, type RawPeer, RawServer, TEXT } from "../peers/raw.ts";

const faults: Record<string, (peer: RawPeer) => void> = {
  "resets": (peer) => peer.reset(),
  "ends with no Close frame": (peer) => peer.end(),
  "ends within a message": (peer) => {
    peer.send(TEXT, "half", { fin: false });
    peer.end();
  },
  "sends, then ends": (peer) => {
    peer.send(TEXT, "last words");
    peer.end();
  },
  "sets a reserved bit": (peer) => peer.send(TEXT, "rsv", { rsv: 4 }),
  "uses a reserved opcode": (peer) => peer.send(3, "?"),
  "sends text that is no UTF-8": (peer) => peer.send(TEXT, Uint8Array.of(255, 254)),
  "fragments a Close frame": (peer) => peer.send(CLOSE, "", { fin: false }),
  "continues what it has not begun": (peer) => peer.send(0, "more"),
  "sends a long control frame": (peer) => peer.send(9, "x".repeat(126)),
  "begins a message within a message": (peer) => {
    peer.send(BINARY, "one", { fin: false });
    peer.send(BINARY, "two");
  },
};

const server = watchServer(createWebSocketServer());
const url = await listen(server);
const raw = await RawServer.listen();

for (const [what, fault] of Object.entries(faults)) {
  say(`-- the client ${what}`);
  const connected = next(server, "connect");
  const left = next(server, "close");
  const client = await rawConnect(Number(new URL(url).port));
  await connected;
  fault(client);
  await left;
  await client.ended;
  client.socket.destroy();

  say(`-- the server ${what}`);
  const ws = watchClient(createWebSocket());
  await ws.connect(raw.url);
  const peer = await raw.accept();
  await ws.opened;
  fault(peer);
  await ws.closed;
  say(ws.state);
  await peer.ended;
  peer.socket.destroy();
}
await raw.close();
await server.stop();

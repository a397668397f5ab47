/** As fast as the peer reads: `drained` on both sides, `slowPeer`, and `terminate`. */

import { createWebSocket, createWebSocketServer, type WebSocketConnection } from "../../mod.ts";
import { listen, next, say, sayAnswer } from "../helpers/event_log.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const piece = new Uint8Array(64 * KIB);

/** Counts what comes in until text does, which it says. */
function count(who: string): { take(data: unknown): void; end: Promise<void> } {
  let bytes = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  const take = (data: unknown) => {
    if (data instanceof ArrayBuffer) {
      bytes += data.byteLength;
      return;
    }
    say(`${who} got ${bytes / MIB} MiB and`, data);
    resolve();
  };
  return { take, end: promise };
}

const server = createWebSocketServer();
const received = count("server");
server.on("messageReceive", ({ data }) => received.take(data));
server.on("close", (_, reason) => say("server close", reason));
server.on("error", (error) => say("server error", error));
const url = await listen(server, { slowPeer: "refuse", maxBufferedAmount: 2 * MIB });

const ws = createWebSocket({ maxBufferedAmount: 2 * MIB });
const receivedToo = count("client");
ws.on("message", (_, data) => receivedToo.take(data));
ws.on("close", (_, reason) => say("client close", reason));
ws.on("error", (error) => say("client error", error));
await sayAnswer("drained while idle", ws.drained());
const connected = next<WebSocketConnection>(server, "connect");
await ws.connect(url);
const connection = await connected;

say("-- server to client");
let all = true;
for (let sent = 0; sent < 16 * MIB; sent += piece.length) {
  await server.send(piece, connection);
  all &&= await server.drained(connection, MIB) && server.bufferedAmount(connection) <= MIB;
}
say("drained each time:", all);
await server.send("the end", connection);
await receivedToo.end;
await sayAnswer("drained", server.drained(connection));
say("queued:", server.bufferedAmount(connection));

say("-- client to server");
all = true;
for (let sent = 0; sent < 16 * MIB; sent += piece.length) {
  await ws.send(piece);
  all &&= await ws.drained(MIB) && ws.bufferedAmount <= MIB;
}
say("drained each time:", all);
await ws.send("the end");
await received.end;
await sayAnswer("drained", ws.drained());

say("-- more than there is room for");
await sayAnswer("send", server.send(new Uint8Array(2 * MIB + 1), connection));
await sayAnswer("broadcast", server.broadcast(new Uint8Array(2 * MIB + 1)));
await sayAnswer("client send", ws.send(new Uint8Array(2 * MIB + 1)));

say("-- bad input");
await sayAnswer("drained", server.drained(connection, -1));
await sayAnswer("drained", server.drained({} as never));
await sayAnswer("client drained", ws.drained("1" as never));
await sayAnswer("terminate", server.terminate(undefined as never));
await sayAnswer("terminate", server.terminate({ clientIP: "127.0.0.1", clientPort: 1 }));
await sayAnswer("start", server.start({ serverPort: 0, slowPeer: "wait" as never }));

say("-- terminated");
const both = Promise.all([next(server, "close"), next(ws, "close")]);
await sayAnswer("terminate", server.terminate(connection));
await both;
await sayAnswer("terminate", server.terminate(connection));
await sayAnswer("drained", server.drained(connection));
say("queued:", server.bufferedAmount(connection));
await server.stop();

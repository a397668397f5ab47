/** `for await` over the messages: to the end, left early, and over a connection that is lost. */

import { createWebSocket, createWebSocketServer, type WebSocketConnection } from "../../mod.ts";
import { listen, next, NOBODY, say } from "../helpers/event_log.ts";
import { RawServer, TEXT } from "../peers/raw.ts";

const server = createWebSocketServer();
server.on("connect", (connection: WebSocketConnection) => {
  for (const data of ["one", new Uint8Array([2]), "three"]) void server.send(data, connection);
  void server.close(connection, { code: 3000, reason: "that was all" });
});
const url = await listen(server);
const ws = createWebSocket();
ws.on("close", (_, close) => say("  close", close));
ws.on("error", (error) => say("  error", error));

async function read(limit = Infinity) {
  try {
    for await (const data of ws) {
      say("read", data);
      if (--limit === 0) break;
    }
    say("the end:", ws.state);
  } catch (error) {
    say("thrown:", error);
  }
}

say("-- to the end");
await ws.connect(url);
await read();
await ws.closed;

say("-- left early");
await ws.connect(url);
await read(2);
await ws.closed;

say("-- two readers");
await ws.connect(url);
await Promise.all([read(), read(1)]);
await ws.closed;

say("-- refused");
await ws.connect(NOBODY);
await read();

say("-- closed by hand");
const raw = await RawServer.listen();
await ws.connect(raw.url);
let reading = read();
let peer = await raw.accept();
const end = next(ws, "dataEnd");
peer.send(TEXT, "one");
await end;
await ws.close();
await reading;
await ws.closed;

say("-- lost");
await ws.connect(raw.url);
reading = read();
peer = await raw.accept();
const last = next(ws, "dataEnd");
peer.send(TEXT, "last");
await last;
peer.reset();
await reading;

say("-- given up");
await ws.connect(raw.url);
reading = read();
await ws.close();
await reading;
await raw.close();
await server.stop();

/** Messages of every kind, there and back. */

import { createWebSocket, createWebSocketServer, type WebSocketData } from "../../mod.ts";
import { listen, next, sayAnswer, watchClient, watchServer } from "../helpers/event_log.ts";

const server = watchServer(createWebSocketServer());
server.on("messageReceive", ({ clientConnection, data }) => {
  void server.send(data, clientConnection);
});
const url = await listen(server);
const ws = watchClient(createWebSocket());
await ws.connect(url);
await ws.opened;

const bytes = Uint8Array.from({ length: 100 }, (_, i) => i);
const resizable = new ArrayBuffer(4, { maxByteLength: 8 });
new Uint8Array(resizable).set([9, 8, 7, 6]);
const messages: WebSocketData[] = [
  "",
  "plain",
  "längst, 日本語, 😀, \0 and \r\n",
  "lone \ud800 surrogate",
  "\udc00",
  "\ufeffmarked",
  new ArrayBuffer(0),
  bytes.buffer,
  bytes,
  bytes.subarray(10, 15),
  new DataView(bytes.buffer, 20, 3),
  new Uint16Array([1, 2, 65535]),
  new Float64Array([0.5]),
  resizable,
  new Uint8Array(resizable, 1, 2),
  "x".repeat(125),
  "x".repeat(126),
  "x".repeat(65535),
  "x".repeat(65536),
  "😀".repeat(40_000),
  new Uint8Array(1_000_000).fill(7),
  "x".repeat(5_242_864),
  new Uint8Array(5_242_864),
];
for (const message of messages) {
  const end = next(ws, "dataEnd");
  await ws.send(message);
  await end;
}

const end = next(ws, "dataEnd");
const reused = new Uint8Array([1, 2, 3]);
ws.send(reused);
reused.fill(0); // it goes out as it was
await end;

const wrong = [undefined, null, 5, {}, ["text"], new Blob(["text"]), new SharedArrayBuffer(1)];
for (const data of [...wrong, "x".repeat(5_242_865), new Uint8Array(5_242_865)]) {
  await sayAnswer("wrong", ws.send(data as string));
}
const left = next(server, "close");
await ws.close();
await ws.closed;
await left;
await server.stop();

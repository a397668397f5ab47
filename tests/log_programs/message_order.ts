/** Thousands of messages in one turn, both ways, text and bytes mixed: none is lost or overtaken. */

import { createWebSocket, createWebSocketServer } from "../../mod.ts";
import { listen, next, say, show } from "../helpers/event_log.ts";

const COUNT = 2000;

/** The message of a number: of any size, every third one bytes. */
function message(i: number): string | Uint8Array {
  const size = i % 500 === 0 ? 100_000 : (i * 7) % 300;
  return i % 3 === 0 ? new Uint8Array(size + 4).fill(i % 256) : `${i} ${"x".repeat(size)}`;
}

/** Looks at messages as they come; what is wrong is told once the last has come. */
function inspector() {
  let i = 0;
  const wrong: string[] = [];
  let end!: (said: string) => void;
  const done = new Promise<string>((resolve) => end = resolve);
  const look = (data: string | ArrayBuffer) => {
    const expected = message(i);
    const same = typeof data === "string"
      ? data === expected
      : data.byteLength === expected.length && new Uint8Array(data)[0] === i % 256;
    if (!same) wrong.push(`message ${i} is ${show(data)}`);
    if (++i === COUNT) end(wrong.slice(0, 3).join(", ") || `${i} messages, all as they were sent`);
  };
  return { look, done };
}

const server = createWebSocketServer();
server.on("connect", (connection) => {
  for (let i = 0; i < COUNT; i++) void server.send(message(i), connection);
});
const url = await listen(server);
const ws = createWebSocket();
const atServer = inspector();
const atClient = inspector();
server.on("messageReceive", ({ data }) => atServer.look(data));
ws.on("message", (_, data) => atClient.look(data));
await ws.connect(url);
for (let i = 0; i < COUNT / 2; i++) void ws.send(message(i)); // while connecting
await ws.opened;
for (let i = COUNT / 2; i < COUNT; i++) void ws.send(message(i));
say("server:", await atServer.done);
say("client:", await atClient.done);
const left = next(server, "close");
await ws.close();
await ws.closed;
await left;
await server.stop();

/**
 * A server whose clients are authorized later, and some of which leave just then:
 * `authorize_left.ts STAY LEAVE`. It stops, and must then end by itself.
 */

import process from "node:process";
import { createWebSocketServer } from "../../mod.ts";
import { openTcp, rawConnect, requestHead } from "../peers/raw.ts";

const [stay, leave] = process.argv.slice(2).map(Number);
const server = createWebSocketServer();
let left = false;
let asked: (verdict: (answer: true) => void) => void = () => {};
const authorize = () =>
  left
    ? new Promise<true>((resolve) => asked(resolve))
    : new Promise<true>((resolve) => setTimeout(() => resolve(true), 10));
await server.start({ serverPort: 0, serverIP: "127.0.0.1", authorize });
const { port } = server.address!;

for (let i = 0; i < stay!; i++) {
  const peer = await rawConnect(port);
  const closed = new Promise<void>((resolve) => server.on("close", () => resolve()));
  peer.close(1000);
  await closed;
}
left = true;
for (let i = 0; i < leave!; i++) {
  const waiting = new Promise<(answer: true) => void>((resolve) => asked = resolve);
  const socket = await openTcp(port);
  socket.write(requestHead(port));
  const verdict = await waiting;
  socket.resetAndDestroy();
  verdict(true);
}
await server.stop();
console.log("stopped");

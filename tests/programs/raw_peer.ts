/**
 * A raw peer in a process of its own, to be stopped, or that behaves badly.
 *
 *     raw_peer.ts server MODE...          prints "port N", takes one connection
 *     raw_peer.ts client PORT MODE...     connects to a server
 *
 * Prints "open" once the handshake is done, and "ended" when the other side has gone. Modes:
 *
 * - `mute`: answers no Ping.
 * - `unread`: reads nothing after its handshake.
 * - `slow`: reads 512 KiB every 20 ms.
 * - `pinging`: sends a Ping every 20 ms.
 * - `closing`: sends a Close frame, 4002, after 50 ms.
 * - `reset`: resets the connection after 50 ms.
 */

import process from "node:process";
import { PING, rawConnect, RawServer } from "../peers/raw.ts";

const [role, ...rest] = process.argv.slice(2);
const is = (mode: string) => rest.includes(mode);
const options = { pong: !is("mute"), answerClose: !is("mute") };

const server = role === "server" ? await RawServer.listen(options) : undefined;
if (server !== undefined) console.log(`port ${server.port}`);
const peer = await (server?.accept() ?? rawConnect(Number(rest[0]), options));
const { socket } = peer;
// A paused socket keeps no process alive, so something else must.
let room = 0;
setInterval(() => {
  if (is("pinging")) peer.send(PING, "are you there?");
  room = 512 * 1024;
  if (is("slow")) socket.resume();
}, 20);
if (is("unread")) socket.pause();
if (is("slow")) {
  socket.on("data", ({ length }) => {
    room -= length;
    if (room <= 0) socket.pause();
  });
}
if (is("closing")) setTimeout(() => peer.close(4002, "I leave"), 50);
if (is("reset")) setTimeout(() => peer.reset(), 50);
console.log("open");
await peer.ended;
console.log("ended");
process.exit(0);

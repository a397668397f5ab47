/** A socket of `runtime/deno/socket.ts` on a real connection, and its peer. */

import { assertGreater } from "@std/assert";
import { deadline } from "@std/async";
import type { End } from "../../runtime/contract.ts";
import { DenoSocket, type DenoSocketOptions } from "../../runtime/deno/socket.ts";
import { type RawPeer, RawServer, type RawServerOptions } from "../peers/raw.ts";
import type { Bare } from "../runtime/bare.ts";

export const LIMIT_MS = 15_000;
const MIB = 1024 * 1024;

/** A socket, and its peer. */
export async function pair(options: DenoSocketOptions = {}, peerOptions: RawServerOptions = {}) {
  const server = await RawServer.listen(peerOptions);
  const ws = new WebSocket(server.url);
  const { promise: closed, resolve } = Promise.withResolvers<End>();
  let lives = 0;
  const heard: unknown[] = [];
  const events = {
    message: (data: unknown) => heard.push(data),
    alive: () => lives++,
    closed: resolve,
  };
  const socket = new DenoSocket(ws, events as never, (end) => end, options);
  const [peer] = await deadline(
    Promise.all([server.accept(), new Promise((opened) => ws.onopen = opened)]),
    LIMIT_MS,
  );
  return {
    ws: ws as unknown as Bare,
    socket,
    peer,
    /** How much is held back, and not Deno's to send yet. */
    held: () => socket.bufferedAmount - ws.bufferedAmount,
    closed,
    lives: () => lives,
    heard,
    async [Symbol.asyncDispose]() {
      socket.terminate();
      await server.close();
    },
  };
}

/** The opcodes of what has come, each once for as often as it came in a row. */
export const order = ({ frames }: RawPeer) =>
  frames.map(({ opcode }) => opcode).filter((opcode, i, all) => opcode !== all[i - 1]);

/** Has more queued than the system takes of a peer that reads nothing. */
export function stall({ socket, peer }: { socket: DenoSocket; peer: RawPeer }): void {
  peer.socket.pause();
  for (let i = 0; i < 16; i++) socket.send(new Uint8Array(MIB));
  assertGreater(socket.bufferedAmount, 8 * MIB);
}

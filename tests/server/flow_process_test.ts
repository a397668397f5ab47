/** What a long flow with `drained` costs the process, and the other connections. */

import { assertLess, assertLessOrEqual } from "@std/assert";
import { deadline, delay } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import type { Socket } from "node:net";
import { onDeno, Program } from "../helpers/programs.ts";
import { RawPeers } from "../helpers/raw_peers.ts";
import { assertInTime, Stopwatch } from "../helpers/stopwatch.ts";
import { frame, type RawPeer, requestHead, TEXT } from "../peers/raw.ts";

const MIB = 1024 * 1024;
const FLAGS = onDeno ? { flags: ["-A", "--no-prompt", "--v8-flags=--expose-gc"] } : {};

/** Asks for a flow, and from `start` on reads so many megabytes a second of it; resolves when it has all. */
async function read(
  peers: RawPeers,
  port: number,
  ask: string,
  rate: number,
  start?: Promise<unknown>,
): Promise<number> {
  const socket = await peers.tcp();
  socket.write(requestHead(port));
  await new Promise((resolve) => socket.once("data", resolve));
  socket.pause();
  socket.write(frame(TEXT, ask, { mask: true }));
  await start;
  let due = performance.now();
  let bytes = 0;
  await new Promise<void>((resolve, reject) => {
    socket.once("close", () => reject(new Error(`it ended after ${bytes} bytes`)));
    socket.on("data", (chunk: Uint8Array) => {
      bytes += chunk.length;
      if (new TextDecoder().decode(chunk.subarray(-3)) === "end") return resolve();
      const now = performance.now();
      due = Math.max(due, now - MAKES_UP_MS) + chunk.length / (rate * 1000);
      if (due - now > 1) pause(socket, due - now);
    });
    socket.resume();
  });
  return bytes;
}

/**
 * What a reader that came too late reads faster for, in ms: one that made up for all of a stop of the machine's would
 * not be slow for a while.
 */
const MAKES_UP_MS = 20;

function pause(socket: Socket, ms: number): void {
  socket.pause();
  setTimeout(() => socket.resume(), ms);
}

/**
 * How long an echo takes, in ms, of peers that all ask until `over`: half of them take less. What a busy
 * machine does to the slowest of them says nothing about the server.
 */
async function echo(peers: RawPeer[], over: Promise<unknown>): Promise<number> {
  let isOver = false;
  void over.finally(() => isOver = true).catch(() => {});
  const times: number[] = [];
  await Promise.all(peers.map(async (peer, i) => {
    await delay(i / 4);
    while (!isOver) {
      const sent = performance.now();
      peer.send(TEXT, "x");
      await deadline(peer.next(TEXT, peer.frames.length), 30_000);
      times.push(performance.now() - sent);
      await delay(25);
    }
  }));
  times.sort((a, b) => a - b);
  return times[Math.floor(times.length / 2)]!;
}

describe("server.drained() in a process of its own", () => {
  for (const [mibs, rate] of [[100, 40], [9, 2]] as const) {
    it(`does not slow 99 others down for ${mibs} MiB to a reader of ${rate} MB/s, nor keeps an array`, async () => {
      await using program = Program.here("flowing_server.ts", [], FLAGS);
      const port = Number((await program.line(/^port (\d+)$/m))[1]);
      await using peers = new RawPeers({ port });
      const others = await peers.connectMany(99);
      const alone = await echo(others, delay(1000));
      const watch = new Stopwatch();
      // However slow the machine is, there is more than a MiB that waits.
      const tooSlow = program.line(/^too slow$/m);
      const flow = read(peers, port, `go ${mibs} fresh`, rate, tooSlow);
      const beside = await echo(others, flow);
      const bytes = await flow;
      const [, left] = await program.line(/^grown \S+ left (\d+)$/m);
      assertLess(bytes - mibs * MIB, MIB / 10);
      assertInTime(beside, 4 * alone + 100, watch.short, `An echo of ${alone} ms alone`);
      assertLessOrEqual(Number(left), 2);
    });
  }

  it("holds its memory where one array is filled again and again", async () => {
    await using program = Program.here("flowing_server.ts", [], FLAGS);
    const port = Number((await program.line(/^port (\d+)$/m))[1]);
    await using peers = new RawPeers({ port });
    await deadline(read(peers, port, "go 100 reused", 40), 30_000);
    const [, grown] = await program.line(/^grown (\S+) left 0$/m);
    assertLess(Number(grown), 24);
  });
});

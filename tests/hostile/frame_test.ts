/**
 * Frames that break RFC 6455 §5, beyond those of `tests/server/loss_test.ts`: each ends the connection of
 * whoever sent it, and nobody else's. Where a runtime does not notice, that is pinned: Deno 2.9.6
 * and Bun 1.4.5.
 */

import { assertEquals } from "@std/assert";
import { deadline } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { HERE } from "../helpers/programs.ts";
import { RawPeers } from "../helpers/raw_peers.ts";
import { LIMIT_MS, WatchedServer } from "../helpers/watched_server.ts";
import {
  BINARY,
  CLOSE,
  closePayload,
  frame,
  PING,
  PONG,
  type RawPeer,
  readClose,
  TEXT,
} from "../peers/raw.ts";

/** How it ends: lost, as too big, or not at all, with so many messages heard. */
type Ending = "lost" | "tooBig" | number;

interface Case {
  bytes: Uint8Array;
  deno?: Ending;
  bun?: Ending;
  /** The code of the Close frame that Bun answers with. @default {1002} */
  code?: number;
  /** The same of Deno's. None where it is left out. */
  denoCode?: number;
}

function masked(opcode: number, payload: string | Uint8Array = "", options = {}): Uint8Array {
  return frame(opcode, payload, { mask: true, ...options });
}

function join(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** A frame whose length is written by hand, masked with zeros. */
function withLength(first: number, [seven, ...more]: number[], payload = "A"): Uint8Array {
  const data = new TextEncoder().encode(payload);
  return Uint8Array.from([first, seven! | 128, ...more, 0, 0, 0, 0, ...data]);
}

const NAMES: Record<number, string> = {
  0: "a continuation",
  [TEXT]: "a text",
  [BINARY]: "a binary message",
  [CLOSE]: "a Close frame",
  [PING]: "a Ping",
  [PONG]: "a Pong",
};

/** All of these are lost on both, in whatever state the connection is. */
const always: Record<string, Case> = {};
for (const opcode of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]) {
  always[`opcode ${opcode}`] = { bytes: masked(opcode, "x") };
}
for (const [opcode, name] of Object.entries(NAMES)) {
  for (const rsv of [1, 2, 4, 7]) {
    const payload = Number(opcode) === CLOSE ? closePayload(1000) : "x";
    always[`${name} with reserved bits ${rsv}`] = {
      bytes: masked(Number(opcode), payload, { rsv }),
    };
  }
}
Object.assign(always, {
  "a Close frame in fragments": { bytes: masked(CLOSE, closePayload(1000), { fin: false }) },
  "a Pong in fragments": { bytes: masked(PONG, "x", { fin: false }) },
  "a Ping of 126 bytes": { bytes: masked(PING, "x".repeat(126)) },
  "a Ping of 64 KiB": { bytes: masked(PING, "x".repeat(65_536)) },
  "a Close frame of one byte": { bytes: masked(CLOSE, "x") },
});

const alone: Record<string, Case> = {
  "a continuation after the last one": {
    bytes: join(masked(TEXT, "a", { fin: false }), masked(0, "b"), masked(0, "c")),
  },
  "a continuation of nothing that goes on": { bytes: masked(0, "x", { fin: false }) },
  "half a surrogate pair in UTF-8": {
    bytes: masked(TEXT, Uint8Array.of(0xed, 0xa0, 0x80)),
    code: 1007,
  },
  "overlong UTF-8": { bytes: masked(TEXT, Uint8Array.of(0xc0, 0xaf)), code: 1007 },
  "UTF-8 over U+10FFFF": { bytes: masked(TEXT, Uint8Array.of(0xf4, 0x90, 0x80, 0x80)), code: 1007 },
  // RFC 6455 §5.2 wants lengths in as few bytes as may be; neither runtime does.
  "a length of 1 in two bytes": { bytes: withLength(0x81, [126, 0, 1]), deno: 1, bun: 1 },
  "a length of 1 in eight bytes": {
    bytes: withLength(0x81, [127, 0, 0, 0, 0, 0, 0, 0, 1]),
    deno: 1,
    bun: 1,
  },
  "a length of 0 in eight bytes": {
    bytes: withLength(0x81, [127, 0, 0, 0, 0, 0, 0, 0, 0], ""),
    deno: 1,
    bun: 1,
  },
  "a length with its top bit": {
    bytes: withLength(0x82, [127, 128, 0, 0, 0, 0, 0, 0, 1]),
    deno: "tooBig",
    bun: "tooBig",
    code: 1009,
  },
  "a length of ones alone": {
    bytes: withLength(0x82, Array(9).fill(255).with(0, 127)),
    deno: "tooBig",
    bun: "tooBig",
    code: 1009,
  },
  "a length of 2^53": {
    bytes: withLength(0x82, [127, 0, 32, 0, 0, 0, 0, 0, 0]),
    deno: "tooBig",
    bun: "tooBig",
    code: 1009,
  },
  "a length of 1 TiB": {
    bytes: withLength(0x82, [127, 0, 0, 1, 0, 0, 0, 0, 0]),
    deno: "tooBig",
    bun: "tooBig",
    code: 1009,
  },
  "fragments with nothing in them": {
    bytes: join(masked(TEXT, "", { fin: false }), masked(0, "", { fin: false }), masked(0)),
    deno: 1,
    bun: 1,
  },
};
for (const code of [1, 1004, 1016, 1100, 2000, 2999]) {
  alone[`a Close frame with ${code}`] = {
    bytes: masked(CLOSE, closePayload(code, "why")),
    denoCode: 1002,
  };
}
// What Deno does not notice: control frames that are too long, frames with no mask, and what a message in fragments is
// cut off by.
Object.assign(alone, {
  "a message in fragments within another": {
    bytes: join(
      masked(TEXT, "a", { fin: false }),
      masked(BINARY, "b", { fin: false }),
      masked(0, "c"),
    ),
    deno: 1,
  },
  "a Pong of 126 bytes": { bytes: masked(PONG, "x".repeat(126)), deno: 0 },
  "a Ping with its length in eight bytes": {
    bytes: withLength(0x89, [127, 0, 0, 0, 0, 0, 0, 0, 1]),
    deno: 0,
  },
  "a Ping with no mask": { bytes: frame(PING, "x"), deno: 0 },
  "a Pong with no mask": { bytes: frame(PONG), deno: 0 },
  "an empty message with no mask": { bytes: frame(BINARY), deno: 1 },
  "a continuation with no mask": {
    bytes: join(masked(TEXT, "a", { fin: false }), frame(0, "b")),
    deno: 1,
  },
});

const ENDINGS = {
  lost: ["error 200 0", "close 1006 The link is down"],
  tooBig: ["error 200 0", "close 1009 Received too big message"],
};

async function assertEnds(given: Case): Promise<void> {
  const { bytes, deno = "lost", bun = "lost", code = 1002, denoCode } = given;
  const ending = { deno, bun }[HERE];
  await using watched = await WatchedServer.start();
  await using peers = new RawPeers(watched);
  const others = await peers.connectMany(2);
  const peer = await peers.connect({ answerClose: false });
  await watched.connected(3);
  const closed = peer.frames.length;
  peer.write(bytes);
  if (typeof ending === "number") peer.close(4000, "unharmed");
  await watched.closed();
  await deadline(peer.ended, LIMIT_MS);
  const log = watched.log.slice(3);
  if (typeof ending === "number") {
    assertEquals(log.length, ending + 1);
    assertEquals(log.at(-1), "close 4000 unharmed");
  } else {
    // A message may have been whole before the fault.
    assertEquals(log.slice(-2), ENDINGS[ending]);
    const closes = peer.frames.slice(closed).filter(({ opcode }) => opcode === CLOSE);
    const codes = { deno: denoCode === undefined ? [] : [denoCode], bun: [code] };
    assertEquals(
      closes.map((frame) => readClose(frame).code),
      codes[HERE],
    );
  }
  assertEquals(watched.closes[0]!.connection, watched.connections[2]);
  await assertServed(watched, others);
}

/** Asserts that peers are echoed to, each in order, and that no others are there. */
async function assertServed(watched: WatchedServer, peers: RawPeer[]): Promise<void> {
  watched.echo();
  const texts = Array.from({ length: 10 }, (_, i) => `${i}`);
  for (const text of texts) for (const peer of peers) peer.send(TEXT, text);
  for (const peer of peers) {
    peer.send(BINARY, "last");
    await deadline(peer.next(BINARY), LIMIT_MS);
    assertEquals(peer.texts(), texts);
  }
  assertEquals(watched.server.listAllConnections(), watched.connections.slice(0, peers.length));
}

describe("a server ends the connection, and nobody else's, that sends", () => {
  for (const [what, given] of Object.entries(always)) {
    it(what, () => assertEnds(given));

    it(`${what}, within a message`, () =>
      // A continuation with reserved bits is one that would go on.
      assertEnds({ ...given, bytes: join(masked(TEXT, "a", { fin: false }), given.bytes) }));
  }
});

describe("a server gives its due to whoever sends", () => {
  for (const [what, given] of Object.entries(alone)) it(what, () => assertEnds(given));
});

describe("a server to which peers send all of that at once", () => {
  it("serves the others in order, and has one 'close' for each", async () => {
    await using watched = await WatchedServer.start();
    await using peers = new RawPeers(watched);
    const others = await peers.connectMany(3);
    await watched.connected(3);
    const hostile = Object.values(always);
    const all = await peers.connectMany(hostile.length, { answerClose: false });
    await watched.connected(3 + all.length);
    for (const [i, peer] of all.entries()) peer.write(hostile[i]!.bytes);
    await watched.closed(all.length);
    await assertServed(watched, others);
    assertEquals(watched.closes.length, all.length);
    assertEquals(new Set(watched.closes.map(({ connection }) => connection)).size, all.length);
    assertEquals(new Set(watched.closes.map(({ code }) => code)), new Set([1006]));
    assertEquals(watched.errors.length, all.length);
  });
});

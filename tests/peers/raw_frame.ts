/** Frames, written and read from RFC 6455 alone. */

import { randomBytes } from "node:crypto";

/** One frame, as it came over the wire. */
export interface Frame {
  opcode: number;
  fin: boolean;
  rsv: number;
  masked: boolean;
  payload: Uint8Array;
  /** When it came, in ms. */
  at: number;
}

export const TEXT = 1;
export const BINARY = 2;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;

/** What may be odd about a frame. */
export interface FrameOptions {
  fin?: boolean;
  rsv?: number;
  mask?: boolean;
}

/** Bytes of a frame. */
export function frame(
  opcode: number,
  payload: string | Uint8Array = "",
  { fin = true, rsv = 0, mask = false }: FrameOptions = {},
): Uint8Array {
  const data = typeof payload === "string" ? new TextEncoder().encode(payload) : payload;
  const n = data.length;
  const length = n < 126 ? [n] : n < 65536 ? [126, n >> 8, n & 255] : [
    127,
    ...[56, 48, 40, 32, 24, 16, 8, 0].map((shift) => Math.floor(n / 2 ** shift) % 256),
  ];
  length[0]! |= mask ? 128 : 0;
  const key = mask ? randomBytes(4) : undefined;
  const head = Uint8Array.from([
    (fin ? 128 : 0) | (rsv << 4) | opcode,
    ...length,
    ...(key ?? []),
  ]);
  const bytes = new Uint8Array(head.length + n);
  bytes.set(head);
  bytes.set(data, head.length);
  if (key !== undefined) xor(bytes.subarray(head.length), key);
  return bytes;
}

/** Masks bytes where they are, or unmasks them. */
function xor(bytes: Uint8Array, key: Uint8Array): void {
  const [a = 0, b = 0, c = 0, d = 0] = key;
  for (let i = 0; i < bytes.length; i += 4) {
    bytes[i]! ^= a;
    bytes[i + 1]! ^= b; // what is beyond the end goes nowhere
    bytes[i + 2]! ^= c;
    bytes[i + 3]! ^= d;
  }
}

/** The payload of a Close frame. */
export function closePayload(code: number, reason = ""): Uint8Array {
  return Uint8Array.from([code >> 8, code & 255, ...new TextEncoder().encode(reason)]);
}

/** What a Close frame says; code 1005 for one that says nothing. */
export function readClose({ payload }: Frame): { code: number; reason: string } {
  if (payload.length < 2) return { code: 1005, reason: "" };
  return { code: (payload[0]! << 8) | payload[1]!, reason: textOf(payload.subarray(2)) };
}

/** Bytes as text. */
export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** How long a frame is that begins with these bytes: the head at least, as long as that is not there. */
function lengthOf(bytes: Uint8Array): { head: number; payload: number } {
  if (bytes.length < 2) return { head: 2, payload: 0 };
  const n = bytes[1]! & 127;
  const more = n === 126 ? 2 : n === 127 ? 8 : 0;
  const head = 2 + more + ((bytes[1]! & 128) === 0 ? 0 : 4);
  if (more === 0 || bytes.length < head) return { head, payload: more === 0 ? n : 0 };
  return { head, payload: bytes.subarray(2, 2 + more).reduce((sum, byte) => sum * 256 + byte, 0) };
}

/** Takes bytes, gives frames. Nothing is copied again and again: floods of megabytes go through it. */
export class FrameReader {
  #chunks: Uint8Array[] = [];
  #length = 0;
  /** How many bytes the next frame needs, as far as that is known. */
  #needed = 2;

  push(chunk: Uint8Array): Frame[] {
    // A plain view, as a Buffer's slice is no copy.
    this.#chunks.push(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length));
    this.#length += chunk.length;
    const frames: Frame[] = [];
    if (this.#length < this.#needed) return frames;
    let bytes = this.#chunks.length === 1 ? this.#chunks[0]! : this.#joined();
    for (;;) {
      const { head, payload } = lengthOf(bytes);
      this.#needed = head + payload;
      if (bytes.length < this.#needed) break;
      frames.push(read(bytes.subarray(0, head), bytes.slice(head, this.#needed)));
      bytes = bytes.subarray(this.#needed);
    }
    this.#chunks = [bytes];
    this.#length = bytes.length;
    return frames;
  }

  #joined(): Uint8Array {
    const joined = new Uint8Array(this.#length);
    let at = 0;
    for (const chunk of this.#chunks) {
      joined.set(chunk, at);
      at += chunk.length;
    }
    return joined;
  }
}

/** A frame of its head and its payload, which is unmasked where it is. */
function read(head: Uint8Array, payload: Uint8Array): Frame {
  const masked = (head[1]! & 128) !== 0;
  if (masked) xor(payload, head.subarray(-4));
  return {
    opcode: head[0]! & 15,
    fin: (head[0]! & 128) !== 0,
    rsv: (head[0]! >> 4) & 7,
    masked,
    payload,
    at: performance.now(),
  };
}

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
  bytes.set(key === undefined ? data : data.map((byte, i) => byte ^ key[i % 4]!), head.length);
  return bytes;
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

/** Takes bytes, gives frames. */
export class FrameReader {
  #bytes = new Uint8Array(0);

  push(chunk: Uint8Array): Frame[] {
    const joined = new Uint8Array(this.#bytes.length + chunk.length);
    joined.set(this.#bytes);
    joined.set(chunk, this.#bytes.length);
    this.#bytes = joined;
    const frames = [];
    for (let next = this.#take(); next !== undefined; next = this.#take()) frames.push(next);
    return frames;
  }

  #take(): Frame | undefined {
    const bytes = this.#bytes;
    if (bytes.length < 2) return undefined;
    const masked = (bytes[1]! & 128) !== 0;
    let n = bytes[1]! & 127;
    let at = 2;
    const more = n === 126 ? 2 : n === 127 ? 8 : 0;
    if (bytes.length < at + more) return undefined;
    if (more > 0) n = bytes.subarray(at, at + more).reduce((sum, byte) => sum * 256 + byte, 0);
    at += more;
    const key = masked ? bytes.subarray(at, at + 4) : undefined;
    at += masked ? 4 : 0;
    if (bytes.length < at + n) return undefined;
    const data = bytes.slice(at, at + n);
    this.#bytes = bytes.slice(at + n);
    return {
      opcode: bytes[0]! & 15,
      fin: (bytes[0]! & 128) !== 0,
      rsv: (bytes[0]! >> 4) & 7,
      masked,
      payload: key === undefined ? data : data.map((byte, i) => byte ^ key[i % 4]!),
      at: performance.now(),
    };
  }
}

/** What is sent through a socket in the shape of npm's `ws`. */

import { Buffer } from "node:buffer";
import type { WebSocketData } from "../client/types.ts";
import { type BusinessError, businessError } from "../errors.ts";
import { isSendable } from "../internal/close_frame.ts";
import { isAllowed } from "../internal/close_options.ts";
import { type Incoming, mostBytes, snapshot } from "../internal/payload.ts";
import { CLOSED, CLOSING, OPEN } from "./socket_model.ts";

/** What can be sent. */
export type WsData =
  | string
  | number
  | ArrayBuffer
  | ArrayBufferView
  | Blob
  | readonly Uint8Array[]
  | readonly number[];

/** What `send` takes beside the data. */
export interface WsSendOptions {
  /** Whether it goes out as a binary message; unless it is given, text does not and bytes do. */
  binary?: boolean | undefined;
  /** Of no effect: `compression` of `start` decides it for all messages. */
  compress?: boolean | undefined;
  /** Of no effect: a server masks nothing. */
  mask?: boolean | undefined;
  /** Only `true`: a message cannot be sent in parts. */
  fin?: boolean | undefined;
}

/** What is called when a message has been handed to the system, or was not. */
export type WsCallback = { bivariant(error?: Error): void }["bivariant"];

/** Takes nothing away: text may begin with the mark of an order (U+FEFF). */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();

/** The longest text that is encoded into a buffer of its own length first, in characters. */
const SHORT = 1000;

/**
 * What came in, as a Buffer. Of text `Buffer.from` takes twice as long on Bun 1.4.5, and half as long again on Deno
 * 2.9.6: most texts have as many bytes as characters.
 */
export function toBuffer(data: Incoming): Buffer {
  if (typeof data !== "string") {
    return Buffer.isBuffer(data) ? data : Buffer.from(data as ArrayBuffer);
  }
  if (data.length <= SHORT) {
    const buffer = Buffer.allocUnsafe(data.length);
    if (encoder.encodeInto(data, buffer).read === data.length) return buffer;
  }
  return Buffer.from(data);
}

/** What goes out for what is sent: `binary` may make bytes of text, and text of bytes. */
export function toMessage(
  data: Exclude<WsData, Blob> | WebSocketData,
  binary: boolean | undefined,
): WebSocketData {
  if (typeof data === "string" || typeof data === "number") {
    return binary ? Buffer.from(String(data)) : String(data);
  }
  const bytes = toBytes(data);
  if (binary ?? true) return bytes;
  return Buffer.isBuffer(bytes) ? bytes.toString() : decoder.decode(bytes);
}

/** The bytes of whatever `ws` sends as bytes: nothing, numbers, what has a `valueOf`; and of several parts. */
function toBytes(data: unknown): Exclude<WebSocketData, string> {
  if (data instanceof ArrayBuffer || ArrayBuffer.isView(data)) return data;
  if (!data) return new ArrayBuffer(0);
  try {
    const isOfParts = Array.isArray(data) && ArrayBuffer.isView(data[0]);
    return isOfParts ? Buffer.concat(data) : Buffer.from(data as ArrayBuffer);
  } catch {
    return data as ArrayBuffer; // it is refused as it is sent
  }
}

/** A copy of a message, as it is to be sent as it was at the call; what cannot be sent is refused later. */
export function keep(message: WebSocketData): WebSocketData {
  return Number.isNaN(mostBytes(message)) ? unshared(message) : snapshot(message);
}

/** Shared memory as it is now, which `ws` sends and no runtime does; anything else as it is. */
export function unshared(message: WebSocketData): WebSocketData {
  if (!ArrayBuffer.isView(message) || message.buffer instanceof ArrayBuffer) return message;
  return Buffer.from(new Uint8Array(message.buffer, message.byteOffset, message.byteLength));
}

/** What `readyState` says of a connection. */
export const STATES = {
  admitted: OPEN,
  open: OPEN,
  closing: CLOSING,
  closed: CLOSED,
} as const;

/** What the callback of a socket that is not open is told, in the words of `ws`. */
export function notOpen(readyState: number): Error | undefined {
  if (readyState === OPEN) return undefined;
  const name = readyState === CLOSING ? "CLOSING" : "CLOSED";
  return new Error(`WebSocket is not open: readyState ${readyState} (${name})`);
}

/** The longest reason a Close frame holds, in bytes (RFC 6455 §5.5). */
const MAX_REASON_BYTES = 123;

/** The reason as text, beside a code that may be sent: throws what `ws` throws where one of them is wrong. */
export function reasonOf(code: number, reason: string | Uint8Array): string {
  if (!isAllowed(code) || !isSendable(code)) {
    throw new TypeError("First argument must be a valid error code number");
  }
  if (!reason.length) return ""; // as `ws` takes an Error, a number, whatever has no length
  if (typeof reason !== "string" && !(reason instanceof Uint8Array)) {
    throw new TypeError("Second argument must be a string or a Uint8Array");
  }
  const bytes = Buffer.from(reason as string);
  if (bytes.length > MAX_REASON_BYTES) {
    throw new RangeError("The message must not be greater than 123 bytes");
  }
  return bytes.toString();
}

/** Says what cannot be done. */
export function unsupported(what: string): BusinessError {
  return businessError("unsupported", `${what} cannot be had here`);
}

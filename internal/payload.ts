import type { WebSocketData } from "../client/types.ts";
import { type BusinessError, businessError } from "../errors.ts";
import { describe } from "./describe.ts";

/**
 * A message that came in: text, or bytes that nobody else has. They are in an ArrayBuffer, or in a
 * Uint8Array that is the whole of its buffer, where that was asked for.
 */
export type Incoming = string | ArrayBuffer | Uint8Array<ArrayBuffer>;

/** The largest message unless set otherwise, in bytes: 5 × 1024 × 1024 − 16, as on HarmonyOS. */
export const DEFAULT_MAX_PAYLOAD = 5_242_864;

/** The error for data that cannot be sent, if it cannot. */
export function payloadError(
  call: string,
  data: unknown,
  maxPayload: number,
): BusinessError | undefined {
  if (!isPayload(data)) {
    return businessError(
      "argument",
      `${call}: data must be text, an ArrayBuffer or a view of one: current value is ${
        describe(data)
      }${whyGone(data)}`,
    );
  }
  if (exceeds(data, maxPayload)) {
    return businessError(
      "argument",
      `${call}: data must be at most ${maxPayload} bytes: current value has ${byteLength(data)}`,
    );
  }
  return undefined;
}

/** A view that has come in, as long as its listeners are called: its memory is known to be its own. */
let arrived: unknown;

/**
 * Calls listeners with a view that has come in. While they are called it can be sent on without a look at
 * its `buffer`: Bun makes that only when it is asked for, which takes 250 ns (1.4.5, bench/README.md).
 */
export function hear(view: unknown, listeners: { message(data: never): void }): void {
  arrived = view;
  listeners.message(view as never);
  arrived = undefined;
}

/** The bytes of a message, where `binaryType` asks for a view. */
export function asView(data: string | ArrayBuffer): string | Uint8Array<ArrayBuffer> {
  return typeof data === "string" ? data : new Uint8Array(data);
}

/** The same the other way round. */
export function asBuffer(data: Incoming): string | ArrayBuffer {
  return ArrayBuffer.isView(data) ? data.buffer : data;
}

/** An upper limit for the bytes of data on the wire, without counting. NaN for what cannot be sent. */
export function mostBytes(data: unknown): number {
  if (typeof data === "string") return data.length * 3;
  try {
    if (data instanceof ArrayBuffer) return data.byteLength || bytesOfEmpty(data);
    if (data === arrived) {
      return (data as Uint8Array).byteLength || bytesOfEmpty(data as Uint8Array);
    }
    if (!ArrayBuffer.isView(data)) return NaN;
    // Shared memory could change while it is being sent. The runtimes refuse it, too.
    return data.buffer instanceof ArrayBuffer ? data.byteLength || bytesOfEmpty(data) : NaN;
  } catch {
    return NaN; // there is no data, or a Proxy of the user has thrown, or a getter
  }
}

/** NaN where the memory is gone: nothing is there to send, which whoever sends does not know. */
function bytesOfEmpty(data: ArrayBuffer | ArrayBufferView): number {
  return isGone(data) ? NaN : 0;
}

/** Whether a buffer was transferred, or that of a view was, or has become too short for it. */
export function isGone(data: ArrayBuffer | ArrayBufferView): boolean {
  if (!ArrayBuffer.isView(data)) return isDetached(data);
  try {
    // Either throws where it is. The length of a typed array is 0 then, as that of an empty one.
    void ("length" in data ? Uint8Array.prototype.keys.call(data as Uint8Array) : data.byteLength);
    return false;
  } catch {
    return true;
  }
}

function isDetached(buffer: ArrayBufferLike): boolean {
  return (buffer as { detached?: boolean }).detached === true; // a page's engine may not know it
}

/** What has become of the memory of whatever was given, if that is gone. */
function whyGone(data: unknown): string {
  try {
    const given = data as ArrayBuffer | ArrayBufferView;
    if (!isGone(given)) return "";
    const isTransferred = isDetached(ArrayBuffer.isView(given) ? given.buffer : given);
    return isTransferred ? ", whose memory was transferred" : ", whose memory is too short for it";
  } catch {
    return ""; // there is no data, or a Proxy of the user has thrown
  }
}

function isPayload(data: unknown): data is WebSocketData {
  return !Number.isNaN(mostBytes(data));
}

/** Whether a message is longer than a limit. Counts only where it must. */
export function exceeds(data: WebSocketData, maxPayload: number): boolean {
  if (typeof data !== "string") return data.byteLength > maxPayload;
  return data.length * 3 > maxPayload && byteLength(data) > maxPayload;
}

/** A copy of the data, so that the caller may change its buffer afterwards. */
export function snapshot(data: WebSocketData): WebSocketData {
  if (!ArrayBuffer.isView(data)) return data.slice(0); // of text it is that text
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
}

const encoder = new TextEncoder();

/** A buffer to encode text into, only to count its bytes. */
const scratch = new Uint8Array(16 * 1024);

/** How many bytes a message has on the wire. */
export function byteLength(data: WebSocketData): number {
  if (typeof data !== "string") return data.byteLength;
  let bytes = 0;
  // Each character takes at least a byte, so half of a surrogate pair at the end of a part never fits:
  // it is read with the next part.
  for (let at = 0; at < data.length;) {
    const { read, written } = encoder.encodeInto(data.substring(at, at + scratch.length), scratch);
    bytes += written;
    at += read;
  }
  return bytes;
}

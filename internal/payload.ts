import type { WebSocketData } from "../client/types.ts";
import { type BusinessError, businessError } from "../errors.ts";
import { describe } from "./describe.ts";

/** The largest message unless set otherwise, in bytes: 5 × 1024 × 1024 − 16, as on HarmonyOS. */
export const DEFAULT_MAX_PAYLOAD = 5_242_864;

/** What is wrong with data to be sent, if anything is. */
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
      }`,
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

/** How many bytes data has on the wire at the most, without counting; NaN where it is no data. */
export function mostBytes(data: unknown): number {
  if (typeof data === "string") return data.length * 3;
  try {
    if (data instanceof ArrayBuffer) return data.byteLength;
  } catch {
    return NaN; // a Proxy of the user's has thrown
  }
  // A view of shared memory could change while it is being sent; the runtimes refuse it too.
  return ArrayBuffer.isView(data) && data.buffer instanceof ArrayBuffer ? data.byteLength : NaN;
}

function isPayload(data: unknown): data is WebSocketData {
  return !Number.isNaN(mostBytes(data));
}

/** Whether a message is over a limit, without counting where there is no need to. */
export function exceeds(data: WebSocketData, maxPayload: number): boolean {
  if (typeof data !== "string") return data.byteLength > maxPayload;
  return data.length * 3 > maxPayload && byteLength(data) > maxPayload;
}

/** The data as it is now: what the caller does to its buffer later does not matter. */
export function snapshot(data: WebSocketData): WebSocketData {
  if (typeof data === "string") return data;
  if (!ArrayBuffer.isView(data)) return data.slice(0);
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
}

const encoder = new TextEncoder();

/** Where text is encoded only to be counted. */
const scratch = new Uint8Array(16 * 1024);

/** How many bytes a message has on the wire. */
export function byteLength(data: WebSocketData): number {
  if (typeof data !== "string") return data.byteLength;
  let bytes = 0;
  // As each character takes a byte at least, half of a pair at a part's end never fits: it is read next.
  for (let at = 0; at < data.length;) {
    const { read, written } = encoder.encodeInto(data.substring(at, at + scratch.length), scratch);
    bytes += written;
    at += read;
  }
  return bytes;
}

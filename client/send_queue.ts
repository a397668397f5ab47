import { type BusinessError, businessError } from "../errors.ts";
import { byteLength, snapshot } from "../internal/payload.ts";
import { NumberedMessage } from "../internal/unacknowledged.ts";
import type { WebSocketData } from "./types.ts";

/** Data, or a message that is to be acknowledged. */
export type Sendable = WebSocketData | NumberedMessage;

/** Messages that wait for a connection, and their bytes. */
export class SendQueue {
  #waiting: Sendable[] = [];
  #bytes = 0;

  /** The bytes that all of them will have on the wire. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Adds a message, as it is now. */
  push(message: Sendable): void {
    this.#waiting.push(message instanceof NumberedMessage ? message : snapshot(message));
    this.#bytes += sizeOf(message);
  }

  /** Adds messages that are older than all others, but those that are back already: an attempt may fail. */
  putBack(messages: readonly NumberedMessage[]): void {
    const waiting = new Set(this.#waiting);
    const missing = messages.filter((message) => !waiting.has(message));
    this.#waiting = [...missing, ...this.#waiting];
    for (const { bytes } of missing) this.#bytes += bytes;
  }

  /** Removes all messages. Returns how many those were whose sender waits for no answer, and bytes. */
  drop(): { count: number; bytes: number } {
    const unsent = this.take().filter((message) => !(message instanceof NumberedMessage));
    return { count: unsent.length, bytes: unsent.reduce((sum, one) => sum + sizeOf(one), 0) };
  }

  /** Removes all messages and returns them in order. */
  take(): Sendable[] {
    const all = this.#waiting;
    this.#waiting = [];
    this.#bytes = 0;
    return all;
  }
}

/** What is in a message. */
export function dataOf(message: Sendable): WebSocketData {
  return message instanceof NumberedMessage ? message.data : message;
}

function sizeOf(message: Sendable): number {
  return message instanceof NumberedMessage ? message.bytes : byteLength(message);
}

/** Where a message goes to. */
interface Room {
  readonly bufferedAmount: number;
  readonly maxQueued: number;
  /** What waits for another connection, where there may be another. */
  readonly queue?: SendQueue;
}

/** Why a message cannot be sent or queued beside what is queued already, if it cannot. */
export function overflow(
  to: Room,
  maxBufferedAmount: number,
  data: WebSocketData,
): BusinessError | undefined {
  const why = whyFull(to, maxBufferedAmount, data);
  return why === undefined ? undefined : businessError("queueFull", `send: ${why}`);
}

/** The same in words. */
export function whyFull(
  to: Room,
  maxBufferedAmount: number,
  data: WebSocketData,
): string | undefined {
  const isBounded = Math.min(maxBufferedAmount, to.maxQueued) !== Infinity; // else nothing is counted
  return isBounded ? whyNoRoom(to, maxBufferedAmount, byteLength(data), 0) : undefined;
}

/** The same of so many bytes, beside as many that wait elsewhere. */
export function whyNoRoom(
  to: Room,
  maxBufferedAmount: number,
  bytes: number,
  waiting: number,
): string | undefined {
  const { maxQueued, queue } = to;
  const why = (option: string, limit: number, queued: number) =>
    queued + waiting + bytes <= limit
      ? undefined
      : `'${option}' is ${limit}, and ${queued + waiting} bytes are queued already`;
  // What waits for another connection is never more than all, for which the runtime is asked.
  return (maxQueued < maxBufferedAmount
    ? why("reconnect.maxQueued", maxQueued, queue!.bytes)
    : undefined) ??
    (maxBufferedAmount === Infinity
      ? undefined
      : why("maxBufferedAmount", maxBufferedAmount, to.bufferedAmount));
}

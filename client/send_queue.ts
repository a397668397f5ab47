import { byteLength, snapshot } from "../internal/payload.ts";
import type { WebSocketData } from "./types.ts";

/** Messages that wait for a connection, and their bytes. */
export class SendQueue {
  #waiting: WebSocketData[] = [];
  #bytes = 0;

  /** The bytes that all of them will have on the wire. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Adds a message, as it is now. */
  push(data: WebSocketData): void {
    this.#waiting.push(snapshot(data));
    this.#bytes += byteLength(data);
  }

  /** Removes all messages and returns them in order. */
  take(): WebSocketData[] {
    const all = this.#waiting;
    this.#waiting = [];
    this.#bytes = 0;
    return all;
  }
}

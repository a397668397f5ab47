import { byteLength, snapshot } from "../internal/payload.ts";
import type { WebSocketData } from "./types.ts";

/** Messages that wait for a connection, and how many bytes they are. */
export class SendQueue {
  #waiting: WebSocketData[] = [];
  #bytes = 0;

  /** Their bytes on the wire. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Makes one wait, as it is now. */
  push(data: WebSocketData): void {
    this.#waiting.push(snapshot(data));
    this.#bytes += byteLength(data);
  }

  /** Gives all of them up, in order. */
  take(): WebSocketData[] {
    const all = this.#waiting;
    this.#waiting = [];
    this.#bytes = 0;
    return all;
  }
}

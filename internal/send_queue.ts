import { byteLength, type Payload, snapshot } from "./payload.ts";

/** Messages that wait for a connection, and how many bytes they are. */
export class SendQueue {
  #waiting: Payload[] = [];
  #bytes = 0;

  /** Their bytes on the wire. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Makes one wait, as it is now. */
  push(data: Payload): void {
    this.#waiting.push(snapshot(data));
    this.#bytes += byteLength(data);
  }

  /** Gives all of them up, in order. */
  take(): Payload[] {
    const all = this.#waiting;
    this.#waiting = [];
    this.#bytes = 0;
    return all;
  }
}

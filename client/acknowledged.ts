/** What a client has sent that the server is to acknowledge. Not part of the public API. */

import { type BusinessError, businessError } from "../errors.ts";
import { byteLength, snapshot } from "../internal/payload.ts";
import {
  cannotAcknowledge,
  errorOf,
  NumberedMessage,
  Unacknowledged,
  unacknowledged,
} from "../internal/unacknowledged.ts";
import type { WebSocketData } from "./types.ts";

/** The messages of a session, which goes on over connections: from `connect` to the last 'close'. */
export class Outbox {
  readonly #waiting = new Unacknowledged();
  /** Those that wait for an answer, oldest first. */
  readonly #messages = new Map<number, NumberedMessage>();
  readonly #limit: number;
  /** Whom the server knows it by. Who knows it can make a server drop messages: it is random. */
  readonly #session: string;
  /** The highest number that was sent. */
  #sent = 0;
  /** On how many connections. */
  #connections = 0;

  /** @param limit How many bytes may wait. */
  constructor(limit: number) {
    this.#limit = limit;
    const random = crypto.getRandomValues(new Uint32Array(4));
    this.#session = Array.from(random, (part) => part.toString(16).padStart(8, "0")).join("");
  }

  /** How many messages wait for an answer. */
  get messages(): number {
    return this.#waiting.size;
  }

  /** How many bytes those have. */
  get bytes(): number {
    return this.#waiting.bytes;
  }

  /** Those that wait for an answer, in order: what was sent of them is to be sent again. */
  get waiting(): NumberedMessage[] {
    return [...this.#messages.values()];
  }

  /** Adds a message, as it is now, and gives it to whoever sends it. Returns its answer. */
  add(
    data: WebSocketData,
    send: (message: NumberedMessage) => void,
  ): Promise<boolean> | BusinessError {
    const bytes = byteLength(data);
    if (this.#waiting.isFull(bytes, this.#limit)) {
      const what = `send: ${this.bytes} bytes in ${this.messages} messages wait to be acknowledged`;
      return businessError("queueFull", `${what}, and ${this.#limit} bytes may`);
    }
    const { number, answer } = this.#waiting.add(bytes);
    const message = new NumberedMessage(number, snapshot(data), bytes);
    this.#messages.set(number, message);
    send(message);
    return answer;
  }

  /** What a server is told before the first message on a connection. */
  introduction(): object {
    const { first } = this.#waiting;
    return { session: this.#session, nth: ++this.#connections, first, sent: this.#sent };
  }

  /** A message goes out. Returns its header. */
  header({ number }: NumberedMessage): string {
    this.#sent = Math.max(this.#sent, number);
    return `#${number}`;
  }

  /** The server has answered. */
  answered(number: unknown, refused: unknown): void {
    this.#settle(number as number, errorOf(refused));
  }

  /** The server takes none that are so big. */
  tooBig({ number }: NumberedMessage): void {
    this.#settle(number, errorOf("too big"));
  }

  /** The server cannot acknowledge anything. */
  foreign({ number }: NumberedMessage): void {
    const where = "the server cannot resume";
    const error = number <= this.#sent ? unacknowledged(where) : cannotAcknowledge(where);
    this.#settle(number, error);
  }

  /** The last connection is over. */
  end(options: { cause?: unknown }): void {
    this.#messages.clear();
    this.#waiting.end((number) =>
      number <= this.#sent
        ? unacknowledged("the client is closed", options)
        : businessError("unsent", "send: the message was never sent", options)
    );
  }

  #settle(number: number, error: BusinessError | undefined): void {
    this.#messages.delete(number);
    this.#waiting.settle(number, error);
  }
}

/** Messages that the other side is to acknowledge, and has not. Not part of the public API. */

import type { WebSocketData } from "../client/types.ts";
import { type BusinessError, businessError } from "../errors.ts";
import type { Refused } from "./receipt.ts";
import { Refusal } from "./result.ts";
import { argumentError, FLAG, readOptions } from "./validate.ts";

/** How many may wait, beside what their bytes allow. */
const MAX_WAITING = 65_536;

/** A message that is to be acknowledged. */
export class NumberedMessage {
  readonly number: number;
  readonly data: WebSocketData;
  readonly bytes: number;

  constructor(number: number, data: WebSocketData, bytes: number) {
    this.number = number;
    this.data = data;
    this.bytes = bytes;
  }
}

interface Waiting {
  readonly bytes: number;
  readonly accept: (value: true) => void;
  readonly refuse: (error: BusinessError) => void;
}

/** What waits for an answer, by its number. */
export class Unacknowledged {
  readonly #waiting = new Map<number, Waiting>();
  #last = 0;
  #bytes = 0;

  /** How many wait. */
  get size(): number {
    return this.#waiting.size;
  }

  /** How many bytes those have. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The lowest number that waits, or may come to that. */
  get first(): number {
    return this.#waiting.keys().next().value ?? this.#last + 1;
  }

  /** Whether another one would be too many, with `limit` bytes of all. */
  isFull(bytes: number, limit: number): boolean {
    return this.#bytes + bytes > limit || this.#waiting.size >= MAX_WAITING;
  }

  /** Adds one of so many bytes. Returns its number, and what settles with the answer. */
  add(bytes: number): { number: number; answer: Promise<boolean> } {
    const number = ++this.#last;
    const answer = Refusal.pending<boolean>((accept, refuse) =>
      this.#waiting.set(number, { bytes, accept, refuse })
    );
    this.#bytes += bytes;
    return { number, answer };
  }

  /** One is accepted, or refused with an error. One that does not wait is left alone. */
  settle(number: number, error: BusinessError | undefined): void {
    const waiting = this.#waiting.get(number);
    if (waiting === undefined) return;
    this.#waiting.delete(number);
    this.#bytes -= waiting.bytes;
    if (error === undefined) waiting.accept(true);
    else waiting.refuse(error);
  }

  /** No answer comes any more. */
  end(errorFor: (number: number) => BusinessError): void {
    for (const number of this.#waiting.keys()) this.settle(number, errorFor(number));
  }
}

/** Reads what `send` takes beside the data: whether the message is to be acknowledged. */
export function readSendOptions(options: unknown): boolean | BusinessError {
  if (options === undefined) return false;
  const given = readOptions("send", options, { acknowledge: FLAG });
  return given instanceof Error ? given : given.acknowledge === true;
}

/** The error where nobody can acknowledge a message. */
export function cannotAcknowledge(where: string): BusinessError {
  return argumentError("send: 'acknowledge'", `must be left out where ${where}`, true);
}

/** Why a message was not accepted, in words. The peer may have sent anything in the place of a key. */
const REASONS: ReadonlyMap<unknown, string> = new Map<Refused, string>([
  ["failed", "one of its listeners failed"],
  ["unheard", "it has no listener"],
  ["unacceptable", "its 'schema' does not accept it"],
  ["too big", "it is over its 'maxPayload'"],
]);

/** What an answer means: nothing where the message was accepted, else the error. */
export function errorOf(refused: unknown): BusinessError | undefined {
  if (refused === undefined) return undefined;
  const why = REASONS.get(refused);
  return why !== undefined
    ? businessError("refusedByPeer", `send: the peer did not accept the message: ${why}`)
    : unacknowledged("the peer cannot tell what has become of it");
}

/** The error of a message of which nobody knows what has become. */
export function unacknowledged(
  why: string,
  options: { cause?: unknown } = {},
): BusinessError {
  const what = `send: the message was not acknowledged, and may have been seen: ${why}`;
  return businessError("unacknowledged", what, options);
}

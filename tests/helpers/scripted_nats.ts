/** What the log of JetStream asks of a server, answered from memory: one stream, which a test may change at will. */

import type { NatsConnection, NatsMessage } from "../../nats.ts";

type Callback = (error: Error | null, message: NatsMessage) => void;

const STREAM = "NETKIT";
const encoder = new TextEncoder();
const json = (value: unknown): NatsMessage => ({ data: encoder.encode(JSON.stringify(value)) });
const NO_MESSAGE = { error: { err_code: 10037, description: "no message found" } };

/** A server with one stream, whose consumers are told at once. */
export class ScriptedNats {
  /** When the stream was made. */
  created = "2026-01-01T00:00:00.000000001Z";
  /** The number of the oldest that is kept. */
  first = 1;
  /** What is kept, oldest first. */
  entries: string[] = [];
  /** What was asked for: the call and its request, as one text; and what was published with no answer. */
  readonly asked: string[] = [];
  readonly published: string[] = [];
  /** What is answered instead, by call: each once, the first first. */
  readonly answers: Record<string, object[]> = {};
  /** How many more are said to come after each that is told. */
  more = 0;
  /** While it is, nobody is told of what comes. */
  isHeld = false;
  /** The consumers that there are: where to, and how much each was sent. */
  readonly #consumers = new Map<string, { subject: string; next: number; delivered: number }>();
  readonly #subscriptions = new Map<string, Callback>();
  #names = 0;

  /** The number of the newest. */
  get last(): number {
    return this.first + this.entries.length - 1;
  }

  readonly connection: NatsConnection = {
    publish: (subject) => void this.published.push(subject),
    request: async (subject, payload) => {
      await undefined;
      return json(this.#answer(subject, payload));
    },
    subscribe: (subject, { callback }) => {
      this.#subscriptions.set(subject, callback);
      return { unsubscribe: () => void this.#subscriptions.delete(subject) };
    },
  };

  /** Sends all that read a status: a sign of life, or the question whether what was sent has come. */
  status(headers: Record<string, string>, reply?: string): void {
    const get = (name: string) => headers[name] ?? "";
    for (const callback of this.#subscriptions.values()) {
      callback(null, { data: new Uint8Array(), reply, headers: { code: 100, get } });
    }
  }

  /** Tells what was held. */
  release(): void {
    this.isHeld = false;
    this.#deliver();
  }

  /** Has all that read be told of an error, as when the link is cut. */
  cut(): void {
    this.#consumers.clear();
    for (const callback of [...this.#subscriptions.values()]) {
      callback(new Error("the link was cut"), json({}));
    }
  }

  #answer(subject: string, payload: string): object {
    this.asked.push(`${subject.replace("$JS.API.", "")} ${payload}`);
    const [name] = subject.replace("$JS.API.", "").split(`.${STREAM}`) as [string];
    const instead = this.answers[name]?.shift();
    if (instead !== undefined) return instead;
    if (subject === `${STREAM}.log`) {
      this.entries.push(payload);
      queueMicrotask(() => this.#deliver());
      return { seq: this.last, stream: STREAM };
    }
    switch (name) {
      case "STREAM.INFO":
        return {
          created: this.created,
          state: { first_seq: this.first, last_seq: this.last, messages: this.entries.length },
        };
      case "STREAM.MSG.GET": {
        const text = this.entries[JSON.parse(payload).seq - this.first];
        return text === undefined
          ? NO_MESSAGE
          : { message: { data: encoder.encode(text).toBase64() } };
      }
      case "CONSUMER.CREATE": {
        const { deliver_subject, opt_start_seq } = JSON.parse(payload).config;
        const consumer = `c${++this.#names}`;
        this.#consumers.set(consumer, {
          subject: deliver_subject,
          next: opt_start_seq,
          delivered: 0,
        });
        queueMicrotask(() => this.#deliver());
        return { name: consumer };
      }
      case "CONSUMER.DELETE":
        return { success: true };
      default:
        throw new Error(`nobody answers ${subject}`);
    }
  }

  #deliver(): void {
    if (this.isHeld) return;
    for (const [name, consumer] of this.#consumers) {
      consumer.next = Math.max(consumer.next, this.first);
      for (; consumer.next <= this.last; consumer.next++) {
        const { subject, next } = consumer;
        const numbers = `${next}.${++consumer.delivered}.1.${this.last - next + this.more}`;
        this.#subscriptions.get(subject)?.(null, {
          data: encoder.encode(this.entries[next - this.first]!),
          reply: `$JS.ACK.${STREAM}.${name}.1.${numbers}`,
        });
      }
    }
  }
}

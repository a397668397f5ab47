/** The requests that a log in JetStream is made of. Not part of the public API. */

import { MAX_ENTRY_BYTES } from "../broker.ts";

/** A message of NATS, as nats-core hands it out; what is used of it. */
export interface NatsMessage {
  /** Its bytes. */
  readonly data: Uint8Array;
  /** Where an answer goes to. */
  readonly reply?: string | undefined;
  /** Its headers; JetStream's own messages have a status there. */
  readonly headers?: { readonly code: number; get(name: string): string } | undefined;
}

/** A connection to NATS: what is used of nats-core's `NatsConnection`. */
export interface NatsConnection {
  /** What the server says of itself. */
  readonly info?: { readonly max_payload: number } | undefined;
  /**
   * Sends a message that nobody answers.
   *
   * @param subject Where to.
   */
  publish(subject: string): void;
  /**
   * Sends a message and waits for its answer.
   *
   * @param subject Where to.
   * @param payload The message.
   * @param options How many milliseconds to wait.
   * @returns The answer.
   */
  request(
    subject: string,
    payload: string,
    options: { timeout: number },
  ): Promise<NatsMessage>;
  /**
   * Has a function called with each message to a subject.
   *
   * @param subject Of what.
   * @param options The function.
   * @returns What ends it.
   */
  subscribe(
    subject: string,
    options: { callback: (error: Error | null, message: NatsMessage) => void },
  ): { unsubscribe(): void };
}

/** How long any answer may take, in ms. */
const ANSWER_MS = 2000;

/** How long JetStream is silent at the most, in ms, and how often that may be missed. */
export const HEARTBEAT_MS = 500;
export const MISSED = 3;

/** How long a consumer stays that nobody listens to, in ms. */
const INACTIVE_MS = 5000;

/** What JetStream says of when a stream was made while another node is making it (nats-server 2.9.10). */
const NOT_YET = /^0001-/;

/** How often, in ms, to ask again then, and how many times. */
const AGAIN_MS = 20;
const TIMES = 100;

/** JetStream's numbers for errors. */
const NO_STREAM = 10059;
const NO_MESSAGE = 10037;
const NAME_TAKEN = 10058;

/** What JetStream says of a stream. */
export interface StreamInfo {
  /** When it was made, as a text without dots: the name of its first epoch. */
  epoch: string;
  first: number;
  last: number;
  count: number;
}

/** The same in JetStream's words. */
interface Made {
  created: string;
  /** -1 where it sets no limit. */
  config?: { max_msg_size?: number };
  state: { first_seq: number; last_seq: number; messages: number };
}

/** An error that JetStream has answered. */
export class JetStreamError extends Error {
  readonly number: number;

  constructor(number: number, message: string) {
    super(message);
    this.number = number;
  }
}

/** An entry, and its number in the stream. */
export interface Numbered {
  sequence: number;
  text: string;
}

/** A message that a consumer has been told. */
export interface Delivery {
  /** Its number in the stream, and among those of this consumer. */
  sequence: number;
  delivered: number;
  /** How many there are after it. */
  pending: number;
}

/** What is appended is what is read, be its first character U+FEFF. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** A stream of JetStream. */
export class NatsStream {
  readonly connection: NatsConnection;
  readonly name: string;
  readonly #maxBytes: number;

  constructor(connection: NatsConnection, name: string, maxBytes: number) {
    this.connection = connection;
    this.name = name;
    this.#maxBytes = maxBytes;
  }

  /** Appends a text; resolves with its place. */
  async append(text: string): Promise<Numbered> {
    const reply = await this.#ask(`${this.name}.log`, text) as { seq?: unknown; stream?: unknown };
    if (typeof reply.seq !== "number" || reply.stream !== this.name) {
      throw new Error(`"${this.name}.log" is no subject of the stream ${this.name}`);
    }
    return { sequence: reply.seq, text };
  }

  /** What there is. Makes the stream where there is none. Rejects where it does not take every entry. */
  async info(): Promise<StreamInfo> {
    for (let times = 0; times < TIMES; times++) {
      const { config, created, state } = await this.#made();
      const { first_seq: first, last_seq: last, messages: count } = state;
      // An entry that is too long would be tried again for ever, and all others behind it.
      this.#checkLimit("'max_payload' of the server", this.connection.info?.max_payload);
      this.#checkLimit(`'max_msg_size' of the stream ${this.name}`, config?.max_msg_size);
      if (!NOT_YET.test(created)) return { epoch: created.replace(/\D/g, ""), first, last, count };
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
    throw new Error(`the stream ${this.name} is still being made`);
  }

  #checkLimit(what: string, bytes = -1): void {
    if (bytes <= 0 || bytes >= MAX_ENTRY_BYTES) return; // not positive: none is set
    throw new Error(`${what} is ${bytes}, and must be at least ${MAX_ENTRY_BYTES}`);
  }

  async #made(): Promise<Made> {
    const name = this.name;
    const ask = () => this.#api(`STREAM.INFO.${name}`, "");
    return await ask().catch(async (cause) => {
      if (numberOf(cause) !== NO_STREAM) throw cause;
      const config = {
        name,
        subjects: [`${name}.log`],
        retention: "limits",
        discard: "old",
        storage: "file",
        max_bytes: this.#maxBytes,
      };
      // Another node may make it at the same time.
      return await this.#api(`STREAM.CREATE.${name}`, JSON.stringify(config)).catch((cause) => {
        if (numberOf(cause) === NAME_TAKEN) return ask();
        throw cause;
      });
    }) as Made;
  }

  /** The text of a message. */
  textOf({ data }: Pick<NatsMessage, "data">): string {
    return decoder.decode(data);
  }

  /** The text of one entry, or nothing where there is none. */
  async get(sequence: number): Promise<string | undefined> {
    try {
      const request = JSON.stringify({ seq: sequence });
      const reply = await this.#api(`STREAM.MSG.GET.${this.name}`, request);
      const { message } = reply as { message: { data?: string } };
      return decoder.decode(Uint8Array.fromBase64(message.data ?? ""));
    } catch (cause) {
      if (numberOf(cause) === NO_MESSAGE) return undefined;
      throw cause;
    }
  }

  /** Has all from a number on sent to a subject; resolves with the name of the consumer. */
  async consume(subject: string, from: number): Promise<string> {
    const request = {
      stream_name: this.name,
      config: {
        deliver_subject: subject,
        deliver_policy: "by_start_sequence",
        opt_start_seq: from,
        ack_policy: "none",
        max_deliver: 1,
        flow_control: true,
        idle_heartbeat: HEARTBEAT_MS * 1e6,
        inactive_threshold: INACTIVE_MS * 1e6,
        mem_storage: true,
        num_replicas: 1,
      },
    };
    const reply = await this.#api(`CONSUMER.CREATE.${this.name}`, JSON.stringify(request));
    return (reply as { name: string }).name;
  }

  /** Lets go of a consumer. */
  async forget(consumer: string): Promise<void> {
    await this.#api(`CONSUMER.DELETE.${this.name}.${consumer}`, "");
  }

  #api(call: string, request: string): Promise<object> {
    return this.#ask(`$JS.API.${call}`, request);
  }

  async #ask(subject: string, request: string): Promise<object> {
    const message = await this.connection.request(subject, request, { timeout: ANSWER_MS });
    const reply = JSON.parse(decoder.decode(message.data)) as {
      error?: { err_code: number; description: string };
    };
    if (reply.error === undefined) return reply;
    throw new JetStreamError(reply.error.err_code, reply.error.description);
  }
}

/** Reads `$JS.ACK.<stream>.<consumer>.…`, in either of its two lengths. */
export function readDelivery(reply: string | undefined): Delivery | undefined {
  const tokens = reply?.split(".") ?? [];
  if (tokens[0] !== "$JS" || tokens[1] !== "ACK") return undefined;
  const at = tokens.length === 9 ? 5 : 7;
  const [sequence, delivered, , pending] = tokens.slice(at).map(Number);
  return sequence! >= 0 && delivered! >= 0 && pending! >= 0
    ? { sequence: sequence!, delivered: delivered!, pending: pending! }
    : undefined;
}

function numberOf(cause: unknown): number | undefined {
  return cause instanceof JetStreamError ? cause.number : undefined;
}

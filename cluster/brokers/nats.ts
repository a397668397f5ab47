/** A log in a stream of NATS' JetStream. */

import { argumentError, COUNT, readOptions, type Rule } from "../../internal/validate.ts";
import type { Broker, BrokerReader } from "../broker.ts";
import { NatsReading } from "./nats_reading.ts";
import {
  JetStreamError,
  type NatsConnection,
  type NatsMessage,
  NatsStream,
  type Numbered,
} from "./nats_stream.ts";
import { Readings } from "./reading.ts";

export type { NatsConnection, NatsMessage };

/** Where the log is, and how long it gets. */
export interface NatsBrokerOptions {
  /** The connection. It stays the caller's, to be closed after the servers have stopped. */
  connection: NatsConnection;
  /**
   * The name of the stream. Where there is none one is made, on disk, with one replica and the subject
   * `<stream>.log`; one that is there is taken as it is.
   *
   * @default {"NETKIT"}
   */
  stream?: string | undefined;
  /**
   * How many bytes a stream that is made here keeps.
   *
   * @default {67_108_864}
   */
  maxBytes?: number | undefined;
}

const DEFAULT_STREAM = "NETKIT";
const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;

/** How long an append waits until the stream has been looked at, in ms. */
const SEEN_MS = 2000;

const OPTIONS: Record<string, Rule> = {
  connection: [
    (value) => typeof (value as NatsConnection | null)?.request === "function",
    "must be a connection of nats-core",
  ],
  stream: [
    (value) => typeof value === "string" && /^[\w-]+$/.test(value),
    "must be letters, digits, - and _",
  ],
  maxBytes: COUNT,
};

class NatsBroker implements Broker {
  readonly #stream: NatsStream;
  readonly #inbox: string;
  readonly #readings = new Readings<Numbered>();
  #closed = false;

  constructor({ connection, stream, maxBytes }: NatsBrokerOptions) {
    const name = stream ?? DEFAULT_STREAM;
    this.#stream = new NatsStream(connection, name, maxBytes ?? DEFAULT_MAX_BYTES);
    const { options } = connection as { options?: { inboxPrefix?: string | undefined } };
    this.#inbox = options?.inboxPrefix ?? "_INBOX";
  }

  async append(entry: string): Promise<void> {
    if (this.#closed) throw new Error("the broker is closed");
    // Nothing is appended to a stream that is perhaps another than the one that was read.
    if (!this.#readings.isSeen) await this.#readings.seen(SEEN_MS);
    if (this.#readings.size === 0) await this.#stream.info(); // nobody has made the stream
    let place;
    try {
      place = await this.#stream.append(entry);
    } catch (cause) {
      // Perhaps the stream is gone, where it was not JetStream that has said no.
      if (!(cause instanceof JetStreamError)) this.#readings.doubt();
      throw cause;
    }
    this.#readings.appended(place);
  }

  async read(reader: BrokerReader, signal: AbortSignal): Promise<void> {
    if (this.#closed || signal.aborted) return;
    await this.#readings.run(new NatsReading(this.#stream, this.#inbox, reader, signal));
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#readings.end();
  }
}

/**
 * A log in a stream of JetStream, of nats-server 2.9 or later.
 *
 * @param options The connection, and how long the log gets.
 * @returns The log. Its consumers are there while a server that has it runs.
 * @throws {BusinessError} 401 where an option is wrong.
 */
export function natsBroker(options: NatsBrokerOptions): Broker {
  const given = readOptions("natsBroker", options, OPTIONS, 1);
  if (given instanceof Error) throw given;
  if (given["connection"] === undefined) {
    throw argumentError("natsBroker: 'connection'", OPTIONS["connection"]![1], undefined);
  }
  return new NatsBroker(options);
}

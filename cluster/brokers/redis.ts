/** A log in a stream of Redis, or of Valkey. */

import { argumentError, COUNT, FUNCTION, readOptions, type Rule } from "../../internal/validate.ts";
import type { Broker, BrokerReader } from "../broker.ts";
import { within } from "../wait.ts";
import { Readings } from "./reading.ts";
import { RedisReading } from "./redis_reading.ts";
import {
  closeQuietly,
  type IoRedisClient,
  type NodeRedisClient,
  type NodeRedisSentinel,
  type RedisClient,
  type RedisConnection,
} from "./redis_clients.ts";
import type { Row } from "./redis_rows.ts";
import { ANSWER_MS, OPEN_MS, RedisStream } from "./redis_stream.ts";

export type { IoRedisClient, NodeRedisClient, NodeRedisSentinel, RedisClient, RedisConnection };

/** Where the log is, and how long it gets. */
export interface RedisBrokerOptions {
  /**
   * Makes a client, such as `() => createClient({ url })` of npm's redis. It makes another for each
   * connection: one that waits for entries, one that appends, and others in the place of those that
   * fail or hang. The broker connects what it answers, hears its errors, and closes it.
   */
  open: () => RedisClient | Promise<RedisClient>;
  /**
   * The key of the stream.
   *
   * @default {"netkit:log"}
   */
  key?: string | undefined;
  /**
   * How many bytes of entries are kept, more or less.
   *
   * @default {67_108_864}
   */
  maxBytes?: number | undefined;
}

const DEFAULT_KEY = "netkit:log";
const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;

const OPTIONS: Record<string, Rule> = {
  open: FUNCTION,
  key: [(value) => typeof value === "string" && value !== "", "must be text that is not empty"],
  maxBytes: COUNT,
};

/** The connection that appends. */
interface Writer {
  /** The {@linkcode RedisStream.turn} that it was opened in. */
  readonly turn: number;
  readonly opening: Promise<RedisConnection>;
  connection: RedisConnection | undefined;
  /** Aborts when it is used no more. */
  readonly ending: AbortController;
}

class RedisBroker implements Broker {
  readonly #stream: RedisStream;
  readonly #readings = new Readings<Row>();
  #writer: Writer | undefined;
  #closed = false;

  constructor({ open, key, maxBytes }: RedisBrokerOptions) {
    this.#stream = new RedisStream(key ?? DEFAULT_KEY, open, maxBytes ?? DEFAULT_MAX_BYTES);
  }

  async append(entry: string): Promise<void> {
    if (this.#closed) throw new Error("the broker is closed");
    // Nothing is appended to a stream that is perhaps another than the one that was read.
    if (!this.#readings.isSeen) await this.#readings.seen(ANSWER_MS);
    if (this.#writer !== undefined && this.#writer.turn !== this.#stream.turn) {
      this.#end(this.#writer, new Error("the connection may lead to another server"));
    }
    const writer = this.#writer ??= this.#open();
    let row;
    try {
      const connection = writer.connection ??
        await within(writer.opening, OPEN_MS, "no connection", writer.ending.signal);
      // Bun's own client (1.4.5) connects where one that was closed before it had connected is asked something.
      writer.ending.signal.throwIfAborted();
      row = await this.#stream.append(connection, entry);
    } catch (cause) {
      this.#end(writer, cause);
      throw cause;
    }
    this.#release();
    if (row !== undefined) return this.#readings.appended(row);
    // Whoever reads finds out what has become of it.
    this.#readings.doubt();
    throw new Error(`the stream ${this.#stream.key} is gone`);
  }

  async read(reader: BrokerReader, signal: AbortSignal): Promise<void> {
    if (this.#closed || signal.aborted) return;
    await this.#readings.run(new RedisReading(this.#stream, reader, signal));
    this.#release();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#release();
    await this.#readings.end();
  }

  /** Where nobody reads no connection is kept, so that a process can end. */
  #release(): void {
    if (this.#readings.size > 0 && !this.#closed) return;
    if (this.#writer !== undefined) {
      this.#end(this.#writer, new Error("the connection was closed"));
    }
    this.#stream.rest();
  }

  #end(writer: Writer, cause: unknown): void {
    if (this.#writer === writer) this.#writer = undefined;
    writer.ending.abort(cause);
    writer.opening.then(closeQuietly, () => {});
  }

  #open(): Writer {
    const { turn } = this.#stream;
    const opening = this.#stream.open();
    const writer: Writer = { turn, opening, connection: undefined, ending: new AbortController() };
    opening.then((connection) => writer.connection = connection, () => {});
    return writer;
  }
}

/**
 * A log in a stream of Redis 7.0 or later, or of Valkey.
 *
 * @param options How to open a connection, and how long the log gets.
 * @returns The log. Its connections are there while a server that has it runs.
 * @throws {BusinessError} 401 where an option is wrong.
 */
export function redisBroker(options: RedisBrokerOptions): Broker {
  const given = readOptions("redisBroker", options, OPTIONS, 1);
  if (given instanceof Error) throw given;
  if (given["open"] === undefined) {
    throw argumentError("redisBroker: 'open'", OPTIONS["open"]![1], undefined);
  }
  return new RedisBroker(options);
}

/** The commands that a log in Redis is made of. Not part of the public API. */

import type { LostReason } from "../broker.ts";
import { within } from "../wait.ts";
import { ENTRY, EPOCH, isOlder, isOurs, readRows, type Row } from "./redis_rows.ts";

/** A connection to Redis, of whichever client. */
export interface RedisConnection {
  /**
   * Sends a command.
   *
   * @param command Its name.
   * @param args Its arguments.
   * @returns Its reply; rejects with the server's error.
   */
  send(command: string, args: string[]): Promise<unknown>;
  /** Closes the connection, whatever is under way. */
  close(): unknown;
}

/** How long any answer may take, in ms. */
export const ANSWER_MS = 2000;

/** How long opening a connection may take, in ms: clients have limits of their own below this. */
export const OPEN_MS = 15_000;

/** How many entries' sizes are kept. */
const SIZES = 256;

/** What an entry costs Redis beside its text, in bytes. */
const OVERHEAD = 100;

/** A stream of Redis: its ids are `<epoch>-<offset>`. */
export class RedisStream {
  readonly key: string;
  readonly open: () => RedisConnection | Promise<RedisConnection>;
  readonly #maxBytes: number;
  /** What entries are appended to, and the highest that was ever seen. */
  #epoch: number | undefined;
  #highest = 0;
  /** The sizes of the last entries. */
  readonly #sizes: number[] = [];
  #at = 0;
  #sum = 0;

  constructor(key: string, open: RedisStream["open"], maxBytes: number) {
    this.key = key;
    this.open = open;
    this.#maxBytes = maxBytes;
  }

  /** Notes the size of an entry that was read. */
  measure({ text }: Row): void {
    this.#sum += text.length - (this.#sizes[this.#at] ?? 0);
    this.#sizes[this.#at] = text.length;
    this.#at = (this.#at + 1) % SIZES;
  }

  /** How many entries are so many bytes, by the last ones. */
  count(bytes: number): number {
    const mean = this.#sizes.length === 0 ? 1024 : this.#sum / this.#sizes.length;
    return Math.max(1, Math.floor(bytes / (mean + OVERHEAD)));
  }

  /** An epoch there is: what is appended from now on goes there. */
  knows(epoch: number): void {
    this.#highest = Math.max(this.#highest, epoch);
    this.#epoch = this.#highest;
  }

  /** Sends a command, which must be answered in so many milliseconds beyond what is usual. */
  send(connection: RedisConnection, command: string, args: string[], ms = 0): Promise<unknown> {
    return within(connection.send(command, args), ms + ANSWER_MS, `no answer to ${command}`);
  }

  /** What XRANGE and XREVRANGE answer. */
  async rows(connection: RedisConnection, command: string, args: string[]): Promise<Row[]> {
    return readRows(await this.send(connection, command, [this.key, ...args]));
  }

  /** The newest row. Begins an epoch where there is none. */
  async newest(connection: RedisConnection): Promise<Row> {
    const read = () => this.rows(connection, "XREVRANGE", ["+", "-", "COUNT", "1"]);
    let [row] = await read();
    if (row === undefined) {
      await this.begin(connection, "gone");
      [row] = await read();
    }
    if (row === undefined) throw new Error(`the stream ${this.key} stays empty`);
    return row;
  }

  /** Begins an epoch. Of two nodes that do, the later one's counts, and the other finds it. */
  async begin(connection: RedisConnection, why: LostReason, after = 0): Promise<void> {
    const epoch = Math.max(Date.now(), after + 1, this.#highest + 1);
    try {
      await this.send(connection, "XADD", [this.key, `${epoch}-*`, EPOCH, why]);
    } catch (cause) {
      if (!isOlder(cause)) throw cause;
    }
  }

  /**
   * Appends an entry.
   *
   * @returns Whether there is a stream to append to.
   */
  async append(connection: RedisConnection, entry: string): Promise<boolean> {
    const max = String(this.count(this.#maxBytes));
    const limits = [this.key, "NOMKSTREAM", "MAXLEN", "~", max];
    for (let tries = 0;; tries++) {
      this.#epoch ??= await this.#find(connection);
      try {
        const args = [...limits, `${this.#epoch}-*`, ENTRY, entry];
        if (await this.send(connection, "XADD", args) !== null) return true;
        this.#epoch = undefined;
        return false;
      } catch (cause) {
        // Another node has begun an epoch, or a stranger has put something there.
        if (!isOlder(cause) || tries === 3) throw cause;
        this.#epoch = undefined;
      }
    }
  }

  /** The epoch to append to. */
  async #find(connection: RedisConnection): Promise<number> {
    let row = await this.newest(connection);
    if (!isOurs(row)) {
      await this.begin(connection, "forked", row.epoch);
      row = await this.newest(connection);
    }
    this.#highest = Math.max(this.#highest, row.epoch);
    return row.epoch;
  }
}

/** Closes a connection that may be closed already. */
export function closeQuietly(connection: RedisConnection | undefined): void {
  try {
    const closing = connection?.close() as PromiseLike<unknown> | undefined;
    if (typeof closing?.then === "function") closing.then(undefined, () => {});
  } catch {
    // It was closed already.
  }
}

/** The commands that a log in Redis is made of. Not part of the public API. */

import { systemClock } from "../../internal/clock.ts";
import { describe } from "../../internal/describe.ts";
import { byteLength } from "../../internal/payload.ts";
import type { LostReason } from "../broker.ts";
import { Deadlines } from "../wait.ts";
import { connectionOf, type RedisClient, type RedisConnection } from "./redis_clients.ts";
import { isBefore, isOlder, type Place, readId, readRows, type Row } from "./redis_rows.ts";

/** How long any answer may take, in ms. */
export const ANSWER_MS = 2000;

/** How long opening a connection may take, in ms: clients have limits of their own below this. */
export const OPEN_MS = 15_000;

/** How many entries' sizes are kept. */
const SIZES = 256;

/** By how many of its characters it is judged how many bytes an entry has. */
const SAMPLE = 1024;

/** What an entry costs Redis beside its text, in bytes. */
const OVERHEAD = 100;

/** How many rows are asked for at once. */
export const MOST_ROWS = 1000;

/** How many rows are read to find the newest that is ours: so many, then twice as many, up to the limit. */
const FIRST_ROWS = 2;

/** How often an append finds that others were first. */
const TRIES = 5;

/** A stream of Redis: its ids are `<epoch>-<offset>`, where no stranger has put something there. */
export class RedisStream {
  readonly key: string;
  readonly open: () => Promise<RedisConnection>;
  readonly #maxBytes: number;
  /** Where entries are appended, and the highest of any such place. */
  #end: Pick<Place, "epoch" | "ms"> | undefined;
  #highest = 0;
  /** The sizes of the last entries. */
  readonly #sizes: number[] = [];
  #at = 0;
  #sum = 0;
  /** What is being appended, and the place of the last append that was answered. */
  readonly #appending = new Set<string>();
  #appended: Pick<Row, "ms" | "offset"> = { ms: 0, offset: 0 };
  /** How many rows may be read at once, with which they come in time. */
  rowsAtOnce = MOST_ROWS;
  /** Goes up when connections of before may lead to another server than those that are opened now. */
  turn = 0;
  readonly #deadlines = new Deadlines();
  /** End the pauses of those who gather. */
  readonly #gathering = new Set<() => void>();

  constructor(
    key: string,
    open: () => RedisClient | Promise<RedisClient>,
    maxBytes: number,
  ) {
    this.key = key;
    this.open = async () => connectionOf(await open());
    this.#maxBytes = maxBytes;
  }

  /** Notes the size of an entry that was read. */
  measure({ text }: Row): void {
    const size = text.length <= SAMPLE
      ? byteLength(text)
      : byteLength(text.slice(0, SAMPLE)) * (text.length / SAMPLE);
    this.#sum += size - (this.#sizes[this.#at] ?? 0);
    this.#sizes[this.#at] = size;
    this.#at = (this.#at + 1) % SIZES;
  }

  /** How many entries are so many bytes, by the last ones. */
  count(bytes: number): number {
    const mean = this.#sizes.length === 0 ? 1024 : this.#sum / this.#sizes.length;
    return Math.max(1, Math.floor(bytes / (mean + OVERHEAD)));
  }

  /** A row there is: what is appended from now on stands behind it. */
  knows({ epoch, ms }: Row): void {
    if (ms < this.#highest) return;
    this.#highest = ms;
    this.#end = { epoch, ms };
  }

  /**
   * Waits for so many milliseconds for more to come together, but never for what this node itself has
   * appended.
   *
   * @param cursor What has been read.
   */
  gather(ms: number, cursor: Row): Promise<void> | undefined {
    if (this.#appending.size > 0 || isBefore(cursor, this.#appended)) return undefined;
    return new Promise((resolve) => {
      const end = () => {
        systemClock.clearTimer(timer);
        this.#gathering.delete(end);
        resolve();
      };
      const timer = systemClock.setTimer(end, ms);
      this.#gathering.add(end);
    });
  }

  /** The place of the last append that was answered. */
  get appended(): Pick<Row, "ms" | "offset"> {
    return this.#appended;
  }

  /** Whether this text is being appended. */
  isAppending(text: string): boolean {
    for (const one of this.#appending) if (one === text) return true; // with no sum over all of it, as `has` has
    return false;
  }

  /** Another server may have answered an append than the one that is read. */
  turned(): void {
    this.turn++;
    this.#appended = { ms: 0, offset: 0 };
  }

  /** Has those who gather read at once. */
  hurry(): void {
    for (const end of this.#gathering) end();
  }

  /** Nothing is asked any more for now. */
  rest(): void {
    this.#deadlines.rest();
  }

  /** Sends a command, which must be answered in so many milliseconds beyond what is usual. */
  send(connection: RedisConnection, command: string, args: string[], ms = 0): Promise<unknown> {
    const answer = connection.send(command, args);
    return this.#deadlines.within(answer, ms + ANSWER_MS, `no answer to ${command}`);
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

  /**
   * Begins an epoch. Of two nodes that do, the later one's counts, and the other finds it; in the same
   * millisecond the second is refused.
   */
  async begin(connection: RedisConnection, why: LostReason, after = 0): Promise<void> {
    const epoch = Math.max(Date.now(), after + 1, this.#highest + 1);
    try {
      await this.send(connection, "XADD", [this.key, `${epoch}-0`, "epoch", why]);
    } catch (cause) {
      if (!isOlder(cause)) throw cause;
    }
  }

  /**
   * Appends an entry.
   *
   * @returns Its row, or nothing where there is no stream to append to.
   */
  async append(connection: RedisConnection, entry: string): Promise<Row | undefined> {
    this.#appending.add(entry);
    this.hurry();
    try {
      return await this.#append(connection, entry);
    } finally {
      this.#appending.delete(entry);
    }
  }

  async #append(connection: RedisConnection, text: string): Promise<Row | undefined> {
    const max = String(this.count(this.#maxBytes));
    const limits = [this.key, "NOMKSTREAM", "MAXLEN", "~", max];
    let refused: number | undefined;
    for (let tries = 1;; tries++) {
      const { ms, epoch } = this.#end ??= await this.#find(connection, refused);
      try {
        const args = [...limits, `${ms}-*`, `e${epoch}`, text];
        const id = await this.send(connection, "XADD", args);
        if (id === null) {
          this.#end = undefined;
          return undefined;
        }
        const row: Row = { ...readId(id), epoch, kind: "e", text };
        if (!(row.offset >= 0)) throw new Error(`no id: ${describe(id)}`); // an error that is answered, say
        this.#appended = row;
        return row;
      } catch (cause) {
        // Another node has begun an epoch, or a stranger has put something there.
        if (!isOlder(cause) || tries === TRIES) throw cause;
        this.#end = undefined;
        refused = ms;
      }
    }
  }

  /**
   * Where to append. Has an epoch go on behind what strangers have put there.
   *
   * @param refused Where that was refused: if nothing is behind it, what was there has been deleted.
   */
  async #find(
    connection: RedisConnection,
    refused?: number,
  ): Promise<Pick<Place, "epoch" | "ms">> {
    for (let tries = 1;; tries++) {
      const { last, top } = await this.#last(connection);
      const isEnd = last !== undefined && last.ms === top!.ms && last.ms !== refused;
      if (last !== undefined && (isEnd || tries > TRIES)) {
        this.#highest = Math.max(this.#highest, last.ms);
        return last;
      }
      if (top === undefined) await this.begin(connection, "gone");
      else if (last === undefined) await this.begin(connection, "forked", top.ms);
      else await this.#goOn(connection, last, top);
    }
  }

  /**
   * Has an epoch go on behind the newest row. Of several nodes that do it at the same time one succeeds, as
   * all take the same id; where something has come in between, its row says so: what it names is not the
   * row before it, and so it does not count.
   */
  async #goOn(connection: RedisConnection, { epoch, ms, offset }: Place, top: Row): Promise<void> {
    // Where nothing is there, it is not known behind what: something of before now.
    const id = `${Math.max(top.ms + 1, ms === top.ms ? Date.now() : 0)}-${offset}`;
    try {
      await this.send(connection, "XADD", [this.key, "NOMKSTREAM", id, `on${epoch}`, top.id]);
    } catch (cause) {
      if (!isOlder(cause)) throw cause;
    }
  }

  /** The newest place that counts, and the newest row of whomever. */
  async #last(connection: RedisConnection): Promise<{ last?: Place; top?: Row | undefined }> {
    const rows: Row[] = [];
    let at = 0;
    for (let count = FIRST_ROWS; count <= MOST_ROWS; count *= 2) {
      const from = rows.length === 0 ? "+" : `(${rows.at(-1)!.id}`;
      const more = await this.rows(connection, "XREVRANGE", [from, "-", "COUNT", String(count)]);
      rows.push(...more);
      const isAll = more.length < count;
      // Whether a row counts by which an epoch goes on, the row before it says.
      for (; at < (isAll ? rows.length : rows.length - 1); at++) {
        const { kind, epoch, ms, text } = rows[at]!;
        if (kind === "foreign" || (kind === "on" && (rows[at + 1]?.id ?? text) !== text)) continue;
        // What strangers have put among our numbers has taken some.
        const { offset } = rows.find((row) => row.ms === ms)!;
        return { last: { epoch, ms, offset }, top: rows[0] };
      }
      if (isAll) break;
    }
    return { top: rows[0] };
  }
}

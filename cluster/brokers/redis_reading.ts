/** Reading a stream of Redis to its end and on. Not part of the public API. */

import { systemClock } from "../../internal/clock.ts";
import type { BrokerReader } from "../broker.ts";
import { within } from "../wait.ts";
import { Reading } from "./reading.ts";
import { closeQuietly, type RedisConnection } from "./redis_clients.ts";
import { isBefore, isReason, type Place, readReply, type Row } from "./redis_rows.ts";
import { MOST_ROWS, OPEN_MS, type RedisStream } from "./redis_stream.ts";

/** How long XREAD waits for entries, in ms. */
const BLOCK_MS = 1000;

/**
 * A client that connects again by itself, and sends XREAD again, takes longer than this, in ms. What
 * was read after a longer wait may be of another stream, so the last entry is looked at again.
 */
const UNSEEN_MS = 40;

/** How many bytes one XREAD asks for, more or less: nobody knows how long the next entries are. */
const READ_BYTES = 4 * 1024 * 1024;

/** An answer that takes less, in ms, is quick: the next one may be longer. */
const QUICK_MS = 500;

/**
 * After so many small reads, each this soon after the other, one waits for more: what several others append
 * costs less when it is read together. All in ms.
 */
const SMALL_READS = 8;
const SOON_MS = 1.5;
const GATHER_MS = 2;

/** The last row that counts. */
type Last = Place & Pick<Row, "kind">;

/** One reader and its connection. */
export class RedisReading extends Reading<Row> {
  readonly #stream: RedisStream;
  #connection: RedisConnection | undefined;
  /** The last row that was read, of whomever, and the last one that counts. */
  #cursor: Row | undefined;
  #last: Last | undefined;
  /** What was told after the cursor by the answer to its append, and was not read yet. */
  #ahead: Row | undefined;
  /** The id of what was read last while it was being appended here, and what was answered later and not read before. */
  #came: string | undefined;
  #odd: Row | undefined;
  /** Epochs up to this one have been told of, or were there at the beginning. */
  #known = Infinity;
  /** What is there when this has been read. */
  #ready: Row | undefined;
  #isReady = false;

  constructor(stream: RedisStream, reader: BrokerReader, signal: AbortSignal) {
    super(reader, signal);
    this.#stream = stream;
  }

  protected override interrupt(): void {
    closeQuietly(this.#connection);
    this.#connection = undefined;
    this.#stream.hurry();
  }

  protected override async read(): Promise<void> {
    const { signal } = this;
    const opening = this.#stream.open();
    try {
      this.#connection = await within(opening, OPEN_MS, "no connection", signal);
    } catch (cause) {
      opening.then(closeQuietly, () => {}); // one that comes too late
      throw cause;
    }
    const connection = this.#connection;
    await this.#look(connection);
    this.see();
    this.up();
    let small = 0;
    let before = 0;
    while (!signal.aborted) {
      const began = systemClock.now();
      const { appended } = this.#stream;
      const rows = await this.#next(connection);
      const now = systemClock.now();
      const isLate = now - began > UNSEEN_MS;
      const isSame = !isLate || await this.#isSame(connection);
      if (!isSame || !this.#isAsTold(rows)) {
        this.unsee();
        if (await this.#look(connection)) return this.interrupt(); // to be opened anew, as what appends is
        this.see();
        continue;
      }
      const odd = this.#odd;
      this.#odd = undefined;
      const isMissing = rows.length === 0 && isBefore(this.#cursor ?? appended, appended);
      if (isMissing || (odd !== undefined && !await this.#holds(connection, odd))) {
        this.#stream.turned();
        throw new Error("another server has answered an append than the one that is read");
      }
      for (const row of rows) {
        if (signal.aborted) return;
        this.#tell(row);
      }
      small = rows.length > 0 && rows.length < 4 && now - before < SOON_MS ? small + 1 : 0;
      if (small > SMALL_READS) await this.#stream.gather(GATHER_MS, rows.at(-1)!);
      before = systemClock.now();
    }
  }

  /** Waits for what comes after the cursor. */
  async #next(connection: RedisConnection): Promise<Row[]> {
    const { key, rowsAtOnce } = this.#stream;
    const count = Math.min(rowsAtOnce, this.#stream.count(READ_BYTES));
    const args = ["COUNT", String(count), "BLOCK", String(BLOCK_MS), "STREAMS", key];
    args.push(this.#cursor?.id ?? "0-0");
    const began = systemClock.now();
    let reply;
    try {
      reply = await this.#stream.send(connection, "XREAD", args, BLOCK_MS);
    } catch (cause) {
      this.#stream.rowsAtOnce = Math.ceil(count / 8); // perhaps it was too long to come in time
      throw cause;
    }
    const isQuick = systemClock.now() - began < QUICK_MS;
    if (isQuick) this.#stream.rowsAtOnce = Math.min(2 * rowsAtOnce, MOST_ROWS);
    return readReply(reply);
  }

  /** Whether the stream is still the one that was read. */
  async #isSame(connection: RedisConnection): Promise<boolean> {
    // Not by its newest row: others may have appended that to a log that was cut back.
    return this.#cursor === undefined || await this.#holds(connection, this.#cursor);
  }

  /** Whether what was told ahead is what was read next. */
  #isAsTold([next]: Row[]): boolean {
    const ahead = this.#ahead;
    return ahead === undefined || (next?.id === ahead.id && next.text === ahead.text);
  }

  async #holds(connection: RedisConnection, { id, text }: Row): Promise<boolean> {
    const [row] = await this.#stream.rows(connection, "XRANGE", [id, id]);
    return row !== undefined && row.text === text;
  }

  /** Which of the rows that were told last are in the stream no more. */
  async #missing(connection: RedisConnection): Promise<Row[]> {
    const missing: Row[] = [];
    for (const row of [this.#cursor, this.#ahead]) {
      if (row !== undefined && !await this.#holds(connection, row)) missing.push(row);
    }
    return missing;
  }

  /**
   * Finds out whether the stream is the one that was read, and where to go on if it is not.
   *
   * @returns Whether it is told that it is not.
   */
  async #look(connection: RedisConnection): Promise<boolean> {
    const stream = this.#stream;
    const last = this.#last;
    let newest = await stream.newest(connection);
    const missing = await this.#missing(connection);
    if (last === undefined) {
      this.#ready ??= newest;
      this.#known = newest.epoch;
      if (missing.length > 0) this.#cursor = undefined;
    } else if (missing.length > 0) {
      const first = await stream.rows(connection, "XRANGE", ["-", "+", "COUNT", "100"]);
      const oldest = first.find(({ kind }) => kind !== "foreign") ?? newest;
      if (oldest.epoch === last.epoch && missing.every((row) => isBefore(row, oldest))) {
        // Trimmed: what comes next says so by its number.
        if (missing.at(-1) === this.#ahead) this.#ahead = undefined;
        return false;
      }
      const why = oldest.epoch > last.epoch ? "gone" : "forked";
      if (newest.kind === "foreign" || newest.epoch <= last.epoch) {
        await stream.begin(connection, why, Math.max(last.ms, newest.ms));
        newest = await stream.newest(connection);
      }
      this.#known = newest.epoch;
      this.#cursor = this.#last = this.#ahead = undefined;
      stream.turned();
      this.reader.lost(why);
    }
    if (newest.kind === "e" || newest.kind === "epoch") stream.knows(newest);
    return last !== undefined && missing.length > 0;
  }

  protected override tellAhead(row: Row): void {
    const cursor = this.#cursor;
    if (cursor !== undefined && !isBefore(cursor, row) && this.#came !== row.id) this.#odd = row;
    if (this.#ahead !== undefined) return;
    if (row.ms !== cursor?.ms || row.offset !== cursor.offset + 1) return;
    this.#ahead = row;
    this.#tellOurs(row, this.#last);
  }

  #tell(row: Row): void {
    const { reader } = this;
    const [last, before, ahead] = [this.#last, this.#cursor, this.#ahead];
    this.#cursor = row;
    this.#ahead = undefined;
    if (this.#stream.isAppending(row.text)) this.#came = row.id;
    if (ahead !== undefined) {
      this.#last = row;
    } else if (row.kind === "foreign") {
      // It is told, to be refused, at the place of the one before.
      const { epoch, offset } = last ?? { epoch: row.ms, offset: 0 };
      reader.entry({ epoch: String(epoch), offset }, row.text);
      if (last?.ms === row.ms) this.#last = { ...last, offset: row.offset };
    } else if (row.kind !== "on" || before === undefined || before.id === row.text) {
      this.#tellOurs(row, last);
      this.#last = row;
    }
    if (this.#isReady || isBefore(row, this.#ready!)) return;
    this.#isReady = true;
    reader.ready();
  }

  #tellOurs(row: Row, last: Last | undefined): void {
    const [{ reader }, { epoch, ms, offset, kind, text }] = [this, row];
    if (ms !== last?.ms) this.#stream.knows(row);
    if (last !== undefined && epoch !== last.epoch) {
      const why = kind === "epoch" && isReason(text) ? text : "trimmed";
      // Of several nodes that find no stream, two may begin an epoch.
      const isSaid = why === "gone" && last.kind === "epoch";
      if (epoch > this.#known && !isSaid) reader.lost(why);
    } else if (last !== undefined && offset !== last.offset + (kind === "on" ? 0 : 1)) {
      reader.lost("trimmed");
    }
    if (kind !== "e") return;
    this.#stream.measure(row);
    reader.entry({ epoch: String(epoch), offset }, text);
  }
}

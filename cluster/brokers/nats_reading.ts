/** Reading a stream of JetStream to its end and on. Not part of the public API. */

import { systemClock } from "../../internal/clock.ts";
import type { BrokerReader, LostReason } from "../broker.ts";
import { STILL_MS, within } from "../wait.ts";
import {
  HEARTBEAT_MS,
  MISSED,
  type NatsMessage,
  type NatsStream,
  type Numbered,
  readDelivery,
  type StreamInfo,
} from "./nats_stream.ts";
import { Reading } from "./reading.ts";

/**
 * The beginning of an epoch within a stream that has lost entries: which one it ends. Of several that
 * end the same one, the first counts.
 */
const EPOCH = /^epoch forked (\S+)$/;

/** How long the client of NATS may take for its answers, in ms: it has limits of its own below this. */
const LATE_MS = 10_000;

/** One reader and its consumer. */
export class NatsReading extends Reading<Numbered> {
  readonly #stream: NatsStream;
  readonly #inbox: string;
  /** Ends this consumer, as something is wrong. */
  #fail: (cause: Error) => void = () => {};
  /** When something has come last, and what looks whether that is long ago. */
  #heardAt = 0;
  #beat: unknown;
  /** The last entry that was read, or that an empty stream has had, and in which stream and epoch. */
  #last: Numbered | undefined;
  /** What was told after it by the answer to its append, and was not read yet; and when. */
  #ahead: Numbered & { at: number } | undefined;
  #created: string | undefined;
  #epoch = "";
  /**
   * The epoch that was found and told to have forked. When what the stream had then has been read with no end of
   * it, one is to be put there.
   */
  #fork: { readonly epoch: string; readonly until: number; isOver: boolean } | undefined;
  /** When this has been read, all is that was there at first. */
  #ready: number | undefined;
  #isReady = false;

  constructor(stream: NatsStream, inbox: string, reader: BrokerReader, signal: AbortSignal) {
    super(reader, signal);
    this.#stream = stream;
    this.#inbox = inbox;
  }

  protected override interrupt(): void {
    this.#fail(new Error("the stream may be another one"));
  }

  protected override async read(): Promise<void> {
    const info = await this.#answer(this.#stream.info());
    await this.#look(info);
    if (info.count === 0) this.#last ??= { sequence: info.last, text: "" };
    const failed = new Promise<never>((_, reject) => this.#fail = reject);
    failed.catch(() => {});
    let delivered = 0;
    const subject = `${this.#inbox}.${crypto.randomUUID().replaceAll("-", "")}`;
    const begun = () => {
      this.see();
      this.up();
    };
    const callback = (error: Error | null, message: NatsMessage) => {
      if (error !== null) return this.#fail(error);
      this.#heardAt = systemClock.now();
      if (message.headers?.code === 100) return this.#status(message, delivered);
      const delivery = readDelivery(message.reply);
      if (delivery === undefined) return; // a stranger's: it is in no stream
      if (delivery.delivered !== ++delivered) return this.#fail(new Error("some were not told"));
      const { sequence, pending } = delivery;
      if (delivered === 1) begun(); // the answer that makes the consumer may be known later than this
      this.#take({ sequence, text: this.#stream.textOf(message) }, pending);
    };
    const subscription = this.#stream.connection.subscribe(subject, { callback });
    const consumer = this.#stream.consume(subject, (this.#last?.sequence ?? 0) + 1);
    try {
      await this.#answer(consumer);
      begun();
      this.#watch();
      if (info.count === 0) this.#readyNow();
      this.#endFork(this.#last?.sequence); // of an empty stream, or as that was refused before
      await failed;
    } finally {
      this.#fail = () => {};
      systemClock.clearTimer(this.#beat);
      subscription.unsubscribe();
      consumer.then((name) => this.#stream.forget(name)).catch(() => {});
    }
  }

  /** Waits for an answer, until the end. */
  #answer<T>(answer: Promise<T>): Promise<T> {
    return within(answer, LATE_MS, "no answer of JetStream", this.signal);
  }

  /** Fails where nothing has come for too long, and, where this process has stood still, nothing comes after it. */
  #watch(ms = MISSED * HEARTBEAT_MS, isAgain = false): void {
    const due = systemClock.now() + ms;
    this.#beat = systemClock.setTimer(() => {
      const now = systemClock.now();
      const left = this.#heardAt + MISSED * HEARTBEAT_MS - now;
      if (left > 0) return this.#watch(left);
      if (!isAgain && now - due > STILL_MS) return this.#watch(STILL_MS, true);
      this.#fail(new Error(`JetStream was silent for ${MISSED * HEARTBEAT_MS} ms`));
    }, ms);
  }

  /** A sign of life, or JetStream asks whether what it has sent has come. */
  #status({ headers, reply }: NatsMessage, delivered: number): void {
    const { connection } = this.#stream;
    const stalled = reply || headers!.get("Nats-Consumer-Stalled");
    try {
      if (stalled) connection.publish(stalled);
    } catch (cause) {
      return this.#fail(cause as Error); // the connection ends, or that is no subject: its reader must go on
    }
    const last = headers!.get("Nats-Last-Consumer");
    // What was told ahead has had the time to come, and JetStream has nothing to tell.
    const isOverdue = this.#ahead && systemClock.now() - this.#ahead.at > HEARTBEAT_MS;
    if ((last && Number(last) !== delivered) || isOverdue) {
      this.#fail(new Error("some were not told"));
    }
  }

  /** Finds out whether the stream is the one that was read, and where to go on if it is not. */
  async #look(info: StreamInfo): Promise<void> {
    if (this.#created === undefined) {
      this.#created = this.#epoch = info.epoch;
      this.#ready = info.last;
      return;
    }
    if (this.#created !== info.epoch) return this.#restart(info, "gone");
    for (const told of [this.#last, this.#ahead]) {
      if (told !== undefined && !await this.#keeps(info, told)) {
        return this.#restart(info, "forked");
      }
    }
    if (info.first > (this.#ahead?.sequence ?? Infinity)) this.#ahead = undefined;
  }

  /** Whether the stream has what was told, or has dropped it: then what comes next says what is missing. */
  async #keeps({ first, last }: StreamInfo, { sequence, text }: Numbered): Promise<boolean> {
    if (sequence === 0 || first > sequence) return true;
    const get = () => this.#answer(this.#stream.get(sequence));
    return last >= sequence && await get() === text;
  }

  /** Begins again at the stream's start. */
  #restart({ epoch, last }: StreamInfo, why: LostReason): void {
    const fork = { epoch: this.#epoch, until: last, isOver: false };
    this.#fork = why === "forked" ? fork : undefined;
    this.#created = this.#epoch = epoch;
    this.#last = this.#ahead = undefined;
    this.reader.lost(why);
  }

  protected override tellAhead(entry: Numbered): void {
    const last = this.#last;
    if (this.#ahead !== undefined || last === undefined) return;
    if (entry.sequence !== last.sequence + 1) return;
    this.#ahead = { ...entry, at: systemClock.now() };
    this.#tell(entry);
  }

  /** An entry was read. */
  #take(entry: Numbered, pending: number): void {
    const [last, ahead] = [this.#last, this.#ahead];
    const { sequence, text } = entry;
    if (ahead === undefined) {
      if (last !== undefined && sequence !== last.sequence + 1) this.reader.lost("trimmed");
    } else if (sequence !== ahead.sequence || text !== ahead.text) {
      return this.#fail(new Error("what was appended is not there"));
    }
    this.#last = entry;
    this.#ahead = undefined;
    if (ahead === undefined) this.#tell(entry);
    if (pending === 0 || sequence >= this.#ready!) this.#readyNow();
    this.#endFork(pending === 0 ? Infinity : sequence); // what was deleted by itself is not told, be it the newest
  }

  #tell({ sequence, text }: Numbered): void {
    const [, ended] = EPOCH.exec(text) ?? [];
    if (ended === undefined) {
      this.reader.entry({ epoch: this.#epoch, offset: sequence }, text);
    } else if (ended === this.#epoch) {
      this.#epoch = `${this.#created}.${sequence}`;
      if (this.#isReady && this.#fork?.epoch !== ended) this.reader.lost("forked");
    }
  }

  /** Ends the epoch of a stream that has lost entries, once all that it still had has been told. */
  #endFork(sequence = 0): void {
    const fork = this.#fork;
    if (fork === undefined || fork.isOver || sequence < fork.until) return;
    fork.isOver = true;
    // Another node may have ended the epoch already.
    if (fork.epoch !== this.#epoch) return;
    this.#stream.append(`epoch forked ${fork.epoch}`).catch((cause) => {
      fork.isOver = false;
      this.#fail(cause);
    });
  }

  #readyNow(): void {
    if (this.#isReady) return;
    this.#isReady = true;
    this.reader.ready();
  }
}

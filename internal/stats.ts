import type { WebSocketData } from "../client/types.ts";
import type { DropReason, WebSocketObserver } from "./observer.ts";

/** How many messages, and how many bytes of data they had. */
export interface Traffic {
  /** How many messages. */
  messages: number;
  /** How many bytes of data, text as UTF-8. */
  bytes: number;
}

/** The time from a Ping to the first sign of life after it, in milliseconds. */
export interface RoundTrip {
  /** The last. */
  last: number;
  /** The shortest. */
  min: number;
  /** The longest. */
  max: number;
  /** The mean of all. */
  mean: number;
}

/** What a server has seen of the log that it shares with others. */
export interface BrokerStats {
  /** How many entries were read. */
  entries: number;
  /** How many characters they had. */
  bytes: number;
  /** How many milliseconds the last of its own took from its append until it was told. */
  lag: number;
  /** How often the broker could be read again after it could not. */
  reconnects: number;
  /** How often it is not known what lay between two entries. */
  gaps: number;
  /** How many characters wait to be appended and read back. */
  queued: number;
}

/** What was counted since the client or server was made. A copy: it does not change. */
export interface WebSocketStats {
  /** How many connections are open. */
  connections: number;
  /** How many have been open. */
  opened: number;
  /** How many have been open and are closed. */
  closed: number;
  /** What came in. */
  received: Traffic;
  /** What was sent. */
  sent: Traffic;
  /** How many Pings went out. */
  pings: number;
  /** How many of them brought a sign of life. */
  pongs: number;
  /** How long those took. Absent before the first. */
  roundTrip?: RoundTrip;
  /** Bytes that are queued now, to all peers together. */
  buffered: number;
  /** Bytes that were accepted and are lost, as peers did not take them before the end. */
  unsent: number;
  /** How many connections this side dropped or found lost, by reason. */
  dropped: Partial<Record<DropReason, number>>;
  /** How many handshakes a server refused, by HTTP status. */
  refused: Record<number, number>;
  /** What was sent and waits to be acknowledged. Absent where nothing does. */
  unacknowledged?: Traffic;
  /** What was seen of the broker's log. Absent where there is no broker. */
  broker?: BrokerStats;
}

/** Counts what it is told. */
export class Stats implements WebSocketObserver {
  #opened = 0;
  #closed = 0;
  readonly #received: Traffic = { messages: 0, bytes: 0 };
  readonly #sent: Traffic = { messages: 0, bytes: 0 };
  #pings = 0;
  #pongs = 0;
  #last = 0;
  #min = Infinity;
  #max = 0;
  #sum = 0;
  #unsent = 0;
  readonly #dropped: Partial<Record<DropReason, number>> = {};
  readonly #refused: Record<number, number> = {};
  #broker: Omit<BrokerStats, "queued"> | undefined;
  #wasDown = false;

  opened(): void {
    this.#opened++;
  }

  closed(): void {
    this.#closed++;
  }

  received(_: unknown, _data: WebSocketData, bytes: number): void {
    this.#received.messages++;
    this.#received.bytes += bytes;
  }

  sent(_: unknown, _data: WebSocketData, bytes: number): void {
    this.#sent.messages++;
    this.#sent.bytes += bytes;
  }

  pinged(): void {
    this.#pings++;
  }

  ponged(_: unknown, ms: number): void {
    this.#pongs++;
    this.#last = ms;
    this.#min = Math.min(this.#min, ms);
    this.#max = Math.max(this.#max, ms);
    this.#sum += ms;
  }

  unsent(_: unknown, bytes: number): void {
    this.#unsent += bytes;
  }

  dropped(_: unknown, why: DropReason): void {
    this.#dropped[why] = (this.#dropped[why] ?? 0) + 1;
  }

  refused(status: number): void {
    this.#refused[status] = (this.#refused[status] ?? 0) + 1;
  }

  entry(length: number, lag: number | undefined): void {
    const broker = this.#broker ??= { entries: 0, bytes: 0, lag: 0, reconnects: 0, gaps: 0 };
    broker.entries++;
    broker.bytes += length;
    broker.lag = lag ?? broker.lag;
  }

  broker(up: boolean, lost: string | undefined): void {
    const broker = this.#broker ??= { entries: 0, bytes: 0, lag: 0, reconnects: 0, gaps: 0 };
    if (lost !== undefined) broker.gaps++;
    else if (up && this.#wasDown) broker.reconnects++;
    this.#wasDown = !up;
  }

  /** The numbers as they are now: so many bytes wait for peers, so many characters for the broker. */
  read(
    buffered: number,
    { queued = 0, unacknowledged }: {
      queued?: number | undefined;
      unacknowledged?: Traffic | undefined;
    } = {},
  ): WebSocketStats {
    const roundTrip = this.#pongs === 0 ? {} : {
      roundTrip: {
        last: this.#last,
        min: this.#min,
        max: this.#max,
        mean: this.#sum / this.#pongs,
      },
    };
    return {
      connections: this.#opened - this.#closed,
      opened: this.#opened,
      closed: this.#closed,
      received: { ...this.#received },
      sent: { ...this.#sent },
      pings: this.#pings,
      pongs: this.#pongs,
      ...roundTrip,
      buffered,
      unsent: this.#unsent,
      dropped: { ...this.#dropped },
      refused: { ...this.#refused },
      ...(unacknowledged?.messages
        ? { unacknowledged: { messages: unacknowledged.messages, bytes: unacknowledged.bytes } }
        : {}),
      ...(this.#broker === undefined ? {} : { broker: { ...this.#broker, queued } }),
    };
  }
}

/** The recent past of each topic, so that a client that was away is told what it missed. */

import type { Clock } from "../internal/clock.ts";
import { Fifo } from "../internal/fifo.ts";
import type { MessagePosition } from "./log.ts";

/** How much of the past is kept. */
export interface HistoryLimits {
  /** Messages of one topic, bytes of all topics, and milliseconds. */
  messages: number;
  bytes: number;
  age: number;
}

/** A message that was published. */
export interface PastMessage {
  offset: number;
  index: number;
  data: string | Uint8Array<ArrayBuffer>;
}

/** What a client missed of a topic. */
export interface Missed {
  /** Whether these are all messages since then. */
  recovered: boolean;
  messages: readonly PastMessage[];
}

interface Kept extends PastMessage {
  readonly at: number;
  topic: Topic;
  size: number;
}

interface Topic {
  readonly name: string;
  /** Oldest first; those before `from` are gone. */
  messages: (Kept | undefined)[];
  from: number;
  /** The newest message that was dropped. */
  floor: Place | undefined;
}

type Place = Pick<PastMessage, "offset" | "index">;

/** A higher number than that of any message of an entry. */
const LAST = 2 ** 31;

const NOTHING: Missed = { recovered: false, messages: [] };

/** What a message costs beside its data, in bytes. */
const OVERHEAD = 100;

/** The recent past of all topics, within bounds. */
export class History {
  readonly #limits: HistoryLimits;
  readonly #clock: Clock;
  readonly #topics = new Map<string, Topic>();
  /** All that is kept, oldest first, and what a topic has dropped by itself, which has no size any more. */
  #all = new Fifo<Kept>();
  /** How many of them are kept. */
  #count = 0;
  #bytes = 0;
  #position: MessagePosition | undefined;
  /** Everything after this is complete, but for what the topics' own floors say. */
  #floor: Place | undefined;
  /** The newest message of topics that were forgotten. */
  #forgotten: Place | undefined;

  constructor(limits: HistoryLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** How many bytes are kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Where the log stands: what was published before has been added. */
  get position(): MessagePosition | undefined {
    return this.#position;
  }

  /** Where the log stood before the first that was read of it. */
  get start(): Place | undefined {
    return this.#floor;
  }

  /** Keeps a message. They come in the order of the log. */
  add(name: string, position: MessagePosition, data: PastMessage["data"]): void {
    this.moved(position);
    const { offset, index } = position;
    const size = OVERHEAD + (typeof data === "string" ? 2 * data.length : data.byteLength);
    let topic = this.#topics.get(name);
    if (topic === undefined) {
      topic = { name, messages: [], from: 0, floor: this.#forgotten };
      this.#topics.set(name, topic);
      this.#bytes += 2 * name.length;
    }
    const kept = { offset, index, data, size, topic, at: this.#clock.now() };
    topic.messages.push(kept);
    this.#all.push(kept);
    this.#count++;
    this.#bytes += size;
    if (topic.messages.length - topic.from > this.#limits.messages) this.#drop(topic);
    this.#trim();
  }

  /** The log stands at a position, of whatever message. */
  moved({ epoch, offset, index }: MessagePosition): void {
    if (epoch !== this.#position?.epoch) {
      this.clear();
      // Whoever was somewhere in this epoch before its first entry that was read has missed some.
      this.#floor = { offset: offset - 1, index: offset === 1 ? 0 : LAST };
    }
    this.#position = { epoch, offset, index };
  }

  /** The log stands at a position, and what is there is not kept. */
  skip(position: MessagePosition): void {
    if (position.epoch !== this.#position?.epoch) return; // what comes next says where it begins
    this.#position = position;
    this.#floor = position;
  }

  /** What lay before the next entry is not known to be whole. */
  clear(): void {
    this.#topics.clear();
    this.#all = new Fifo();
    this.#count = this.#bytes = 0;
    this.#forgotten = undefined;
    this.#position = undefined;
  }

  /**
   * What was published to a topic after a position.
   *
   * @param name The topic.
   * @param since Where a client was.
   */
  since(name: string, since: MessagePosition): Missed {
    this.#trim();
    if (since.epoch !== this.#position?.epoch || isBefore(since, this.#floor)) return NOTHING;
    const topic = this.#topics.get(name);
    if (isBefore(since, topic === undefined ? this.#forgotten : topic.floor)) return NOTHING;
    const messages: PastMessage[] = [];
    if (topic === undefined) return { recovered: true, messages };
    for (let at = topic.messages.length; at-- > topic.from;) {
      const message = topic.messages[at]!;
      if (!isBefore(since, message)) break;
      const { offset, index, data } = message;
      messages.push({ offset, index, data });
    }
    return { recovered: true, messages: messages.reverse() };
  }

  #trim(): void {
    const { age, bytes } = this.#limits;
    const oldest = this.#clock.now() - age;
    for (let kept; (kept = this.#all.at(0)) !== undefined; this.#all.shift()) {
      const { topic } = kept;
      if (kept.size === 0) continue; // dropped by its topic
      if (this.#bytes <= bytes && kept.at >= oldest) break;
      this.#drop(topic);
      if (topic.from < topic.messages.length) continue;
      // A topic of which nothing is left costs nothing; what it had counts for all such.
      this.#topics.delete(topic.name);
      this.#bytes -= 2 * topic.name.length;
      if (isBefore(this.#forgotten ?? topic.floor!, topic.floor)) this.#forgotten = topic.floor;
      else this.#forgotten ??= topic.floor;
    }
    if (this.#all.size < 2 * this.#count + 1024) return;
    this.#all = new Fifo(this.#all.all.filter(({ size }) => size > 0));
  }

  /** Drops the oldest message of a topic. */
  #drop(topic: Topic): void {
    const kept = topic.messages[topic.from]!;
    topic.messages[topic.from++] = undefined;
    topic.floor = { offset: kept.offset, index: kept.index };
    this.#bytes -= kept.size;
    this.#count--;
    kept.size = 0;
    kept.data = ""; // it stands in the list of all for a while
    if (topic.from > 64 && topic.from > topic.messages.length / 2) {
      topic.messages = topic.messages.slice(topic.from);
      topic.from = 0;
    }
  }
}

/** Whether a place is before another. */
function isBefore(place: Place, other: Place | undefined): boolean {
  if (other === undefined) return false;
  return place.offset < other.offset ||
    (place.offset === other.offset && place.index < other.index);
}

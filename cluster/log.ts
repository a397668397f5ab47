/**
 * A node's end of the log: what all nodes have to tell comes back here, in one order, each once. Not
 * part of the public API.
 */

import type { WebSocketData } from "../client/types.ts";
import { type BusinessError, businessError } from "../errors.ts";
import type { Clock } from "../internal/clock.ts";
import { describe } from "../internal/describe.ts";
import type { Broker, BrokerReader, LostReason, Position } from "./broker.ts";
import { type Message, readEntry, readHead } from "./entry.ts";
import { Outbox } from "./outbox.ts";

/** How many nodes' counters are kept: those that were heard last. */
const MAX_NODES = 10_000;

/** Where a message stands: which line of which entry. */
export interface MessagePosition extends Position {
  index: number;
}

/** How long a broker may take to end when it is told to, in ms, unless told otherwise. */
const END_MS = 1000;

/** Whom a log tells. None of the functions may throw. */
export interface LogOwner<Except, Result> {
  /**
   * A message, at its place in the order that all nodes share.
   *
   * @param own What only this node knows of one that is its own.
   * @returns What its publisher is told.
   */
  message(
    message: Message,
    position: MessagePosition,
    node: string,
    own: { except: Except | undefined } | undefined,
  ): Result;
  ready(): void;
  lost(why: LostReason): void;
  /** Something that was told before the one with this number was lost before anybody had read it. */
  unread(before: number): void;
  /** An entry that was told before something was lost is in the log again, up to here: it is not told again. */
  again?(position: MessagePosition): void;
  state(up: boolean, cause?: unknown): void;
  /** An entry was told; how many milliseconds after its append, where it is this node's own. */
  entry(length: number, lag: number | undefined): void;
  /** Something in the log is not ours. */
  fault(error: BusinessError): void;
}

/** One node's end of the log. */
export class Log<Except, Result> {
  readonly node: string;
  readonly #broker: Broker;
  readonly #owner: LogOwner<Except, Result>;
  readonly #outbox: Outbox<Except, Result>;
  readonly #clock: Clock;
  readonly #ending = new AbortController();
  #reading: Promise<void> | undefined;
  /** The counter of each node's last entry. */
  readonly #counters = new Map<string, number>();
  /** The same, as something was lost. */
  #before: ReadonlyMap<string, number> = new Map();
  #isUp: boolean | undefined;

  constructor(
    broker: Broker,
    node: string,
    clock: Clock,
    owner: LogOwner<Except, Result>,
    isAlone = false,
  ) {
    this.#broker = broker;
    this.node = node;
    this.#clock = clock;
    this.#owner = owner;
    this.#outbox = new Outbox(broker, node, clock, isAlone);
  }

  /** How much waits to be read back, in characters. */
  get queued(): number {
    return this.#outbox.queued;
  }

  /** Begins to read. */
  open(): void {
    const owner = this.#owner;
    const { signal } = this.#ending;
    this.#reading = this.#read({
      entry: (position, text) => void (signal.aborted || this.#entry(position, text)),
      ready: () => void (signal.aborted || owner.ready()),
      lost: (why) => {
        if (signal.aborted) return;
        this.#before = new Map(this.#counters);
        owner.lost(why);
        this.#outbox.lost();
      },
      state: (up, cause) => {
        if (signal.aborted) return;
        this.#isUp = up;
        this.#outbox.state(up, cause);
        owner.state(up, cause);
      },
    });
  }

  /** Publishes to a topic, or to everybody where it is `null`; see {@linkcode Outbox.publish}. */
  publish(
    call: string,
    topic: string | null,
    data: WebSocketData,
    except: Except | undefined,
  ): Promise<Result> {
    return this.#outbox.publish(call, topic, data, except);
  }

  /** Appends a message of the nodes' own; see {@linkcode Outbox.tell}. */
  tell(message: Exclude<Message, { kind: "message" }>): number {
    return this.#outbox.tell(message);
  }

  /** Takes back what was told; see {@linkcode Outbox.takeBack}. */
  takeBack(number: number): boolean {
    return this.#outbox.takeBack(number);
  }

  /** Resolves when all is read back that was told or published, or after so many milliseconds. */
  flushed(ms: number): Promise<void> {
    return this.#outbox.flushed(ms);
  }

  /**
   * Ends reading, and tells whoever still waits.
   *
   * @param ms How many milliseconds the broker may take.
   * @returns Whether the broker has ended in time. One that has not is not listened to any more.
   */
  async close(ms: number = END_MS): Promise<boolean> {
    this.#ending.abort();
    this.#outbox.close();
    let timer: unknown;
    const late = new Promise<boolean>((resolve) => {
      timer = this.#clock.setTimer(() => resolve(false), ms);
    });
    const ended = await Promise.race([Promise.resolve(this.#reading).then(() => true), late]);
    this.#clock.clearTimer(timer);
    return ended;
  }

  /** Reads to the end. A broker that has stopped before it was told to is down from then on. */
  async #read(reader: BrokerReader): Promise<void> {
    let cause: unknown = new Error("the broker has stopped reading");
    try {
      await this.#broker.read(reader, this.#ending.signal);
    } catch (thrown) {
      cause = thrown;
    }
    if (this.#isUp !== false) reader.state(false, cause); // which says nothing after `close`
  }

  #entry(position: Position, text: string): void {
    // Mostly it is what this node has appended last, which need not be parsed.
    let own = this.#outbox.oldest(text);
    const from = own === undefined
      ? typeof text === "string" ? readHead(text) : undefined // a broker of the user's may hand out anything
      : { node: this.node, counter: own.counter };
    if (from?.node === this.node) own ??= this.#outbox.own(from.counter, text);
    const messages = own === undefined ? from && readEntry(text)?.messages : own.items;
    if (from === undefined || messages === undefined) {
      const where = `${position.epoch}-${position.offset}`;
      const what = `the broker's log has an entry that is not ours, at ${where}`;
      this.#owner.fault(businessError("foreignEntry", `${what}: ${describe(text)}`));
      return;
    }
    const { node, counter } = from;
    const { epoch, offset } = position;
    const last = this.#counters.get(node) ?? 0;
    if (counter <= last) { // it is in the log twice
      const index = messages.length - 1;
      const isAgain = counter <= (this.#before.get(node) ?? 0) && index >= 0;
      if (isAgain) this.#owner.again?.({ epoch, offset, index });
      return;
    }
    this.#count(node, counter);
    if (own !== undefined && counter > last + 1) this.#owner.unread(own.items[0]!.number);
    for (let index = 0; index < messages.length; index++) {
      const at = { epoch, offset, index };
      const item = own?.items[index];
      if (item === undefined) {
        this.#owner.message(messages[index] as Message, at, node, undefined);
        continue;
      }
      const result = this.#owner.message(item.message, at, node, item);
      item.waiting?.resolve(result);
      item.waiting = undefined;
    }
    this.#owner.entry(text.length, own && this.#outbox.readBack(own));
  }

  /** Notes a node's counter, as the one that was heard last. */
  #count(node: string, counter: number): void {
    this.#counters.delete(node);
    this.#counters.set(node, counter);
    if (this.#counters.size <= MAX_NODES) return;
    for (const [oldest] of this.#counters) {
      this.#counters.delete(oldest);
      break;
    }
  }
}

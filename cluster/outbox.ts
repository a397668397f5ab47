/**
 * What this node has to tell the others: what is published meanwhile goes into one entry, and one
 * append is under way at a time. Not part of the public API.
 */

import type { WebSocketData } from "../client/types.ts";
import { type BusinessError, businessError } from "../errors.ts";
import type { Clock } from "../internal/clock.ts";
import { describe } from "../internal/describe.ts";
import { byteLength, snapshot } from "../internal/payload.ts";
import { Refusal } from "../internal/result.ts";
import { type Broker, MAX_ENTRY_BYTES } from "./broker.ts";
import { beginning, line, type Message, messageLine } from "./entry.ts";
import { OutboxQueue, type Queued } from "./outbox_queue.ts";

/** How much may wait to be read back, in characters of the log. */
const MAX_QUEUE = 16 * 1024 * 1024;

/** How long what is published may wait to be read back, in ms. */
const MAX_WAIT_MS = 5000;

/** How long an append that failed is not tried again, in ms: at first, and at the most. */
const RETRY_MS = [50, 1000] as const;

/** The messages of one entry are stopped at so many bytes, but for one that is longer by itself. */
const ENTRY_ROOM = MAX_ENTRY_BYTES - 1024;

/** A message that waits to be read back. */
export interface Item<Except, Result> extends Queued {
  readonly message: Message;
  readonly except: Except | undefined;
  readonly at: number;
  /** Who published it, and by which call, until they are told. */
  waiting:
    | { call: string; resolve(to: Result): void; reject(why: BusinessError): void }
    | undefined;
}

/** An entry of this node's that was not read back yet. */
export interface Own<Except, Result> {
  readonly counter: number;
  readonly text: string;
  readonly items: readonly Item<Except, Result>[];
  readonly at: number;
}

/** What goes from this node into the log, and has not come back. */
export class Outbox<Except, Result> {
  readonly #broker: Broker;
  /** The beginning of each entry. */
  readonly #head: string;
  readonly #clock: Clock;
  readonly #isAlone: boolean;
  #counter = 0;
  #numbers = 0;
  readonly #queue = new OutboxQueue<Item<Except, Result>>();
  #queued = 0;
  #underWay: Own<Except, Result> | undefined;
  /** When that began to wait, or when the broker was back last. */
  #since = 0;
  /** By counter, oldest first. */
  readonly #unread = new Map<number, Own<Except, Result>>();
  #deadline: unknown;
  #cause: unknown;
  #closed = false;
  /** Ends the pause before an append is tried again. */
  #retry: () => void = () => {};
  #emptied: () => void = () => {};

  /** @param isAlone Whether the log is this node's own: then nothing bounds what is in it. */
  constructor(broker: Broker, node: string, clock: Clock, isAlone = false) {
    this.#isAlone = isAlone;
    this.#broker = broker;
    this.#head = beginning(node);
    this.#clock = clock;
  }

  /** How much waits to be read back, in characters. */
  get queued(): number {
    return this.#queued;
  }

  /**
   * Publishes to a topic, or to everybody where it is `null`.
   *
   * @param call What is published with, for error messages.
   * @param except Whom it is not for; of the owner's making, and known to this node alone.
   * @returns What the owner says when it is read back. Rejects with 2302999 where it was not
   * published, or where nobody knows; with 401 where it is too long for an entry.
   */
  publish(
    call: string,
    topic: string | null,
    data: WebSocketData,
    except: Except | undefined,
  ): Promise<Result> {
    const text = messageLine(topic, data);
    if (text.length * 3 > ENTRY_ROOM && !this.#isAlone) {
      const bytes = byteLength(text);
      if (bytes > ENTRY_ROOM) {
        return Refusal.of(businessError(
          "argument",
          `${call}: a message must have at most ${ENTRY_ROOM} bytes in the broker's log: ` +
            `current value has ${bytes}`,
        ));
      }
    }
    const refusal = this.#refusal(call, text.length);
    if (refusal !== undefined) return Refusal.of(refusal);
    const kept = textOrBytes(snapshot(data));
    return Refusal.pending((resolve, reject) => {
      this.#enqueue(text, { kind: "message", topic, data: kept }, except, {
        call,
        resolve,
        reject,
      });
      if (this.#deadline === undefined) this.#arm(MAX_WAIT_MS);
    });
  }

  /** Appends a message of the nodes' own, which waits as long as it has to. Returns its number. */
  tell(message: Exclude<Message, { kind: "message" }>): number {
    return this.#enqueue(line(message), message, undefined, undefined);
  }

  /**
   * Takes back what was told, where the broker takes nothing and it is in no entry yet: so what waits does not
   * grow by who comes and goes meanwhile.
   *
   * @returns Whether it was taken back.
   */
  takeBack(number: number): boolean {
    const length = this.#isStuck ? this.#queue.takeBack(number) : 0;
    this.#queued -= length;
    return length > 0;
  }

  /** What was appended may be lost, which is known by what comes behind it: so that something does. */
  lost(): void {
    if (this.#unread.size > 0 && this.#queue.size === 0) this.tell({ kind: "hello" });
  }

  /** Resolves when all is read back that was told or published, or cannot be any more. */
  async flushed(ms: number): Promise<void> {
    if (this.#queue.size === 0 && this.#unread.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = this.#clock.setTimer(resolve, ms);
      this.#emptied = () => {
        this.#clock.clearTimer(timer);
        resolve();
      };
    });
  }

  /** Tells whoever still waits. Nothing is appended any more. */
  close(): void {
    this.#closed = true;
    this.#retry();
    this.#clock.clearTimer(this.#deadline);
    this.#expire(Infinity);
  }

  /** The broker is up again, or why it is not. */
  state(up: boolean, cause: unknown): void {
    this.#cause = up ? undefined : cause;
    if (!up) return;
    this.#since = this.#clock.now(); // whoever hears that it is back may publish at once
    this.#retry();
  }

  /** The oldest entry that was not read back yet, if it is what was read. */
  oldest(text: string): Own<Except, Result> | undefined {
    for (const own of this.#unread.values()) return own.text === text ? own : undefined;
    return undefined;
  }

  /** The entry with this counter, if it is what was read. */
  own(counter: number, text: string): Own<Except, Result> | undefined {
    const own = this.#unread.get(counter);
    return own?.text === text ? own : undefined;
  }

  /**
   * An entry has been read. Those before it never will.
   *
   * @returns How many milliseconds it took.
   */
  readBack(own: Own<Except, Result>): number {
    for (const [counter, other] of this.#unread) {
      if (counter > own.counter) break;
      this.#unread.delete(counter);
      for (const item of other.items) {
        this.#queued -= item.line.length;
        if (other !== own) this.#unknown(item);
      }
    }
    this.#appended(own);
    if (this.#queue.size === 0 && this.#unread.size === 0) this.#emptied();
    return this.#clock.now() - own.at;
  }

  /** Whether the broker has taken nothing for too long. */
  get #isStuck(): boolean {
    return this.#underWay !== undefined && this.#clock.now() - this.#since >= MAX_WAIT_MS;
  }

  #refusal(call: string, length: number): BusinessError | undefined {
    const why = this.#cause === undefined ? "" : `: ${describe(this.#cause)}`;
    if (this.#closed) return businessError("notRunning", `${call}: the server has stopped`);
    if (this.#queued + length > MAX_QUEUE && !this.#isAlone) {
      const what = `more than ${MAX_QUEUE} bytes wait for the broker${why}`;
      return businessError("queueFull", `${call}: ${what}`, { cause: this.#cause });
    }
    if (!this.#isStuck) return undefined;
    const what = `the broker has taken nothing for ${MAX_WAIT_MS / 1000} s${why}`;
    return businessError("brokerDown", `${call}: ${what}`, { cause: this.#cause });
  }

  #enqueue(
    line: string,
    message: Message,
    except: Except | undefined,
    waiting: Item<Except, Result>["waiting"],
  ): number {
    this.#queued += line.length;
    const number = ++this.#numbers;
    const item = { number, line, message, except, at: this.#clock.now(), waiting };
    this.#queue.push(item);
    // What is published in the same turn goes together.
    if (this.#queue.size === 1) queueMicrotask(() => this.#flush());
    return number;
  }

  #flush(): void {
    if (this.#closed || this.#underWay !== undefined || this.#queue.size === 0) return;
    const items = this.#queue.take(ENTRY_ROOM);
    const counter = ++this.#counter;
    let text = `${this.#head}${counter}]`;
    for (const { line } of items) text += `\n${line}`;
    const own = { counter, text, items, at: this.#clock.now() };
    this.#underWay = own;
    this.#since = own.at;
    this.#unread.set(counter, own);
    void this.#append(own);
  }

  /** Appends one entry, again and again where nobody knows whether it is in. */
  async #append(own: Own<Except, Result>): Promise<void> {
    for (let pause: number = RETRY_MS[0];; pause = Math.min(2 * pause, RETRY_MS[1])) {
      try {
        await this.#broker.append(own.text);
        break;
      } catch (cause) {
        if (this.#underWay !== own || this.#closed) return;
        this.#cause = cause;
        await new Promise<void>((resolve) => {
          const timer = this.#clock.setTimer(resolve, pause);
          this.#retry = () => {
            this.#clock.clearTimer(timer);
            resolve();
          };
        });
        if (this.#underWay !== own || this.#closed) return;
      }
    }
    this.#appended(own);
  }

  /** An entry is in the log: its append says so, or it was read. */
  #appended(own: Own<Except, Result>): void {
    if (this.#underWay !== own) return;
    this.#underWay = undefined;
    this.#cause = undefined;
    this.#retry();
    this.#flush();
  }

  #unknown(item: Item<Except, Result>): void {
    if (item.waiting === undefined) return;
    const { call, reject } = item.waiting;
    const why = this.#cause === undefined ? "" : `: ${describe(this.#cause)}`;
    const what = `${call}: nobody knows whether the broker has taken it${why}`;
    reject(businessError("unconfirmed", what, { cause: this.#cause }));
    item.waiting = undefined;
  }

  #arm(ms: number): void {
    this.#deadline = this.#clock.setTimer(() => {
      this.#deadline = undefined;
      const oldest = this.#expire(this.#clock.now() - MAX_WAIT_MS);
      if (oldest !== undefined) this.#arm(oldest + MAX_WAIT_MS - this.#clock.now());
    }, ms);
  }

  /**
   * Tells those who have waited since then: what is in no entry yet is not published.
   *
   * @returns Since when the oldest of the others wait.
   */
  #expire(until: number): number | undefined {
    let oldest: number | undefined;
    const isDue = (item: Item<Except, Result>) => {
      if (item.waiting === undefined) return false;
      if (item.at <= until) return true;
      oldest ??= item.at;
      return false;
    };
    for (const { items } of this.#unread.values()) {
      for (const item of items) if (isDue(item)) this.#unknown(item);
    }
    const refusals: Record<string, BusinessError> = {}; // by call: one error is enough for all
    this.#queue.keep((item) => {
      if (!isDue(item)) return true;
      const { call, reject } = item.waiting!;
      const late = `${call}: the broker has not taken it in time`;
      reject(refusals[call] ??= this.#refusal(call, 0) ?? businessError("brokerDown", late));
      this.#queued -= item.line.length;
      return false;
    });
    return oldest;
  }
}

/** What is kept of a {@linkcode snapshot}, whose views are of bytes. */
function textOrBytes(data: WebSocketData): string | Uint8Array<ArrayBuffer> {
  return data instanceof ArrayBuffer ? new Uint8Array(data) : data as Uint8Array<ArrayBuffer>;
}

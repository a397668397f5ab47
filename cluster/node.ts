/** One server among several, from its start to its stop. Not part of the public API. */

import type { WebSocketData } from "../client/types.ts";
import { type BusinessError, businessError } from "../errors.ts";
import type { Clock } from "../internal/clock.ts";
import { describe } from "../internal/describe.ts";
import type { Broker, LostReason } from "./broker.ts";
import type { MemberRecord, Message } from "./entry.ts";
import { Log, type MessagePosition } from "./log.ts";
import { type Member, Presence, type PresenceChange } from "./presence.ts";

/** How long a node waits for the broker when it starts, in ms, from what it has read last. */
const READY_MS = 5000;

/** How long what is left to tell may take when it stops, in ms. */
const FLUSH_MS = 700;

/** How long the broker may take to end then, in ms: what is left of the time, but so long at the least. */
const LEAST_MS = 200;
const MOST_MS = 5000;

/** What a node is made of. */
export interface NodeParts {
  broker: Broker;
  /** Whether that is its own, which no other node has. */
  isAlone: boolean;
  /** What it is called. */
  name: string;
  /** How long the lease of its members is, in ms; nothing where presence is not asked for. */
  leaseMs: number | undefined;
  clock: Clock;
}

/** Whom a node tells, which is the server. None of the functions may throw. */
export interface NodeOwner<Except, Result> {
  /** A message for the members of a topic here, or for everybody where it is `null`. */
  deliver(
    topic: string | null,
    data: WebSocketData,
    except: Except | undefined,
    isLocal: boolean,
    position: MessagePosition,
  ): Result;
  /** Something in the log was read, also of the past; `deliver` follows where it is a message. */
  read?(position: MessagePosition, topic?: string, data?: string | Uint8Array<ArrayBuffer>): void;
  /** What is up to here in the log was read before something of it was lost. */
  again?(position: MessagePosition): void;
  /** Whether it must be known where the log stands, and is not. */
  isNowhere?(): boolean;
  presence(change: PresenceChange): void;
  state(up: boolean, cause: unknown): void;
  lost(why: LostReason): void;
  /** An entry was read. */
  entry(length: number, lag: number | undefined): void;
  fault(error: BusinessError): void;
}

/** One server among several. */
export class ClusterNode<Except, Result> {
  readonly id: string;
  readonly #owner: NodeOwner<Except, Result>;
  readonly #clock: Clock;
  readonly #log: Log<Except, Result | undefined>;
  readonly #presence: Presence | undefined;
  #ready: () => void = () => {};
  /** When something was read last. */
  #readAt = 0;
  #cause: unknown;

  constructor(
    { broker, isAlone, name, leaseMs, clock }: NodeParts,
    owner: NodeOwner<Except, Result>,
  ) {
    this.id = `${name}~${crypto.randomUUID().slice(0, 8)}`;
    this.#owner = owner;
    this.#clock = clock;
    this.#log = new Log(broker, this.id, clock, {
      message: (message, position, node, own) => this.#message(message, position, node, own),
      entry: (length, lag) => {
        this.#readAt = clock.now();
        owner.entry(length, lag);
      },
      ready: () => {
        this.#presence?.open();
        this.#locate();
        this.#ready();
      },
      lost: (why) => {
        this.#presence?.lost();
        owner.lost(why);
        this.#locate();
      },
      unread: (before) => this.#presence?.unread(before),
      again: (position) => owner.again?.(position),
      state: (up, cause) => {
        this.#cause = cause;
        owner.state(up, cause);
      },
      fault: (error) => owner.fault(error),
    }, isAlone);
    this.#presence = leaseMs === undefined ? undefined : new Presence(this.id, leaseMs, clock, {
      tell: (message) => this.#log.tell(message),
      takeBack: (told) => this.#log.takeBack(told),
      changed: (change) => owner.presence(change),
    });
  }

  /** How much waits to be read back, in characters. */
  get queued(): number {
    return this.#log.queued;
  }

  /**
   * Reads what the log has kept.
   *
   * @param signal Ends it, as if the broker could not be read.
   * @returns Why that cannot be done, if it cannot.
   */
  async open(call: string, signal?: AbortSignal): Promise<BusinessError | undefined> {
    this.#readAt = this.#clock.now();
    const ready = new Promise<boolean>((resolve) => {
      let timer: unknown;
      const end = (isReady: boolean) => {
        this.#clock.clearTimer(timer);
        signal?.removeEventListener("abort", giveUp);
        resolve(isReady);
      };
      const giveUp = () => end(false);
      const wait = (ms: number) => {
        timer = this.#clock.setTimer(() => {
          const left = this.#readAt + READY_MS - this.#clock.now();
          if (left > 0) wait(left); // a long log, of which it reads on
          else giveUp();
        }, ms);
      };
      wait(READY_MS);
      this.#ready = () => end(true);
      if (signal?.aborted) giveUp();
      else signal?.addEventListener("abort", giveUp);
    });
    this.#log.open();
    if (await ready) return undefined;
    this.depart(); // the broker may have been there as the signal had aborted
    await this.#log.close();
    const why = this.#cause === undefined ? "" : `: ${describe(this.#cause)}`;
    const what = `${call}: the broker could not be read within ${READY_MS / 1000} s${why}`;
    return businessError("brokerDown", what, { cause: this.#cause });
  }

  /** Publishes to a topic, or to everybody where it is `null`; resolves when it was delivered here. */
  publish(
    call: string,
    topic: string | null,
    data: WebSocketData,
    except: Except | undefined,
  ): Promise<Result> {
    return this.#log.publish(call, topic, data, except) as Promise<Result>;
  }

  join(member: MemberRecord): void {
    this.#presence?.join(member);
  }

  leave(topic: string, id: number): void {
    this.#presence?.leave(topic, id);
  }

  /** Who is in a topic; to be asked only where there is presence. */
  members(topic: string): Member[] {
    return this.#presence!.members(topic);
  }

  /** Says goodbye: its members have left. What is published is read on. */
  depart(): void {
    this.#presence?.close();
  }

  /** Tells what is left to tell, for so many milliseconds at the most, and reads no more. */
  async close(ms: number): Promise<void> {
    this.depart();
    const began = this.#clock.now();
    await this.#log.flushed(Math.min(ms, FLUSH_MS));
    const left = Math.min(ms, MOST_MS) - (this.#clock.now() - began);
    if (await this.#log.close(Math.max(left, LEAST_MS))) return;
    const what = "stop: the broker goes on reading, though its signal has aborted";
    this.#owner.fault(businessError("brokerDown", what));
  }

  /** Has something appended, so that it is known where the log stands. */
  #locate(): void {
    if (this.#owner.isNowhere?.()) this.#log.tell({ kind: "hello" });
  }

  #message(
    message: Message,
    position: MessagePosition,
    node: string,
    own: { except: Except | undefined } | undefined,
  ): Result | undefined {
    const { read } = this.#owner;
    if (read !== undefined) {
      if (message.kind !== "message") read(position);
      else read(position, message.topic ?? undefined, message.data);
    }
    if (message.kind !== "message") {
      this.#presence?.read(message, node);
      return undefined;
    }
    const { topic, data } = message;
    return this.#owner.deliver(topic, data, own?.except, node === this.id, position);
  }
}

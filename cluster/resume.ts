/** Tells clients that were away what they missed. Not part of the public API. */

import type { Clock } from "../internal/clock.ts";
import { isBefore, type Place, placeText } from "../internal/resume_frame.ts";
import type { LostReason } from "./broker.ts";
import { History, type HistoryLimits, type PastMessage } from "./history.ts";
import type { MessagePosition } from "./log.ts";

/**
 * How long a client that knows more of the log than this node waits for it, in ms: in the same log, which this
 * node reads late where it is busy, and in another one, which it may have to hear of.
 */
const BEHIND_MS = 5000;
const OTHER_LOG_MS = 1000;

/** How often a client of quiet topics is told where the log stands, in ms. */
const BEAT_MS = 25_000;

/** A client that can resume. */
export interface ResumingPeer {
  /** Where it was, by its own account, in the topics that it has not joined again. */
  readonly since: Map<string, Place>;
  /** The log that those places are in. */
  readonly epoch: string | undefined;
  /** Tells it something of the module's own. */
  tell(control: object): void;
  /** Sends it a message that it missed. */
  send(place: string, data: PastMessage["data"]): void;
  /** Whether so many bytes may be queued to it. */
  hasRoomFor(bytes: number): boolean;
}

/** What a `join` has come to. */
export interface Joined {
  recovered?: boolean;
  missed: number;
}

/** A client that knows more of the log than this node has read. */
interface Ahead {
  readonly since: MessagePosition;
  readonly settle: () => void;
  readonly cancel: () => void;
}

/** Who can resume, and what they missed. */
export class Resume {
  readonly #clock: Clock;
  readonly #history: History;
  readonly #isAlone: boolean;
  readonly #peers = new Set<ResumingPeer>();
  readonly #ahead = new Map<ResumingPeer, Map<string, Ahead>>();
  #epoch: string | undefined;
  /** The epoch of what was read last, and what clients are told it is. */
  #last: { epoch: string; name: string } | undefined;
  #beat: unknown;
  /** Where the log stood at the last beat. */
  #told: string | undefined;

  /** @param isAlone Whether nobody else appends to the log, so that no client can know more of it. */
  constructor(limits: HistoryLimits, clock: Clock, isAlone: boolean) {
    this.#clock = clock;
    this.#isAlone = isAlone;
    this.#history = new History(limits, clock);
  }

  /** The first line that a client gets. */
  get hello(): object {
    return { resume: 1, epoch: this.#epoch };
  }

  /** Whether nothing of the log has been read, so that no client can be told where it stands. */
  get isNowhere(): boolean {
    return this.#epoch === undefined;
  }

  /** A client can be told. */
  add(peer: ResumingPeer): void {
    this.#peers.add(peer);
    this.#beat ??= this.#clock.setTimer(this.#tellWhere, BEAT_MS);
  }

  /** A client is gone. */
  remove(peer: ResumingPeer): void {
    this.#peers.delete(peer);
    for (const { cancel } of this.#ahead.get(peer)?.values() ?? []) cancel();
    if (this.#peers.size === 0) this.close();
  }

  close(): void {
    this.#clock.clearTimer(this.#beat);
    this.#beat = undefined;
  }

  /** Something in the log was read; a message, where it has a topic. To be told before delivery. */
  read(there: MessagePosition, topic?: string, data?: PastMessage["data"]): void {
    if (there.epoch !== this.#last?.epoch) this.#last = { epoch: there.epoch, name: there.epoch };
    const { name: epoch } = this.#last;
    const position = epoch === there.epoch ? there : { ...there, epoch };
    if (epoch !== this.#epoch) {
      this.#epoch = epoch;
      this.#told = undefined; // it was another log's
      this.#history.moved(position);
      const at = placeText(this.#history.start!);
      for (const peer of this.#peers) peer.tell({ epoch, at });
    }
    if (topic === undefined) this.#history.moved(position);
    else this.#history.add(topic, position, data!);
  }

  /** Up to here is what was read before something was lost, and is not kept: whoever was before it has missed some. */
  again(there: MessagePosition): void {
    if (there.epoch !== this.#last?.epoch) return;
    this.#history.skip({ ...there, epoch: this.#last.name });
    this.caughtUp();
  }

  /** A whole entry was read and delivered. */
  caughtUp(): void {
    const here = this.#history.position;
    for (const ahead of [...this.#ahead.values()].flatMap((topics) => [...topics.values()])) {
      const { since } = ahead;
      if (since.epoch === here?.epoch && !isBefore(here, since)) ahead.settle();
    }
  }

  /** What lay before the next entry is not known to be whole. */
  lost(why: LostReason): void {
    this.#history.clear();
    this.#epoch = undefined;
    // The rest of an epoch that has forked has places that other entries have had, on other nodes as well.
    if (why === "forked" && this.#last) this.#last.name += `~${crypto.randomUUID()}`;
    for (const peer of this.#peers) peer.tell({ lost: why });
  }

  /**
   * A client joins a topic: it is told what it missed, and `enter` is called before anything else
   * can be published to it.
   *
   * @returns A promise where this node must read on first.
   */
  join(peer: ResumingPeer, topic: string, enter: () => void): Joined | Promise<Joined> {
    const place = peer.since.get(topic);
    peer.since.delete(topic);
    if (place === undefined) {
      enter();
      peer.tell({ joined: topic, at: this.#here });
      return { missed: 0 };
    }
    const since = { epoch: peer.epoch ?? "", ...place };
    const here = this.#history.position;
    if (this.#isAlone || (here?.epoch === since.epoch && !isBefore(here, since))) {
      return this.#fill(peer, topic, since, enter);
    }
    return new Promise((resolve) => {
      const end = () => {
        this.#clock.clearTimer(timer);
        topics.delete(topic);
        if (topics.size === 0) this.#ahead.delete(peer);
      };
      const settle = () => {
        if (topics.get(topic) !== ahead) return; // it has left, as an observer was told what another one is sent
        end();
        resolve(this.#fill(peer, topic, since, enter));
      };
      const cancel = () => {
        end();
        resolve({ recovered: false, missed: 0 });
      };
      const ms = here?.epoch === since.epoch ? BEHIND_MS : OTHER_LOG_MS;
      const timer = this.#clock.setTimer(settle, ms);
      const topics = this.#ahead.get(peer) ?? new Map<string, Ahead>();
      this.#ahead.set(peer, topics);
      const ahead: Ahead = { since, settle, cancel };
      topics.set(topic, ahead);
    });
  }

  /** A client leaves a topic. */
  leave(peer: ResumingPeer, topic: string): void {
    this.#ahead.get(peer)?.get(topic)?.cancel();
    peer.tell({ left: topic });
  }

  #fill(peer: ResumingPeer, topic: string, since: MessagePosition, enter: () => void): Joined {
    const { recovered: isWhole, messages } = this.#history.since(topic, since);
    const bytes = messages.reduce((sum, { data }) => sum + sizeOf(data), 0);
    const here = this.#history.position;
    // Who says that it has seen what is not there yet has not been here.
    const isPast = here !== undefined && !isBefore(here, since);
    const recovered = isWhole && isPast && peer.hasRoomFor(bytes);
    const missed = recovered ? messages.length : 0;
    const at = recovered ? placeText(since) : this.#here;
    peer.tell({ joined: topic, at, recovered, missed });
    for (const message of messages.slice(0, missed)) peer.send(placeText(message), message.data);
    enter();
    return { recovered, missed };
  }

  /** Where the log stands, if that is known. */
  get #here(): string | undefined {
    const { position } = this.#history;
    return position && placeText(position);
  }

  readonly #tellWhere = (): void => {
    const at = this.#here;
    if (at !== undefined && at !== this.#told) {
      for (const peer of this.#peers) peer.tell({ at });
    }
    this.#told = at;
    this.#beat = this.#clock.setTimer(this.#tellWhere, BEAT_MS);
  };
}

/** An upper limit for the bytes of a message on the wire, its header included. */
function sizeOf(data: PastMessage["data"]): number {
  return 32 + (typeof data === "string" ? 3 * data.length : data.byteLength);
}

/**
 * Where a client is in each topic, over all its connections: it tells that to a server which can say
 * what it missed. To the rest of the client these are ordinary connections. Loaded only where it is
 * asked for. Not part of the public API.
 */

import type { Clock } from "../internal/clock.ts";
import {
  control,
  isBefore,
  MAX_LIST,
  type Place,
  placeText,
  readObject,
  readPlace,
} from "../internal/resume_frame.ts";
import { NUMBER_OF } from "../internal/validate.ts";
import type { ClientRuntime, DialRequest } from "../runtime/contract.ts";
import type { Outbox } from "./acknowledged.ts";
import type { Wire, WireEvents } from "./resuming_runtime.ts";
import { ResumingSocket } from "./resuming_socket.ts";
import type { RecoveredInfo } from "./types.ts";

/** How many topics are kept track of, and how many characters their names may have together. */
const MAX_TOPICS = 100_000;
const MAX_CHARACTERS = 16 * 1024 * 1024;

/** Whom a session tells. */
export interface SessionOwner {
  recovered(info: RecoveredInfo): void;
}

/** Where a client is in a topic; nothing in it where that is not known. */
interface Known {
  epoch: string | undefined;
  place: Place | undefined;
  /** Whether the server has it in the topic now. */
  isLive: boolean;
}

/** Where a client is. */
export class ResumeSession {
  readonly clock: Clock;
  readonly outbox: Outbox;
  readonly #runtime: ClientRuntime;
  readonly #owner: SessionOwner;
  readonly #topics = new Map<string, Known>();
  /** How many characters the names of those have. */
  #characters = 0;
  /** The log that is read now, and how far. */
  #epoch: string | undefined;
  private place: Place | undefined;
  /** Whether a server could resume. */
  hasResumed = false;
  /** How many attempts have failed since. */
  #failures = 0;
  /** The topic whose missed messages come now, and how many of them. */
  private filling: { known: Known; left: number } | undefined;

  constructor(runtime: ClientRuntime, clock: Clock, owner: SessionOwner, outbox: Outbox) {
    this.outbox = outbox;
    this.#runtime = runtime;
    this.clock = clock;
    this.#owner = owner;
  }

  /** Does what the runtime's own does. */
  dial(request: DialRequest, events: WireEvents): Wire {
    return new ResumingSocket(this, this.#runtime, request, events);
  }

  /** Whether the servers may be such that cannot resume, as an attempt has failed. */
  doubts(): boolean {
    return !this.hasResumed || ++this.#failures > 1;
  }

  /** A server that can resume has greeted. Returns what it is told. */
  begin(epoch: string | undefined): string {
    this.hasResumed = true;
    this.#failures = 0;
    this.#settle();
    const list: Record<string, string> = {};
    // Those of another log cannot be recovered: the server is not asked.
    const own = [...this.#topics].reverse().find(([, { place }]) => place)?.[1].epoch;
    let topics = 0;
    let characters = control({ resume: 1, epoch: own, at: list }).length - 1; // no comma after the last
    this.#epoch = epoch;
    this.place = undefined;
    if (characters > MAX_LIST.characters) return control({ resume: 1, at: list }); // an epoch that no server would read
    for (const [topic, known] of [...this.#topics].reverse()) {
      if (known.place === undefined || known.epoch !== own) continue;
      const at = placeText(known.place);
      const more = JSON.stringify(topic).length + at.length + 4;
      if (topics === MAX_LIST.topics) break;
      if (characters + more > MAX_LIST.characters) continue; // a shorter name may have room
      topics++;
      characters += more;
      Object.defineProperty(list, topic, { value: at, enumerable: true });
    }
    return control({ resume: 1, epoch: own, at: list });
  }

  /** The server cannot resume. */
  foreign(): void {
    this.#settle();
    const topics = [...this.#topics.keys()];
    this.#topics.clear();
    this.#characters = 0;
    for (const topic of topics) this.#owner.recovered({ topic, recovered: false, missed: 0 });
  }

  /** A message with a place came in. */
  moved(place: Place): void {
    const filling = this.filling;
    if (filling === undefined) return this.reached(place);
    filling.known.place = place;
    if (--filling.left === 0) this.#filled();
  }

  /** The server tells something of its own. */
  told(header: string): void {
    const told = readObject(header) ?? {};
    const { joined, left, lost, epoch, at, recovered, missed } = told;
    if (told.ack !== undefined) return this.outbox.answered(told.ack, told.refused);
    const place = readPlace(at);
    if (typeof joined === "string") return this.#joined(joined, place, recovered, missed);
    if (typeof left === "string") return this.#left(left);
    if (lost !== undefined) return this.#lost();
    if (typeof epoch === "string") {
      this.#epoch = epoch;
      this.place = place;
      for (const known of this.#topics.values()) if (known.isLive) this.#here(known);
    } else if (place !== undefined) this.reached(place);
  }

  #joined(topic: string, place: Place | undefined, recovered: unknown, missed: unknown): void {
    const before = this.#topics.get(topic);
    if (before === undefined) {
      const characters = this.#characters + topic.length;
      if (this.#topics.size >= MAX_TOPICS || characters > MAX_CHARACTERS) return;
      this.#characters = characters;
    }
    const known: Known = { epoch: this.#epoch, place, isLive: true };
    this.#topics.delete(topic); // the one that was joined last comes last
    this.#topics.set(topic, known);
    const left = recovered === true && NUMBER_OF[0](missed) ? missed as number : 0;
    if (left > 0) {
      known.isLive = false;
      this.filling = { known, left };
    } else if (recovered !== true && place !== undefined) this.reached(place);
    // Whoever was there before, and is not told anything of that, has missed what there was.
    if (recovered === undefined && (before === undefined || before.isLive)) return;
    this.#owner.recovered({ topic, recovered: recovered === true, missed: left });
  }

  #left(topic: string): void {
    if (this.#topics.delete(topic)) this.#characters -= topic.length;
  }

  #filled(): void {
    const { known } = this.filling!;
    this.filling = undefined;
    known.isLive = true;
  }

  #lost(): void {
    this.#epoch = this.place = undefined;
    for (const [topic, known] of this.#topics) {
      known.epoch = known.place = undefined;
      if (known.isLive) this.#owner.recovered({ topic, recovered: false, missed: 0 });
    }
  }

  private reached(place: Place): void {
    if (this.place === undefined || isBefore(this.place, place)) this.place = place;
  }

  #here(known: Known): void {
    known.epoch = this.#epoch;
    known.place = this.place;
  }

  /** The connection is over: what was reached by all topics is noted with each. */
  #settle(): void {
    this.filling = undefined;
    for (const known of this.#topics.values()) {
      const place = this.place;
      if (known.isLive && place !== undefined) {
        if (known.place === undefined || isBefore(known.place, place)) known.place = place;
      }
      known.isLive = false;
    }
  }
}

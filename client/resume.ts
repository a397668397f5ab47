/**
 * Where a client is in each topic, over all its connections: it tells that to a server which can say
 * what it missed. To the rest of the client these are ordinary connections. Loaded only where it is
 * asked for. Not part of the public API.
 */

import type { Clock } from "../internal/clock.ts";
import type { Incoming } from "../internal/payload.ts";
import {
  control,
  frame,
  isBefore,
  MAX_LIST,
  ordinary,
  type Place,
  placeText,
  readHello,
  readObject,
  readPlace,
  resumable,
  unframe,
} from "../internal/resume_frame.ts";
import type {
  ClientEvents,
  ClientRuntime,
  ClientSocket,
  DialRequest,
  End,
} from "../runtime/contract.ts";
import type { RecoveredInfo, WebSocketData } from "./types.ts";

/**
 * How long a server that has chosen the subprotocol may take to greet, in ms. Some choose the first
 * that they are offered, whatever it means.
 */
const HELLO_MS = 2000;

/** How many topics are kept track of. */
const MAX_TOPICS = 100_000;

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
  readonly #runtime: ClientRuntime;
  readonly #owner: SessionOwner;
  readonly #topics = new Map<string, Known>();
  /** The log that is read now, and how far. */
  #epoch: string | undefined;
  #place: Place | undefined;
  /** The topic whose missed messages come now, and how many of them. */
  #filling: { known: Known; left: number } | undefined;

  constructor(runtime: ClientRuntime, clock: Clock, owner: SessionOwner) {
    this.#runtime = runtime;
    this.clock = clock;
    this.#owner = owner;
  }

  /** Does what the runtime's own does. */
  dial(request: DialRequest, events: ClientEvents): ClientSocket {
    return new ResumingSocket(this, this.#runtime, request, events);
  }

  /** A server that can resume has greeted. Returns what it is told. */
  begin(epoch: string | undefined): string {
    this.#settle();
    const list: Record<string, string> = {};
    // Those of another log cannot be recovered: the server is not asked.
    const own = [...this.#topics].reverse().find(([, { place }]) => place)?.[1].epoch;
    let [topics, characters] = [0, 200];
    for (const [topic, known] of [...this.#topics].reverse()) {
      if (known.place === undefined || known.epoch !== own) continue;
      const at = placeText(known.place);
      characters += JSON.stringify(topic).length + at.length + 4;
      if (++topics > MAX_LIST.topics || characters > MAX_LIST.characters) break;
      Object.defineProperty(list, topic, { value: at, enumerable: true });
    }
    this.#epoch = epoch;
    this.#place = undefined;
    return control({ resume: 1, epoch: own, at: list });
  }

  /** The server cannot resume. */
  foreign(): void {
    this.#settle();
    const topics = [...this.#topics.keys()];
    this.#topics.clear();
    for (const topic of topics) this.#owner.recovered({ topic, recovered: false, missed: 0 });
  }

  /** A message with a place came in. */
  moved(place: Place): void {
    const filling = this.#filling;
    if (filling === undefined) return this.#reached(place);
    filling.known.place = place;
    if (--filling.left === 0) this.#filled();
  }

  /** The server tells something of its own. */
  told(header: string): void {
    const { joined, left, lost, epoch, at, recovered, missed } = readObject(header) ?? {};
    const place = readPlace(at);
    if (typeof joined === "string") return this.#joined(joined, place, recovered, missed);
    if (typeof left === "string") return void this.#topics.delete(left);
    if (lost !== undefined) return this.#lost();
    if (typeof epoch === "string") {
      this.#epoch = epoch;
      this.#place = place;
      for (const known of this.#topics.values()) if (known.isLive) this.#here(known);
    } else if (place !== undefined) this.#reached(place);
  }

  #joined(topic: string, place: Place | undefined, recovered: unknown, missed: unknown): void {
    const before = this.#topics.get(topic);
    if (before === undefined && this.#topics.size >= MAX_TOPICS) return;
    const known: Known = { epoch: this.#epoch, place, isLive: true };
    this.#topics.delete(topic); // the one that was joined last comes last
    this.#topics.set(topic, known);
    const left = recovered === true && Number.isSafeInteger(missed) ? missed as number : 0;
    if (left > 0) {
      known.isLive = false;
      this.#filling = { known, left };
    } else if (recovered !== true && place !== undefined) this.#reached(place);
    // Whoever was there before, and is not told anything of that, has missed what there was.
    if (recovered === undefined && (before === undefined || before.isLive)) return;
    this.#owner.recovered({ topic, recovered: recovered === true, missed: left });
  }

  #filled(): void {
    const { known } = this.#filling!;
    this.#filling = undefined;
    known.isLive = true;
  }

  #lost(): void {
    this.#epoch = this.#place = undefined;
    for (const [topic, known] of this.#topics) {
      known.epoch = known.place = undefined;
      if (known.isLive) this.#owner.recovered({ topic, recovered: false, missed: 0 });
    }
  }

  #reached(place: Place): void {
    if (this.#place === undefined || isBefore(this.#place, place)) this.#place = place;
  }

  #here(known: Known): void {
    known.epoch = this.#epoch;
    known.place = this.#place;
  }

  /** The connection is over: what was reached by all topics is noted with each. */
  #settle(): void {
    this.#filling = undefined;
    for (const known of this.#topics.values()) {
      const place = this.#place;
      if (known.isLive && place !== undefined) {
        if (known.place === undefined || isBefore(known.place, place)) known.place = place;
      }
      known.isLive = false;
    }
  }
}

/** A connection of a session. */
class ResumingSocket implements ClientSocket, ClientEvents {
  readonly #session: ResumeSession;
  readonly #runtime: ClientRuntime;
  readonly #request: DialRequest;
  readonly #events: ClientEvents;
  #socket: ClientSocket;
  #mode: "dialing" | "waiting" | "resuming" | "plain" | "over" = "dialing";
  /** Whether nothing has come in yet. */
  #isFirst = true;
  #offers = true;
  #timer: unknown;

  constructor(
    session: ResumeSession,
    runtime: ClientRuntime,
    request: DialRequest,
    events: ClientEvents,
  ) {
    this.#session = session;
    this.#runtime = runtime;
    this.#request = request;
    this.#events = events;
    const names = request.protocols.length === 0 ? [""] : request.protocols;
    const protocols = [...names.map(resumable), ...request.protocols];
    this.#socket = runtime.dial({ ...request, protocols }, this);
  }

  get protocol(): string {
    const { protocol } = this.#socket;
    return ordinary(protocol) ?? protocol;
  }

  get extensions(): string {
    return this.#socket.extensions;
  }

  get bufferedAmount(): number {
    return this.#socket.bufferedAmount;
  }

  send(data: WebSocketData): void {
    this.#socket.send(this.#mode === "resuming" ? frame("", data) : data);
  }

  ping(): void {
    this.#socket.ping();
  }

  close(code: number, reason: string): void {
    this.#end();
    this.#socket.close(code, reason);
  }

  terminate(): void {
    this.#end();
    this.#socket.terminate();
  }

  open(): void {
    if (this.#mode !== "dialing") return;
    if (ordinary(this.#socket.protocol) === undefined) return this.#plain();
    this.#mode = "waiting";
    this.#timer = this.#session.clock.setTimer(() => this.#plain(), HELLO_MS);
  }

  message(data: Incoming): void {
    const isFirst = this.#isFirst;
    this.#isFirst = false;
    const hello = isFirst && this.#offers ? readHello(data) : undefined;
    if (this.#mode === "waiting") {
      if (hello === undefined) this.#plain();
      else return this.#begin(hello.epoch);
    } else if (this.#mode === "resuming") return this.#framed(data);
    // It has been taken for a server that cannot resume; the next connection may be quicker.
    else if (this.#mode === "plain" && hello && ordinary(this.#socket.protocol) !== undefined) {
      return this.#fault("the server's greeting came too late");
    }
    this.#events.message(data);
  }

  alive(): void {
    this.#events.alive();
  }

  closed(end: End): void {
    if (this.#mode === "dialing" && this.#mayBeRefusal(end)) {
      this.#offers = false;
      try {
        this.#socket = this.#runtime.dial(this.#request, this);
        return;
      } catch { /* what the first attempt has come to is told */ }
    }
    this.#end();
    this.#events.closed(end);
  }

  /**
   * Whether an attempt may have failed for what was offered: a server that knows no subprotocol answers
   * with none, and clients must take that for a failure (RFC 6455 §4.1).
   */
  #mayBeRefusal({ failure }: End): boolean {
    if (!this.#offers || this.#request.protocols.length > 0 || failure === undefined) return false;
    return ["0", "400"].includes(failure.status) && failure.what !== "connection refused";
  }

  #plain(): void {
    this.#session.clock.clearTimer(this.#timer);
    this.#mode = "plain";
    this.#events.open();
    this.#session.foreign();
  }

  #begin(epoch: string | undefined): void {
    this.#session.clock.clearTimer(this.#timer);
    this.#mode = "resuming";
    this.#socket.send(this.#session.begin(epoch));
    this.#events.open();
  }

  #framed(data: Incoming): void {
    const message = unframe(data);
    if (message === undefined) return this.#fault("a message without a header came in");
    const { header } = message;
    if (header.startsWith("{")) {
      this.#session.told(header);
      return this.#events.alive();
    }
    const place = readPlace(header);
    if (place !== undefined) this.#session.moved(place);
    else if (header !== "") return this.#fault("a message with an unknown header came in");
    this.#events.message(message.data);
  }

  #fault(what: string): void {
    this.terminate();
    this.#events.closed({ code: 0, reason: "", failure: { what, status: "0" } });
  }

  /** What comes now is not for the user, and is not seen. */
  #end(): void {
    this.#session.clock.clearTimer(this.#timer);
    this.#mode = "over";
  }
}

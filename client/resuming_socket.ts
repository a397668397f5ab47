/** One connection of a client that resumes. Not part of the public API. */

import { fromWire } from "../internal/close_frame.ts";
import type { Incoming } from "../internal/payload.ts";
import { Receipt } from "../internal/receipt.ts";
import { afterTurn } from "../internal/result.ts";
import {
  control,
  frame,
  type Hello,
  ordinary,
  placeBefore,
  readHello,
  readNumber,
  readPlace,
  resumable,
  unframe,
} from "../internal/resume_frame.ts";
import type { NumberedMessage } from "../internal/unacknowledged.ts";
import type {
  ClientEvents,
  ClientRuntime,
  ClientSocket,
  DialRequest,
  End,
} from "../runtime/contract.ts";
import type { ResumeSession } from "./resume.ts";
import type { Wire, WireEvents } from "./resuming_runtime.ts";
import type { WebSocketData } from "./types.ts";

/**
 * How long a server that has chosen the subprotocol may take to greet, in ms. Some choose the first
 * that they are offered, whatever it means. Where one has greeted before, this one can as well.
 */
const HELLO_MS = 2000;
const KNOWN_HELLO_MS = 10_000;

/**
 * After how many answers it is looked at whether the server reads them, and how often it may not have. A server of
 * ours waits for 65,536 at the most.
 */
const LOOK_EVERY = 1000;
const MOST_UNREAD = 66;

/** So many bytes may be queued at any time. */
const FEW_BYTES = 64 * 1024;

/** What an attempt fails of that has had no answer: it says nothing of what was offered. */
const NO_ANSWER = /^connection refused$|^the connection was reset$/;

/** Whether it ended with a Close frame of the server's. */
function saysClose({ code, failure, reason }: End): boolean {
  return failure === undefined && fromWire(code, reason) !== undefined;
}

/** A connection of a session. */
export class ResumingSocket implements Wire, ClientEvents {
  // What each message needs has no `#`, as in `server/connection.ts`.
  private readonly session: ResumeSession;
  readonly #runtime: ClientRuntime;
  readonly #request: DialRequest;
  private readonly events: WireEvents;
  #socket: ClientSocket;
  private mode: "dialing" | "waiting" | "resuming" | "plain" | "ending" | "over" = "dialing";
  /** Whether nothing has come in yet. */
  #isFirst = true;
  #offers = true;
  #timer: unknown;
  /** The largest message that the server takes, where it is to acknowledge it. */
  #maxPayload = Infinity;
  /** Whether the server knows whose messages it acknowledges. */
  #isKnown = false;
  /** How many answers were sent, what was queued as it was looked last, and how often that has not become less. */
  #answers = 0;
  #queued = 0;
  #unread = 0;

  constructor(
    session: ResumeSession,
    runtime: ClientRuntime,
    request: DialRequest,
    events: WireEvents,
  ) {
    this.session = session;
    this.#runtime = runtime;
    this.#request = request;
    this.events = events;
    const names = request.protocols.length === 0 ? [""] : request.protocols;
    const protocols = [...names.map(resumable), ...request.protocols];
    this.#socket = runtime.dial({ ...request, protocols }, this);
  }

  get protocol(): string {
    return this.#chosen ?? this.#socket.protocol;
  }

  /** The user's subprotocol with which the server has chosen to resume, if it was offered. */
  get #chosen(): string | undefined {
    return this.#offers ? ordinary(this.#socket.protocol) : undefined;
  }

  get extensions(): string {
    return this.#socket.extensions;
  }

  get bufferedAmount(): number {
    return this.#socket.bufferedAmount;
  }

  get isEnding(): boolean {
    return this.mode === "ending" || this.#socket.isEnding === true;
  }

  /** There where the runtime can stop reading. */
  get pause(): (() => void) | undefined {
    return this.#socket.pause && (() => this.#socket.pause!());
  }

  resume(): void {
    this.#socket.resume?.();
  }

  send(data: WebSocketData): void {
    this.#socket.send(this.mode === "resuming" ? frame("", data) : data);
  }

  acknowledge(message: NumberedMessage): boolean {
    const { outbox } = this.session;
    if (this.mode !== "resuming") outbox.foreign(message);
    else if (message.bytes > this.#maxPayload) outbox.tooBig(message);
    else {
      if (!this.#isKnown) this.#socket.send(control(outbox.introduction()));
      this.#isKnown = true;
      this.#socket.send(frame(outbox.header(message), message.data));
      return true;
    }
    return false;
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
    if (this.mode !== "dialing") return;
    if (this.#chosen === undefined) return this.#plain();
    this.mode = "waiting";
    const ms = this.session.hasResumed ? KNOWN_HELLO_MS : HELLO_MS;
    this.#timer = this.session.clock.setTimer(() => this.#plain(), ms);
  }

  message(data: Incoming): void {
    if (this.mode === "resuming") return this.framed(data);
    const isFirst = this.#isFirst;
    this.#isFirst = false;
    const hello = isFirst && this.#chosen !== undefined ? readHello(data) : undefined;
    if (this.mode === "waiting") {
      if (hello === undefined) this.#plain();
      else return this.#begin(hello);
    } else if (this.mode === "plain" && hello) {
      // It has been taken for a server that cannot resume; the next connection may be quicker.
      return this.#fault("the server's greeting came too late");
    }
    this.events.message(data);
  }

  alive(): void {
    this.events.alive();
  }

  closed(end: End): void {
    // Within the dialling: told later, unless that has thrown.
    if (this.#socket === undefined) return afterTurn(() => this.#socket && this.closed(end));
    if (this.mode === "dialing" && this.#mayBeRefusal(end)) {
      this.#offers = false;
      try {
        this.#socket = this.#runtime.dial(this.#request, this);
        return;
      } catch { /* what the first attempt has come to is told */ }
    }
    if (this.mode === "waiting" && saysClose(end)) {
      this.session.clock.clearTimer(this.#timer);
      this.mode = "ending"; // what it closes with counts, as with one that knows nothing of this
      this.events.open();
    }
    this.#end();
    this.events.closed(end);
  }

  /**
   * Whether an attempt may have failed for what was offered: a server that knows no subprotocol answers
   * with none, and clients must take that for a failure (RFC 6455 §4.1).
   */
  #mayBeRefusal({ failure }: End): boolean {
    if (!this.#offers || this.#request.protocols.length > 0 || failure === undefined) return false;
    return ["0", "400"].includes(failure.status) && !NO_ANSWER.test(failure.what) &&
      this.session.doubts();
  }

  #plain(): void {
    this.session.clock.clearTimer(this.#timer);
    this.mode = "plain";
    this.events.open();
    // Unless that has failed, or whoever was told has closed: it says nothing of the next server.
    if (this.mode === "plain") this.session.foreign();
  }

  #begin({ epoch, max }: Hello): void {
    this.session.clock.clearTimer(this.#timer);
    this.mode = "resuming";
    this.#maxPayload = max;
    this.#socket.send(this.session.begin(epoch));
    this.events.open();
  }

  private framed(data: Incoming): void {
    if (typeof data !== "string") return this.#other(data);
    const end = data.indexOf("\n");
    const place = placeBefore(data, end); // none where there is no end
    if (place === undefined) return this.#other(data);
    this.session.moved(place);
    this.events.message(data.slice(end + 1));
  }

  /** A message came in that is bytes, or has no place. */
  #other(data: Incoming): void {
    const message = unframe(data);
    if (message === undefined) return this.#fault("a message without a header came in");
    const { header } = message;
    if (header.startsWith("{")) {
      this.session.told(header);
      return this.events.alive();
    }
    const number = readNumber(header);
    if (number !== undefined) return this.events.message(message.data, this.#receipt(number));
    const place = readPlace(header);
    if (place !== undefined) this.session.moved(place);
    else if (header !== "") return this.#fault("a message with an unknown header came in");
    this.events.message(message.data);
  }

  /** The server wants to hear what becomes of a message. */
  #receipt(number: number): Receipt {
    return new Receipt((refused) => {
      if (this.mode !== "resuming") return;
      this.#socket.send(control({ ack: number, refused }));
      if (++this.#answers % LOOK_EVERY === 0) this.#look();
    });
  }

  /** Whether the server reads: one that wants to hear of ever more, and hears nothing, would fill the memory. */
  #look(): void {
    const before = this.#queued;
    const queued = this.#queued = this.bufferedAmount;
    this.#unread = queued < before || queued <= FEW_BYTES ? 0 : this.#unread + 1;
    if (this.#unread !== MOST_UNREAD) return;
    // Not while the listeners are told of the message.
    afterTurn(() => {
      if (this.mode === "resuming") {
        this.#fault("the server does not read what becomes of its messages");
      }
    });
  }

  #fault(what: string): void {
    const unsent = this.bufferedAmount;
    this.terminate();
    this.events.closed({ code: 0, reason: "", unsent, failure: { what, status: "0" } });
  }

  /** What comes now is not for the user, and is not seen. */
  #end(): void {
    this.session.clock.clearTimer(this.#timer);
    this.mode = "over";
  }
}

/** One connection of a client, from the dial to the end. Not part of the public API. */

import type { HeartbeatPeer } from "../heartbeat.ts";
import { LINK_DOWN, NORMAL, TERMINATED, TOO_BIG } from "../internal/close_codes.ts";
import { causeOf, CloseDeadline, unsentError } from "../internal/close_deadline.ts";
import { fromWire, toWire } from "../internal/close_frame.ts";
import { type DropReason, KIND_OF_DROP } from "../internal/observer.ts";
import { byteLength, exceeds, type Incoming } from "../internal/payload.ts";
import type { Receipt } from "../internal/receipt.ts";
import { afterTurn } from "../internal/result.ts";
import { NumberedMessage } from "../internal/unacknowledged.ts";
import type { AnswerEvents, End } from "../runtime/contract.ts";
import { failure, handshakeFault, ObservedAttempt } from "./attempt.ts";
import type { ConnectionOwner, ConnectionParts } from "./connection_types.ts";
import { ReadingPauses } from "./reading_pauses.ts";
import type { Wire, WireEvents } from "./resuming_runtime.ts";
import { dataOf, type Sendable, SendQueue } from "./send_queue.ts";
import type { CloseResult, ResponseHeaders, WebSocketData } from "./types.ts";

/** One connection. Its state goes one way: connecting, open, closing, idle. */
export class ClientConnection implements AnswerEvents, WireEvents, HeartbeatPeer {
  state: "connecting" | "open" | "closing" | "idle" = "connecting";
  readonly #parts: ConnectionParts;
  /** Nothing until it is dialled, and where an observer has closed before. */
  #socket!: Wire;
  /** What was sent before the connection was open. */
  #queue: SendQueue;
  /** What was asked for by `close`. */
  #asked: CloseResult | undefined;
  /** The one deadline that runs: to open, or to close. */
  #timer: unknown;
  #wasOpen = false;
  /** Whether the runtime is being told to close, and may tell of the end at once. */
  #isClosing = false;
  /** Whether its end is being told, or was: a listener that is told may call anything. */
  #isOver = false;
  // What each message needs has no `#`, as in `server/connection.ts`.
  private readonly owner: ConnectionOwner;
  /**
   * A message of at most so many bytes is told at once. With -1 each is checked first: the connection is not
   * open, a Ping has had no answer yet, or an observer wants to hear of it.
   */
  private atOnce = -1;
  /** What an observer is told of the attempt. */
  #attempt: ObservedAttempt | undefined;
  /** Bytes that were accepted and are lost as it closes. */
  unsent = 0;
  /** Those who cannot keep up, once there was one. */
  #pauses: ReadingPauses | undefined;

  constructor(owner: ConnectionOwner, parts: ConnectionParts) {
    this.owner = owner;
    this.#parts = parts;
    this.#queue = parts.queue ?? new SendQueue();
  }

  /** Dials, unless an observer closes it before; throws what the runtime throws. */
  start(): void {
    const { answer, binaryType, clock, observing, options, request, runtime, spent = 0 } =
      this.#parts;
    this.#attempt = observing && new ObservedAttempt(observing, this.#parts);
    if (this.state !== "connecting") return;
    try {
      const asked = this.#attempt?.request ?? request;
      this.#socket = runtime.dial({ ...asked, answer: answer && this, binaryType }, this);
    } catch (cause) {
      const lost = this.#waiting; // an observer has sent that
      this.#release(true);
      if (lost > 0) observing?.unsent?.(this.#parts.who, lost);
      this.#attempt?.failed(undefined, "the runtime refused to dial");
      throw cause;
    }
    const { connectTimeout } = options;
    const late = () => this.#fail(`timed out after ${connectTimeout} s`);
    const left = Math.max(0, connectTimeout * 1000 - spent);
    this.#timer = clock.setTimer(() => this.#drop(late), left);
    if (this.#parts.queue !== undefined) return; // whoever connects again hears the signal itself
    options.signal?.addEventListener("abort", this.#abort);
    if (options.signal?.aborted) this.#abort();
  }

  get protocol(): string {
    return this.state === "open" ? this.#socket.protocol : "";
  }

  /** What the server has agreed to. Only while open. */
  get extensions(): string {
    return this.#socket.extensions;
  }

  get bufferedAmount(): number {
    return this.#queue.bytes + (this.#socket?.bufferedAmount ?? 0);
  }

  /** Whether it is open. What may wait for another connection is not for one whose server has said Close. */
  get takes(): boolean {
    return this.state === "open" && (this.#parts.queue === undefined || !this.#socket.isEnding);
  }

  /** How many bytes may be queued, besides the limit that the user has set. */
  get maxQueued(): number {
    return Infinity;
  }

  /** Sends, or queues until open. Only while connecting or open. Returns the result of `send`. */
  send(data: WebSocketData): boolean {
    if (this.state === "open") {
      const { observing, who } = this.#parts;
      this.#socket.send(data); // first, as an observer may close, or change the data
      if (observing !== undefined) observing.sent?.(who, data, byteLength(data));
    } else this.#queue.push(data);
    return true;
  }

  /** Sends a message that is to be acknowledged. Only while open. */
  acknowledge(message: NumberedMessage): void {
    if (this.#handOver(message)) this.#observeSent(message);
  }

  /** Closes because the peer did something wrong. */
  drop(close: CloseResult): void {
    this.close(close);
  }

  /** Drops the connection at once; `closed` follows. Not while connecting. */
  terminate(): void {
    this.#drop(() => this.#end(TERMINATED));
  }

  /** Asks for a sign of life now, unless it is not read: silence for `pongTimeout` means that it is dead. */
  probe(): void {
    this.#parts.heartbeat.probe(this);
  }

  /** See {@linkcode ReadingPauses.add}; nothing where reading cannot be stopped. */
  pause(expired: () => void): (() => void) | undefined {
    if (this.state !== "open" || this.#socket.pause === undefined) return undefined;
    this.#pauses ??= new ReadingPauses(this, this.#socket, this.#parts);
    return this.#pauses.add(expired);
  }

  /**
   * Starts to close; `closed` follows, within five seconds once the peer has read all that is queued.
   * Only while connecting or open.
   *
   * @param wire What the Close frame says, with 1005 for one that says nothing.
   */
  close(asked: CloseResult, wire: CloseResult = toWire(asked)): void {
    const { state } = this;
    const waiting = this.#waiting;
    this.#asked = asked;
    this.#isClosing = true; // it may be read again for the Close frame, which may come at once, too
    this.#release();
    if (state === "connecting") {
      this.#socket?.terminate();
      this.#isClosing = false;
      this.unsent = waiting;
      return afterTurn(() => this.#end(asked)); // nothing else tells of it: see `closed`
    }
    this.#awaitClose();
    this.#socket.close(wire.code, wire.reason);
    this.#isClosing = false;
  }

  /** Gives the peer its time to read what is queued and to answer the Close frame. */
  #awaitClose(): void {
    const { clock } = this.#parts;
    const deadline = new CloseDeadline(this.#socket.bufferedAmount, clock.now());
    const look = (): void => {
      const ms = deadline.look(this.#socket.bufferedAmount, clock.now());
      if (ms > 0) return void (this.#timer = clock.setTimer(look, ms));
      this.#drop(() => this.#end(this.#asked!));
    };
    look();
  }

  get isWanted(): boolean {
    return this.#parts.answer!.isWanted;
  }

  /** Tells the headers of an answer that lets it open, and of no other: not all runtimes show those. */
  headers(headers: ResponseHeaders): void {
    const isFault = handshakeFault(this.#socket, this.#parts) !== undefined;
    if (!isFault) this.#parts.answer!.headers(headers);
  }

  open(): void {
    if (this.state !== "connecting") return;
    const wrong = handshakeFault(this.#socket, this.#parts);
    if (wrong !== undefined) return this.#drop(() => this.#fail(wrong));
    const { clock, heartbeat, maxPayload, observing, runtime } = this.#parts;
    clock.clearTimer(this.#timer);
    this.state = "open";
    this.#wasOpen = true;
    if (observing === undefined) this.atOnce = maxPayload;
    if (runtime.canPing) heartbeat.add(this);
    const queued = this.takes ? this.#queue.take() : []; // else it is for the next connection
    const sent = queued.filter((message) => this.#handOver(message));
    this.#attempt?.opened();
    for (const message of sent) this.#observeSent(message);
    if (this.state as string === "open") this.owner.opened(); // unless the observer has closed
  }

  message(data: Incoming, receipt?: Receipt): void {
    const most = typeof data === "string" ? data.length * 3 : data.byteLength;
    if (most <= this.atOnce || this.#accepts(data, receipt)) this.owner.message(data, receipt);
  }

  alive(): void {
    const { heartbeat, maxPayload, observing } = this.#parts;
    if (this.state === "open" && observing === undefined) this.atOnce = maxPayload;
    heartbeat.alive(this);
  }

  answered(roundTrip: number): void {
    this.#parts.observing?.ponged?.(this.#parts.who, roundTrip);
  }

  closed(end: End): void {
    const { state } = this;
    if (this.#isOver) return;
    // Told within a call of ours: later, as whoever has made it does not expect that.
    if (this.#socket === undefined || this.#isClosing) return afterTurn(() => this.closed(end));
    const { failure, tooBig, unsent = 0 } = end;
    this.unsent += unsent;
    if (state === "closing" && !this.#wasOpen) return; // `close` tells of it, when all who must know of it do
    if (state === "closing") return this.#end(this.#asked!, end);
    if (tooBig && state === "open") return this.#lose("too big", this.#tooBig(), TOO_BIG);
    if (state === "connecting") {
      return this.#fail(failure?.what ?? "the connection failed", failure?.status, failure?.cause);
    }
    const close = failure === undefined ? fromWire(end.code, end.reason) : undefined;
    if (close !== undefined) this.#end(close, end);
    else this.#lose("lost", "the connection was lost", LINK_DOWN, failure?.cause);
  }

  ping(): void {
    const { observing, who } = this.#parts;
    this.atOnce = -1; // whatever comes next is a sign of life
    observing?.pinged?.(who);
    if (this.state === "open") this.#socket.ping(); // unless the observer has closed
  }

  dead(): void {
    this.#drop(() => this.#lose("dead", "no sign of life in time after a Ping", LINK_DOWN));
  }

  readonly #abort = (): void => {
    if (this.state === "connecting" || this.state === "open") this.close(NORMAL);
  };

  /** Gives a message to the socket. Returns whether it was sent. */
  #handOver(message: Sendable): boolean {
    if (message instanceof NumberedMessage) return this.#socket.acknowledge!(message);
    this.#socket.send(message);
    return true;
  }

  #observeSent(message: Sendable): void {
    const data = dataOf(message);
    this.#parts.observing?.sent?.(this.#parts.who, data, byteLength(data));
  }

  /** Checks a message and tells the observer. Returns whether the owner gets it. */
  #accepts(data: Incoming, receipt: Receipt | undefined): boolean {
    if (this.state !== "open" || this.#isOver) return false;
    this.alive();
    const { maxPayload, observing, who } = this.#parts;
    const isTooBig = exceeds(data, maxPayload);
    if (!isTooBig) observing?.received?.(who, data, byteLength(data));
    if (this.state as string !== "open") return false; // the observer has closed
    if (!isTooBig) return true;
    receipt?.refuse("too big");
    this.close(TOO_BIG);
    observing?.dropped?.(who, "too big");
    this.owner.lost(failure("tooBig", this.#tooBig()));
    return false;
  }

  #tooBig(): string {
    return `a message of over ${this.#parts.maxPayload} bytes came in`;
  }

  /** Drops the socket, whose own word of that is not heard, and tells what it comes to. Once. */
  #drop(tell: () => void): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.atOnce = -1; // nothing is heard of what it tells as it is dropped
    if (this.#wasOpen) this.unsent = this.#socket.bufferedAmount;
    this.#socket.terminate();
    tell();
  }

  /** Bytes that wait for this connection: messages that wait for any are not lost with it. */
  get #waiting(): number {
    return this.#parts.queue === undefined ? this.#queue.bytes : 0;
  }

  #fail(what: string, status?: string, cause?: unknown): void {
    const lost = this.#waiting;
    this.#release(true); // to the observer it is no more idle than one that dials
    if (lost > 0) this.#parts.observing?.unsent?.(this.#parts.who, lost); // whose 'error' says enough
    this.#attempt?.failed(status, what);
    this.state = "idle";
    this.owner.failed(failure("connectFailed", what, status, cause));
  }

  #lose(why: DropReason, what: string, close: CloseResult, cause?: unknown): void {
    this.#release(true);
    this.#parts.observing?.dropped?.(this.#parts.who, why);
    this.owner.lost(failure(KIND_OF_DROP[why], what, undefined, cause));
    this.#finish(close);
  }

  #end(close: CloseResult, end?: End): void {
    this.#release(true);
    this.#finish(close, end);
  }

  #finish(close: CloseResult, end?: End): void {
    if (this.unsent > 0) {
      this.#parts.observing?.unsent?.(this.#parts.who, this.unsent);
      // Who closes before it is open wants nothing of it, and is told 'close' alone. Who hears that it is
      // lost, or has dropped it, does not believe that all has arrived.
      if (this.#wasOpen && close !== LINK_DOWN && close !== TERMINATED) {
        const cause = causeOf(this.#parts.options.signal);
        this.owner.report(unsentError(this.unsent, this.#asked !== undefined, cause));
      }
    }
    if (this.#wasOpen) this.#parts.observing?.closed?.(this.#parts.who, { ...close });
    else this.#attempt?.gaveUp();
    this.owner.closed(close, end); // who lets go of it before anybody may connect again
  }

  /** Waits for nothing any more: releases the timer, the heartbeat, the signal and the queue. */
  #release(isOver = false): void {
    const { clock, heartbeat, options } = this.#parts;
    this.#isOver = isOver;
    this.state = "closing";
    this.atOnce = -1;
    this.#pauses?.end(); // what comes is not told, but the peer's Close frame must be read
    clock.clearTimer(this.#timer);
    heartbeat.delete(this);
    options.signal?.removeEventListener("abort", this.#abort);
    this.#queue = new SendQueue(); // the messages in the other one may wait for the next connection
  }
}

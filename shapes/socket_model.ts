/** What every socket of the WHATWG's shape does, whoever it talks to. Not part of the public API. */

import type { WebSocketData } from "../client/types.ts";
import { type BusinessError, businessError } from "../errors.ts";
import { describe } from "../internal/describe.ts";
import { byteLength, snapshot } from "../internal/payload.ts";
import type { Receipt } from "../internal/receipt.ts";
import { Refusal } from "../internal/result.ts";
import { EventListeners, report, reportLater } from "./event_listeners.ts";
import type { Link, LinkEnd } from "./link.ts";
import {
  dispatchAgain,
  endDispatch,
  isStopped,
  messageEvent,
  type MessageSource,
  Told,
} from "./message_event.ts";
import { CloseEvent, Event, MessageEvent } from "./own_events.ts";
import {
  MOST_SPARE,
  Pile,
  refuseAll,
  Sent,
  sizeOf,
  type Waiting,
  type WaitingData,
} from "./socket_sent.ts";

/** The states of a socket (WHATWG WebSockets §3.1). */
export const CONNECTING = 0;
export const OPEN = 1;
export const CLOSING = 2;
export const CLOSED = 3;

/** Sockets that have sent in this turn. */
const fresh = new Pile<SocketModel>();

/** What sockets need no longer that have sent: the next to send take it. */
const spare: Sent[] = [];

/** Whether listeners are being told of a message: what they send counts until all have been called. */
let isTelling = false;

const settle = (model: SocketModel): void => model.settle();
const forget = (): void => {};

/** The turn is over: what was sent in it counts as what is below says from now on. */
function settleAll(): void {
  fresh.empty(settle);
}

/** What is true of a socket, in bits. */
const TAKES_BUFFERS = 1;
const IS_CLOSING = 2;
const IS_OVER = 4;

/**
 * The state behind a socket: what its accessors and methods show. A server has one for each connection,
 * so it has few fields, and what most of them never need is made when it is needed.
 */
export abstract class SocketModel extends EventListeners implements MessageSource {
  /** The socket that programs hold. */
  readonly target: EventTarget;
  // What each message needs has no `#`, as in `server/connection.ts`.
  private bits = 0;
  private past: Told | undefined;
  #sent: Sent | undefined;

  constructor(target: EventTarget) {
    super();
    this.target = target;
  }

  abstract readonly url: string;
  abstract readonly protocol: string;
  abstract readonly extensions: string;
  /** Where messages come from, as their events tell it. */
  abstract readonly origin: string;
  /** What is below; nothing before it connects, and when it is over. */
  protected abstract readonly link: Link | undefined;
  /** Dispatches an event to the listeners, as `dispatchEvent` does. */
  abstract dispatch(event: Event): boolean;
  /** Drops the connection at once, whatever is queued; `ended` follows unless it has been called. */
  abstract terminate(): void;

  get binaryType(): "blob" | "arraybuffer" {
    return (this.bits & TAKES_BUFFERS) === 0 ? "blob" : "arraybuffer";
  }
  set binaryType(type: "blob" | "arraybuffer") {
    if (type === "blob") this.bits &= ~TAKES_BUFFERS;
    else this.bits |= TAKES_BUFFERS;
  }

  /** Whether its last connection has ended. */
  protected get isOver(): boolean {
    return (this.bits & IS_OVER) !== 0;
  }

  get readyState(): number {
    if (this.isOver) return CLOSED;
    if ((this.bits & IS_CLOSING) !== 0) return CLOSING;
    return this.link!.state;
  }

  get bufferedAmount(): number {
    const sent = this.#sent;
    const queued = this.link?.queued ?? 0;
    if (sent === undefined) return queued;
    sent.freshTexts.empty((text) => sent.freshBytes += byteLength(text));
    // What is below may have been taken by the system already.
    return Math.max(queued, sent.freshBytes) + sent.waitingBytes + sent.lateBytes;
  }

  /** Sends what `send` was given, already converted. */
  send(data: WebSocketData | Blob): void {
    const state = this.readyState;
    if (state === CONNECTING && !this.link!.queues) {
      throw new DOMException("send: the socket is still connecting", "InvalidStateError");
    }
    if (state === CLOSING || state === CLOSED) {
      this.#keep().lateBytes += sizeOf(data);
    } else if (data instanceof Blob || this.#sent?.waiting !== undefined) {
      const bytes = sizeOf(data);
      this.link!.admit(bytes, this.#sent?.waitingBytes ?? 0);
      this.#wait({ data: data instanceof Blob ? data : snapshot(data), bytes });
    } else {
      this.#send(data);
    }
  }

  /** The same with a message that the peer is to acknowledge. */
  acknowledge(data: WebSocketData | Blob): Promise<boolean> {
    const link = this.readyState < CLOSING ? this.link : undefined;
    if (link === undefined) {
      return Refusal.of(businessError("notOpen", "send: the socket is closing, or closed"));
    }
    if (!(data instanceof Blob) && this.#sent?.waiting === undefined) return link.ask(data);
    return Refusal.pending((resolve, reject) => {
      const kept = data instanceof Blob ? data : snapshot(data);
      this.#wait({ data: kept, bytes: sizeOf(data), answer: { resolve, reject } });
    });
  }

  /** Whether a program may close with this code. */
  allows(code: number): boolean {
    return this.link?.allows(code) ?? isForPages(code);
  }

  /** Closes as `close` was asked to; what was asked for is allowed. */
  close(code: number | undefined, reason: string): void {
    if (this.readyState >= CLOSING) return;
    this.bits |= IS_CLOSING;
    const waiting = this.#sent?.waiting;
    // While it connects nothing that waits can go out before.
    if (waiting !== undefined && this.link!.state === OPEN) waiting.push({ code, reason });
    else this.link!.shut(code, reason);
  }

  /** Sends a Ping. */
  ping(): void {
    if (this.readyState === OPEN) this.link!.probe();
  }

  /** A message came in. */
  message(data: string | ArrayBuffer, receipt?: Receipt): void {
    if ((this.bits & (IS_CLOSING | IS_OVER)) !== 0) return;
    const shown = typeof data === "string" || (this.bits & TAKES_BUFFERS) !== 0
      ? data
      : new Blob([data]);
    const { onmessage } = this;
    // A listener that went past this class is heard only by the runtime's own dispatch.
    if (onmessage === null && !this.hearsMessages) {
      this.dispatch(new MessageEvent("message", { data: shown, origin: this.origin }));
      return;
    }
    const event = messageEvent(shown, this);
    isTelling = true;
    try {
      if (typeof onmessage === "function" && receipt === undefined) {
        // This is `call`, with fewer calls (bench/README.md, "The way of a message").
        const result = onmessage.call(this.target, event);
        if (result !== undefined) reportLater(result, event);
      } else this.call(this.target, event, isStopped, receipt);
    } catch (cause) {
      report(event, cause);
    } finally {
      isTelling = false;
      endDispatch(event);
      if (fresh.size > 0) settleAll();
    }
  }

  told(): Told {
    return this.past ??= new Told(this);
  }

  /** A connection has ended; another one follows where it is not the last. */
  ended(end: LinkEnd, isLast: boolean): void {
    if (isLast) {
      const { bufferedAmount } = this;
      this.bits |= IS_OVER;
      if (bufferedAmount > 0 || this.#sent !== undefined) {
        const sent = this.#keep();
        sent.lateBytes = bufferedAmount;
        refuseAll(sent.waiting);
        sent.waiting = undefined;
        sent.waitingBytes = 0;
        this.settle();
      }
    }
    const { code, reason, wasClean, error } = end;
    if (error !== undefined) this.failed(error);
    // Deno 2.9.6 leaves a reason that is no Unicode as it is, and calls it an Event.
    const event = new CloseEvent("close", { code, reason: reason.toWellFormed(), wasClean });
    Object.defineProperty(event, Symbol.toStringTag, { value: "CloseEvent" });
    this.dispatch(event);
  }

  /** Something went wrong: 'error', with what it was for those who look. */
  failed(error: BusinessError): void {
    const event = new Event("error");
    // Not enumerable: by the standard there is nothing to see (HTML, `Event` of a failed WebSocket).
    Object.defineProperty(event, "error", { value: error });
    this.dispatch(event);
  }

  /** Dispatches an event that a program has, and that is not being dispatched. */
  dispatchGiven(event: Event): boolean {
    if (!dispatchAgain(event, this.target)) return this.dispatch(event);
    if (!event.cancelBubble) this.call(this.target, event, isStopped);
    endDispatch(event);
    return true;
  }

  /** Tells the listeners of an event that is being dispatched. */
  handleEvent(event: Event): void {
    if (event.cancelBubble) return; // stopped before: Bun 1.4.5 would tell of it
    let stopped = false;
    const value = (): void => {
      stopped = true;
      Event.prototype.stopImmediatePropagation.call(event);
    };
    Object.defineProperty(event, "stopImmediatePropagation", { value, configurable: true });
    this.call(this.target, event, () => stopped);
    delete (event as Partial<Event>).stopImmediatePropagation;
  }

  /** What it has sent, to be written down. */
  #keep(): Sent {
    return this.#sent ??= spare.pop() ?? new Sent();
  }

  #send(data: WebSocketData): void {
    this.link!.transmit(data);
    const sent = this.#keep();
    if (typeof data === "string") sent.freshTexts.push(data);
    else sent.freshBytes += data.byteLength;
    if (sent.isFresh) return;
    sent.isFresh = true;
    // A microtask takes three times as long as all else here (Bun 1.4.5).
    if (fresh.push(this) === 1 && !isTelling) queueMicrotask(settleAll);
  }

  /** The turn is over in which something was sent. */
  settle(): void {
    const sent = this.#sent;
    if (sent === undefined) return; // it has ended since
    sent.isFresh = false;
    sent.freshBytes = 0;
    sent.freshTexts.empty(forget);
    if (sent.waiting !== undefined || sent.lateBytes > 0) return;
    this.#sent = undefined;
    if (spare.length < MOST_SPARE) spare.push(sent);
  }

  #wait(waiting: WaitingData): void {
    const sent = this.#keep();
    sent.waitingBytes += waiting.bytes;
    if (sent.waiting !== undefined) return void sent.waiting.push(waiting);
    sent.waiting = [waiting];
    void this.#sendWaiting(sent, sent.waiting);
  }

  /** Sends what waits, in order; a Blob takes as long to read as it takes. */
  async #sendWaiting(sent: Sent, waiting: Waiting[]): Promise<void> {
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      if (!("data" in next)) {
        waiting.shift();
        this.link?.shut(next.code, next.reason);
        continue;
      }
      try {
        const { answer, bytes, data: given } = next;
        const data = given instanceof Blob ? await given.arrayBuffer() : given;
        if (this.isOver) return;
        waiting.shift();
        sent.waitingBytes -= bytes;
        if (answer !== undefined) this.link!.ask(data).then(answer.resolve, answer.reject);
        else this.link!.transmit(data, true);
      } catch (cause) {
        if (this.isOver) return;
        if (waiting[0] !== next) sent.waitingBytes += next.bytes; // it found no room
        this.#unsent(cause, sent, waiting);
      }
    }
    if (sent.waiting === waiting) sent.waiting = undefined; // else it belongs to another by now
  }

  /** What was accepted cannot be sent: nothing after it is either, or the peer would miss it unawares. */
  #unsent(cause: unknown, sent: Sent, waiting: Waiting[]): void {
    sent.lateBytes += sent.waitingBytes;
    sent.waitingBytes = 0;
    refuseAll(waiting.splice(0));
    this.bits |= IS_CLOSING;
    this.failed(
      businessError("unsent", `send: a Blob could not be sent: ${describe(cause)}`, { cause }),
    );
    this.link?.shut(1011, "A message could not be read"); // unless it has ended meanwhile
  }
}

/** The codes that a page may close with (WHATWG WebSockets §3.1, `close`). */
export function isForPages(code: number): boolean {
  return code === 1000 || (code >= 3000 && code <= 4999);
}

/** What `send` throws where a message finds no room. */
export function noRoom(why: string): DOMException {
  return new DOMException(`send: ${why}`, "QuotaExceededError");
}

/** The same of one that is too big. */
export function tooBig(maxPayload: number, bytes: number): DOMException {
  return noRoom(`'maxPayload' is ${maxPayload}: current value has ${bytes} bytes`);
}

/** What every socket of the WHATWG's shape does, whoever it talks to. Not part of the public API. */

import { type BusinessError, businessError } from "../errors.ts";
import { describe } from "../internal/describe.ts";
import { byteLength, snapshot } from "../internal/payload.ts";
import type { RecoveredInfo, WebSocketData } from "../client/types.ts";
import { type EventList, EventListeners } from "./event_listeners.ts";
import { endDispatch, isStopped, messageEvent, type MessageSource } from "./message_event.ts";

/** The states of a socket (WHATWG WebSockets §3.1). */
export const CONNECTING = 0;
export const OPEN = 1;
export const CLOSING = 2;
export const CLOSED = 3;

/** What is below a socket. */
export interface Link {
  /** One of the states; CLOSED once it has told of its end. */
  readonly readyState: number;
  /** Bytes that were sent and are not gone yet. */
  readonly bufferedAmount: number;
  /** Whether it takes messages while it connects. */
  readonly queues: boolean;
  /** Whether a program may close with this code. */
  allows(code: number): boolean;
  /** Sends a message, or throws where there is no room for it. Only where it takes messages. */
  send(data: WebSocketData): void;
  /** Starts to close; `ended` follows. With no code the Close frame has none. Once at the most. */
  close(code: number | undefined, reason: string): void;
  /** Drops the connection at once, whatever is queued; `ended` follows. */
  terminate(): void;
  /** Sends a Ping, whose answer the heartbeat waits for. Only while open. */
  ping(): void;
}

/** How a connection, or an attempt, came to its end. */
export interface LinkEnd {
  /** As the peer's Close frame has it; 1005 for one with none, 1006 where none came. */
  readonly code: number;
  readonly reason: string;
  /** Whether both sides have closed as they should. */
  readonly wasClean: boolean;
  /** What went wrong: 'error' tells it. */
  readonly error?: BusinessError | undefined;
}

/** What waits for a Blob to be read, and the Blob itself. */
type Waiting = { data: WebSocketData | Blob } | { code: number | undefined; reason: string };

/** Sockets that have sent in this turn. */
const fresh: SocketModel[] = [];

/** The turn is over: what was sent in it counts as what is below says from now on. */
function settleAll(): void {
  for (const model of fresh.splice(0)) model.settle();
}

/** The state behind a socket: what its accessors and methods show. */
export class SocketModel extends EventListeners implements MessageSource {
  readonly url: string;
  protocol = "";
  binaryType: "blob" | "arraybuffer" = "blob";
  /** Where messages come from, as their events tell it. */
  readonly origin: string;
  /** The socket that programs hold. */
  readonly target: EventTarget;
  readonly #forMessages: EventList;
  #link: Link | undefined;
  #isClosing = false;
  #isOver = false;
  /** What is sent when a Blob before it has been read. */
  #waiting: Waiting[] | undefined;
  #waitingBytes = 0;
  /** What was sent since the connection began to close: it never goes (§3.1, `bufferedAmount`). */
  #lateBytes = 0;
  /** What was sent in this turn: until the next one all of it counts as queued. */
  #freshBytes = 0;
  /** The texts among that, whose bytes are counted only where somebody asks. */
  #freshTexts: string[] | undefined;
  #isFresh = false;

  constructor(target: EventTarget, url: string, origin: string) {
    super();
    this.target = target;
    this.url = url;
    this.origin = origin;
    this.#forMessages = this.list("message");
  }

  /** Sets what is below; before this the socket connects. */
  set link(link: Link) {
    this.#link = link;
  }

  get readyState(): number {
    if (this.#isOver) return CLOSED;
    if (this.#isClosing) return CLOSING;
    return this.#link?.readyState ?? CONNECTING;
  }

  get bufferedAmount(): number {
    return this.#queuedBytes + this.#waitingBytes + this.#lateBytes;
  }

  get #queuedBytes(): number {
    for (const text of this.#freshTexts?.splice(0) ?? []) this.#freshBytes += byteLength(text);
    // What is below may have been taken by the system already.
    return Math.max(this.#link?.bufferedAmount ?? 0, this.#freshBytes);
  }

  /** Sends what `send` was given, already converted. */
  send(data: WebSocketData | Blob): void {
    const state = this.readyState;
    if (state === CONNECTING && !this.#link?.queues) {
      throw new DOMException("send: the socket is still connecting", "InvalidStateError");
    }
    if (state === CLOSING || state === CLOSED) {
      this.#lateBytes += sizeOf(data);
    } else if (data instanceof Blob || this.#waiting !== undefined) {
      this.#wait({ data: data instanceof Blob ? data : snapshot(data) }, sizeOf(data));
    } else {
      this.#send(data);
    }
  }

  /** Whether a program may close with this code. */
  allows(code: number): boolean {
    return this.#link?.allows(code) ?? isForPages(code);
  }

  /** Closes as `close` was asked to; what was asked for is allowed. */
  close(code: number | undefined, reason: string): void {
    if (this.readyState >= CLOSING) return;
    this.#isClosing = true;
    if (this.#waiting !== undefined) this.#waiting.push({ code, reason });
    else this.#link?.close(code, reason);
  }

  /** Drops the connection at once. */
  terminate(): void {
    this.#link?.terminate();
  }

  /** Sends a Ping. */
  ping(): void {
    if (this.readyState === OPEN) this.#link!.ping();
  }

  /** The connection is open. */
  opened(protocol: string): void {
    this.protocol = protocol;
    this.#dispatch(new Event("open"));
  }

  /** A message came in. */
  message(data: string | ArrayBuffer): void {
    if (this.#isClosing || this.#isOver) return;
    const shown = typeof data === "string" || this.binaryType === "arraybuffer"
      ? data
      : new Blob([data]);
    // A listener that went past this class is heard only by the runtime's own dispatch.
    if (this.#forMessages.entries.length === 0) {
      const init = { data: shown, origin: this.origin };
      return this.#dispatch(new MessageEvent("message", init));
    }
    const event = messageEvent(shown, this);
    this.call(this.target, event, this.#forMessages, isStopped);
    endDispatch(event);
  }

  /** A connection has ended; another one follows where it is not the last. */
  ended(end: LinkEnd, isLast: boolean): void {
    if (isLast) {
      this.#lateBytes = this.bufferedAmount;
      this.settle();
      this.#waiting = undefined;
      this.#waitingBytes = 0;
      this.#link = undefined;
      this.#isOver = true;
    }
    const { code, reason, wasClean, error } = end;
    if (error !== undefined) this.failed(error);
    this.#dispatch(new CloseEvent("close", { code, reason, wasClean }));
  }

  /** The socket is in a topic again, or some of it is lost. */
  recovered(detail: RecoveredInfo): void {
    this.#dispatch(new CustomEvent("recovered", { detail }));
  }

  /** Something went wrong: 'error', with what it was for those who look. */
  failed(error: BusinessError): void {
    const event = new Event("error");
    // Not enumerable: by the standard there is nothing to see (HTML, `Event` of a failed WebSocket).
    Object.defineProperty(event, "error", { value: error });
    this.#dispatch(event);
  }

  /** Tells the listeners of an event that the runtime dispatches: it takes this object for a listener. */
  handleEvent(event: Event): void {
    let stopped = false;
    const value = (): void => {
      stopped = true;
      Event.prototype.stopImmediatePropagation.call(event);
    };
    Object.defineProperty(event, "stopImmediatePropagation", { value, configurable: true });
    this.call(this.target, event, this.list(event.type), () => stopped);
    delete (event as Partial<Event>).stopImmediatePropagation;
  }

  #dispatch(event: Event): void {
    this.target.dispatchEvent(event);
  }

  #send(data: WebSocketData): void {
    this.#link!.send(data);
    if (typeof data === "string") (this.#freshTexts ??= []).push(data);
    else this.#freshBytes += data.byteLength;
    if (this.#isFresh) return;
    this.#isFresh = true;
    if (fresh.push(this) === 1) queueMicrotask(settleAll);
  }

  /** The turn is over in which something was sent. */
  settle(): void {
    this.#isFresh = false;
    this.#freshBytes = 0;
    if (this.#freshTexts !== undefined) this.#freshTexts.length = 0;
  }

  #wait(waiting: { data: WebSocketData | Blob }, bytes: number): void {
    this.#waitingBytes += bytes;
    if (this.#waiting !== undefined) return void this.#waiting.push(waiting);
    this.#waiting = [waiting];
    void this.#sendWaiting(this.#waiting);
  }

  /** Sends what waits, in order; a Blob takes as long to read as it takes. */
  async #sendWaiting(waiting: Waiting[]): Promise<void> {
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      if (!("data" in next)) {
        waiting.shift();
        this.#link?.close(next.code, next.reason);
        continue;
      }
      try {
        const { data: given } = next;
        const data = given instanceof Blob ? await given.arrayBuffer() : given;
        if (this.#isOver) return;
        waiting.shift();
        this.#waitingBytes -= sizeOf(given);
        this.#link?.send(data);
      } catch (cause) {
        this.#unsent(cause, waiting);
      }
    }
    this.#waiting = undefined;
  }

  /** What was accepted cannot be sent: nothing after it is either, or the peer would miss it unawares. */
  #unsent(cause: unknown, waiting: Waiting[]): void {
    this.#lateBytes += this.#waitingBytes;
    this.#waitingBytes = 0;
    waiting.length = 0;
    this.#isClosing = true;
    this.failed(
      businessError("unsent", `send: a Blob could not be sent: ${describe(cause)}`, { cause }),
    );
    this.#link?.close(1011, "A message could not be read");
  }
}

/** The codes that a page may close with (WHATWG WebSockets §3.1, `close`). */
export function isForPages(code: number): boolean {
  return code === 1000 || (code >= 3000 && code <= 4999);
}

/** How many bytes data has on the wire. */
function sizeOf(data: WebSocketData | Blob): number {
  return data instanceof Blob ? data.size : byteLength(data);
}

/** What `send` throws where a message finds no room. */
export function noRoom(why: string): DOMException {
  return new DOMException(`send: ${why}`, "QuotaExceededError");
}

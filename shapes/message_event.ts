/** The event of a message that came in. Not part of the public API. */

import { Event, MessageEvent } from "./own_events.ts";

/** Where a message comes from and goes to. */
interface Ends {
  readonly origin: string;
  readonly target: EventTarget;
}

/** The same of all of a socket's messages that are being dispatched. */
export interface MessageSource extends Ends {
  /** What takes its place in an event that has been dispatched. */
  told(): Told;
}

/** The same of all of a socket's messages that have been dispatched. */
export class Told implements Ends {
  readonly origin: string;
  target: EventTarget;

  constructor({ origin, target }: Ends) {
    this.origin = origin;
    this.target = target;
  }
}

/** That of one event alone: one that is stopped, is asked for its time, or is dispatched again. */
class Details extends Told implements MessageSource {
  isDispatched: boolean;
  isStopped = false;
  stopsAtOnce = false;
  isTrusted = true;
  timeStamp = 0;

  constructor(source: Ends) {
    super(source);
    this.isDispatched = !(source instanceof Told);
  }

  told(): Told {
    this.isDispatched = this.isStopped = this.stopsAtOnce = false;
    return this;
  }
}

/**
 * A `MessageEvent` that costs next to nothing: on Bun 1.4.5 making and dispatching one of the
 * runtime's takes longer than receiving the message (0.8 µs). It is one by its prototype, and answers
 * to every name of the interface by itself.
 *
 * What it takes is for the most part its memory, 12 ns for 16 bytes. So it has two fields, and on its own
 * prototype nothing: JavaScriptCore would make it larger by as much.
 */
class SocketMessageEvent {
  readonly #data: unknown;
  #source: Ends;

  constructor(data: unknown, source: MessageSource) {
    this.#data = data;
    this.#source = source;
  }

  static readonly isOne = (event: object): event is SocketMessageEvent => #data in event;

  static readonly dataOf = (event: object): unknown => (event as SocketMessageEvent).#data;

  static readonly sourceOf = (event: object): Ends => (event as SocketMessageEvent).#source;

  static readonly end = (event: object): void => {
    const own = event as SocketMessageEvent;
    own.#source = (own.#source as MessageSource).told();
  };

  static readonly detail = (event: object): Details => {
    const own = event as SocketMessageEvent;
    const details = own.#source instanceof Details ? own.#source : new Details(own.#source);
    own.#source = details;
    return details;
  };
}

const { dataOf, detail, isOne, sourceOf } = SocketMessageEvent;

/** What is known of an event beside what all have. */
function detailsOf(event: object): Details | undefined {
  const source = sourceOf(event);
  return source instanceof Details ? source : undefined;
}

function isDispatched(event: object): boolean {
  const source = sourceOf(event);
  return source instanceof Details ? source.isDispatched : !(source instanceof Told);
}

/** The members of the interface. */
class Members {
  get data(): unknown {
    return dataOf(this);
  }
  get origin(): string {
    return sourceOf(this).origin;
  }
  get lastEventId(): string {
    return "";
  }
  get source(): null {
    return null;
  }
  get ports(): readonly MessagePort[] {
    return NO_PORTS;
  }
  get type(): string {
    return "message";
  }
  get target(): EventTarget {
    return sourceOf(this).target;
  }
  get srcElement(): EventTarget {
    return sourceOf(this).target;
  }
  get currentTarget(): EventTarget | null {
    return isDispatched(this) ? sourceOf(this).target : null;
  }
  get eventPhase(): number {
    return isDispatched(this) ? Event.AT_TARGET : Event.NONE;
  }
  get bubbles(): boolean {
    return false;
  }
  get cancelable(): boolean {
    return false;
  }
  get composed(): boolean {
    return false;
  }
  get defaultPrevented(): boolean {
    return false;
  }
  get returnValue(): boolean {
    return true;
  }
  set returnValue(_: boolean) {
    // An event that cannot be cancelled takes no notice (DOM §2.2).
  }
  get cancelBubble(): boolean {
    return detailsOf(this)?.isStopped ?? false;
  }
  set cancelBubble(value: boolean) {
    if (value) detail(this).isStopped = true;
  }
  get [Symbol.toStringTag](): string {
    return "MessageEvent";
  }
  get isTrusted(): boolean {
    return detailsOf(this)?.isTrusted ?? true;
  }
  get timeStamp(): number {
    return detail(this).timeStamp ||= performance.now();
  }

  composedPath(): EventTarget[] {
    return isDispatched(this) ? [sourceOf(this).target] : [];
  }
  preventDefault(): void {
    // As above.
  }
  stopPropagation(): void {
    detail(this).isStopped = true;
  }
  stopImmediatePropagation(): void {
    const details = detail(this);
    details.isStopped = details.stopsAtOnce = true;
  }
  /** What a console shows, as of the runtimes' own: on Bun 1.4.5 it would be the names of all members. */
  [Symbol.for("nodejs.util.inspect.custom")](): object {
    const { type, data, origin } = this;
    return Object.assign(Object.create(SHOWN), { type, data, origin });
  }
  initEvent(): void {
    // While it is dispatched an event keeps what it is (DOM §2.2), and this one afterwards, too.
  }
  initMessageEvent(): void {
    // As above.
  }
}

const NO_PORTS: readonly MessagePort[] = Object.freeze([]);

/** Whose name a console shows. */
const SHOWN = { constructor: MessageEvent };

Object.setPrototypeOf(Members.prototype, MessageEvent.prototype);
// In a for-in loop all of them show (Web IDL §3.7.6), and `constructor` does not.
for (const [name, member] of Object.entries(Object.getOwnPropertyDescriptors(Members.prototype))) {
  Object.defineProperty(Members.prototype, name, { ...member, enumerable: true });
}
Object.defineProperty(Members.prototype, "constructor", { value: MessageEvent, enumerable: false });
Object.setPrototypeOf(SocketMessageEvent.prototype, Members.prototype);
Reflect.deleteProperty(SocketMessageEvent.prototype, "constructor");

/** Makes the event of a message, and begins to dispatch it. */
export function messageEvent(data: unknown, source: MessageSource): MessageEvent {
  return new SocketMessageEvent(data, source) as object as MessageEvent;
}

/** Whether a listener wants none after it to be called. */
export function isStopped(event: Event): boolean {
  return detailsOf(event)?.stopsAtOnce === true;
}

/**
 * Begins to dispatch the event of a message again: a program does, so it is not trusted (DOM §2.9).
 *
 * @returns Whether it is one; the runtime's own `dispatchEvent` takes any other event, and not this.
 */
export function dispatchAgain(event: Event, target: EventTarget): boolean {
  if (!isOne(event)) return false;
  const details = detail(event);
  details.target = target;
  details.isTrusted = false;
  details.isDispatched = true;
  return true;
}

/** Ends the dispatch: the event has no current target any more, and is stopped no longer. */
export function endDispatch(event: Event): void {
  SocketMessageEvent.end(event);
}

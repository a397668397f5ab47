/** The listeners of a socket of the WHATWG's shape. Not part of the public API. */

import { businessError } from "../errors.ts";
import { describe } from "../internal/describe.ts";
import { isThenable } from "../internal/listeners.ts";
import type { Receipt } from "../internal/receipt.ts";

/** The events that have an `on…` attribute. */
export type HandledEvent = "open" | "message" | "error" | "close";

/** One listener. */
interface Entry {
  callback: unknown;
  readonly capture: boolean;
  readonly once: boolean;
  readonly passive: boolean;
  /** Whether it is what `onmessage` and its like are set to; an object among them is never called. */
  readonly isHandler: boolean;
  /** What ends it by aborting. It is asked, and nothing listens to it: it may outlive many sockets. */
  readonly signal: AbortSignal | undefined;
  removed: boolean;
}

/** The listeners of one event. */
interface EventList {
  readonly type: string;
  /** Never changed while it is walked: replaced instead. */
  entries: readonly Entry[];
  /** Whether one that captures was ever among them. */
  captures: boolean;
}

/** What the `on…` attributes are set to, but for `onmessage`. */
class Handlers {
  open: unknown = null;
  error: unknown = null;
  close: unknown = null;
}

const NONE: readonly Entry[] = [];

/**
 * The listeners of one target, by event, in the order they were added. Those that capture are called first
 * (DOM §2.9), then those that do not. An `on…` attribute takes its place when it is first set (HTML §8.1.8.1).
 *
 * One that throws or rejects harms nobody: it is printed, as nobody else could be told.
 *
 * A server has one of these for each connection, most with `onmessage` and nothing else: that is kept
 * as it is. There are lists as soon as something else listens.
 */
export class EventListeners {
  /** What `onmessage` is set to, while there are no lists. It has no `#`, as in `server/connection.ts`. */
  protected onmessage: unknown = null;
  /** The other attributes, or a list for each event: a few at the most, and smaller than a map. */
  #rest: Handlers | EventList[] | undefined;

  /** Whether anything listens to messages. */
  protected get hearsMessages(): boolean {
    const rest = this.#rest;
    if (!Array.isArray(rest)) return this.onmessage !== null;
    for (const entry of listOf(rest, "message")!.entries) if (!isGone(entry)) return true;
    return false;
  }

  /** Adds a listener as `addEventListener` does. */
  add(type: string, callback: unknown, options: unknown): void {
    const isNone = isNoListener("addEventListener", callback);
    const how = readOptions(options);
    if (isNone) return;
    const { capture, signal } = how;
    const list = this.#list(type);
    if (signal?.aborted || find(list, callback, capture) !== undefined) return;
    insert(list, { callback, ...how, isHandler: false, removed: false });
  }

  /** Removes a listener as `removeEventListener` does. */
  remove(type: string, callback: unknown, options: unknown): void {
    if (isNoListener("removeEventListener", callback)) return;
    const capture = Boolean(dictionaryOf(options).capture);
    const list = Array.isArray(this.#rest) ? listOf(this.#rest, type) : undefined;
    const entry = list && find(list, callback, capture);
    if (entry !== undefined) remove(list!, entry);
  }

  /** What an `on…` attribute is set to. */
  handler(type: HandledEvent): unknown {
    const rest = this.#rest;
    if (Array.isArray(rest)) return handlerOf(listOf(rest, type))?.callback ?? null;
    return type === "message" ? this.onmessage : rest?.[type] ?? null;
  }

  /** Sets an `on…` attribute: what is no object counts as `null`. */
  setHandler(type: HandledEvent, value: unknown): void {
    const isOne = typeof value === "function" || (typeof value === "object" && value !== null);
    const rest = this.#rest;
    if (Array.isArray(rest)) {
      setEntry(this.#list(type), isOne ? value : null);
    } else if (type === "message") {
      this.onmessage = isOne ? value : null;
    } else if (isOne || rest !== undefined) {
      (this.#rest = rest ?? new Handlers())[type] = isOne ? value : null;
    }
  }

  /** Calls the listeners of an event, until one of them wants none after it to be. */
  protected call(
    target: EventTarget,
    event: Event,
    isStopped: (event: Event) => boolean,
    receipt?: Receipt,
  ): void {
    const { type } = event;
    const rest = this.#rest;
    if (!Array.isArray(rest)) {
      const handler = isHandled(type) ? this.handler(type) : null;
      if (typeof handler === "function") callHandler(target, handler, event, receipt);
      return;
    }
    const list = listOf(rest, type);
    if (list === undefined) return;
    for (let captures = list.captures;; captures = false) {
      const { entries } = list;
      for (let i = 0; i < entries.length; i++) {
        const entry = entries[i]!;
        if (entry.capture !== captures || isGone(entry)) continue;
        if (entry.once) remove(list, entry);
        const { callback, isHandler, passive } = entry;
        if (passive) callPassive(target, callback, event, receipt);
        else if (!isHandler) callOne(target, callback, event, receipt);
        else if (typeof callback === "function") callHandler(target, callback, event, receipt);
        if (isStopped(event)) return;
      }
      // Stopped by one that captures, it comes to none that does not; those that it has added are called (DOM §2.9).
      if (!captures || event.cancelBubble) return;
    }
  }

  /** The list of an event; from here on there are lists. */
  #list(type: string): EventList {
    const lists = this.#rest = Array.isArray(this.#rest) ? this.#rest : this.#toLists(this.#rest);
    const list = listOf(lists, type) ?? { type, entries: NONE, captures: false };
    if (!lists.includes(list)) lists.push(list);
    return list;
  }

  #toLists(handlers: Handlers | undefined): EventList[] {
    const message = this.onmessage;
    this.onmessage = null;
    return Object.entries({ message, ...handlers }).map(([type, handler]) => {
      const list: EventList = { type, entries: NONE, captures: false };
      setEntry(list, handler);
      return list;
    });
  }
}

function isHandled(type: string): type is HandledEvent {
  return type === "message" || type === "close" || type === "error" || type === "open";
}

function listOf(lists: EventList[], type: string): EventList | undefined {
  for (const list of lists) if (list.type === type) return list;
  return undefined;
}

/** Calls what an `on…` attribute is set to: `false` prevents the default (HTML §8.1.8.1). */
function callHandler(target: EventTarget, handler: unknown, event: Event, receipt?: Receipt): void {
  if (callOne(target, handler, event, receipt) === false) event.preventDefault();
}

/** Calls a listener that has said that it prevents nothing: so it cannot (DOM §2.9). */
function callPassive(
  target: EventTarget,
  callback: unknown,
  event: Event,
  receipt?: Receipt,
): void {
  const { returnValue } = event;
  const shown = { get: () => returnValue, set() {}, configurable: true };
  Object.defineProperty(event, "preventDefault", { value() {}, configurable: true });
  Object.defineProperty(event, "returnValue", shown);
  callOne(target, callback, event, receipt);
  delete (event as Partial<Event>).preventDefault;
  delete (event as Partial<Event>).returnValue;
}

/** Calls a listener, which may fail; returns what it returns. */
function callOne(
  target: EventTarget,
  callback: unknown,
  event: Event,
  receipt?: Receipt,
): unknown {
  if (receipt !== undefined) return callWatched(target, callback, event, receipt);
  try {
    const result = invoke(target, callback, event);
    if (result !== undefined) reportLater(result, event);
    return result;
  } catch (cause) {
    return report(event, cause);
  }
}

/** Reports it where what a listener has returned is a promise that rejects. */
export function reportLater(result: unknown, event: Event): void {
  if (!isThenable(result)) return;
  Promise.resolve(result).then(undefined, (cause) => report(event, cause));
}

/** The same, where somebody wants to hear when it is done, and whether it has failed. */
function callWatched(
  target: EventTarget,
  callback: unknown,
  event: Event,
  receipt: Receipt,
): unknown {
  const done = receipt.hold();
  const failed = (cause: unknown): void => {
    report(event, cause);
    done(true, "failed");
  };
  try {
    const result = invoke(target, callback, event);
    if (isThenable(result)) Promise.resolve(result).then(() => done(true), failed);
    else done(true);
    return result;
  } catch (cause) {
    return failed(cause);
  }
}

function invoke(target: EventTarget, callback: unknown, event: Event): unknown {
  return typeof callback === "function"
    ? callback.call(target, event)
    : (callback as EventListenerObject).handleEvent(event);
}

/** Sets what an attribute is in a list; `null` takes it out. */
function setEntry(list: EventList, value: unknown): void {
  const entry = handlerOf(list);
  if (value === null) {
    if (entry !== undefined) remove(list, entry);
  } else if (entry !== undefined) {
    entry.callback = value;
  } else {
    const how = { capture: false, once: false, passive: false, signal: undefined };
    insert(list, { callback: value, ...how, isHandler: true, removed: false });
  }
}

function handlerOf(list: EventList | undefined): Entry | undefined {
  return list?.entries.find(({ isHandler }) => isHandler);
}

function find({ entries }: EventList, callback: unknown, capture: boolean): Entry | undefined {
  return entries.find((entry) =>
    !entry.isHandler && entry.callback === callback && entry.capture === capture && !isGone(entry)
  );
}

/** Whether it is to be called no more. */
function isGone({ removed, signal }: Entry): boolean {
  return removed || (signal !== undefined && signal.aborted);
}

/** Adds one, and lets go of those that are gone. */
function insert(list: EventList, entry: Entry): void {
  list.entries = [...list.entries.filter((one) => !isGone(one)), entry];
  list.captures ||= entry.capture;
}

function remove(list: EventList, entry: Entry): void {
  entry.removed = true;
  list.entries = list.entries.filter((other) => other !== entry);
}

/** What `addEventListener` was asked for. */
type Options = Pick<Entry, "capture" | "once" | "passive" | "signal">;

/** Whether there is no listener, which is no fault; throws where it is nothing that can be one. */
function isNoListener(method: string, callback: unknown): boolean {
  if (callback === null || callback === undefined) return true;
  if (typeof callback === "function" || typeof callback === "object") return false;
  throw new TypeError(`${method}: the listener must be a function or an object`);
}

/** Web IDL's `(AddEventListenerOptions or boolean)`: a function is an object, too. */
function dictionaryOf(options: unknown): AddEventListenerOptions {
  const isObject = typeof options === "function" ||
    (typeof options === "object" && options !== null);
  return isObject ? options as AddEventListenerOptions : { capture: Boolean(options) };
}

function readOptions(options: unknown): Options {
  const { capture, once, passive, signal } = dictionaryOf(options);
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new TypeError("addEventListener: 'signal' must be an AbortSignal");
  }
  return { capture: Boolean(capture), once: Boolean(once), passive: Boolean(passive), signal };
}

/** Prints that a listener has failed. */
export function report({ type }: Event, cause: unknown): void {
  const what = `a listener of '${type}' failed: ${describe(cause)}`;
  console.error(businessError("listenerFailed", what, { cause }));
}

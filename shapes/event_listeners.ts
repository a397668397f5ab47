/** The listeners of a socket of the WHATWG's shape. Not part of the public API. */

import { businessError } from "../errors.ts";
import { describe } from "../internal/describe.ts";

/** One listener. */
interface Entry {
  callback: unknown;
  readonly capture: boolean;
  readonly once: boolean;
  /** Whether it is what `onmessage` and its like are set to; an object among them is never called. */
  readonly isHandler: boolean;
  removed: boolean;
}

/** The listeners of one event: the same object as long as there are listeners at all. */
export interface EventList {
  readonly type: string;
  /** Never changed while it is walked: replaced instead. */
  entries: readonly Entry[];
}

const NONE: readonly Entry[] = [];

/**
 * The listeners of one target, by event, in the order they are called: those that capture first (DOM
 * §2.9), then those that do not, each in the order they were added. An `on…` attribute takes its place
 * when it is first set (HTML §8.1.8.1).
 *
 * One that throws or rejects harms nobody: it is printed, as nobody else could be told.
 */
export class EventListeners {
  /** A few at the most: an array is smaller than a map, and as quick. */
  readonly #lists: EventList[] = [];

  /** The list of an event, for whoever tells it often. */
  protected list(type: string): EventList {
    for (const list of this.#lists) if (list.type === type) return list;
    const list: EventList = { type, entries: NONE };
    this.#lists.push(list);
    return list;
  }

  /** Adds a listener as `addEventListener` does. */
  add(type: string, callback: unknown, options: unknown): void {
    if (callback === null || callback === undefined) return;
    if (typeof callback !== "function" && typeof callback !== "object") {
      throw new TypeError("addEventListener: the listener must be a function or an object");
    }
    const { capture, once, signal } = readOptions(options);
    const list = this.list(type);
    if (signal?.aborted || find(list, callback, capture) !== undefined) return;
    const entry: Entry = { callback, capture, once, isHandler: false, removed: false };
    insert(list, entry);
    signal?.addEventListener("abort", () => remove(list, entry), { once: true });
  }

  /** Removes a listener as `removeEventListener` does. */
  remove(type: string, callback: unknown, options: unknown): void {
    const list = this.list(type);
    const entry = find(list, callback, readOptions(options).capture);
    if (entry !== undefined) remove(list, entry);
  }

  /** What an `on…` attribute is set to. */
  handler(type: string): unknown {
    return handlerOf(this.list(type))?.callback ?? null;
  }

  /** Sets an `on…` attribute: what is no object counts as `null`. */
  setHandler(type: string, value: unknown): void {
    const isOne = typeof value === "function" || (typeof value === "object" && value !== null);
    const list = this.list(type);
    const entry = handlerOf(list);
    if (isOne && entry !== undefined) {
      entry.callback = value;
    } else if (isOne) {
      insert(list, {
        ...{ callback: value, capture: false, once: false, isHandler: true, removed: false },
      });
    } else if (entry !== undefined) {
      remove(list, entry);
    }
  }

  /** Calls the listeners of an event, until one of them wants none after it to be. */
  protected call(
    target: EventTarget,
    event: Event,
    list: EventList,
    isStopped: (event: Event) => boolean,
  ): void {
    const { entries } = list;
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i]!;
      if (entry.removed) continue;
      if (entry.once) remove(list, entry);
      call(target, entry, event, list);
      if (isStopped(event)) return;
    }
  }
}

function call(
  target: EventTarget,
  { callback, isHandler }: Entry,
  event: Event,
  { type }: EventList,
): void {
  try {
    let result: unknown;
    if (typeof callback === "function") result = callback.call(target, event);
    else if (!isHandler) result = (callback as EventListenerObject).handleEvent(event);
    if (result === undefined) return;
    const { then } = (result ?? {}) as PromiseLike<unknown>;
    if (typeof then === "function") then.call(result, undefined, (cause) => report(type, cause));
  } catch (cause) {
    report(type, cause);
  }
}

function handlerOf({ entries }: EventList): Entry | undefined {
  return entries.find(({ isHandler }) => isHandler);
}

function find({ entries }: EventList, callback: unknown, capture: boolean): Entry | undefined {
  return entries.find((entry) =>
    !entry.isHandler && entry.callback === callback && entry.capture === capture
  );
}

function insert(list: EventList, entry: Entry): void {
  const { entries } = list;
  const at = entry.capture ? entries.findIndex(({ capture }) => !capture) : -1;
  list.entries = at === -1 ? [...entries, entry] : entries.toSpliced(at, 0, entry);
}

function remove(list: EventList, entry: Entry): void {
  entry.removed = true;
  list.entries = list.entries.filter((other) => other !== entry);
}

function readOptions(
  options: unknown,
): { capture: boolean; once: boolean; signal: AbortSignal | undefined } {
  if (typeof options !== "object" || options === null) {
    return { capture: Boolean(options), once: false, signal: undefined };
  }
  const { capture, once, signal } = options as AddEventListenerOptions;
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new TypeError("addEventListener: 'signal' must be an AbortSignal");
  }
  return { capture: Boolean(capture), once: Boolean(once), signal };
}

function report(type: string, cause: unknown): void {
  const what = `a listener of '${type}' failed: ${describe(cause)}`;
  console.error(businessError("listenerFailed", what, { cause }));
}

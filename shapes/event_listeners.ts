/** The listeners of a socket of the WHATWG's shape. Not part of the public API. */

import { businessError } from "../errors.ts";
import { describe } from "../internal/describe.ts";

/** What can be told of an event. */
export type EventCallback = EventListenerOrEventListenerObject;

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
  entries: readonly Entry[];
}

/**
 * The listeners of one target, by event, in the order they are called: those that capture first (DOM
 * §2.9), then those that do not, each in the order they were added. An `on…` attribute takes its place
 * when it is first set (HTML §8.1.8.1).
 *
 * One that throws or rejects harms nobody: it is printed, as nobody else could be told.
 */
export class EventListeners {
  readonly #lists = new Map<string, EventList>();
  readonly #handlers = new Map<string, Entry>();
  /** The events that the runtime tells us of. */
  readonly #heard = new Set<string>();
  readonly #target: EventTarget;
  readonly #first: (type: string) => void;

  /** `first` is called when an event is listened to for the first time. */
  constructor(target: EventTarget, first: (type: string) => void) {
    this.#target = target;
    this.#first = first;
  }

  /** The list of an event, for whoever tells it often. */
  list(type: string): EventList {
    const there = this.#lists.get(type);
    if (there !== undefined) return there;
    const list: EventList = { type, entries: [] };
    this.#lists.set(type, list);
    return list;
  }

  /** Adds a listener as `addEventListener` does. */
  add(type: string, callback: unknown, options: unknown): void {
    if (callback === null || callback === undefined) return;
    if (typeof callback !== "function" && typeof callback !== "object") {
      throw new TypeError("addEventListener: the listener must be a function or an object");
    }
    const { capture, once, signal } = readOptions(options);
    if (signal?.aborted || this.#find(type, callback, capture) !== undefined) return;
    const entry: Entry = { callback, capture, once, isHandler: false, removed: false };
    this.#insert(type, entry);
    signal?.addEventListener("abort", () => this.#delete(this.list(type), entry), { once: true });
  }

  /** Removes a listener as `removeEventListener` does. */
  remove(type: string, callback: unknown, options: unknown): void {
    const entry = this.#find(type, callback, readOptions(options).capture);
    if (entry !== undefined) this.#delete(this.list(type), entry);
  }

  /** What an `on…` attribute is set to. */
  handler(type: string): unknown {
    return this.#handlers.get(type)?.callback ?? null;
  }

  /** Sets an `on…` attribute: what is no object counts as `null`. */
  setHandler(type: string, value: unknown): void {
    const isOne = typeof value === "function" || (typeof value === "object" && value !== null);
    const entry = this.#handlers.get(type);
    if (isOne && entry !== undefined) {
      entry.callback = value;
    } else if (isOne) {
      const entry = {
        callback: value,
        capture: false,
        once: false,
        isHandler: true,
        removed: false,
      };
      this.#handlers.set(type, entry);
      this.#insert(type, entry);
    } else if (entry !== undefined) {
      this.#handlers.delete(type);
      this.#delete(this.list(type), entry);
    }
  }

  /** Calls the listeners of an event, until one of them wants none after it to be. */
  call(event: Event, list: EventList, isStopped: (event: Event) => boolean): void {
    const { entries } = list;
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i]!;
      if (entry.removed) continue;
      if (entry.once) this.#delete(list, entry);
      this.#call(entry, event, list);
      if (isStopped(event)) return;
    }
  }

  #call({ callback, isHandler }: Entry, event: Event, { type }: EventList): void {
    try {
      let result: unknown;
      if (typeof callback === "function") result = callback.call(this.#target, event);
      else if (!isHandler) result = (callback as EventListenerObject).handleEvent(event);
      if (result === undefined) return;
      const { then } = (result ?? {}) as PromiseLike<unknown>;
      if (typeof then === "function") then.call(result, undefined, (cause) => report(type, cause));
    } catch (cause) {
      report(type, cause);
    }
  }

  #find(type: string, callback: unknown, capture: boolean): Entry | undefined {
    return this.#lists.get(type)?.entries.find((entry) =>
      !entry.isHandler && entry.callback === callback && entry.capture === capture
    );
  }

  /** Lists are copied when they change, never while they are walked. */
  #insert(type: string, entry: Entry): void {
    const list = this.list(type);
    const { entries } = list;
    if (!this.#heard.has(type)) {
      this.#heard.add(type);
      this.#first(type);
    }
    const at = entry.capture ? entries.findIndex(({ capture }) => !capture) : -1;
    list.entries = at === -1 ? [...entries, entry] : entries.toSpliced(at, 0, entry);
  }

  #delete(list: EventList, entry: Entry): void {
    entry.removed = true;
    list.entries = list.entries.filter((other) => other !== entry);
  }
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

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

/**
 * The listeners of one target, by event, in the order they are called: those that capture first (DOM
 * §2.9), then those that do not, each in the order they were added. An `on…` attribute takes its place
 * when it is first set (HTML §8.1.8.1).
 *
 * One that throws or rejects harms nobody: it is printed, as nobody else could be told.
 */
export class EventListeners {
  readonly #lists = new Map<string, Entry[]>();
  readonly #handlers = new Map<string, Entry>();
  readonly #target: EventTarget;
  readonly #first: (type: string) => void;

  /** `first` is called when an event is listened to for the first time. */
  constructor(target: EventTarget, first: (type: string) => void) {
    this.#target = target;
    this.#first = first;
  }

  /** Whether anybody listens. */
  has(type: string): boolean {
    return (this.#lists.get(type)?.length ?? 0) > 0;
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
    signal?.addEventListener("abort", () => this.#delete(type, entry), { once: true });
  }

  /** Removes a listener as `removeEventListener` does. */
  remove(type: string, callback: unknown, options: unknown): void {
    const entry = this.#find(type, callback, readOptions(options).capture);
    if (entry !== undefined) this.#delete(type, entry);
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
      this.#delete(type, entry);
    }
  }

  /** Calls the listeners of an event, until one of them wants none after it to be. */
  call(event: Event, type: string, isStopped: (event: Event) => boolean): void {
    const entries = this.#lists.get(type);
    if (entries === undefined) return;
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i]!;
      if (entry.removed) continue;
      if (entry.once) this.#delete(type, entry);
      this.#call(entry, event, type);
      if (isStopped(event)) return;
    }
  }

  #call({ callback, isHandler }: Entry, event: Event, type: string): void {
    try {
      let result: unknown;
      if (typeof callback === "function") result = callback.call(this.#target, event);
      else if (!isHandler) result = (callback as EventListenerObject).handleEvent(event);
      const then = (result as PromiseLike<unknown> | null | undefined)?.then;
      if (typeof then === "function") then.call(result, undefined, (cause) => report(type, cause));
    } catch (cause) {
      report(type, cause);
    }
  }

  #find(type: string, callback: unknown, capture: boolean): Entry | undefined {
    return this.#lists.get(type)?.find((entry) =>
      !entry.isHandler && entry.callback === callback && entry.capture === capture
    );
  }

  /** Lists are copied when they change, never while they are walked. */
  #insert(type: string, entry: Entry): void {
    const entries = this.#lists.get(type);
    if (entries === undefined) this.#first(type);
    const all = entries ?? [];
    const at = entry.capture ? all.findIndex(({ capture }) => !capture) : -1;
    this.#lists.set(type, at === -1 ? [...all, entry] : all.toSpliced(at, 0, entry));
  }

  #delete(type: string, entry: Entry): void {
    entry.removed = true;
    this.#lists.set(type, this.#lists.get(type)!.filter((other) => other !== entry));
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

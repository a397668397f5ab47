import { type BusinessError, businessError } from "../errors.ts";
import { describe } from "./describe.ts";
import { sayOnce } from "./say_once.ts";

/** A listener of any event. What it returns matters only when it is a promise. */
export type Listener = (...args: unknown[]) => unknown;

/** The listeners of one event. The object stays the same when listeners are added and removed. */
export interface ListenerList {
  /** How a report names a listener that fails. */
  readonly what: string;
  items: readonly Listener[];
}

/** The arguments of an event. A listener gets these and no more: programs count and print them. */
export type Arguments = [] | [first: unknown] | [first: unknown, second: unknown];

/**
 * Listeners of this module's own that only pass on what they hear. Whoever hears a message of them has it in
 * hand by himself. No program has added them, so none removes them together with all of its own.
 */
export const passOn: WeakSet<Listener> = new WeakSet();

/** How a report names a listener of an event. */
const listenerOf = (name: string) => `a listener of '${name}'`;

/** The failure of an 'error' listener is printed: to report it would call that listener again. */
const OF_ERROR = listenerOf("error");

/**
 * The listeners of one object, by event, in the order they were added.
 *
 * The failure of a listener, which throws or rejects, is reported to the 'error' listeners, or printed
 * where there are none. A list is never changed: `on` and `off` make a new one. So listeners may
 * add and remove listeners.
 */
export class Listeners<Name extends string> {
  readonly #lists: Record<Name | "error", ListenerList>;
  /** The listeners that `once` has added, by the function that stands in the list for each. */
  readonly #once = new WeakMap<Listener, Listener>();

  constructor(names: readonly (Name | "error")[]) {
    this.#lists = Object.fromEntries(
      names.map((name) => [name, { what: listenerOf(name), items: [] }]),
    ) as unknown as Record<Name | "error", ListenerList>;
  }

  /** Adds a listener. The same one twice counts once; an unknown event is ignored. */
  on(type: unknown, listener: unknown): void {
    const name = this.#name("on", type);
    if (typeof listener !== "function") throw notAFunction("on", listener);
    if (name !== undefined) this.#add(name, listener as Listener, listener as Listener);
  }

  /** Adds a listener that is removed when it is called. */
  once(type: unknown, listener: unknown): void {
    const name = this.#name("once", type);
    if (typeof listener !== "function") throw notAFunction("once", listener);
    if (name === undefined) return;
    let called = false;
    const one: Listener = (...args) => {
      // An earlier listener may have caused the event again, while this list was being called.
      if (called) return;
      called = true;
      this.off(name, one);
      return (listener as Listener)(...args);
    };
    this.#add(name, listener as Listener, one);
  }

  /** Removes a listener, or all that programs have added to the event when none is given. */
  off(type: unknown, listener?: unknown): void {
    const name = this.#name("off", type);
    if (listener !== undefined && typeof listener !== "function") {
      throw notAFunction("off", listener);
    }
    if (name === undefined) return;
    const list = this.#lists[name];
    list.items = listener === undefined
      ? list.items.filter((one) => passOn.has(one))
      : list.items.filter((other) => other !== listener && this.#once.get(other) !== listener);
  }

  /**
   * Calls an event's listeners in order, each with these arguments and no more, and no `this`.
   *
   * @returns A promise where one of them is still at work; it never rejects.
   */
  emit(type: Name | "error", ...args: Arguments): Promise<unknown> | undefined {
    return this.emitTo(this.#lists[type], ...args);
  }

  /** The list of an event, for callers that emit it often. */
  list(type: Name | "error"): ListenerList {
    return this.#lists[type];
  }

  /** Does what `emit` does, without a look-up: this is on the way of every message. */
  emitTo(list: ListenerList, ...args: Arguments): Promise<unknown> | undefined;
  emitTo(
    list: ListenerList,
    first?: unknown,
    second?: unknown,
  ): Promise<unknown> | undefined {
    const count = arguments.length - 1; // `arguments` costs nothing where only its length is asked for
    const { items } = list;
    let atWork: Promise<unknown> | undefined;
    for (let i = 0; i < items.length; i++) {
      const listener = items[i]!; // called as `items[i]()` it would get the list as its `this`
      try {
        const result = count === 2
          ? listener(first, second)
          : count === 1
          ? listener(first)
          : listener();
        if (result !== undefined) atWork = this.join(atWork, result, list);
      } catch (cause) {
        this.report(cause, list);
      }
    }
    return atWork;
  }

  /**
   * Calls one function of the user's; a failure is reported, never thrown.
   *
   * @param what What the function is called in the report.
   * @returns A promise where it is still at work; it never rejects.
   */
  call(what: string, listener: Listener, ...args: Arguments): Promise<unknown> | undefined {
    return this.emitTo({ what, items: [listener] }, ...args);
  }

  /**
   * Adds what a listener has returned to what is waited for, if it is a promise. The promise that this
   * returns never rejects: a failure is reported.
   */
  join(
    atWork: Promise<unknown> | undefined,
    result: unknown,
    list: ListenerList,
  ): Promise<unknown> | undefined {
    if (!isThenable(result)) return atWork;
    const guarded = Promise.resolve(result).then(undefined, (cause) => this.report(cause, list));
    return atWork === undefined ? guarded : Promise.all([atWork, guarded]);
  }

  /** Adds a function that stands for a listener, unless the listener is there already. */
  #add(name: Name | "error", listener: Listener, one: Listener): void {
    const list = this.#lists[name];
    if (list.items.some((other) => other === listener || this.#once.get(other) === listener)) {
      return;
    }
    if (one !== listener) this.#once.set(one, listener);
    list.items = [...list.items, one];
  }

  /** Reports a listener's failure. */
  report(cause: unknown, { what }: ListenerList): void {
    const error = businessError("listenerFailed", `${what} failed: ${describe(cause)}`, { cause });
    if (what === OF_ERROR) console.error(error);
    else this.fault(error);
  }

  /** Tells 'error', or prints the error where nobody listens: it must not be lost. */
  fault(error: BusinessError): void {
    if (this.#lists.error.items.length === 0) console.error(error);
    else void this.emit("error", error);
  }

  #name(method: string, type: unknown): Name | "error" | undefined {
    if (typeof type !== "string") {
      throw businessError(
        "argument",
        `${method}: the event's name must be text: current value is ${describe(type)}`,
      );
    }
    if (Object.hasOwn(this.#lists, type)) return type as Name;
    const names = Object.keys(this.#lists).join(", ");
    if (method !== "off") sayOnce(`${method}: there is no event ${describe(type)}, but ${names}`);
    return undefined;
  }
}

/**
 * Whether what a function of the user's has returned is a promise, or like one. Make a promise of it before
 * its `then` is called: one of the user's own may call what it is given without a look, and give nothing.
 */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === "function";
}

function notAFunction(method: string, value: unknown): BusinessError {
  return businessError(
    "argument",
    `${method}: the listener must be a function: current value is ${describe(value)}`,
  );
}

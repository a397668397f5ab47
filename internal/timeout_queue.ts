import type { Clock } from "./clock.ts";

/**
 * How late a timer may fire, in ms, before this process itself is taken for the cause. A process that
 * was blocked has not read its sockets: the Pong may have come in.
 */
export const STALL_MS = 100;

/** What a {@linkcode TimeoutQueue} needs. */
export interface TimeoutQueueOptions<T> {
  clock: Clock;
  /** How long every item waits, in milliseconds. */
  ms: number;
  /** Items that are due up to so many milliseconds later expire together with the first. */
  slack?: number;
  /** How many items may expire at a time; the timer fires again for the others. No limit where left out. */
  most?: number;
  /** For how many milliseconds items may expire at a time, likewise; one of them may take longer. */
  mostMs?: number;
  /** Whether the timer runs on, until `close`, when no item is left: then fewer timers are made. */
  keepsTimer?: boolean;
  /** Where the place of each item is noted: in a map where left out. */
  places?: Places<T>;
  /** Called for each item that is due, with how many milliseconds it is late. Must not throw. */
  expired: (item: T, late: number) => void;
}

/** An item, and when it is due: between the one before it and the one after it, where it waits. */
export class Place<T> {
  readonly item: T;
  /** Infinity where it does not wait. */
  due = Infinity;
  before: Place<T> | undefined;
  after: Place<T> | undefined;

  constructor(item: T) {
    this.item = item;
  }
}

/** Notes the place of each item, as a map does. */
export interface Places<T> {
  get(item: T): Place<T> | undefined;
  set(item: T, place: Place<T>): unknown;
  delete(item: T): unknown;
}

/** What notes its own place in one queue. */
export interface HasPlace<T> {
  [PLACE]: Place<T> | undefined;
}

export const PLACE: unique symbol = Symbol("place");

/**
 * Notes the places of those that have a field for it there, and of all others in a map. What comes into a map and
 * leaves it takes some 0.3 µs more (Bun 1.4.5, bench/README.md).
 */
export class OwnPlaces<T extends object> implements Places<T> {
  readonly #others = new Map<T, Place<T>>();

  /** The place of whatever a user takes for an item, which need not be an object. */
  get(item: T & Partial<HasPlace<T>>): Place<T> | undefined {
    return item?.[PLACE] ?? this.#others.get(item);
  }

  set(item: T | T & HasPlace<T>, place: Place<T>): void {
    if (PLACE in item) item[PLACE] = place;
    else this.#others.set(item, place);
  }

  delete(item: T | T & HasPlace<T>): void {
    if (PLACE in item) item[PLACE] = undefined;
    else this.#others.delete(item);
  }
}

/**
 * Items that all wait for the same time, and one timer for all of them.
 *
 * As all wait equally long, they expire in the order in which they were added, and a chain keeps that
 * order. So it costs the same to add, to remove and to find the next one, whether there are ten items
 * or ten thousand. An item that is added again keeps its entry in the map: an engine builds a map anew, again and again,
 * when items leave it and come back, which takes 2 ms for 20,000 of them (Deno 2.9.6, bench/README.md).
 */
export class TimeoutQueue<T> {
  readonly #options: Required<TimeoutQueueOptions<T>>;
  /** Those that wait, and the one that is being told that it is due. */
  readonly #places: Places<T>;
  #first: Place<T> | undefined;
  #last: Place<T> | undefined;
  #size = 0;
  #timer: unknown;
  #firing = false;

  constructor(options: TimeoutQueueOptions<T>) {
    this.#options = {
      slack: 0,
      most: Infinity,
      mostMs: Infinity,
      keepsTimer: false,
      places: new Map(),
      ...options,
    };
    this.#places = this.#options.places;
  }

  /** How many items wait. */
  get size(): number {
    return this.#size;
  }

  /** Whether an item waits. */
  has(item: T): boolean {
    const due = this.#places.get(item)?.due;
    return due !== undefined && due !== Infinity;
  }

  /** Adds an item, or starts its wait anew where it is there already. */
  add(item: T): void {
    const { clock, ms } = this.#options;
    let place = this.#places.get(item);
    if (place === undefined) this.#places.set(item, place = new Place(item));
    else if (place.due !== Infinity) this.#takeOut(place);
    place.due = clock.now() + ms;
    place.before = this.#last;
    if (this.#last === undefined) this.#first = place;
    else this.#last.after = place;
    this.#last = place;
    this.#size++;
    // While items wait, a timer runs. Where none runs, this is the only item.
    if (this.#timer === undefined && !this.#firing) {
      this.#timer = clock.setTimer(this.#fire, ms);
    }
  }

  /** Removes an item. When none is left the timer stops, unless `keepsTimer` is set. */
  delete(item: T): void {
    if (this.#size === 0) return;
    const place = this.#places.get(item);
    if (place === undefined || place.due === Infinity) return;
    this.#takeOut(place);
    this.#places.delete(item);
    if (this.#size === 0 && !this.#options.keepsTimer) this.close();
  }

  /** Removes all items and stops the timer. */
  close(): void {
    for (let place = this.#first; place !== undefined; place = place.after) {
      this.#places.delete(place.item);
    }
    this.#first = this.#last = undefined;
    this.#size = 0;
    if (this.#timer !== undefined) this.#options.clock.clearTimer(this.#timer);
    this.#timer = undefined;
  }

  /** Takes a place out of the chain; the map has it still. */
  #takeOut(place: Place<T>): void {
    const { before, after } = place;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    place.before = place.after = undefined;
    place.due = Infinity;
    this.#size--;
  }

  #arm(): void {
    if (this.#first === undefined) return;
    const { clock } = this.#options;
    this.#timer = clock.setTimer(this.#fire, Math.max(0, this.#first.due - clock.now()));
  }

  readonly #fire = (): void => {
    const { clock, slack, most, mostMs, expired } = this.#options;
    this.#timer = undefined;
    this.#firing = true;
    const now = clock.now();
    // An item that is added by one that expires waits for the next timer.
    for (let left = Math.min(this.#size, most); left > 0; left--) {
      const place = this.#first;
      if (place === undefined || place.due > now + slack) break;
      const { due, item } = place;
      this.#takeOut(place);
      expired(item, now - due);
      // Unless it has been added again, or all were removed meanwhile.
      if (place.due === Infinity && this.#places.get(item) === place) this.#places.delete(item);
      if (mostMs !== Infinity && clock.now() - now >= mostMs) break;
    }
    this.#firing = false;
    this.#arm();
  };
}

/** The server's own program as one that hears what is published. Not part of the public API. */

import type { WebSocketData } from "../client/types.ts";
import type { Listener, Listeners } from "../internal/listeners.ts";
import { quote } from "../internal/describe.ts";
import { Fifo } from "../internal/fifo.ts";
import { snapshot } from "../internal/payload.ts";
import { argumentError, FUNCTION, TEXT } from "../internal/validate.ts";
import type { PublishedMessage } from "./connection_types.ts";

/** One call of `subscribe`. */
interface Subscriber {
  readonly listener: Listener;
}

/**
 * How many messages may follow from each other in one turn, and how many may be told in it: listeners that publish
 * whatever they are told of would never end.
 */
const MOST_STEPS = 1000;
const MOST_TOLD = 100_000;

/** A message that waits to be told. */
interface Waiting {
  readonly message: PublishedMessage;
  readonly to: readonly Subscriber[];
  /** How many were told of before, of which each had the next one published. */
  readonly step: number;
}

/** The listeners of topics, over all starts and stops of a server. */
export class Subscribers {
  readonly #topics = new Map<string, Set<Subscriber>>();
  /** What was published in this turn, and not told yet. */
  #waiting: Fifo<Waiting> | undefined;
  /** What is being told: which step it is, and how many were before it. */
  #step = 0;
  #told = 0;
  readonly #listeners: Pick<Listeners<string>, "call" | "report">;

  constructor(listeners: Pick<Listeners<string>, "call" | "report">) {
    this.#listeners = listeners;
  }

  /** Adds a listener of a topic; gives what ends that. */
  add(topic: unknown, listener: unknown): () => void {
    if (typeof topic !== "string") throw argumentError("subscribe: topic", TEXT[1], topic);
    if (!FUNCTION[0](listener)) {
      throw argumentError("subscribe: the listener", FUNCTION[1], listener);
    }
    const one = { listener: listener as Listener };
    const there = this.#topics.get(topic);
    if (there === undefined) this.#topics.set(topic, new Set([one]));
    else there.add(one);
    return () => {
      const left = this.#topics.get(topic);
      if (left?.delete(one) && left.size === 0) this.#topics.delete(topic);
    };
  }

  /**
   * Tells what is published when `send` has sent it out. What is published meanwhile, by who is told of it or by an
   * observer, is told after it.
   *
   * @param local Whether this server did, and no other node.
   */
  publish<T>(topic: string, data: WebSocketData, local: boolean, send: () => T): T {
    const there = this.#topics.get(topic);
    if (there === undefined) return send();
    const waiting = this.#waiting;
    const all = this.#waiting ??= new Fifo();
    const message = { topic, data: toMessage(data), local };
    all.push({ message, to: [...there], step: this.#step + 1 });
    try {
      return send();
    } finally {
      if (waiting === undefined) this.#tell(all);
    }
  }

  /** Tells all that waits, and what is published meanwhile, unless that has no end. */
  #tell(waiting: Fifo<Waiting>): void {
    try {
      for (let next; (next = waiting.shift()) !== undefined; this.#told++) {
        const { message, to, step } = next;
        if (step > MOST_STEPS || this.#told === MOST_TOLD) return this.#endless(message);
        this.#step = step;
        const there = this.#topics.get(message.topic);
        for (const one of to.filter((one) => there?.has(one))) {
          void this.#listeners.call(WHAT, one.listener, { ...message });
        }
      }
    } finally {
      this.#waiting = undefined;
      this.#step = this.#told = 0;
    }
  }

  /** Says that nobody is told of this message, nor of those behind it. */
  #endless({ topic }: PublishedMessage): void {
    const why = `what it publishes to '${quote(topic)}' has it publish more, with no end`;
    this.#listeners.report(new Error(why), { what: WHAT, items: [] });
  }
}

/** How a report names a listener. */
const WHAT = "a listener of a topic";

/** The data as a message has it: text, or an ArrayBuffer of its own. */
function toMessage(data: WebSocketData): string | ArrayBuffer {
  const own = snapshot(data);
  return (ArrayBuffer.isView(own) ? own.buffer : own) as string | ArrayBuffer;
}

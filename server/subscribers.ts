/** The server's own program as one that hears what is published. Not part of the public API. */

import type { WebSocketData } from "../client/types.ts";
import type { Listener, Listeners } from "../internal/listeners.ts";
import { snapshot } from "../internal/payload.ts";
import { argumentError, FUNCTION, TEXT } from "../internal/validate.ts";
import type { PublishedMessage } from "./connection_types.ts";

/** One call of `subscribe`. */
interface Subscriber {
  readonly listener: Listener;
}

/** The listeners of topics, over all starts and stops of a server. */
export class Subscribers {
  readonly #topics = new Map<string, Set<Subscriber>>();
  /** What is being told, and what was published meanwhile. */
  readonly #waiting: { message: PublishedMessage; to: Subscriber[] }[] = [];
  readonly #listeners: Pick<Listeners<string>, "call">;

  constructor(listeners: Pick<Listeners<string>, "call">) {
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
    const message = { topic, data: toMessage(data), local };
    const isFirst = this.#waiting.push({ message, to: [...there] }) === 1;
    try {
      return send();
    } finally {
      if (isFirst) this.#tell();
    }
  }

  /** Tells all that waits; each stays in its place until all have heard of it. */
  #tell(): void {
    for (let next; (next = this.#waiting[0]) !== undefined; this.#waiting.shift()) {
      const { message, to } = next;
      const there = this.#topics.get(message.topic);
      for (const one of to.filter((one) => there?.has(one))) {
        void this.#listeners.call("a listener of a topic", one.listener, { ...message });
      }
    }
  }
}

/** The data as a message has it: text, or an ArrayBuffer of its own. */
function toMessage(data: WebSocketData): string | ArrayBuffer {
  const own = snapshot(data);
  return (ArrayBuffer.isView(own) ? own.buffer : own) as string | ArrayBuffer;
}

/** The server's own program as one that hears what is published. Not part of the public API. */

import type { WebSocketData } from "../client/types.ts";
import type { Listener, Listeners } from "../internal/listeners.ts";
import { snapshot } from "../internal/payload.ts";
import { argumentError, FUNCTION, TEXT } from "../internal/validate.ts";

/** The listeners of topics, over all starts and stops of a server. */
export class Subscribers {
  readonly #topics = new Map<string, Set<{ listener: Listener }>>();
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
   * Tells what was published.
   *
   * @param local Whether this server did, and no other node.
   */
  tell(topic: string, data: WebSocketData, local: boolean): void {
    const there = this.#topics.get(topic);
    if (there === undefined) return;
    const message = toMessage(data);
    [...there].forEach(({ listener }) =>
      void this.#listeners.call("a listener of a topic", listener, { topic, data: message, local })
    );
  }
}

/** The data as a message has it: text, or an ArrayBuffer of its own. */
function toMessage(data: WebSocketData): string | ArrayBuffer {
  const own = snapshot(data);
  return (ArrayBuffer.isView(own) ? own.buffer : own) as string | ArrayBuffer;
}

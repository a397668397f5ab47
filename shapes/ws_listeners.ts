/** Listeners that get events, on a socket in the shape of `ws`. Not part of the public API. */

import type { Buffer } from "node:buffer";
import type { EventEmitter } from "node:events";

/** The event that such a listener gets. */
export interface WsEvent {
  /** Which event. */
  readonly type: string;
  /** The socket. */
  readonly target: unknown;
  /** What came in: text, a Buffer or an ArrayBuffer. */
  readonly data?: unknown;
  /** The close code. */
  readonly code?: number;
  /** The reason. */
  readonly reason?: string;
  /** Whether both sides have closed as they should. */
  readonly wasClean?: boolean;
  /** What went wrong. */
  readonly error?: unknown;
  /** What went wrong, in words. */
  readonly message?: string;
}

/** What the listeners of `on` are told, by event. */
export interface WsSocketEvents {
  /** A message: a Buffer, unless `binaryType` is `"arraybuffer"` and it is binary. */
  message: [data: Buffer | ArrayBuffer, isBinary: boolean];
  /** The end: the close code and the reason. */
  close: [code: number, reason: Buffer];
  /** What could not be sent. */
  error: [error: Error];
  /** A Ping came in, and was answered. Where the runtime does not show them, never. */
  ping: [data: Buffer];
  /** A Pong came in. Where the runtime does not show its data, none, and only for a Ping of this side. */
  pong: [data: Buffer];
}

/** What `onmessage` and its like are set to. */
export type WsHandler = { bivariant(event: WsEvent): void }["bivariant"];

/** A listener of `addEventListener`. */
export type WsListener = WsHandler | { handleEvent(event: WsEvent): void };

type Emitted = (...args: unknown[]) => void;

/** Turns what a socket emits into events. */
export class WsListeners {
  readonly #socket: EventEmitter;
  readonly #added = new Map<string, Map<WsListener, Emitted>>();
  /** What was set, and what is added for it: the same function may be added besides. */
  readonly #handlers = new Map<string, { set: WsHandler; added: WsHandler }>();

  constructor(socket: EventEmitter) {
    this.#socket = socket;
  }

  add(type: string, listener: WsListener, once: boolean): void {
    const added = this.#added.get(type) ?? new Map<WsListener, Emitted>();
    if (this.#emitted(type, listener) !== undefined) return;
    const emitted: Emitted = (first, second) => {
      if (once) this.remove(type, listener);
      const event = eventOf(type, this.#socket, first, second);
      if (typeof listener === "function") listener.call(this.#socket, event);
      else listener.handleEvent(event);
    };
    this.#added.set(type, added.set(listener, emitted));
    this.#socket.on(type, emitted);
  }

  remove(type: string, listener: WsListener): void {
    const emitted = this.#emitted(type, listener);
    if (emitted === undefined) return;
    this.#added.get(type)!.delete(listener);
    this.#socket.off(type, emitted);
  }

  handler(type: string): WsHandler | null {
    const handler = this.#handlers.get(type);
    return handler && this.#emitted(type, handler.added) ? handler.set : null;
  }

  setHandler(type: string, listener: WsHandler | null): void {
    const before = this.#handlers.get(type);
    if (before !== undefined) this.remove(type, before.added);
    this.#handlers.delete(type);
    if (typeof listener !== "function") return;
    const added: WsHandler = (event) => listener.call(this.#socket, event);
    this.#handlers.set(type, { set: listener, added });
    this.add(type, added, false);
  }

  /** What a listener is on the socket; nothing where `removeAllListeners` has removed it. */
  #emitted(type: string, listener: WsListener): Emitted | undefined {
    const emitted = this.#added.get(type)?.get(listener);
    return emitted && this.#socket.listeners(type).includes(emitted) ? emitted : undefined;
  }
}

function eventOf(type: string, target: unknown, first: unknown, second: unknown): WsEvent {
  if (type === "message") {
    return { type, target, data: second === true ? first : (first as Buffer).toString() };
  }
  if (type === "close") {
    const code = first as number;
    return { type, target, code, reason: (second as Buffer).toString(), wasClean: code !== 1006 };
  }
  if (type === "error") {
    return { type, target, error: first, message: (first as Error)?.message };
  }
  return { type, target };
}

/** Listeners that get events, on a socket in the shape of `ws`. Not part of the public API. */

import type { Buffer } from "node:buffer";
import { errorMonitor, EventEmitter } from "node:events";
import { isThenable, type Listeners } from "../internal/listeners.ts";
import type { ServerConnection } from "../server/connection.ts";
import { guarded } from "./server_hub.ts";

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

/** What stands for such a listener among those of a socket. */
interface Emitted {
  (first: unknown, second: unknown): void;
  /** What `addEventListener` has added, */
  readonly added?: WsListener;
  /** or `onmessage` and its like are set to: the same function may be added besides. */
  readonly set?: WsHandler;
}

/** What an EventEmitter has as its `emit`. On Bun 1.4.5 one that captures rejections has another. */
const OWN_EMITS: ReadonlySet<unknown> = new Set([
  EventEmitter.prototype.emit,
  new EventEmitter({ captureRejections: true }).emit,
]);

/**
 * Emits, and has all listeners called, whichever of them fail: the last failure is thrown, and those before it are
 * reported. An `emit` that a program has put in its place decides that itself.
 *
 * @returns Whether there are listeners.
 */
export function emitToAll(
  emitter: EventEmitter,
  { host: { listeners } }: { host: { listeners: Pick<Listeners<string>, "report"> } },
  type: string,
  ...args: unknown[]
): boolean {
  const isOwn = OWN_EMITS.has(emitter.emit);
  if (!isOwn || emitter.listenerCount(type) < 2) return emitter.emit(type, ...args);
  if (type === "error") emitter.emit(errorMonitor, ...args); // as an EventEmitter does
  const what = `a listener of '${type}' in the shape of ws`;
  let failed: { cause: unknown } | undefined;
  for (const listener of emitter.rawListeners(type)) {
    try {
      const result = Reflect.apply(listener, emitter, args);
      if (isThenable(result)) capture(emitter, type, args, result);
    } catch (cause) {
      if (failed !== undefined) listeners.report(failed.cause, { what, items: [] });
      failed = { cause };
    }
  }
  if (failed !== undefined) throw failed.cause;
  return true;
}

/** Tells 'error' what a listener has rejected with, where EventEmitters are to do so, as they do it. */
function capture(
  emitter: EventEmitter,
  type: string,
  args: unknown[],
  result: PromiseLike<unknown>,
): void {
  if (!EventEmitter.captureRejections || type === "error") return;
  Promise.resolve(result).then(undefined, (cause) =>
    queueMicrotask(() => {
      const own = Reflect.get(emitter, EventEmitter.captureRejectionSymbol);
      if (typeof own === "function") own.call(emitter, cause, type, ...args);
      else emitter.emit("error", cause);
    }));
}

/** The same of a message; quickly where one listens, as mostly. */
export function emitMessage(
  socket: EventEmitter,
  connection: ServerConnection,
  data: Uint8Array | ArrayBuffer,
  isBinary: boolean,
): boolean {
  return socket.listenerCount("message") < 2
    ? socket.emit("message", data, isBinary)
    : emitToAll(socket, connection, "message", data, isBinary);
}

/** The same of a socket's own event: what fails is told to the server's 'error'. */
export function tellAll(
  socket: EventEmitter,
  connection: ServerConnection,
  type: string,
  ...args: unknown[]
): void {
  guarded(connection, type, () => emitToAll(socket, connection, type, ...args));
}

/** Adds a listener that gets an event, unless it is there. */
export function addListener(
  socket: EventEmitter,
  type: string,
  listener: WsListener,
  once: boolean,
): void {
  if (find(socket, type, ({ added }) => added === listener) !== undefined) return;
  const emitted = Object.assign(emitterOf(socket, type, listener), { added: listener });
  if (once) socket.once(type, emitted);
  else socket.on(type, emitted);
}

/** Removes a listener that `addListener` has added. */
export function removeListener(socket: EventEmitter, type: string, listener: WsListener): void {
  remove(socket, type, ({ added }) => added !== undefined && added === listener);
}

/** What `onmessage` and its like are set to. */
export function handlerOf(socket: EventEmitter, type: string): WsHandler | null {
  return find(socket, type, isSet)?.set ?? null;
}

/** Sets it; what is no function removes it. */
export function setHandler(socket: EventEmitter, type: string, handler: WsHandler | null): void {
  remove(socket, type, isSet);
  if (typeof handler !== "function") return;
  socket.on(type, Object.assign(emitterOf(socket, type, handler), { set: handler }));
}

function isSet({ set }: Emitted): boolean {
  return set !== undefined;
}

function find(
  socket: EventEmitter,
  type: string,
  is: (one: Emitted) => boolean,
): Emitted | undefined {
  return (socket.listeners(type) as Emitted[]).find(is);
}

function remove(socket: EventEmitter, type: string, is: (one: Emitted) => boolean): void {
  const emitted = find(socket, type, is);
  if (emitted !== undefined) socket.off(type, emitted as (...args: unknown[]) => void);
}

/** Turns what a socket emits into an event. */
function emitterOf(socket: EventEmitter, type: string, listener: WsListener): Emitted {
  return (first, second) => {
    const event = eventOf(type, socket, first, second);
    if (typeof listener === "function") listener.call(socket, event);
    else listener.handleEvent(event);
  };
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

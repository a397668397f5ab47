/** A server's connection in the shape of a socket of npm's `ws`. */

import { Buffer } from "node:buffer";
import { EventEmitter } from "node:events";
import type { CloseResult, TextOrBytes, WebSocketData } from "../client/types.ts";
import { ACCEPTED } from "../internal/result.ts";
import { sayOnce } from "../internal/say_once.ts";
import type { ServerConnection } from "../server/connection.ts";
import { NOTHING, withoutConstructor } from "./bare_emitter.ts";
import { listenTo, type ShapedServer, shut, tellBuffer } from "./server_hub.ts";
import { CLOSED, CLOSING, CONNECTING, OPEN } from "./socket_model.ts";
import { sizeOf } from "./socket_sent.ts";
import { sendControl, tellControl } from "./ws_control.ts";
import { keep, notOpen, reasonOf, STATES, toBuffer, toMessage, unshared } from "./ws_data.ts";
import { unsupported, type WsCallback, type WsData, type WsSendOptions } from "./ws_data.ts";
import { addListener, emitMessage, emitToAll, handlerOf, removeListener } from "./ws_listeners.ts";
import { setHandler, tellAll } from "./ws_listeners.ts";
import type { WsHandler, WsListener, WsSocketEvents } from "./ws_listeners.ts";
import { callBack, callWhenSent, inLine, waitingBytes } from "./ws_sending.ts";
import { tcpOf } from "./ws_tcp.ts";

/** What sockets are of: one for each `wsServer`. */
export interface WsOwner {
  readonly server: ShapedServer;
}

/** Whether a socket is one of those. */
export let isSocketOf: (owner: WsOwner, socket: unknown) => socket is WsSocket;

/** What is true of a socket, in bits. */
const BUFFERS = 1;
const PAUSED = 2;
/** A Blob is being read: what comes after it waits. */
const WAITS = 4;
/** It was closed meanwhile. */
const CLOSES = 8;

/**
 * One connection, as `wsServer` tells of it. It has what sockets of `ws` have, on a server: 'message'
 * with a Buffer and whether it is binary, 'close' with the code and a Buffer, 'ping', 'pong', `send` with
 * its callback, `ping`, `pong`, `terminate`, `pause`, `addEventListener`.
 *
 * On Deno, which shows no peer's Pings, 'ping' is never told; the console says so once. What cannot be done
 * throws 2302999 (`kind` 'unsupported'): messages in parts; on Deno Pings with data, `pong` and `pause`, too.
 */
export class WsSocket extends EventEmitter {
  /** 0. */
  static readonly CONNECTING: 0 = CONNECTING;
  /** 1. */
  static readonly OPEN: 1 = OPEN;
  /** 2. */
  static readonly CLOSING: 2 = CLOSING;
  /** 3. */
  static readonly CLOSED: 3 = CLOSED;
  /** 0. */
  declare readonly CONNECTING: 0;
  /** 1. */
  declare readonly OPEN: 1;
  /** 2. */
  declare readonly CLOSING: 2;
  /** 3. */
  declare readonly CLOSED: 3;
  /** What hears 'open', which is never told: a server's sockets are open. */
  declare onopen: WsHandler | null;
  /** What hears 'message', with an event. */
  declare onmessage: WsHandler | null;
  /** What hears 'error', with an event. */
  declare onerror: WsHandler | null;
  /** What hears 'close', with an event. */
  declare onclose: WsHandler | null;

  static {
    isSocketOf = (owner, socket): socket is WsSocket =>
      socket instanceof WsSocket && socket.#owner === owner;
    for (const type of ["open", "message", "error", "close"]) {
      Object.defineProperty(WsSocket.prototype, `on${type}`, {
        get(this: WsSocket): WsHandler | null {
          return handlerOf(this, type);
        },
        set(this: WsSocket, listener: WsHandler | null) {
          setHandler(this, type, listener);
        },
        configurable: true,
      });
    }
    Object.defineProperty(WsSocket.prototype, "_socket", {
      get(this: WsSocket): object {
        return tcpOf(this, this.#connection);
      },
      configurable: true,
    });
  }

  // What an EventEmitter keeps (see `withoutConstructor`), here to be part of the object from the start.
  private _events: object;
  private _eventsCount: number;
  readonly #owner: WsOwner;
  readonly #connection: ServerConnection;
  #bits = 0;
  #lateBytes = 0;

  /** Not for programs: sockets come with 'connection'. */
  constructor(owner: { readonly server: ShapedServer }, connection: ServerConnection) {
    super();
    this._events = { __proto__: NOTHING };
    this._eventsCount = 0;
    this.#owner = owner;
    this.#connection = connection;
    listenTo(owner.server, connection, this);
    connection.socket?.giveBuffers?.(this);
    connection.socket?.giveControls?.(this);
  }

  /** OPEN, CLOSING or CLOSED. */
  get readyState(): 0 | 1 | 2 | 3 {
    const state = STATES[this.#connection.state];
    return state === OPEN && this.#is(CLOSES) ? CLOSING : state;
  }

  /** Bytes that are queued, or wait for a Blob, and what was sent too late. */
  get bufferedAmount(): number {
    const waiting = this.#is(WAITS) ? waitingBytes(this) : 0;
    return this.#connection.bufferedAmount + waiting + this.#lateBytes;
  }

  /** The subprotocol, '' for none. */
  get protocol(): string {
    return this.#connection.protocol;
  }

  /** Always '': whether messages are compressed is no affair of the program's. */
  get extensions(): string {
    return "";
  }

  /** The path and the query that were asked for. */
  get url(): string {
    return this.#connection.url;
  }

  /** Whether `pause` was called. */
  get isPaused(): boolean {
    return this.#is(PAUSED);
  }

  /** What binary messages are told as. `"fragments"` and `"blob"` throw 2302999, anything else changes nothing. */
  get binaryType(): "nodebuffer" | "arraybuffer" {
    return this.#is(BUFFERS) ? "arraybuffer" : "nodebuffer";
  }
  set binaryType(type: string) {
    if (type === "fragments" || type === "blob") throw unsupported(`binaryType: '${type}'`);
    if (type === "arraybuffer") this.#bits |= BUFFERS;
    else if (type === "nodebuffer") this.#bits &= ~BUFFERS;
    this.#connection.socket?.giveBuffers?.(this.#is(BUFFERS) ? undefined : this);
  }

  /**
   * Sends a message. Without a callback nobody hears that the connection is over.
   *
   * @param data What to send; an array of bytes is one message.
   * @param options See {@linkcode WsSendOptions}.
   * @param callback Called when no more than 64 KiB are queued, or with what went wrong.
   * @throws {BusinessError} 2302999 for a part of a message.
   */
  send(data: WsData, callback?: WsCallback): void;
  /** The same, with options. */
  send(data: WsData, options: WsSendOptions, callback?: WsCallback): void;
  send(data: WsData, options?: WsSendOptions | WsCallback, callback?: WsCallback): void {
    if (typeof options === "function") return this.send(data, {}, options);
    if (options?.fin === false) throw unsupported("send: 'fin' false");
    const binary = options?.binary;
    if (!(data instanceof Blob) && !this.#is(WAITS)) {
      return this.#sendNow(toMessage(data, binary), callback);
    }
    const kept = data instanceof Blob ? data : keep(toMessage(data, binary));
    if (this.readyState !== OPEN) return this.#tooLate(kept, callback);
    this.#later(kept, (message) => this.#sendNow(toMessage(message, binary), callback), callback);
  }

  #sendNow(message: WebSocketData, callback: WsCallback | undefined): void {
    const isSent = this.#connection.sendAtOnce(message);
    if (isSent && callback === undefined) return;
    if (!isSent && STATES[this.#connection.state] !== OPEN) return this.#tooLate(message, callback);
    const { server } = this.#owner;
    const sent = isSent ? ACCEPTED : server.send(unshared(message), this.#connection.handle);
    if (callback !== undefined) callWhenSent(this.#connection, sent, callback);
    else if (sent !== ACCEPTED) sent.catch((error) => this.#failed(error));
  }

  /**
   * Sends a Ping; 'pong' tells of the answer. With no data it is the heartbeat's: a peer that gives no sign of
   * life within `pongTimeout` is dropped, and on Deno none is sent while one has had no answer.
   *
   * @param data At most 125 bytes.
   * @param mask Of no effect.
   * @param callback Called when it has been handed to the system, or with an error where the socket is not open.
   * @throws {RangeError} For more data.
   * @throws {BusinessError} 2302999 for data, on Deno.
   */
  ping(
    data?: unknown,
    mask?: boolean | ((error: Error) => void),
    callback?: (error: Error) => void,
  ): void {
    sendControl(this.#connection, "ping", [data, mask, callback]);
  }

  /**
   * Sends a Pong that nobody has asked for: those that answer a Ping the runtime sends.
   *
   * @param data At most 125 bytes.
   * @param mask Of no effect.
   * @param callback Called when it has been handed to the system, or with an error where the socket is not open.
   * @throws {RangeError} For more data.
   * @throws {BusinessError} 2302999 on Deno.
   */
  pong(
    data?: unknown,
    mask?: boolean | ((error: Error) => void),
    callback?: (error: Error) => void,
  ): void {
    sendControl(this.#connection, "pong", [data, mask, callback]);
  }

  /**
   * Starts to close, where it is open.
   *
   * @param code 1000 to 1003, 1007 to 1014, or 3000 to 4999; where it is left out the Close frame is empty.
   * @param reason At most 123 bytes, beside a code.
   * @throws {TypeError} For another code.
   * @throws {RangeError} For a longer reason.
   */
  close(code?: number, reason: string | Uint8Array = ""): void {
    if (this.readyState !== OPEN) return;
    const text = code === undefined ? "" : reasonOf(code, reason);
    if (!this.#is(WAITS)) return shut(this.#connection, code, text);
    this.#later(null, () => shut(this.#connection, code, text));
    this.#bits |= CLOSES;
  }

  /** Drops the connection at once, whatever is queued: 'close' with 1006, unless it has been told already. */
  terminate(): void {
    this.#connection.terminate();
  }

  /** Stops reading, for `pingInterval + pongTimeout` at the most; throws 2302999 where the runtime cannot. */
  pause(): void {
    if (this.readyState !== OPEN || this.isPaused) return;
    if (!this.#connection.pause()) throw unsupported("pause");
    this.#bits |= PAUSED;
  }

  /** Reads on. */
  resume(): void {
    if (!this.isPaused) return;
    this.#bits &= ~PAUSED;
    this.#connection.resume();
  }

  /** Adds a listener that gets an event, as on the web. */
  addEventListener(
    type: string,
    listener: WsListener,
    options?: { once?: boolean | undefined },
  ): void {
    addListener(this, type, listener, options?.once === true);
  }

  /** Removes a listener that `addEventListener` has added. */
  removeEventListener(type: string, listener: WsListener): void {
    removeListener(this, type, listener);
  }

  /** Adds a listener. */
  override on<K extends keyof WsSocketEvents>(
    type: K,
    listener: (this: WsSocket, ...args: WsSocketEvents[K]) => void,
  ): this;
  /** Adds a listener. */
  override on(type: string | symbol, listener: (...args: never[]) => void): this;
  override on(type: string | symbol, listener: (...args: never[]) => void): this {
    const { socket } = this.#connection;
    if (type === "ping" && socket !== undefined && socket.giveControls === undefined) {
      sayOnce("'ping' is never told: the runtime does not show the Pings of a peer.");
    }
    return super.on(type, listener as (...args: unknown[]) => void);
  }

  /** Not for programs. */
  message(
    data: TextOrBytes | ArrayBuffer,
    receipt?: { hold(): (isSeen: boolean) => void },
  ): undefined {
    const isBinary = typeof data !== "string";
    const shown = isBinary && this.#is(BUFFERS) ? data : toBuffer(data);
    if (emitMessage(this, this.#connection, shown, isBinary)) receipt?.hold()(true);
  }

  /** Not for programs. */
  buffer(data: Uint8Array<ArrayBuffer>): void {
    tellBuffer(this, this.#connection, data);
  }

  /** Not for programs. */
  closed({ code, reason }: CloseResult): void {
    emitToAll(this, this.#connection, "close", code, Buffer.from(code === 1006 ? "" : reason));
  }

  /** Not for programs. */
  ponged(): void {
    if (this.#connection.socket?.giveControls !== undefined) return;
    tellAll(this, this.#connection, "pong", Buffer.alloc(0));
  }

  /** Not for programs. */
  control(what: "ping" | "pong", data: Uint8Array<ArrayBuffer> | ArrayBuffer): void {
    tellControl(this.#connection, what, data);
  }

  #is(bit: number): boolean {
    return (this.#bits & bit) !== 0;
  }

  /** Counts what is sent after the end, and says so to the callback alone. */
  #tooLate(data: WebSocketData | Blob, callback: WsCallback | undefined): void {
    this.#lateBytes += sizeOf(data);
    if (callback !== undefined) callBack(this.#connection, callback, notOpen(this.readyState));
  }

  /** Does something behind what waits for a Blob, or with one. */
  #later<T>(data: T | Blob, task: (data: T | ArrayBuffer) => void, callback?: WsCallback): void {
    this.#bits |= WAITS;
    const failed = (error: Error) => this.#failed(error, callback);
    inLine(this, data, task, failed, () => this.#bits &= ~WAITS);
  }

  #failed(error: Error, callback?: WsCallback): void {
    if (callback !== undefined) callBack(this.#connection, callback, error);
    else if (this.readyState === CLOSED) return; // 'close' has been told
    else if (this.listenerCount("error") === 0) console.error(error);
    else tellAll(this, this.#connection, "error", error);
  }
}

withoutConstructor(WsSocket);

// On the prototype: each socket would have four fields more.
for (const [name, value] of Object.entries({ CONNECTING, OPEN, CLOSING, CLOSED })) {
  Object.defineProperty(WsSocket.prototype, name, { value, enumerable: true });
}

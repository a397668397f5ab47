/** One connection of a server, from its admission to its end. Not part of the public API. */

import type { CloseResult, WebSocketData } from "../client/types.ts";
import { businessError } from "../errors.ts";
import type { HeartbeatPeer } from "../heartbeat.ts";
import { LINK_DOWN, TERMINATED, TOO_BIG, TOO_FAST, TOO_SLOW } from "../internal/close_codes.ts";
import { fromWire, toWire } from "../internal/close_frame.ts";
import { type DropReason, KIND_OF_DROP } from "../internal/observer.ts";
import { byteLength, exceeds, type Incoming, mostBytes } from "../internal/payload.ts";
import type { Receipt } from "../internal/receipt.ts";
import { afterTurn, atEndOfTurn } from "../internal/result.ts";
import { parse } from "../internal/schema.ts";
import { PLACE, type Place } from "../internal/timeout_queue.ts";
import type { Admission, End, Socket } from "../runtime/contract.ts";
import { type ConnectionEars, telling } from "./connection_ears.ts";
import type { ConnectionHost, ConnectionParts } from "./connection_host.ts";
import { ConnectionHandle } from "./handle.ts";
import { Backlog, type BacklogOwner } from "./inbound_backlog.ts";

/** The handle of a connection of a server. */
export type Handle = ConnectionHandle<ServerConnection>;

/**
 * One connection. Its state goes one way: admitted, open, closing, closed.
 *
 * 'close' of a connection this side closes is told at once, not when the peer has answered:
 * what will be told is known, and one runtime waits for the answer while the other does not.
 */
export class ServerConnection implements Admission, BacklogOwner, HeartbeatPeer {
  // What each message needs stands together, in the same lines of the processor's cache, and has no `#`:
  // JavaScriptCore inlines what is small, and counts what it takes to find out what such a name means
  // (bench/README.md, "The way of a message").
  readonly host: ConnectionHost;
  /** The largest message that can be sent at once, in bytes; -1 for none: it is not open, say. */
  private atOnce = -1;
  /** Only while the runtime has it, and it was not dropped. */
  socket: Socket | undefined;
  /** How many more bytes may be queued, at the least. Measured again only when it is used up. */
  private room: number;
  /** A message of more bytes than this is checked before it is told; with -1 each is, with Infinity none. */
  looksFrom = -1;
  readonly handle: ConnectionHandle<ServerConnection>;
  readonly url: string;
  readonly protocol: string;
  readonly offers: boolean;
  /** What goes out with the 101; needed no longer once it has. */
  headers: Headers | undefined;
  state: "admitted" | "open" | "closing" | "closed" = "admitted";
  isAttached = true; // whether the runtime has it
  /** What shows it in another shape, if anything does. */
  ears: ConnectionEars | undefined;
  [PLACE]: Place<HeartbeatPeer> | undefined = undefined; // in the heartbeat
  #close: CloseResult = LINK_DOWN;
  #backlog: Backlog | undefined;

  constructor(
    host: ConnectionHost,
    { ip, port, url, protocol, offer, headers, context }: ConnectionParts,
  ) {
    this.host = host;
    this.room = host.maxBufferedAmount;
    this.url = url;
    this.headers = headers;
    this.protocol = protocol;
    this.offers = offer !== null;
    this.handle = new ConnectionHandle<ServerConnection>(ip, port, this, context);
  }

  /** How it ended, or will; `NO_CODE` itself where the peer's Close frame had none. */
  get end(): CloseResult {
    return this.#close;
  }

  open(socket: Socket): void {
    if (this.state !== "admitted") return socket.terminate(); // it opened too late
    this.socket = socket;
    this.headers = undefined;
    this.host.opening.delete(this);
    if (!this.host.admits()) return this.#sendClose(toWire(this.host.farewell()));
    this.state = "open";
    this.atOnce = this.host.maxAtOnce;
    this.looksFrom = this.host.looksFrom;
    if (this.host.canPing) this.host.heartbeat.add(this);
    this.host.connected(this);
  }

  message(data: Incoming): void {
    const looksFrom = this.looksFrom;
    if (looksFrom !== Infinity && !(mostBytes(data) <= looksFrom)) return this.receive(data);
    const { items } = this.host.messages;
    if (items.length !== 1) return this.tell(data, data);
    const listener = items[0]!; // called as `items[0]()` it would get the list as its `this`
    try {
      const result = listener({ clientConnection: this.handle, data });
      if (result !== undefined) this.join(data, result);
    } catch (cause) {
      this.host.listeners.report(cause, this.host.messages);
    }
  }

  /** A message came in that others have to do with, too, such as its sender, who wants a receipt. */
  receive(data: Incoming, receipt?: Receipt): void {
    if (this.state !== "open") return;
    this.alive();
    this.#look(data, receipt);
  }

  alive(): void {
    if (this.state === "open") this.looksFrom = this.host.looksFrom;
    this.host.heartbeat.alive(this);
  }

  answered(roundTrip: number): void {
    this.host.observing?.ponged?.(this.handle, roundTrip);
    this.ears?.ponged();
  }

  closed({ code, reason, failure: cause, tooBig, unsent = 0 }: End): void {
    this.host.closing.delete(this);
    const wasOpen = this.state === "open";
    const close = tooBig ? TOO_BIG : cause === undefined ? fromWire(code, reason) : undefined;
    if (wasOpen) this.#settle(close ?? LINK_DOWN);
    // Of one that was dropped it has been told already.
    this.#cutOff(this.socket === undefined ? 0 : unsent);
    this.host.detached(this);
    if (!wasOpen) return;
    if (tooBig) this.#fail("too big", `sent a message of over ${this.host.maxPayload} bytes`);
    else if (close === undefined) this.#fail("lost", "was lost", cause?.cause);
    this.tellClosed();
  }

  /** Sends a message that needs no look at anything else. Returns whether it is such a one. */
  sendAtOnce(data: unknown): boolean {
    const most = typeof data === "string" ? data.length * 3 : mostBytes(data);
    if (!(most <= this.atOnce)) return false; // NaN is not, either: that of what cannot be sent
    this.socket?.send(data as WebSocketData); // first, as an observer may close, or change the data
    if (this.host.observing !== undefined) this.tellSent(data as WebSocketData);
    if ((this.room -= most) < 0) this.dropIfTooSlow();
    return true;
  }

  /** Sends a message of `most` bytes at most. Only while open; the data and the room are looked at before. */
  send(data: WebSocketData, most: number): void {
    const isFull = this.hand(data, most);
    if (this.host.observing !== undefined) this.tellSent(data);
    if (isFull) this.dropIfTooSlow();
  }

  /** The same, and nobody is told of it. Returns whether `dropIfTooSlow` is to be called then. */
  hand(data: WebSocketData, most: number): boolean {
    this.socket?.send(data);
    return (this.room -= most) < 0;
  }

  private tellSent(data: WebSocketData): void {
    this.host.observing?.sent?.(this.handle, data, byteLength(data));
  }

  get bufferedAmount(): number {
    return this.socket?.bufferedAmount ?? 0;
  }

  /** Whether so many bytes more may be queued (`server/flow.ts`). Measured, as no publish to a runtime's topic is counted. */
  hasRoomFor(bytes: number): boolean {
    this.room = this.host.maxBufferedAmount - this.bufferedAmount;
    return bytes <= this.room;
  }

  drained(): void {
    this.host.draining.fell(this);
  }

  /**
   * Drops the peer with 1013 if it reads too slowly. Asked after a `send` (`send` above), a publish (`Topics`), and
   * some of what a client that resumes is told besides (`Peer`). Where `slowPeer` is 'refuse' it may be so far beyond.
   */
  dropIfTooSlow(beyond = Infinity): void {
    const { maxBufferedAmount, refusesSlow } = this.host;
    this.room = maxBufferedAmount - this.bufferedAmount;
    if (this.room >= (refusesSlow ? -beyond : 0) || this.state !== "open") return;
    this.#drop(TOO_SLOW);
    this.#fail("too slow", `is too slow: more than ${maxBufferedAmount} bytes are queued to it`);
  }

  /** Stops reading, as the listeners cannot keep up. Returns whether the runtime can do that. */
  pause(): boolean {
    if (this.state !== "open") return true; // the peer's Close frame must be read
    if (this.socket?.pause === undefined) return false;
    this.socket.pause();
    this.host.heartbeat.delete(this); // no Pong can be read meanwhile
    this.host.paused.add(this);
    return true;
  }

  /** Reads again, unless somebody else wants nothing read. */
  resume(): void {
    if (this.state !== "open" || this.#backlog?.isPaused || this.ears?.isPaused) return;
    this.host.paused.delete(this);
    if (this.host.canPing) this.host.heartbeat.add(this);
    this.socket?.resume?.(); // last, as what it tells at once may be too much again
  }

  /** The listeners cannot keep up, and reading cannot be stopped, or was for too long. Only while open. */
  dropTooFast(): void {
    this.#drop(TOO_FAST);
    this.#fail("too fast", "sends faster than the listeners can follow");
  }

  /** Starts to close, if it is open; 'close' follows at the end of the turn. 1005 sends no code. */
  close(asked: CloseResult, wire: CloseResult = toWire(asked)): void {
    if (this.state !== "open") return; // whoever hears of another's end may have ended it
    this.#settle(asked);
    this.#sendClose(wire);
    atEndOfTurn(() => this.tellClosed());
  }

  /** Ends the connection on the user's behalf, also one that is closing, or closed and not gone. */
  terminate(): void {
    const { state } = this;
    if (state === "open") this.#settle(TERMINATED);
    this.cut(false);
    if (state === "open") afterTurn(() => this.tellClosed());
  }

  /** Closes for a fault of the peer's, which gets no time to read what is queued to it. */
  #drop(close: CloseResult): void {
    this.#settle(close);
    this.#sendClose(toWire(close), false);
    afterTurn(() => this.tellClosed());
  }

  tellClosed(): void {
    this.state = "closed";
    this.host.draining.over(this);
    this.host.closed(this, this.#close);
  }

  /** Ends the connection in the runtime. Only when what 'close' tells is settled. */
  cut(tells = true): void {
    const socket = this.socket;
    this.#cutOff(socket?.bufferedAmount ?? 0, tells);
    socket?.terminate();
    this.host.closing.delete(this);
    this.host.detached(this);
    if (this.state === "admitted") this.state = "closed";
  }

  ping(): void {
    this.looksFrom = -1; // whatever comes next is a sign of life
    this.host.observing?.pinged?.(this.handle);
    if (this.state === "open") this.socket?.ping(); // unless the observer has closed
  }

  dead(): void {
    this.#settle(LINK_DOWN);
    this.cut();
    this.#fail("dead", "gave no sign of life in time after a Ping");
    this.tellClosed();
  }

  /** Checks a message before the listeners get it. */
  #look(data: Incoming, receipt?: Receipt): void {
    const { checksPayload, maxPayload, observing, schema } = this.host;
    const isTooBig = !checksPayload && exceeds(data, maxPayload);
    if (!isTooBig) observing?.received?.(this.handle, data, byteLength(data));
    if (this.state !== "open") return receipt?.refuse("closed"); // the observer has closed
    if (isTooBig) {
      receipt?.refuse("too big");
      this.#drop(TOO_BIG);
      return this.#fail("too big", `sent a message of over ${maxPayload} bytes`);
    }
    if (schema === undefined) return this.tell(data, data, receipt);
    const parsed = parse(schema, data);
    if (this.state as string !== "open") return receipt?.refuse("closed"); // the validator has
    if ("value" in parsed) return this.tell(data, parsed.value, receipt);
    const { close, why, cause } = parsed;
    receipt?.refuse("unacceptable");
    this.#drop(close);
    this.#fail("unacceptable", `sent a message that 'schema' does not accept: ${why}`, cause);
  }

  /** Calls the listeners with a message, or with what `schema` has made of it. */
  private tell(message: Incoming, data: unknown, receipt?: Receipt): void {
    const { calling, messages } = this.host;
    const more = receipt?.mayRepeat ? { mayRepeat: true } : undefined;
    const event = { clientConnection: this.handle, data, ...more };
    const outer = telling.now;
    telling.now = { of: this, ears: this.ears, receipt };
    const atWork = calling.emitTo(receipt?.watch(messages) ?? messages, event);
    telling.now = outer;
    if (atWork !== undefined) this.#await(message, atWork);
    receipt?.end(atWork);
  }

  /** The one listener of a message has returned something. */
  private join(message: Incoming, result: unknown): void {
    const { listeners, messages } = this.host;
    const atWork = result instanceof Promise ? result : listeners.join(undefined, result, messages);
    if (atWork === undefined) return;
    this.#await(message, atWork, (cause) => listeners.report(cause, messages));
  }

  /** Counts a message until its listeners are done. */
  #await(message: Incoming, atWork: Promise<unknown>, failed?: (cause: unknown) => void): void {
    this.#backlog ??= new Backlog(this.host.maxPendingAmount, this);
    this.#backlog.add(message, atWork, failed);
  }

  /** Sends the Close frame. The peer must answer it in time. */
  #sendClose({ code, reason }: CloseResult, isPatient = true): void {
    // In this order, as one runtime calls `closed` within `close`.
    this.host.closing.add(this, isPatient);
    this.socket?.close(code, reason);
    // What comes is not told, but the peer's Close frame must be read.
    if (this.#backlog?.isPaused || this.ears?.isPaused) this.socket?.resume?.();
  }

  /** The socket is gone, and so much of what was sent does not arrive. */
  #cutOff(bytes: number, tells = true): void {
    this.socket = undefined;
    if (this.state === "closed") this.host.draining.gone(this, bytes);
    if (bytes === 0) return;
    this.host.observing?.unsent?.(this.handle, bytes);
    // Whoever hears that a peer is lost, or has terminated it, does not believe that all has arrived.
    if (!tells || this.#close === LINK_DOWN) return; // not by its code, which may be asked for
    const what = `${bytes} bytes that were queued to ${this.handle} could not be sent`;
    this.host.failed(businessError("unsent", what, { data: String(bytes), ...this.handle }));
  }

  #fail(why: DropReason, what: string, cause?: unknown): void {
    this.host.observing?.dropped?.(this.handle, why);
    this.host.failed(businessError(KIND_OF_DROP[why], `${this.handle} ${what}`, {
      data: "0",
      cause: cause === undefined ? new Error(what) : new Error(what, { cause }),
      ...this.handle,
    }));
  }

  /** Settles what 'close' will tell. */
  #settle(close: CloseResult): void {
    this.#close = close;
    this.state = "closing";
    this.atOnce = this.looksFrom = -1;
    this.host.heartbeat.delete(this);
    this.host.paused.delete(this);
    this.host.leaveTopics(this);
  }
}

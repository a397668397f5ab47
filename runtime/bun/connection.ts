import type { WebSocketData } from "../../client/types.ts";
import type { HostWebSocketHandler } from "../../server/types.ts";
import type { Admission, BufferEvents, ControlEvents, Socket } from "../contract.ts";
import type { BunAcceptor, BunHost } from "./acceptor.ts";

/** A connection of Bun's server. Its `data` is the connection of this module. */
export interface BunServerSocket {
  readonly data: BunConnection;
  binaryType: "arraybuffer" | "nodebuffer" | "uint8array";
  send(data: WebSocketData, compress?: boolean): number;
  sendText(text: string): number;
  ping(data?: Uint8Array): number;
  pong(data: Uint8Array): number;
  close(code: number, reason: string): void;
  pause(): void;
  resume(): void;
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
  isSubscribed(topic: string): boolean;
  publish(topic: string, data: WebSocketData, compress?: boolean): number;
  terminate(): void;
  getBufferedAmount(): number;
}

/** A server of Bun, and how many connections of this module it has. */
export interface Place {
  readonly host: BunHost;
  connections: number;
}

/**
 * A connection of Bun's: the `data` of its socket, and what this module has of it. One object for both is
 * less to make for each that comes.
 */
export class BunConnection implements Socket {
  // What each message needs stands first, in one line of the processor's cache.
  /** Bun's own; there once it has come to this module's handler. */
  ws: BunServerSocket | undefined;
  readonly admission: Admission;
  /** What gets bytes, as Buffers, where the admission does not. */
  buffers: BufferEvents | undefined;
  readonly acceptor: BunAcceptor;
  /** Bytes that were queued when that was last looked at: after each `send` that Bun queues, and as they go. */
  left = 0;
  /** Whether it was closed by this side for a message of over `maxPayload`. */
  tooBig = false;
  /** The Close frame that waits until what was sent before it is written. */
  held: { code: number; reason: string } | undefined;
  /** Where it has come. */
  readonly place: Place;
  /** What hears of Pings and Pongs. */
  controls: ControlEvents | undefined;
  /** The handler for two that has opened it by the other's, if one has. */
  openedBy: HostWebSocketHandler | undefined;

  constructor(acceptor: BunAcceptor, admission: Admission, place: Place) {
    this.acceptor = acceptor;
    this.admission = admission;
    this.place = place;
  }

  get bufferedAmount(): number {
    // Noted, too, as what is published to a topic is told to nobody.
    return this.left = this.ws!.getBufferedAmount();
  }

  send(data: WebSocketData): void {
    const ws = this.ws!;
    // The name that takes text alone takes 3 ns less (1.4.5, bench/README.md).
    const sent = typeof data === "string" ? ws.sendText(data) : ws.send(data);
    if (sent < 0) this.left = ws.getBufferedAmount();
  }

  ping(): void {
    this.ws!.ping();
  }

  close(code: number, reason: string): void {
    this.held = { code, reason };
    this.closeOnceDrained();
  }

  pause(): void {
    this.ws!.pause();
  }

  resume(): void {
    this.ws!.resume();
  }

  subscribe(topic: string): void {
    this.ws!.subscribe(this.#nameOf(topic));
  }

  unsubscribe(topic: string): void {
    this.ws!.unsubscribe(this.#nameOf(topic));
  }

  publish(topic: string, data: WebSocketData): void {
    const { compresses, places } = this.acceptor;
    const name = this.#nameOf(topic);
    if (name === topic) return void this.ws!.publish(name, data, compresses);
    // Out of the topic meanwhile, if it is in: who shares the host may have set `publishToSelf`.
    const isIn = this.ws!.isSubscribed(name);
    if (isIn) this.ws!.unsubscribe(name);
    for (const { host } of places) host.publish(name, data, compresses);
    if (isIn) this.ws!.subscribe(name);
  }

  giveBuffers(to: BufferEvents | undefined): void {
    if (this.acceptor.givesViews) return;
    this.buffers = to;
    this.ws!.binaryType = to === undefined ? "arraybuffer" : "nodebuffer";
  }

  giveControls(to: ControlEvents): void {
    this.controls = to;
  }

  control(what: "ping" | "pong", data: Uint8Array): void {
    this.noteQueued(this.ws![what](data));
  }

  terminate(): void {
    this.ws!.terminate();
  }

  /**
   * Sends a Close frame when the queue is empty. When Bun queues one it takes the connection for closed
   * at once, and does not send the rest of the queue (1.4.5, `tests/pair/one_log_test.ts`:
   * send_then_close).
   */
  closeOnceDrained(): void {
    const close = this.held;
    if (close === undefined) return;
    if (this.bufferedAmount > 0) return;
    this.held = undefined;
    this.ws!.close(close.code, close.reason);
  }

  /** Notes how much is queued where a `send` of Bun's answers -1: that it was. */
  noteQueued(sent: number): void {
    if (sent < 0) this.left = this.ws!.getBufferedAmount();
  }

  #nameOf(topic: string): string {
    return this.acceptor.topicPrefix + topic;
  }
}

/** Bun compresses a message only where it is told to, and the client can. */
export class CompressingConnection extends BunConnection {
  override send(data: WebSocketData): void {
    this.noteQueued(this.ws!.send(data, true));
  }
}

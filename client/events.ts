/** What a client tells its user: events, promises and `for await`. Not part of the public API. */

import { type BusinessError, businessError } from "../errors.ts";
import { READ_TOO_SLOWLY } from "../internal/close_codes.ts";
import { Listeners } from "../internal/listeners.ts";
import type { DropReason } from "../internal/observer.ts";
import type { Incoming } from "../internal/payload.ts";
import type { Receipt } from "../internal/receipt.ts";
import { afterTurn } from "../internal/result.ts";
import { sayOnce } from "../internal/say_once.ts";
import { parse, type StandardSchema } from "../internal/schema.ts";
import type { AnswerEvents, ClientRuntime } from "../runtime/contract.ts";
import { failure } from "./attempt.ts";
import { Deferred } from "./deferred.ts";
import { type Message, type MessageInfo, MessageIterator } from "./message_iterator.ts";
import type { ReconnectOwner } from "./reconnecting.ts";
import type {
  CloseResult,
  OpenResult,
  ReconnectInfo,
  RecoveredInfo,
  ResponseHeaders,
  WebSocketEvents,
} from "./types.ts";

const EVENTS = [
  "open",
  "openInfo",
  "headerReceive",
  "message",
  "dataEnd",
  "close",
  "error",
  "reconnecting",
  "recovered",
] as const;

/** What 'open' tells. No other status means success (RFC 6455 §4.1). */
const SWITCHING: OpenResult = { status: 101, message: "Switching Protocols" };

/** The client whose events they are. */
export interface EmitterOwner {
  state(): string;
  protocol(): string;
  /** What the option `signal` has aborted for, if it has. */
  abortCause(): { cause?: unknown };
  /** The connection is closed, and no other follows. */
  released(): void;
  /** The connection is closed, and another is to follow. */
  interrupted(): void;
  /** Closes the connection, because of the server or of a reader. Only while open. */
  drop(close: CloseResult, why: DropReason): void;
  /** Stops reading, until what this returns is called; nothing where that cannot be. */
  pause(expired: () => void): (() => void) | undefined;
}

/** Turns what a connection tells into events. Before its last event the client is idle. */
export class ClientEmitter implements ReconnectOwner, AnswerEvents {
  readonly listeners = new Listeners<keyof WebSocketEvents>(EVENTS);
  readonly open = new Deferred<OpenResult>();
  readonly close = new Deferred<CloseResult>();
  /** The listeners of `for await`. They are apart, so that `off` does not remove them. */
  readonly #readers = new Listeners<"message" | "close">(["message", "close", "error"]);
  readonly #forReaders = this.#readers.list("message");
  readonly #forListeners = this.listeners.list("message");
  readonly #afterMessage = this.listeners.list("dataEnd");
  readonly #owner: EmitterOwner;
  readonly #schema: StandardSchema | undefined;
  /** Has an observer call the listeners of a message, where there is one that does. */
  handler: ((call: () => Promise<unknown> | undefined) => unknown) | undefined;
  /** The error of a connection that is lost, until its 'close' is told. */
  #lost: BusinessError | undefined;
  /** That messages are read too slowly, until it is told. */
  #tooMuch: BusinessError | undefined;

  constructor(owner: EmitterOwner, schema: StandardSchema | undefined) {
    this.#owner = owner;
    this.#schema = schema;
  }

  /** How the last connection or attempt ended, until the next begins. */
  #ended: { error: BusinessError | undefined } | undefined;

  /** Begins anew with `open` and `close` for the next attempt. */
  renew(): void {
    this.#ended = undefined;
    this.open.renew();
    this.close.renew();
  }

  /** The messages from here on. After the end of a connection, and before the next, there are none. */
  messages(): AsyncIterableIterator<Message> {
    const messages = new MessageIterator({
      on: (type, listener) => this.#readers.on(type, listener),
      off: (type, listener) => this.#readers.off(type, listener),
      busy: () => this.#owner.state() !== "idle",
      tooFast: (what) => {
        if (this.#owner.state() !== "open") return; // another reader was too slow as well
        this.#tooMuch = failure("tooFast", `messages are read too slowly: ${what}`);
        queueMicrotask(() => this.#tellTooMuch());
        this.#owner.drop(READ_TOO_SLOWLY, "too fast");
      },
      pause: (expired) => this.#owner.pause(expired),
    });
    if (this.#ended !== undefined) messages.end(this.#ended.error);
    return messages;
  }

  /**
   * Tells of a URL without a host. It was no attempt, so another may have begun: that is left
   * alone.
   */
  noHost(error: BusinessError): void {
    this.renew();
    this.#ended = { error };
    this.open.reject(error);
    this.close.reject(error);
    afterTurn(() => this.#error(error));
  }

  /** Whether the connection is lost, or is being closed for what came in, and its 'close' is still to be told. */
  get isLosing(): boolean {
    return this.#lost !== undefined || this.#tooMuch !== undefined;
  }

  get isWanted(): boolean {
    return this.listeners.list("headerReceive").items.length > 0;
  }

  headers(headers: ResponseHeaders): void {
    if (this.#owner.state() === "connecting") this.listeners.emit("headerReceive", headers);
  }

  opened(): void {
    const protocol = this.#owner.protocol();
    this.open.resolve(SWITCHING);
    this.listeners.emit("open", undefined, { ...SWITCHING });
    this.listeners.emit(
      "openInfo",
      undefined,
      protocol === "" ? { ...SWITCHING } : { ...SWITCHING, protocol },
    );
  }

  message(data: Incoming, receipt?: Receipt): void {
    if (this.#schema !== undefined) return this.#validated(this.#schema, data, receipt);
    if (receipt !== undefined) return this.#tell(undefined, data, receipt);
    // This is on the way of every message, and often there are no readers.
    if (this.#forReaders.items.length > 0) this.#readers.emitTo(this.#forReaders, undefined, data);
    // This is `emitTo`, with one call less (bench/README.md, "The way of a message").
    const { items } = this.#forListeners;
    if (this.handler !== undefined) return this.#handled(data);
    for (let i = 0; i < items.length; i++) {
      const listener = items[i]!;
      try {
        const result = listener(undefined, data);
        if (result !== undefined) this.listeners.join(undefined, result, this.#forListeners);
      } catch (cause) {
        this.listeners.report(cause, this.#forListeners);
      }
    }
    if (this.#afterMessage.items.length > 0) this.listeners.emitTo(this.#afterMessage);
  }

  failed(error: BusinessError, close?: CloseResult): void {
    if (close !== undefined) {
      this.listeners.emit("error", error);
      return afterTurn(() => this.closed(close));
    }
    this.#ended = { error };
    this.#owner.released();
    this.open.reject(error);
    this.close.reject(error);
    this.#error(error);
  }

  lost(error: BusinessError): void {
    this.#lost = error;
    this.listeners.emit("error", error);
  }

  closed(close: CloseResult): void {
    this.#tellTooMuch();
    const lost = this.#lost;
    this.#lost = undefined;
    this.#ended = { error: lost };
    this.#owner.released();
    const why = "the connection was closed before it was open";
    this.open.reject(businessError("aborted", why, this.#owner.abortCause()));
    this.close.resolve(close);
    if (lost !== undefined) this.#readers.emit("error", lost);
    this.#readers.emit("close");
    this.listeners.emit("close", undefined, { ...close });
  }

  interrupted(end: { error: BusinessError } | { close: CloseResult }): void {
    this.#tellTooMuch();
    this.#lost = undefined;
    if ("error" in end) this.listeners.emit("error", end.error);
    else {
      this.#owner.interrupted();
      this.listeners.emit("close", undefined, { ...end.close });
    }
  }

  reconnecting(info: ReconnectInfo): void {
    this.listeners.emit("reconnecting", info);
  }

  recovered(info: RecoveredInfo): void {
    this.listeners.emit("recovered", info);
  }

  report(error: BusinessError): void {
    this.listeners.fault(error);
  }

  /** Tells that messages are read too slowly, after the listeners of the last one and before the end. */
  #tellTooMuch(): void {
    const error = this.#tooMuch;
    this.#tooMuch = undefined;
    if (error !== undefined) this.lost(error);
  }

  #error(error: BusinessError): void {
    this.#readers.emit("error", error);
    this.listeners.emit("error", error);
  }

  /** Calls the listeners of a message, by the observer's function where it has one. */
  #handled(data: unknown, receipt?: Receipt): void {
    const list = receipt?.watch(this.#forListeners) ?? this.#forListeners;
    const call = () => {
      const told = this.listeners.emitTo(list, undefined, data);
      receipt?.end(told);
      const atWork = [told, this.listeners.emitTo(this.#afterMessage)]
        .filter((one) => one !== undefined);
      return atWork.length === 0 ? undefined : Promise.all(atWork);
    };
    const { length } = [...list.items, ...this.#afterMessage.items];
    if (this.handler === undefined || length === 0) call();
    else this.handler(call);
  }

  /** Tells a message, which has so many bytes where it does not show that itself. */
  #tell(size: number | undefined, message: unknown, receipt: Receipt | undefined): void {
    const info: MessageInfo = { size, receipt };
    this.#readers.emitTo(this.#forReaders, info, message);
    this.#handled(message, receipt);
  }

  #validated(schema: StandardSchema, data: Incoming, receipt: Receipt | undefined): void {
    const parsed = parse(schema, data);
    if (this.#owner.state() !== "open") return; // the validator has closed
    if ("value" in parsed) return this.#tell((data as string).length * 2, parsed.value, receipt);
    const { close, why, cause } = parsed;
    receipt?.refuse("unacceptable");
    this.#owner.drop(close, "unacceptable");
    const what = `a message came in that 'schema' does not accept: ${why}`;
    this.lost(failure("unacceptable", what, undefined, cause));
  }
}

/** Warns once of a listener for an event that the runtime does not tell. */
export function warn(type: unknown, { showsHeaders }: ClientRuntime): void {
  if (type === "headerReceive" && !showsHeaders) {
    sayOnce("'headerReceive' is never told: this runtime does not show a handshake's headers.");
  }
}

/** What is below a socket that connects by itself: our client's connection. Not part of the public API. */

import type { Outbox } from "../client/acknowledged.ts";
import { ClientConnection } from "../client/connection.ts";
import type { ConnectOptions } from "../client/options.ts";
import { ReconnectingConnection, type ReconnectOwner } from "../client/reconnecting.ts";
import { resumingRuntime } from "../client/resuming_runtime.ts";
import { overflow, whyFull, whyNoRoom } from "../client/send_queue.ts";
import { asks, askTarget } from "../client/target.ts";
import type { CloseResult, RecoveredInfo, WebSocketData } from "../client/types.ts";
import { type BusinessError, businessError } from "../errors.ts";
import { Heartbeat, type HeartbeatOptions, systemClock } from "../heartbeat.ts";
import { NORMAL } from "../internal/close_codes.ts";
import { fromWire } from "../internal/close_frame.ts";
import { describe } from "../internal/describe.ts";
import { Listeners } from "../internal/listeners.ts";
import { handle, type Observing, observing } from "../internal/observer.ts";
import { byteLength, exceeds, payloadError } from "../internal/payload.ts";
import { Receipt } from "../internal/receipt.ts";
import { Refusal } from "../internal/result.ts";
import { cannotAcknowledge } from "../internal/unacknowledged.ts";
import type { End } from "../runtime/contract.ts";
import { clientRuntime } from "../runtime/select_client.ts";
import type { ClientModel } from "./client_model.ts";
import { type ConnectTurn, takeTurn } from "./connect_turns.ts";
import type { Link, LinkEnd } from "./link.ts";
import { readAttempt, type ReadInit, requestOf } from "./socket_init.ts";
import { CLOSED, CLOSING, CONNECTING, isForPages, noRoom, OPEN, tooBig } from "./socket_model.ts";

/** The largest message, in bytes, unless set otherwise: what both runtimes take in one frame. */
const MAX_PAYLOAD = 67_108_863;

/** What has become of it that its connection does not know. The end is told in a task of its own. */
type Fate =
  /** The runtime has refused to dial. */
  | "refused"
  /** Closed before it was open, or terminated. */
  | "dropped";

/** A client's connection, or one after the other, below a socket. */
export class ClientLink implements Link, ReconnectOwner {
  readonly #model: ClientModel;
  readonly #host: string;
  readonly #maxPayload: number;
  readonly #maxBufferedAmount: number;
  /** What the server is to acknowledge, where the socket resumes. */
  readonly #outbox: Outbox | undefined;
  readonly #connection: ClientConnection | ReconnectingConnection;
  readonly #who: object;
  /** What calls the listeners of a message, where the observer does. */
  readonly #handling: Observing["handling"];
  #turn: ConnectTurn | undefined;
  #fate: Fate | undefined;
  /** What an attempt is to be. */
  readonly #options: ConnectOptions;
  /** Bytes that were queued as it was dropped, or as the last connection ended. */
  #left = 0;
  /** Why the connection was lost that has not ended yet. */
  #lost: BusinessError | undefined;

  /** Throws where what is asked for cannot be had. */
  constructor(model: ClientModel, protocols: string[], init: ReadInit, who: object) {
    const { maxBufferedAmount, maxPayload, observer, policy, resume, ...client } = init.client;
    const { clock = systemClock, runtime = clientRuntime } = client;
    const target = readAttempt(model.url, protocols, init);
    const request = asks(target) ? undefined : requestOf(runtime, target);
    const { protocol, host } = new URL(model.url);
    const observed = observing([observer], new Listeners(["error"]));
    this.#model = model;
    this.#who = who;
    this.#handling = observed?.handling;
    this.#host = `${protocol}//${host}`;
    this.#maxPayload = maxPayload ?? MAX_PAYLOAD;
    this.#maxBufferedAmount = maxBufferedAmount ?? Infinity;
    this.#options = target.options;
    const parts = {
      runtime,
      clock,
      options: target.options,
      heartbeat: new Heartbeat(target.options as HeartbeatOptions, clock),
      maxPayload: this.#maxPayload,
      who,
      observing: observed,
    };
    if (policy === undefined) {
      this.#connection = new ClientConnection(this, { ...parts, request: request! });
    } else {
      const next = () => this.#inTurn(() => request ?? askTarget(runtime, target));
      const limit = Math.min(this.#maxBufferedAmount, policy.maxQueued);
      const resuming = resume ? resumingRuntime(runtime, clock, this, limit) : undefined;
      this.#outbox = resuming?.outbox;
      const wires = {
        outbox: this.#outbox,
        runtime: resuming?.runtime ?? runtime,
        request: resuming?.after(next) ?? next,
      };
      this.#connection = new ReconnectingConnection(this, { ...parts, policy, ...wires });
    }
    const { signal } = target.options;
    signal?.addEventListener("abort", this.#abort);
    if (signal?.aborted) this.#abort();
  }

  /** Starts to connect. Apart from the constructor, as an observer that is told of it may call the socket. */
  start(): void {
    if (this.#fate !== undefined) return;
    if (this.queues) this.#dial(); // which takes a turn for each attempt
    else this.#turn = takeTurn(this.#host, () => this.#fate === undefined && this.#dial());
  }

  get queues(): boolean {
    return this.#connection instanceof ReconnectingConnection;
  }

  get state(): number {
    return this.#fate ? STATES[this.#fate] : STATES[this.#connection.state];
  }

  get queued(): number {
    return this.#connection.bufferedAmount + this.#left;
  }

  allows(code: number): boolean {
    return isForPages(code);
  }

  admit(bytes: number, waiting: number): void {
    if (bytes > this.#maxPayload) throw tooBig(this.#maxPayload, bytes);
    const full = whyNoRoom(this.#connection, this.#maxBufferedAmount, bytes, waiting);
    if (full !== undefined) throw noRoom(full);
  }

  transmit(data: WebSocketData, isAdmitted = false): void {
    if (this.#fate === "dropped") return void (this.#left += byteLength(data)); // it was a Blob, as in `ask`
    if (this.state >= CLOSING) throw businessError("closing", "send: the connection is closing");
    if (exceeds(data, this.#maxPayload)) throw tooBig(this.#maxPayload, byteLength(data));
    const connection = this.#connection;
    // One that waited has had room: the head of a frame is not to cost it, and a lost connection may.
    const full = whyFull(connection, isAdmitted ? Infinity : this.#maxBufferedAmount, data);
    if (full !== undefined) throw noRoom(full);
    connection.send(data);
  }

  ask(data: WebSocketData): Promise<boolean> {
    const outbox = this.#outbox;
    const connection = this.#connection as ReconnectingConnection;
    const isLate = this.state >= CLOSING; // it was a Blob, which took its time
    const error = payloadError("send", data, this.#maxPayload) ??
      (outbox ? undefined : cannotAcknowledge("the socket was made without 'resume'")) ??
      (isLate ? businessError("unsent", "send: it was never sent") : undefined) ??
      overflow(connection, this.#maxBufferedAmount, data);
    const answer = error ?? outbox!.add(data, (one) => connection.acknowledge(one));
    return answer instanceof Error ? Refusal.of(answer) : answer;
  }

  shut(code: number | undefined, reason: string): void {
    const connection = this.#connection;
    const wire = { code: code ?? 1005, reason };
    if (this.state === OPEN) return connection.close({ code: code ?? 1000, reason }, wire);
    const { state } = connection;
    if (state === "closing" || state === "idle") return; // its end is on the way
    this.#fate = "dropped";
    connection.close(NORMAL);
  }

  /** Ends the connection at once, whatever is queued; `ended` follows. */
  terminate(): void {
    if (this.#fate === "dropped") return;
    const connection = this.#connection;
    if (connection.state !== "open" && connection.state !== "closing") {
      return this.shut(undefined, "");
    }
    this.#fate = "dropped";
    const queued = connection.bufferedAmount;
    connection.terminate();
    this.#left = queued;
    connection.unsent = 0; // else it would be counted once more as the end is told
  }

  probe(): void {
    this.#connection.probe();
  }

  opened(): void {
    this.#model.opened(this.#connection.protocol!, this.#connection.extensions);
    this.#turn?.end(); // last, as an observer of the next one may call this socket
  }

  message(data: string | ArrayBuffer, receipt?: Receipt): void {
    if (this.#handling === undefined) this.#model.message(data, receipt);
    else void handle(this.#handling, this.#who, () => this.#tell(data, receipt));
    receipt?.end(undefined);
  }

  /** Tells of a message; a promise where listeners are at work with it still. */
  #tell(data: string | ArrayBuffer, receipt: Receipt | undefined): Promise<void> | undefined {
    const { promise, resolve } = Promise.withResolvers<void>();
    const done = receipt?.hold();
    let isAtWork = true;
    const own = new Receipt((refused) => {
      isAtWork = false;
      done?.(refused === undefined, refused);
      resolve();
    });
    this.#model.message(data, own);
    own.end(undefined);
    return isAtWork ? promise : undefined;
  }

  failed(error: BusinessError): void {
    this.#ended({ code: 1006, reason: "", wasClean: false, error }, true);
  }

  lost(error: BusinessError): void {
    this.#lost = error;
  }

  closed(_: CloseResult, end?: End): void {
    if (this.#fate !== "dropped") return this.#ended(this.#endOf(end), true);
    const error = businessError("aborted", "closed before it was open, or dropped");
    setTimeout(() => this.failed(error)); // a task, by the standard (WHATWG WebSockets §3.1, `close`)
  }

  interrupted(end: { error: BusinessError } | { close: CloseResult; end?: End | undefined }): void {
    if ("close" in end) return this.#ended(this.#endOf(end.end), false);
    this.#ended({ code: 1006, reason: "", wasClean: false, error: end.error }, false);
  }

  recovered(info: RecoveredInfo): void {
    this.#model.recovered(info);
  }

  reconnecting(): void {
    // `readyState` says so.
  }

  report(error: BusinessError): void {
    this.#model.failed(error);
  }

  /** An attempt that its signal aborts, also one that waits its turn, ends as one that is closed. */
  readonly #abort = (): void => {
    if (this.state === CONNECTING) this.shut(undefined, "");
  };

  #dial(): void {
    try {
      this.#connection.start();
    } catch (cause) {
      this.#fate = "refused";
      const what = `the runtime refused to dial: ${describe(cause)}`;
      const error = businessError("connectFailed", what, { data: "0", cause });
      setTimeout(() => this.failed(error));
    }
  }

  /** Asks for what to dial when nobody else connects to the host. */
  #inTurn<T>(ask: () => T): T | Promise<Awaited<T>> {
    this.#turn?.end();
    let come = (): void => {};
    const turn = this.#turn = takeTurn(this.#host, () => this.#fate === undefined && come());
    if (turn.came) return ask();
    return new Promise<void>((resolve) => come = resolve).then(ask) as Promise<Awaited<T>>;
  }

  #endOf(end: End | undefined): LinkEnd {
    const error = this.#lost;
    this.#lost = undefined;
    // With no valid Close frame it is 1006, as the standard has it (RFC 6455 §7.1.5).
    const came = end !== undefined && end.failure === undefined && !end.tooBig;
    const close = came ? fromWire(end.code, end.reason) : undefined;
    return close === undefined
      ? { code: 1006, reason: "", wasClean: false, error }
      : { code: end!.code, reason: close.reason, wasClean: true, error };
  }

  #ended(end: LinkEnd, isLast: boolean): void {
    const turn = this.#turn;
    if (isLast) {
      this.#options.signal?.removeEventListener("abort", this.#abort);
      this.#left += this.#connection.unsent; // by the standard it is not forgotten
    }
    this.#model.ended(end, isLast);
    turn?.end(); // last, as above
  }
}

const STATES = {
  connecting: CONNECTING,
  reconnecting: CONNECTING,
  open: OPEN,
  closing: CLOSING,
  idle: CLOSED,
  refused: CONNECTING,
  dropped: CLOSING,
};

/**
 * The client: `createWebSocket`, its states, and what each call answers in each of them.
 *
 * @example A greeting
 * ```ts
 * import { createWebSocket, createWebSocketServer } from "@netkit/websocket";
 * import { assertEquals } from "@std/assert";
 *
 * const server = createWebSocketServer();
 * server.on("messageReceive", ({ clientConnection, data }) => {
 *   server.send(`You said: ${data}`, clientConnection);
 * });
 * await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
 *
 * const ws = createWebSocket();
 * await ws.connect(`ws://127.0.0.1:${server.address!.port}/`);
 * await ws.send("Hello");
 * for await (const message of ws) {
 *   assertEquals(message, "You said: Hello");
 *   await ws.close();
 * }
 * await server.stop();
 * ```
 *
 * @module
 */

import { ClientConnection } from "./client_connection.ts";
import { ReconnectingConnection, type ReconnectOwner } from "./client_reconnect.ts";
import {
  asks,
  askTarget,
  buildRequest,
  noHost,
  readClientOptions,
  readTarget,
  sayOnce,
  type Target,
  unsupported,
} from "./client_request.ts";
import { type BusinessError, businessError, type ErrorKind } from "./errors.ts";
import { type Clock, Heartbeat, type HeartbeatOptions, systemClock } from "./heartbeat.ts";
import { readCall } from "./internal/call.ts";
import { readCloseOptions } from "./internal/close_codes.ts";
import { Deferred } from "./internal/deferred.ts";
import { later } from "./internal/later.ts";
import { type Listener, Listeners } from "./internal/listeners.ts";
import { MessageQueue } from "./internal/message_queue.ts";
import { answer, type Outcome } from "./internal/outcome.ts";
import { byteLength, DEFAULT_MAX_PAYLOAD, type Payload, payloadError } from "./internal/payload.ts";
import type { ReconnectPolicy } from "./internal/reconnect_policy.ts";
import { urlError } from "./internal/url.ts";
import { clientRuntime } from "./runtime/client.ts";
import type { ClientRuntime, DialRequest } from "./runtime/mod.ts";
import type {
  CloseResult,
  OpenResult,
  WebSocketClient,
  WebSocketClientOptions,
  WebSocketEvents,
  WebSocketState,
} from "./client_types.ts";

export type * from "./client_types.ts";

const FREE = undefined;
const BUSY = "alreadyConnected";
const SHUT = "notOpen";
const NONE = "other";

/** What refuses a call in a state; nothing where it is accepted. */
const REFUSALS: Record<
  "connect" | "send" | "close",
  Record<WebSocketState, ErrorKind | undefined>
> = {
  connect: { idle: FREE, connecting: BUSY, open: BUSY, closing: BUSY, reconnecting: BUSY },
  send: { idle: SHUT, connecting: FREE, open: FREE, closing: SHUT, reconnecting: FREE },
  close: { idle: NONE, connecting: FREE, open: FREE, closing: NONE, reconnecting: FREE },
};

const EVENTS = [
  "open",
  "openInfo",
  "headerReceive",
  "message",
  "dataEnd",
  "close",
  "error",
  "reconnecting",
] as const;

/** What 'open' tells: the only status a handshake can succeed with (RFC 6455 §4.1). */
const SWITCHING: OpenResult = { status: 101, message: "Switching Protocols" };

class Client implements WebSocketClient {
  readonly #listeners = new Listeners<keyof WebSocketEvents>(EVENTS);
  /** What `for await` listens to: apart, so that `off` and failing listeners have nothing to do with it. */
  readonly #readers = new Listeners<"message" | "close">(["message", "close", "error"]);
  readonly #wrongOptions: BusinessError | undefined;
  readonly #clock: Clock;
  readonly #runtime: ClientRuntime;
  readonly #maxBufferedAmount: number;
  readonly #maxPayload: number;
  readonly #policy: ReconnectPolicy | undefined;
  readonly #opened = new Deferred<OpenResult>();
  readonly #closed = new Deferred<CloseResult>();
  #connection: ClientConnection | ReconnectingConnection | undefined;
  /** Why the connection was lost that has not ended yet. */
  #lost: BusinessError | undefined;

  constructor(options: unknown = {}) {
    const read = readClientOptions(options);
    const { clock, maxBufferedAmount, maxPayload, policy, runtime } = read.options;
    this.#wrongOptions = read.error;
    this.#policy = policy;
    this.#clock = clock ?? systemClock;
    this.#runtime = runtime ?? clientRuntime;
    this.#maxBufferedAmount = maxBufferedAmount ?? Infinity;
    this.#maxPayload = maxPayload ?? DEFAULT_MAX_PAYLOAD;
  }

  get state(): WebSocketState {
    return this.#connection?.state ?? "idle";
  }

  get protocol(): string {
    return this.#connection?.protocol ?? "";
  }

  get bufferedAmount(): number {
    return this.#connection?.bufferedAmount ?? 0;
  }

  get opened(): Promise<OpenResult> {
    return this.#opened.promise;
  }

  get closed(): Promise<CloseResult> {
    return this.#closed.promise;
  }

  connect(...args: unknown[]): Promise<boolean> & void {
    // Where the URL is asked for each time, a function that comes first is no callback.
    const first = this.#policy && typeof args[0] === "function" ? [args.shift()] : [];
    const { values, callback, error } = readCall("connect", args, 2 - first.length);
    const [url, options] = [...first, ...values];
    return this.#answer(error ?? this.#connect(url, options), callback);
  }

  send(data: unknown, callback?: unknown): Promise<boolean> & void {
    if (callback === undefined && arguments.length <= 2 && typeof data !== "function") {
      return this.#answer(this.#send(data), undefined);
    }
    const call = readCall("send", arguments, 1);
    return this.#answer(call.error ?? this.#send(call.values[0]), call.callback);
  }

  close(...args: unknown[]): Promise<boolean> & void {
    const { values: [options], callback, error } = readCall("close", args, 1);
    return this.#answer(error ?? this.#close(options), callback);
  }

  on(type: unknown, listener: unknown): void {
    this.#listeners.on(type, listener);
    if (type === "headerReceive") {
      sayOnce("'headerReceive' is never told: this runtime does not show a handshake's headers.");
    }
  }

  off(type: unknown, listener?: unknown): void {
    this.#listeners.off(type, listener);
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<string | ArrayBuffer> {
    return new MessageQueue({
      on: (type, listener) => this.#readers.on(type, listener),
      off: (type, listener) => this.#readers.off(type, listener),
      busy: () => this.#connection !== undefined,
      overrun: () => void this.#close({ code: 1008, reason: "Messages are read too slowly" }),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.state === "idle") return;
    const { closed } = this;
    this.#close(undefined);
    await closed.catch(() => {});
  }

  #answer(outcome: Outcome, callback: Listener | undefined): Promise<boolean> & void {
    return answer(outcome, callback, this.#listeners) as Promise<boolean> & void;
  }

  #connect(url: unknown, options: unknown): BusinessError | undefined {
    if (this.#wrongOptions !== undefined) return this.#wrongOptions;
    const target = readTarget(url, options, this.#policy !== undefined);
    if (target instanceof Error) return target;
    if (asks(target)) {
      return this.#refusal("connect") ??
        this.#start(target, () => askTarget(this.#runtime, target));
    }
    const request = buildRequest(this.#runtime, target.url as string, target.options);
    if (request instanceof Error) return request;
    return this.#refusal("connect") ?? urlError(request.url) ?? this.#nowhere(request.url) ??
      unsupported(this.#runtime, request, target.options) ?? this.#start(target, () => request);
  }

  /** Refuses a URL with no host: only then 'error' is told as well. */
  #nowhere(url: string): BusinessError | undefined {
    const refusal = noHost(url);
    if (refusal === undefined) return undefined;
    const { cause } = refusal;
    const error = businessError("connectFailed", "the URL has no host", { data: "0", cause });
    this.#renew();
    this.#opened.reject(error);
    this.#closed.reject(error);
    // By then another attempt may be under way: this is an event, and changes nothing.
    later(() => {
      this.#readers.emit("error", error);
      this.#listeners.emit("error", error);
    });
    return refusal;
  }

  #start(
    { options }: Target,
    request: () => DialRequest | Promise<DialRequest>,
  ): BusinessError | undefined {
    const parts = {
      runtime: this.#runtime,
      options,
      clock: this.#clock,
      heartbeat: new Heartbeat(options as HeartbeatOptions, this.#clock),
      maxPayload: this.#maxPayload,
    };
    const policy = this.#policy;
    try {
      this.#connection = policy === undefined
        ? new ClientConnection(this.#owner, { ...parts, request: request() as DialRequest })
        : new ReconnectingConnection(this.#owner, { ...parts, policy, request });
    } catch (cause) {
      return businessError("url", `connect: the runtime refused the URL`, { cause });
    }
    this.#renew();
    return undefined;
  }

  /** Makes room for what becomes of a new attempt. */
  #renew(): void {
    this.#opened.renew();
    this.#closed.renew();
  }

  #send(data: unknown): BusinessError | boolean {
    return payloadError("send", data, this.#maxPayload) ?? this.#refusal("send") ??
      this.#overflow(data as Payload) ?? this.#connection!.send(data as Payload);
  }

  #overflow(data: Payload): BusinessError | undefined {
    const limit = Math.min(this.#maxBufferedAmount, this.#connection!.maxQueued);
    if (limit === Infinity || this.bufferedAmount + byteLength(data) <= limit) return undefined;
    const option = limit === this.#maxBufferedAmount ? "maxBufferedAmount" : "reconnect.maxQueued";
    return businessError(
      "other",
      `send: '${option}' is ${limit}, and ${this.bufferedAmount} bytes are queued already`,
    );
  }

  #close(options: unknown): BusinessError | undefined {
    const close = readCloseOptions(options);
    if (close instanceof Error) return close;
    const error = this.#refusal("close");
    if (error === undefined) this.#connection!.close(close);
    return error;
  }

  #refusal(call: keyof typeof REFUSALS): BusinessError | undefined {
    const { state } = this;
    const kind = REFUSALS[call][state];
    return kind && businessError(kind, `${call}: the client is ${state}`);
  }

  /** What the connection tells, as events. The client is idle before the last one of each. */
  readonly #owner: ReconnectOwner = {
    opened: () => {
      const protocol = this.protocol;
      this.#opened.resolve(SWITCHING);
      this.#listeners.emit("open", undefined, { ...SWITCHING });
      this.#listeners.emit(
        "openInfo",
        undefined,
        protocol === "" ? { ...SWITCHING } : { ...SWITCHING, protocol },
      );
    },
    message: (data) => {
      this.#readers.emit("message", undefined, data);
      this.#listeners.emit("message", undefined, data);
      this.#listeners.emit("dataEnd");
    },
    failed: (error) => {
      this.#connection = undefined;
      this.#opened.reject(error);
      this.#closed.reject(error);
      this.#readers.emit("error", error);
      this.#listeners.emit("error", error);
    },
    lost: (error) => {
      this.#lost = error;
      this.#listeners.emit("error", error);
    },
    ended: (close) => {
      const lost = this.#lost;
      this.#lost = this.#connection = undefined;
      this.#opened.reject(businessError("other", "the connection was closed before it was open"));
      this.#closed.resolve(close);
      if (lost !== undefined) this.#readers.emit("error", lost);
      this.#readers.emit("close");
      this.#listeners.emit("close", undefined, { ...close });
    },
    interrupted: (end) => {
      this.#lost = undefined;
      if ("error" in end) this.#listeners.emit("error", end.error);
      else this.#listeners.emit("close", undefined, { ...end.close });
    },
    reconnecting: (info) => void this.#listeners.emit("reconnecting", info),
    faulted: (error) => this.#listeners.fault(error),
  };
}

/**
 * Makes a client. Never throws: a wrong option is refused by `connect`, with 401.
 *
 * @param options See {@linkcode WebSocketClientOptions}.
 * @returns A fresh client, idle.
 *
 * @example Every call answers to a callback, too
 * ```ts
 * import { createWebSocket } from "@netkit/websocket";
 * import { assertEquals } from "@std/assert";
 *
 * const ws = createWebSocket();
 * const error = await new Promise((resolve) => ws.connect("http://localhost/", resolve));
 * assertEquals(JSON.parse(JSON.stringify(error)).code, 2302001);
 * ```
 */
export function createWebSocket(options?: WebSocketClientOptions): WebSocketClient {
  return new Client(options);
}

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

import type { Outbox } from "./client/acknowledged.ts";
import { ClientConnection } from "./client/connection.ts";
import { buildRequest, unsupported } from "./client/dial.ts";
import { ClientEmitter, warn } from "./client/events.ts";
import { type ClientOptions, readClientOptions } from "./client/options.ts";
import type { ReconnectPolicy } from "./client/reconnect_policy.ts";
import { ReconnectingConnection } from "./client/reconnecting.ts";
import { REFUSALS } from "./client/refusals.ts";
import { resumingRuntime } from "./client/resuming_runtime.ts";
import { overflow } from "./client/send_queue.ts";
import { asks, askTarget, readConnect, readTarget, type Target } from "./client/target.ts";
import type {
  CloseResult,
  OpenResult,
  TextOrBytes,
  WebSocketClient,
  WebSocketClientOptions,
  WebSocketData,
  WebSocketState,
} from "./client/types.ts";
import { noHostFailure, noHostRefusal, urlError } from "./client/url.ts";
import { type BusinessError, businessError, errorLike } from "./errors.ts";
import { type Clock, Heartbeat, type HeartbeatOptions, systemClock } from "./heartbeat.ts";
import { causeOf } from "./internal/close_deadline.ts";
import { readCloseOptions } from "./internal/close_options.ts";
import { withoutSecrets } from "./internal/describe.ts";
import { type Draining, type DrainWatch, drainWatchOn, OVER } from "./internal/drain_watch.ts";
import type { Listener } from "./internal/listeners.ts";
import { handle, type Observing, observing } from "./internal/observer.ts";
import { DEFAULT_MAX_PAYLOAD, mostBytes, payloadError } from "./internal/payload.ts";
import { ACCEPTED, readCall, Refusal, type Result, settle } from "./internal/result.ts";
import type { StandardSchema } from "./internal/schema.ts";
import { Stats, type WebSocketStats } from "./internal/stats.ts";
import { cannotAcknowledge, readSendOptions } from "./internal/unacknowledged.ts";
import { argumentError, BYTES } from "./internal/validate.ts";
import type { ClientRuntime, DialRequest } from "./runtime/contract.ts";
import { clientRuntime } from "./runtime/select_client.ts";

export type * from "./client/types.ts";

/** What `send` takes. */
const SENT = ["data", "options"];

class Client implements WebSocketClient<unknown> {
  readonly #emitter: ClientEmitter;
  readonly #wrongOptions: BusinessError | undefined;
  readonly #clock: Clock;
  readonly #runtime: ClientRuntime;
  readonly #maxBufferedAmount: number;
  readonly #maxPayload: number;
  /** The largest message that can be sent with no look at the queue, in bytes. */
  readonly #maxAtOnce: number;
  readonly #policy: ReconnectPolicy | undefined;
  readonly #resumes: boolean;
  readonly #binaryType: ClientOptions["binaryType"];
  /** What the server is to acknowledge, where the client resumes. */
  #outbox: Outbox | undefined;
  readonly #stats: Stats | undefined;
  readonly #observing: Observing | undefined;
  #connection: ClientConnection | ReconnectingConnection | undefined;
  /** The option `signal` of the last attempt. */
  #signal: AbortSignal | undefined;
  /** What `drained` waits for: a connection that closes is as good as over. */
  readonly #outgoing: Draining = Object.defineProperty({} as Draining, "bufferedAmount", {
    get: () => this.state === "closing" || this.#emitter.isLosing ? Infinity : this.bufferedAmount,
  });
  /** Made when somebody waits for the first time. */
  #draining: DrainWatch<Draining> | undefined;

  constructor(options: unknown = {}) {
    const read = readClientOptions(options);
    const { clock, maxBufferedAmount, maxPayload, policy, resume, runtime, schema } = read.options;
    const { binaryType, observer, stats } = read.options;
    this.#wrongOptions = read.error;
    this.#emitter = new ClientEmitter({
      state: () => this.state,
      protocol: () => this.protocol,
      abortCause: () => causeOf(this.#signal),
      released: () => this.#release(),
      interrupted: () => this.#draining?.over(this.#outgoing),
      pause: (expired) => this.#connection?.pause(expired),
      drop: (close, why) => {
        this.#connection?.drop(close);
        this.#observing?.dropped?.(this, why);
      },
    }, schema);
    this.#stats = stats ? new Stats() : undefined;
    this.#observing = observing([this.#stats, observer], this.#emitter.listeners);
    const handling = this.#observing?.handling;
    if (handling) this.#emitter.handler = (call) => handle(handling, this, call);
    this.#policy = policy;
    this.#binaryType = binaryType;
    this.#resumes = resume === true;
    this.#clock = clock ?? systemClock;
    this.#runtime = runtime ?? clientRuntime;
    this.#maxBufferedAmount = maxBufferedAmount ?? Infinity;
    this.#maxPayload = maxPayload ?? DEFAULT_MAX_PAYLOAD;
    this.#maxAtOnce = this.#maxBufferedAmount === Infinity ? this.#maxPayload : -1;
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
    return this.#emitter.open.promise;
  }

  get closed(): Promise<CloseResult> {
    return this.#emitter.close.promise;
  }

  connect(...args: unknown[]): Promise<boolean> & void {
    const { url, options, callback, error } = readConnect(args, this.#policy !== undefined);
    return this.#settle(error ?? this.#connect(url, options), callback);
  }

  send(data: unknown, callback?: unknown): Promise<boolean> & void {
    if (callback === undefined && arguments.length <= 2 && typeof data !== "function") {
      // Nearly every message takes this way: the connection is open, and the data is small.
      const connection = this.#connection;
      if (connection?.takes && mostBytes(data) <= this.#maxAtOnce) {
        connection.send(data as WebSocketData);
        return ACCEPTED as Promise<boolean> & void;
      }
      return this.#settle(this.#send(data), undefined);
    }
    const { callback: last, error, values } = readCall("send", arguments, SENT);
    const asked = error ?? readSendOptions(values[1]);
    return this.#settle(asked instanceof Error ? asked : this.#send(values[0], asked), last);
  }

  drained(bytes: unknown = 0): Promise<boolean> {
    if (!BYTES[0](bytes)) return Refusal.of(argumentError("drained: bytes", BYTES[1], bytes));
    if (this.#connection === undefined) return OVER;
    this.#draining ??= drainWatchOn(this.#clock);
    return this.#draining.wait(this.#outgoing, bytes as number);
  }

  close(...args: unknown[]): Promise<boolean> & void {
    const { values: [options], callback, error } = readCall("close", args, ["{ code, reason }"]);
    return this.#settle(error ?? this.#close(options), callback);
  }

  reconnect(): Promise<boolean> {
    if (this.#connection instanceof ReconnectingConnection && this.state !== "closing") {
      return this.#settle(this.#connection.hasten(), undefined);
    }
    const what = `reconnect: the client is ${this.state}, or was made without 'reconnect'`;
    return Refusal.of(businessError("notConnected", what));
  }

  on(type: unknown, listener: unknown): void {
    this.#emitter.listeners.on(type, listener);
    warn(type, this.#runtime);
  }

  off(type: unknown, listener?: unknown): void {
    this.#emitter.listeners.off(type, listener);
  }

  once(type: unknown, listener: unknown): void {
    this.#emitter.listeners.once(type, listener);
    warn(type, this.#runtime);
  }

  stats(): WebSocketStats | undefined {
    return this.#stats?.read(this.bufferedAmount, { unacknowledged: this.#outbox });
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<unknown> {
    return this.#emitter.messages();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.state === "idle") return;
    const { closed } = this;
    this.#close(undefined);
    await closed.catch(() => {});
  }

  #settle(result: Result, callback: Listener | undefined): Promise<boolean> & void {
    return settle(result, callback, this.#emitter.listeners) as Promise<boolean> & void;
  }

  #connect(url: unknown, options: unknown): BusinessError | undefined {
    if (this.#wrongOptions !== undefined) return errorLike(this.#wrongOptions);
    const target = readTarget(url, options, this.#policy !== undefined);
    if (target instanceof Error) return target;
    if (asks(target)) {
      return this.#refusal("connect") ?? this.#wrongUrl(target.url) ??
        this.#start(target, () => askTarget(this.#runtime, target));
    }
    const request = buildRequest(this.#runtime, target.url as string, target.options);
    if (request instanceof Error) return request;
    return this.#refusal("connect") ?? this.#wrongUrl(request.url) ??
      unsupported(this.#runtime, request, target.options) ?? this.#start(target, () => request);
  }

  /** Refuses a URL that is wrong, and tells 'error' as well where it has no host. A function is asked later. */
  #wrongUrl(url: Target["url"]): BusinessError | undefined {
    if (typeof url !== "string") return undefined;
    const wrong = urlError(url);
    const refusal = wrong ?? noHostRefusal(url);
    if (refusal !== wrong) this.#emitter.noHost(noHostFailure());
    return refusal;
  }

  #start(
    { options }: Target,
    request: () => DialRequest | Promise<DialRequest | BusinessError>,
  ): BusinessError | undefined {
    const resuming = this.#resumes
      ? resumingRuntime(
        this.#runtime,
        this.#clock,
        this.#emitter,
        Math.min(this.#maxBufferedAmount, this.#policy!.maxQueued),
      )
      : undefined;
    this.#outbox = resuming?.outbox;
    const next = resuming?.after(request) ?? request;
    const parts = {
      outbox: this.#outbox,
      runtime: resuming?.runtime ?? this.#runtime,
      options,
      clock: this.#clock,
      heartbeat: new Heartbeat(options as HeartbeatOptions, this.#clock),
      maxPayload: this.#maxPayload,
      binaryType: this.#binaryType,
      answer: this.#emitter,
      who: this,
      observing: this.#observing,
    };
    this.#signal = options.signal;
    const policy = this.#policy;
    this.#connection = policy === undefined
      ? new ClientConnection(this.#emitter, { ...parts, request: request() as DialRequest })
      : new ReconnectingConnection(this.#emitter, { ...parts, policy, request: next });
    try {
      this.#connection.start();
    } catch (cause) {
      this.#release();
      return businessError("url", "connect: the runtime refused the URL", {
        cause: withoutSecrets(cause),
      });
    }
    this.#emitter.renew();
    return undefined;
  }

  #send(data: unknown, acknowledges = false): Result {
    const connection = this.#connection as ReconnectingConnection;
    const cannot = acknowledges && !this.#resumes;
    return payloadError("send", data, this.#maxPayload) ??
      (cannot ? cannotAcknowledge("the client was made without 'resume'") : undefined) ??
      this.#refusal("send") ??
      overflow(connection, this.#maxBufferedAmount, data as WebSocketData) ??
      (acknowledges
        ? this.#outbox!.add(data as WebSocketData, (one) => connection.acknowledge(one))
        : connection.send(data as WebSocketData));
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

  /** The last connection is over. */
  #release(): void {
    this.#connection = undefined;
    this.#draining?.over(this.#outgoing);
  }
}

/**
 * Makes a client. Never throws: a wrong option is refused by `connect`, with 401.
 *
 * @typeParam Data What 'message' tells: what `schema` makes of messages, where there is one.
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
export function createWebSocket<Data>(
  options: WebSocketClientOptions<Data> & { schema: StandardSchema<Data> },
): WebSocketClient<Data>;
/** The same, with messages as they come, and bytes as a Uint8Array. */
export function createWebSocket(
  options: WebSocketClientOptions<TextOrBytes> & { binaryType: "uint8array" },
): WebSocketClient<TextOrBytes>;
/** The same, with messages as they come. */
export function createWebSocket(options?: WebSocketClientOptions): WebSocketClient;
export function createWebSocket(options?: unknown): WebSocketClient<unknown> {
  return new Client(options);
}

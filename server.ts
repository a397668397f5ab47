/**
 * The server: `createWebSocketServer`, and what each of its calls answers.
 *
 * @example An echo
 * ```ts
 * import { createWebSocketServer } from "@netkit/websocket";
 * import { assertEquals } from "@std/assert";
 *
 * const server = createWebSocketServer();
 * server.on("messageReceive", ({ clientConnection, data }) => {
 *   server.send(data, clientConnection);
 * });
 * await server.start({ serverPort: 0, serverIP: "127.0.0.1", maxConnectionsForOneClient: 10 });
 * assertEquals(server.listAllConnections(), []);
 * await server.stop();
 * ```
 *
 * @module
 */

import type { TextOrBytes } from "./client/types.ts";
import { type BusinessError, businessError, errorLike } from "./errors.ts";
import { systemClock } from "./heartbeat.ts";
import { readCloseOptions } from "./internal/close_options.ts";
import { Listeners } from "./internal/listeners.ts";
import { loading } from "./internal/loading.ts";
import { observing } from "./internal/observer.ts";
import { ACCEPTED, answered, Refusal, settled } from "./internal/result.ts";
import type { StandardSchema } from "./internal/schema.ts";
import { Stats, type WebSocketStats } from "./internal/stats.ts";
import { argumentError, readOptions, surplusError, TEXT } from "./internal/validate.ts";
import { serverRuntime } from "./runtime/select_server.ts";
import type { ServerConnection } from "./server/connection.ts";
import { bufferedAmount, drained, send, terminate } from "./server/flow.ts";
import { ConnectionHandle } from "./server/handle.ts";
import { listen, mount, runningAlready } from "./server/listen.ts";
import type { ListeningServer, ListeningServerParts } from "./server/listening_server.ts";
import { join, leave } from "./server/membership.ts";
import { readMountConfig } from "./server/mount.ts";
import { type Hook, readServerConfig, type ServerConfig } from "./server/options.ts";
import { publish } from "./server/publishing.ts";
import { findConnection } from "./server/registry.ts";
import { earsOf } from "./server/server_ears.ts";
import { OPTIONS, readClusterOptions } from "./server/server_options.ts";
import { type Farewell, readStopOptions } from "./server/stop_options.ts";
import { Subscribers } from "./server/subscribers.ts";
import type {
  AuthorizeOption,
  AuthorizingWebSocketServer,
  ClusterMember,
  ClusterOptions,
  ConnectionAddress,
  JoinResult,
  MaybeAuthorizeOption,
  PublishResult,
  ServerAddress,
  WebSocketMount,
  WebSocketServer,
  WebSocketServerEvents,
  WebSocketServerOptions,
} from "./server/types.ts";

export type * from "./server/types.ts";

const EVENTS = ["connect", "messageReceive", "close", "error", "broker", "presence"] as const;

class Server {
  readonly #listeners = new Listeners<keyof WebSocketServerEvents>(EVENTS);
  readonly #subscribers = new Subscribers(this.#listeners);
  readonly #wrongOptions: (() => BusinessError) | undefined;
  readonly #stats: Stats | undefined;
  /** What every run of this server, from `start` to `stop`, shares. */
  readonly #parts: ListeningServerParts;
  #listening: ListeningServer | undefined;
  #stopping: Promise<boolean> | undefined;
  /** Who is let in, where the config does not say. */
  readonly #authorize: Hook | undefined;
  /** What it was told of the servers it is one of, where it is. */
  readonly #cluster: ClusterOptions | undefined;
  /** Ends when it has its place among them, or has not got it. */
  #entering: Promise<void> | undefined;

  constructor(options: unknown = {}) {
    const given = readOptions("createWebSocketServer", options, OPTIONS, 1);
    this.#wrongOptions = given instanceof Error ? () => errorLike(given) : undefined;
    const { authorize, binaryType, clock, observer, runtime, schema, stats, ...more }:
      & WebSocketServerOptions<object | undefined, never>
      & { authorize?: Hook } = given instanceof Error ? {} : given;
    this.#authorize = authorize;
    this.#cluster = readClusterOptions(more);
    this.#stats = stats ? new Stats() : undefined;
    this.#parts = {
      listeners: this.#listeners,
      clock: clock ?? systemClock,
      runtime: runtime ?? serverRuntime,
      schema,
      binaryType,
      observing: observing([this.#stats, observer], this.#listeners),
      ears: earsOf(this),
    };
  }

  get address(): ServerAddress | undefined {
    const address = this.#listening?.address;
    return address && { ...address };
  }

  start(config: unknown, more?: unknown): Promise<boolean> {
    const read = this.#wrongOptions?.() ?? surplusError("start", more) ?? readServerConfig(config);
    if (read instanceof Error) return Refusal.of(read);
    const error = this.#running("start", read);
    if (error !== undefined) return Refusal.of(error);
    read.authorize ??= this.#authorize;
    const start = (parts = this.#parts) => this.#run(listen(read, parts));
    if (this.#cluster === undefined) return settled(start());
    return this.#enter("start", read, (parts) => start(parts) ?? true);
  }

  mount(config?: unknown, more?: unknown): Promise<WebSocketMount> {
    const read = this.#wrongOptions?.() ?? surplusError("mount", more) ?? readMountConfig(config);
    if (read instanceof Error) return Refusal.of(read);
    const error = this.#running("mount");
    if (error !== undefined) return Refusal.of(error);
    read.authorize ??= this.#authorize;
    const start = (parts = this.#parts) => {
      const mounted = mount(read, parts);
      return mounted instanceof Error ? mounted : this.#run(mounted.listening) ?? mounted.mount;
    };
    if (this.#cluster !== undefined) return this.#enter("mount", read, start);
    const mounted = start();
    return mounted instanceof Error ? Refusal.of(mounted) : Promise.resolve(mounted);
  }

  send(data: unknown, connection: unknown, options?: unknown, more?: unknown): Promise<boolean> {
    // Nearly every message takes this way: the handle is one of ours, and the data is small.
    const found = ConnectionHandle.connectionOf(connection) as ServerConnection | undefined;
    const isOwn = found !== undefined && found.host === this.#listening && arguments.length < 3;
    return isOwn && found.sendAtOnce(data) ? ACCEPTED : this.#send(data, connection, options, more);
  }

  close(connection: unknown, options?: unknown, more?: unknown): Promise<boolean> {
    return settled(surplusError("close", more) ?? this.#close(connection, options));
  }

  terminate(connection: unknown, more?: unknown): Promise<boolean> {
    return settled(surplusError("terminate", more) ?? terminate(this.#listening, connection));
  }

  bufferedAmount(connection: unknown): number {
    return bufferedAmount(this.#listening, connection);
  }

  drained(connection: unknown, bytes?: unknown, more?: unknown): Promise<boolean> {
    return answered(surplusError("drained", more) ?? drained(this.#listening, connection, bytes));
  }

  broadcast(data: unknown, options?: unknown, more?: unknown): Promise<PublishResult> {
    return publish(this.#listening, this.#subscribers, "broadcast", null, data, options, more);
  }

  join(connection: unknown, topic: unknown, more?: unknown): Promise<boolean | JoinResult> {
    return answered(surplusError("join", more) ?? join(this.#listening, connection, topic));
  }

  leave(connection: unknown, topic: unknown, more?: unknown): Promise<boolean> {
    return settled(surplusError("leave", more) ?? leave(this.#listening, connection, topic));
  }

  publish(topic: unknown, data: unknown, options?: unknown, cb?: unknown): Promise<PublishResult> {
    return publish(this.#listening, this.#subscribers, "publish", topic, data, options, cb);
  }

  presence(topic: unknown): ClusterMember[] {
    if (typeof topic !== "string") throw argumentError("presence: topic", TEXT[1], topic);
    if (!this.#cluster?.presence) {
      throw businessError("unsupported", "presence: the option 'presence' was not given");
    }
    return this.#listening?.clustered?.members(topic) ?? [];
  }

  listAllConnections(): ConnectionAddress[] {
    return this.#listening?.registry.handles() ?? [];
  }

  subscribe(topic: unknown, listener: unknown): () => void {
    return this.#subscribers.add(topic, listener);
  }

  stop(options?: unknown, more?: unknown): Promise<boolean> {
    const farewell = surplusError("stop", more) ?? readStopOptions(options);
    if (farewell instanceof Error) return Refusal.of(farewell);
    if (this.#listening === undefined) {
      return this.#entering === undefined
        ? Refusal.of(businessError("notRunning", "stop: the server is not running"))
        : Refusal.from(this.#entering.then(() => this.stop(options)));
    }
    if (this.#stopping !== undefined) return this.#stopping;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#stopping = promise; // first, as whoever hears of a loss meanwhile may call `stop` again
    resolve(this.#stop(this.#listening, farewell));
    return promise;
  }

  on(type: unknown, listener: unknown): void {
    this.#listeners.on(type, listener);
  }

  once(type: unknown, listener: unknown): void {
    this.#listeners.once(type, listener);
  }

  stats(): WebSocketStats | undefined {
    const listening = this.#listening;
    return this.#stats?.read(listening?.gauges.buffered ?? 0, listening?.clustered?.waiting);
  }

  off(type: unknown, listener?: unknown): void {
    this.#listeners.off(type, listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#entering;
    if (this.#listening !== undefined) await this.stop();
  }

  /** Takes a place among the other servers first. */
  #enter<T>(
    call: string,
    { signal }: ServerConfig,
    start: (parts: ListeningServerParts) => T | BusinessError,
  ): Promise<T> {
    return Refusal.pending((resolve, reject) => {
      const enter = async () => {
        const { Clustered } = await loading(import("./server/clustered.ts"));
        const parts = [signal, this.#cluster!, this.#parts, this.#subscribers] as const;
        const entered = await Clustered.enter(call, ...parts);
        const started = entered instanceof Error ? entered : start(entered.parts);
        if (this.#listening === undefined && entered instanceof Clustered) await entered.close();
        this.#entering = undefined;
        if (started instanceof Error) reject(started);
        else resolve(started);
      };
      this.#entering = enter();
    });
  }

  /** Why it cannot be started, if it runs already or is about to, here or there. */
  #running(call: string, config?: ServerConfig): BusinessError | undefined {
    if (this.#listening === undefined && this.#entering === undefined) return undefined;
    return runningAlready(call, this.#listening, config);
  }

  #run(listening: ListeningServer | BusinessError): BusinessError | undefined {
    if (listening instanceof Error) return listening;
    this.#listening = listening;
    listening.clustered?.attach(listening);
    listening.config.signal?.addEventListener("abort", this.#abort);
    listening.gauges.start(); // last, as an observer that hears of it may call anything
    return undefined;
  }

  readonly #abort = (): void => void this.stop();

  async #stop(listening: ListeningServer, farewell: Farewell): Promise<boolean> {
    listening.config.signal?.removeEventListener("abort", this.#abort);
    try {
      await listening.stop(farewell);
    } finally {
      this.#listening = this.#stopping = undefined;
    }
    const items = this.#parts.ears.map((one) => () => one.stopped());
    this.#listeners.emitTo({ what: "a listener of 'close'", items });
    return true;
  }

  #send(data: unknown, connection: unknown, options: unknown, more: unknown): Promise<boolean> {
    return answered(surplusError("send", more) ?? send(this.#listening, data, connection, options));
  }

  #close(connection: unknown, options: unknown): BusinessError | undefined {
    const close = readCloseOptions(options);
    if (close instanceof Error) return close;
    const found = findConnection(this.#listening, "close", connection);
    if (found instanceof Error) return found;
    if (found.state === "open") return void found.close(close);
    return businessError("closing", `close: the connection ${found.handle} is closing already`);
  }
}

/**
 * Makes a server. Never throws: a wrong option is refused by `start`, with 401.
 *
 * @typeParam Context What `authorize` finds out about a client, for `connection.context`.
 * @typeParam Data What 'messageReceive' tells: what `schema` makes of messages, where there is one.
 * @param options See {@linkcode WebSocketServerOptions}.
 * @returns A fresh server, not running.
 *
 * @example It is stopped at the end of the block
 * ```ts
 * import { createWebSocketServer } from "@netkit/websocket";
 * import { assertEquals } from "@std/assert";
 *
 * const server = createWebSocketServer();
 * {
 *   await using running = server;
 *   await running.start({ serverPort: 0, serverIP: "127.0.0.1" });
 *   assertEquals(running.address?.hostname, "127.0.0.1");
 * }
 * assertEquals(server.address, undefined);
 * ```
 */
export function createWebSocketServer<Context extends object, Data>(
  options:
    & WebSocketServerOptions<Context, Data>
    & AuthorizeOption<Context>
    & { schema: StandardSchema<Data> },
): AuthorizingWebSocketServer<Context, Data>;
/** The same, with messages as they come. */
export function createWebSocketServer<Context extends object>(
  options: WebSocketServerOptions<Context> & AuthorizeOption<Context>,
): AuthorizingWebSocketServer<Context>;
/** The same, with bytes as a Uint8Array. */
export function createWebSocketServer<Context extends object>(
  options:
    & WebSocketServerOptions<Context, TextOrBytes>
    & AuthorizeOption<Context>
    & { binaryType: "uint8array" },
): AuthorizingWebSocketServer<Context, TextOrBytes>;
/** With `authorize` in what `start` takes. TypeScript infers both types, or neither: name both or none. */
export function createWebSocketServer<
  Context extends object | undefined = object | undefined,
  Data = unknown,
>(
  options: WebSocketServerOptions<Context, Data> & { schema: StandardSchema<Data> },
): WebSocketServer<Context, Data>;
/** The same, with messages as they come, and bytes as a Uint8Array. */
export function createWebSocketServer<Context extends object | undefined = object | undefined>(
  options: WebSocketServerOptions<Context, TextOrBytes> & { binaryType: "uint8array" },
): WebSocketServer<Context, TextOrBytes>;
/** The same, with messages as they come. */
export function createWebSocketServer<Context extends object | undefined = object | undefined>(
  options?: WebSocketServerOptions<Context> & MaybeAuthorizeOption<Context>,
): WebSocketServer<Context>;
export function createWebSocketServer(options?: unknown): unknown {
  return new Server(options);
}

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

import type { WebSocketData } from "./client/types.ts";
import { type BusinessError, businessError } from "./errors.ts";
import { systemClock } from "./heartbeat.ts";
import { readCloseOptions } from "./internal/close_options.ts";
import { Listeners } from "./internal/listeners.ts";
import { observing } from "./internal/observer.ts";
import { DEFAULT_MAX_PAYLOAD, mostBytes, payloadError } from "./internal/payload.ts";
import { ACCEPTED, Refusal } from "./internal/result.ts";
import type { StandardSchema } from "./internal/schema.ts";
import { Stats, type WebSocketStats } from "./internal/stats.ts";
import {
  argumentError,
  FLAG,
  OBJECT,
  OBSERVER,
  readOptions,
  type Rule,
  SCHEMA,
  TEXT,
} from "./internal/validate.ts";
import { serverRuntime } from "./runtime/select_server.ts";
import type { ServerConnection } from "./server/connection.ts";
import { bufferedAmount, drained, send, terminate } from "./server/flow.ts";
import { ConnectionHandle } from "./server/handle.ts";
import { listen, mount } from "./server/listen.ts";
import type { ListeningServer, ListeningServerParts } from "./server/listening_server.ts";
import { readMountConfig } from "./server/mount.ts";
import { readServerConfig } from "./server/options.ts";
import { excepted, findConnection, findOpen } from "./server/registry.ts";
import { type Farewell, readStopOptions } from "./server/stop_options.ts";
import { Subscribers } from "./server/subscribers.ts";
import type {
  ConnectionAddress,
  PublishResult,
  ServerAddress,
  WebSocketMount,
  WebSocketServer,
  WebSocketServerEvents,
  WebSocketServerOptions,
} from "./server/types.ts";

export type * from "./server/types.ts";

const EVENTS = ["connect", "messageReceive", "close", "error"] as const;

const OPTIONS: Record<string, Rule> = {
  clock: OBJECT,
  observer: OBSERVER,
  runtime: OBJECT,
  schema: SCHEMA,
  stats: FLAG,
};

class Server {
  readonly #listeners = new Listeners<keyof WebSocketServerEvents>(EVENTS);
  readonly #subscribers = new Subscribers(this.#listeners);
  readonly #wrongOptions: BusinessError | undefined;
  readonly #stats: Stats | undefined;
  /** What every run of this server, from `start` to `stop`, shares. */
  readonly #parts: ListeningServerParts;
  #listening: ListeningServer | undefined;
  #stopping: Promise<boolean> | undefined;

  constructor(options: unknown = {}) {
    const given = readOptions("createWebSocketServer", options, OPTIONS, 1);
    this.#wrongOptions = given instanceof Error ? given : undefined;
    const { clock, observer, runtime, schema, stats }: WebSocketServerOptions =
      given instanceof Error ? {} : given;
    this.#stats = stats ? new Stats() : undefined;
    this.#parts = {
      listeners: this.#listeners,
      clock: clock ?? systemClock,
      runtime: runtime ?? serverRuntime,
      schema,
      observing: observing([this.#stats, observer], this.#listeners),
    };
  }

  get address(): ServerAddress | undefined {
    const address = this.#listening?.address;
    return address && { ...address };
  }

  start(config: unknown): Promise<boolean> {
    return settled(this.#start(config));
  }

  mount(config: unknown = {}): Promise<WebSocketMount> {
    const mount = this.#mount(config);
    return mount instanceof Error ? Refusal.of(mount) : Promise.resolve(mount);
  }

  send(data: unknown, connection: unknown): Promise<boolean> {
    // Nearly every message takes this way: the handle is one of ours, and the data is small.
    const found = ConnectionHandle.connectionOf(connection) as ServerConnection | undefined;
    if (found !== undefined && found.host === this.#listening && found.state === "open") {
      const most = mostBytes(data);
      if (most <= this.#listening.maxAtOnce) {
        found.send(data as WebSocketData, most);
        return ACCEPTED;
      }
    }
    return settled(send(this.#listening, data, connection));
  }

  close(connection: unknown, options?: unknown): Promise<boolean> {
    return settled(this.#close(connection, options));
  }

  terminate(connection: unknown): Promise<boolean> {
    return settled(terminate(this.#listening, connection));
  }

  bufferedAmount(connection: unknown): number {
    return bufferedAmount(this.#listening, connection);
  }

  drained(connection: unknown, bytes?: unknown): Promise<boolean> {
    return drained(this.#listening, connection, bytes);
  }

  broadcast(data: unknown, options?: unknown): Promise<PublishResult> {
    return this.#publish(
      "broadcast",
      data,
      options,
      (listening, except) =>
        listening.topics.broadcast(listening.registry.known(), data as WebSocketData, except),
    );
  }

  join(connection: unknown, topic: unknown): Promise<boolean> {
    return settled(this.#joinOrLeave("join", connection, topic));
  }

  leave(connection: unknown, topic: unknown): Promise<boolean> {
    return settled(this.#joinOrLeave("leave", connection, topic));
  }

  publish(topic: unknown, data: unknown, options?: unknown): Promise<PublishResult> {
    if (typeof topic !== "string") {
      return Refusal.of(argumentError("publish: topic", TEXT[1], topic));
    }
    return this.#publish(
      "publish",
      data,
      options,
      (listening, except) => {
        const result = listening.topics.publish(topic, data as WebSocketData, except);
        this.#subscribers.tell(topic, data as WebSocketData, true);
        return result;
      },
    );
  }

  listAllConnections(): ConnectionAddress[] {
    return this.#listening?.registry.handles() ?? [];
  }

  subscribe(topic: unknown, listener: unknown): () => void {
    return this.#subscribers.add(topic, listener);
  }

  stop(options?: unknown): Promise<boolean> {
    const farewell = readStopOptions(options);
    if (farewell instanceof Error) return Refusal.of(farewell);
    if (this.#listening === undefined) {
      return Refusal.of(businessError("notRunning", "stop: the server is not running"));
    }
    return this.#stopping ??= this.#stop(this.#listening, farewell);
  }

  on(type: unknown, listener: unknown): void {
    this.#listeners.on(type, listener);
  }

  once(type: unknown, listener: unknown): void {
    this.#listeners.once(type, listener);
  }

  stats(): WebSocketStats | undefined {
    return this.#stats?.read();
  }

  off(type: unknown, listener?: unknown): void {
    this.#listeners.off(type, listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#listening !== undefined) await this.stop();
  }

  #start(config: unknown): BusinessError | undefined {
    if (this.#wrongOptions !== undefined) return this.#wrongOptions;
    const read = readServerConfig(config);
    if (read instanceof Error) return read;
    if (this.#listening !== undefined) {
      const { path, port } = this.#listening.address ?? {};
      return read.port === port && read.unixPath === path
        ? businessError("portOccupied", `start: this server listens on ${path ?? port} already`)
        : this.#running("start");
    }
    return this.#run(listen(read, this.#parts));
  }

  #mount(config: unknown): WebSocketMount | BusinessError {
    if (this.#wrongOptions !== undefined) return this.#wrongOptions;
    const read = readMountConfig(config);
    if (read instanceof Error) return read;
    if (this.#listening !== undefined) return this.#running("mount");
    const mounted = mount(read, this.#parts);
    if (mounted instanceof Error) return mounted;
    this.#run(mounted.listening);
    return mounted.mount;
  }

  /** It is running already, here or there. */
  #running(call: string): BusinessError {
    const address = this.#listening!.address;
    const where = address === undefined
      ? "in a host"
      : address.path === undefined
      ? `on port ${address.port}`
      : `on ${address.path}`;
    return businessError("alreadyRunning", `${call}: this server is running already, ${where}`);
  }

  #run(listening: ListeningServer | BusinessError): BusinessError | undefined {
    if (listening instanceof Error) return listening;
    this.#listening = listening;
    listening.config.signal?.addEventListener("abort", this.#abort);
    return undefined;
  }

  readonly #abort = (): void => void this.stop();

  async #stop(listening: ListeningServer, farewell: Farewell): Promise<boolean> {
    listening.config.signal?.removeEventListener("abort", this.#abort);
    try {
      await listening.stop(farewell);
    } finally {
      this.#listening = undefined;
      this.#stopping = undefined;
    }
    return true;
  }

  #close(connection: unknown, options: unknown): BusinessError | undefined {
    const close = readCloseOptions(options);
    if (close instanceof Error) return close;
    const found = findConnection(this.#listening, "close", connection);
    if (found instanceof Error) return found;
    if (found.state !== "open") {
      return businessError("closing", `close: the connection ${found.handle} is closing already`);
    }
    found.close(close);
    return undefined;
  }

  #joinOrLeave(
    call: "join" | "leave",
    connection: unknown,
    topic: unknown,
  ): BusinessError | undefined {
    if (typeof topic !== "string") return argumentError(`${call}: topic`, TEXT[1], topic);
    const found = findOpen(this.#listening, call, connection);
    if (found instanceof Error) return found;
    this.#listening!.topics[call](found, topic);
    return undefined;
  }

  #publish(
    call: string,
    data: unknown,
    options: unknown,
    task: (listening: ListeningServer, except: ReadonlySet<ServerConnection>) => PublishResult,
  ): Promise<PublishResult> {
    const listening = this.#listening;
    const error = payloadError(call, data, listening?.maxPayload ?? DEFAULT_MAX_PAYLOAD);
    if (error !== undefined) return Refusal.of(error);
    const except = excepted(listening, call, options);
    if (except instanceof Error) return Refusal.of(except);
    if (listening === undefined) {
      return Refusal.of(businessError("notRunning", `${call}: the server is not running`));
    }
    return Promise.resolve(task(listening, except));
  }
}

function settled(error: BusinessError | undefined): Promise<boolean> {
  return error === undefined ? ACCEPTED : Refusal.of(error);
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
export function createWebSocketServer<
  Context extends object | undefined = undefined,
  Data = unknown,
>(
  options: WebSocketServerOptions<Context, Data> & { schema: StandardSchema<Data> },
): WebSocketServer<Context, Data>;
/** The same, with messages as they come. */
export function createWebSocketServer<Context extends object | undefined = undefined>(
  options?: WebSocketServerOptions<Context>,
): WebSocketServer<Context>;
export function createWebSocketServer(options?: unknown): unknown {
  return new Server(options);
}

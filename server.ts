/**
 * The server: `createWebSocketServer`, who is let in, and the table of connections.
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

import { type BusinessError, businessError, type ErrorKind } from "./errors.ts";
import { systemClock } from "./heartbeat.ts";
import { readCloseOptions } from "./internal/close_codes.ts";
import { Connection } from "./internal/connection.ts";
import { describe } from "./internal/describe.ts";
import { Listeners } from "./internal/listeners.ts";
import { ACCEPTED, Refusal } from "./internal/outcome.ts";
import { observing } from "./internal/observer.ts";
import { DEFAULT_MAX_PAYLOAD, mostBytes, type Payload, payloadError } from "./internal/payload.ts";
import {
  argumentError,
  FLAG,
  OBJECT,
  OBSERVER,
  readOptions,
  type Rule,
  SCHEMA,
  TEXT,
} from "./internal/read.ts";
import { readServerConfig, type ServerConfig } from "./internal/server_config.ts";
import type { StandardSchema } from "./internal/schema.ts";
import { Stats, type WebSocketStats } from "./internal/stats.ts";
import { serverRuntime } from "./runtime/server.ts";
import type { ListenFault } from "./runtime/mod.ts";
import { readIdentity } from "./runtime/pem.ts";
import type { Peer } from "./server_peer.ts";
import { excepted, findPeer, openPeer } from "./server_lookup.ts";
import { type RunParts, ServerRun } from "./server_run.ts";
import type {
  ConnectionAddress,
  PublishResult,
  ServerAddress,
  WebSocketServer,
  WebSocketServerEvents,
  WebSocketServerOptions,
} from "./server_types.ts";

export type * from "./server_types.ts";

const EVENTS = ["connect", "messageReceive", "close", "error"] as const;

const OPTIONS: Record<string, Rule> = {
  clock: OBJECT,
  observer: OBSERVER,
  runtime: OBJECT,
  schema: SCHEMA,
  stats: FLAG,
};

/** What the runtime's faults in listening are called here. */
const FAULTS: Record<ListenFault, ErrorKind> = {
  denied: "permission",
  occupied: "portOccupied",
  notPermitted: "port",
  notHere: "nic",
  other: "other",
};

class Server {
  readonly #listeners = new Listeners<keyof WebSocketServerEvents>(EVENTS);
  readonly #wrongOptions: BusinessError | undefined;
  readonly #stats: Stats | undefined;
  /** What each run of this server is made of. */
  readonly #parts: RunParts;
  #run: ServerRun | undefined;
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
    return this.#run && { ...this.#run.address };
  }

  start(config: unknown): Promise<boolean> {
    return answer(this.#start(config));
  }

  send(data: unknown, connection: unknown): Promise<boolean> {
    // The way of nearly every message: an event's connection, and data well within the limit.
    const peer = Connection.peerOf(connection) as Peer | undefined;
    if (peer !== undefined && peer.host === this.#run && peer.state === "open") {
      const most = mostBytes(data);
      if (most <= this.#run.maxPayload) {
        peer.send(data as Payload, most);
        return ACCEPTED;
      }
    }
    return answer(this.#send(data, connection));
  }

  close(connection: unknown, options?: unknown): Promise<boolean> {
    return answer(this.#close(connection, options));
  }

  broadcast(data: unknown, options?: unknown): Promise<PublishResult> {
    return this.#publish(
      "broadcast",
      data,
      options,
      (run, except) => run.rooms.broadcast(run.peers(), data as Payload, except),
    );
  }

  join(connection: unknown, topic: unknown): Promise<boolean> {
    return answer(this.#enter("join", connection, topic));
  }

  leave(connection: unknown, topic: unknown): Promise<boolean> {
    return answer(this.#enter("leave", connection, topic));
  }

  publish(topic: unknown, data: unknown, options?: unknown): Promise<PublishResult> {
    if (typeof topic !== "string") {
      return Refusal.of(argumentError("publish: topic", TEXT[1], topic));
    }
    return this.#publish(
      "publish",
      data,
      options,
      (run, except) => run.rooms.publish(topic, data as Payload, except),
    );
  }

  listAllConnections(): ConnectionAddress[] {
    return this.#run?.connections() ?? [];
  }

  stop(): Promise<boolean> {
    if (this.#run === undefined) {
      return Refusal.of(businessError("other", "stop: the server is not running"));
    }
    return this.#stopping ??= this.#stop(this.#run);
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
    if (this.#run !== undefined) await this.stop();
  }

  #start(config: unknown): BusinessError | undefined {
    if (this.#wrongOptions !== undefined) return this.#wrongOptions;
    const read = readServerConfig(config);
    if (read instanceof Error) return read;
    if (this.#run !== undefined) {
      const { port } = this.#run.address;
      return read.port === port
        ? businessError("portOccupied", `start: this server listens on ${port} already`)
        : businessError("other", `start: this server is running already, on port ${port}`);
    }
    return this.#listen(read);
  }

  #listen(config: ServerConfig): BusinessError | undefined {
    const { runtime } = this.#parts;
    const identity = config.serverCert && readIdentity("start: 'serverCert'", config.serverCert);
    if (identity instanceof Error) return identity;
    if (config.signal?.aborted) {
      return businessError("other", "start: 'signal' has aborted already");
    }
    let error: BusinessError | undefined;
    for (const hostname of config.hostnames) {
      const run = new ServerRun(config, this.#parts);
      try {
        run.listen(hostname, identity);
      } catch (cause) {
        const fault = runtime.fault(cause);
        const why = fault === "other" ? `: ${describe(cause)}` : "";
        const what = `start: ${hostname} port ${config.port}${why}`;
        error = businessError(FAULTS[fault], what, { cause });
        if (fault === "notHere") continue; // the next family, if there is one
        return error;
      }
      this.#run = run;
      config.signal?.addEventListener("abort", this.#abort);
      return undefined;
    }
    return error;
  }

  readonly #abort = (): void => void this.stop();

  async #stop(run: ServerRun): Promise<boolean> {
    run.config.signal?.removeEventListener("abort", this.#abort);
    try {
      await run.stop();
    } finally {
      this.#run = undefined;
      this.#stopping = undefined;
    }
    return true;
  }

  #send(data: unknown, connection: unknown): BusinessError | undefined {
    const wrong = payloadError("send", data, this.#run?.maxPayload ?? DEFAULT_MAX_PAYLOAD);
    if (wrong !== undefined) return wrong;
    const peer = openPeer(this.#run, "send", connection);
    if (peer instanceof Error) return peer;
    peer.send(data as Payload, mostBytes(data));
    return undefined;
  }

  #close(connection: unknown, options: unknown): BusinessError | undefined {
    const close = readCloseOptions(options);
    if (close instanceof Error) return close;
    const peer = findPeer(this.#run, "close", connection);
    if (peer instanceof Error) return peer;
    if (peer.state !== "open") {
      return businessError("other", `close: the connection ${peer.connection} is closing already`);
    }
    peer.close(close);
    return undefined;
  }

  #enter(call: "join" | "leave", connection: unknown, topic: unknown): BusinessError | undefined {
    if (typeof topic !== "string") return argumentError(`${call}: topic`, TEXT[1], topic);
    const peer = openPeer(this.#run, call, connection);
    if (peer instanceof Error) return peer;
    this.#run!.rooms[call](peer, topic);
    return undefined;
  }

  #publish(
    call: string,
    data: unknown,
    options: unknown,
    task: (run: ServerRun, except: ReadonlySet<Peer>) => PublishResult,
  ): Promise<PublishResult> {
    const run = this.#run;
    const error = payloadError(call, data, run?.maxPayload ?? DEFAULT_MAX_PAYLOAD);
    if (error !== undefined) return Refusal.of(error);
    const except = excepted(run, call, options);
    if (except instanceof Error) return Refusal.of(except);
    if (run === undefined) {
      return Refusal.of(businessError("other", `${call}: the server is not running`));
    }
    return Promise.resolve(task(run, except));
  }
}

function answer(error: BusinessError | undefined): Promise<boolean> {
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

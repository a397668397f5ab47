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
import { type Clock, systemClock } from "./heartbeat.ts";
import { readCloseOptions } from "./internal/close_codes.ts";
import { Connection, connectionKey } from "./internal/connection.ts";
import { describe } from "./internal/describe.ts";
import { Listeners } from "./internal/listeners.ts";
import { ACCEPTED, Refusal } from "./internal/outcome.ts";
import { DEFAULT_MAX_PAYLOAD, type Payload, payloadError } from "./internal/payload.ts";
import { argumentError, OBJECT, readOptions } from "./internal/read.ts";
import { readServerConfig, type ServerConfig } from "./internal/server_config.ts";
import { serverRuntime } from "./runtime/server.ts";
import type { ListenFault, ServerRuntime } from "./runtime/mod.ts";
import { readIdentity } from "./runtime/pem.ts";
import { Peer } from "./server_peer.ts";
import { ServerRun } from "./server_run.ts";
import type {
  ConnectionAddress,
  ServerAddress,
  WebSocketConnection,
  WebSocketServerConfig,
  WebSocketServerEvents,
  WebSocketServerOptions,
} from "./server_types.ts";
import type { WebSocketCloseOptions, WebSocketData } from "./client_types.ts";

export type * from "./server_types.ts";

/**
 * A server. It can be started again once it has stopped; its listeners stay.
 *
 * No method but `on` and `off` throws.
 *
 * @typeParam Context What `authorize` finds out about a client.
 */
export interface WebSocketServer<Context = undefined> {
  /**
   * Starts to listen.
   *
   * @param config See {@linkcode WebSocketServerConfig}.
   * @returns `true` once it listens, or rejects with 401 (a wrong argument), 201 (no permission),
   * 2302004 (the address), 2302005 (the port), 2302007 (the port is taken, or this server has it
   * already) or 2302999 (running already, or an option this runtime cannot honour).
   */
  start(config: WebSocketServerConfig<Context>): Promise<boolean>;

  /**
   * Sends a message to one peer.
   *
   * @param data Text, an ArrayBuffer or a view of one; at most `maxPayload` bytes; may be empty.
   * @param connection Whom to; a copy does as well.
   * @returns `true`, or rejects with 401 (a wrong argument), 2302006 (no such connection) or -1
   * (it is closing).
   */
  send(data: WebSocketData, connection: ConnectionAddress): Promise<boolean>;

  /**
   * Starts to close one connection; what was sent to it goes out first.
   *
   * @param connection Which; a copy does as well.
   * @param options See {@linkcode WebSocketCloseOptions}.
   * @returns `true`, or rejects with 401 (a wrong argument), 2302006 (no such connection) or
   * 2302999 (it is closing already).
   */
  close(connection: ConnectionAddress, options?: WebSocketCloseOptions): Promise<boolean>;

  /** The connections there are, oldest first: an array of one's own. */
  listAllConnections(): WebSocketConnection<Context>[];

  /**
   * Tells every peer 1001 `server is going away`, tells every 'close', and stops listening.
   *
   * @returns `true` within five seconds, whatever the peers do; or rejects with 2302999 when not
   * running. While stopping, the same promise again.
   */
  stop(): Promise<boolean>;

  /**
   * Adds a listener. Those of one event are called in the order they were added; the same one twice
   * counts once; an event that does not exist is ignored.
   *
   * @param type The event.
   * @param listener What to call. Should it fail, 'error' is told with 2302999.
   * @throws {BusinessError} 401 where an argument is of the wrong type.
   */
  on<K extends keyof WebSocketServerEvents>(
    type: K,
    listener: WebSocketServerEvents<Context>[K],
  ): void;

  /**
   * Removes a listener, or all of an event's.
   *
   * @param type The event.
   * @param listener What to remove; all where it is left out.
   * @throws {BusinessError} 401 where an argument is of the wrong type.
   */
  off<K extends keyof WebSocketServerEvents>(
    type: K,
    listener?: WebSocketServerEvents<Context>[K],
  ): void;

  /** Where it listens; `undefined` when not running. */
  readonly address: ServerAddress | undefined;

  /** Stops, if it is running. */
  [Symbol.asyncDispose](): Promise<void>;
}

const EVENTS = ["connect", "messageReceive", "close", "error"] as const;

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
  readonly #clock: Clock;
  readonly #runtime: ServerRuntime;
  #run: ServerRun | undefined;
  #stopping: Promise<boolean> | undefined;

  constructor(options: WebSocketServerOptions = {}) {
    const rules = { clock: OBJECT, runtime: OBJECT };
    const given = readOptions("createWebSocketServer", options, rules);
    this.#wrongOptions = given instanceof Error ? given : undefined;
    const { clock, runtime }: WebSocketServerOptions = given instanceof Error ? {} : given;
    this.#clock = clock ?? systemClock;
    this.#runtime = runtime ?? serverRuntime;
  }

  get address(): ServerAddress | undefined {
    return this.#run && { ...this.#run.address };
  }

  start(config: unknown): Promise<boolean> {
    return answer(this.#start(config));
  }

  send(data: unknown, connection: unknown): Promise<boolean> {
    return answer(this.#send(data, connection));
  }

  close(connection: unknown, options?: unknown): Promise<boolean> {
    return answer(this.#close(connection, options));
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
    const runtime = this.#runtime;
    const identity = config.serverCert && readIdentity("start: 'serverCert'", config.serverCert);
    if (identity instanceof Error) return identity;
    if (config.signal?.aborted) {
      return businessError("other", "start: 'signal' has aborted already");
    }
    let error: BusinessError | undefined;
    for (const hostname of config.hostnames) {
      const run = new ServerRun(config, this.#listeners, this.#clock, runtime);
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
    const wrong = payloadError(data, this.#run?.maxPayload ?? DEFAULT_MAX_PAYLOAD);
    if (wrong !== undefined) return wrong;
    const peer = this.#find("send", connection);
    if (peer instanceof Error) return peer;
    if (peer.state !== "open") {
      return businessError("notOpen", `send: the connection ${peer.connection} is closing`);
    }
    peer.send(data as Payload);
    return undefined;
  }

  #close(connection: unknown, options: unknown): BusinessError | undefined {
    const close = readCloseOptions(options);
    if (close instanceof Error) return close;
    const peer = this.#find("close", connection);
    if (peer instanceof Error) return peer;
    if (peer.state !== "open") {
      return businessError("other", `close: the connection ${peer.connection} is closing already`);
    }
    peer.close(close);
    return undefined;
  }

  /** The connection behind what the user holds: an object of an event's, a copy or a literal. */
  #find(call: string, connection: unknown): Peer | BusinessError {
    if (typeof connection !== "object" || connection === null) {
      return argumentError(`${call}: the connection`, CONNECTION, connection);
    }
    const peer = Connection.peerOf(connection);
    if (peer instanceof Peer && peer.host === this.#run && peer.state !== "over") return peer;
    const key = keyOf(connection);
    if (key === undefined) return argumentError(`${call}: the connection`, CONNECTION, connection);
    return this.#run?.find(key) ?? businessError("noConnection", `${call}: ${describe(key)}`);
  }
}

/** The key of a copy of a connection, if it is one. */
function keyOf(connection: object): string | undefined {
  try {
    const { clientIP, clientPort } = connection as Record<string, unknown>;
    if (typeof clientIP !== "string" || typeof clientPort !== "number") return undefined;
    return connectionKey(clientIP, clientPort);
  } catch {
    return undefined; // a getter of the user's has thrown
  }
}

const CONNECTION = "must be an object with 'clientIP' and 'clientPort'";

function answer(error: BusinessError | undefined): Promise<boolean> {
  return error === undefined ? ACCEPTED : Refusal.of(error);
}

/**
 * Makes a server. Never throws: a wrong option is refused by `start`, with 401.
 *
 * @typeParam Context What `authorize` finds out about a client, for `connection.context`.
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
export function createWebSocketServer<Context = undefined>(
  options?: WebSocketServerOptions,
): WebSocketServer<Context> {
  return new Server(options) as unknown as WebSocketServer<Context>;
}

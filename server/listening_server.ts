/**
 * A server between `start` and `stop`: its port, its connections, its deadlines. Not part of the
 * public API.
 */

import type { CloseResult } from "../client/types.ts";
import type { BusinessError, RefusalReason } from "../errors.ts";
import { type Clock, Heartbeat, type HeartbeatOptions, heartbeatPolicy } from "../heartbeat.ts";
import { GOING_AWAY } from "../internal/close_codes.ts";
import { DrainWatch } from "../internal/drain_watch.ts";
import type { ListenerList, Listeners } from "../internal/listeners.ts";
import { handled, type Observing, type ServerHandshake } from "../internal/observer.ts";
import { afterTurn } from "../internal/result.ts";
import type { StandardSchema } from "../internal/schema.ts";
import { STALL_MS, TimeoutQueue } from "../internal/timeout_queue.ts";
import type {
  AcceptOptions,
  Acceptor,
  Address,
  ListenOptions,
  ServerRuntime,
  TcpListener,
} from "../runtime/contract.ts";
import type { Identity } from "../runtime/pem.ts";
import { ClosingDeadlines } from "./closing_deadlines.ts";
import type { Clustered } from "./clustered.ts";
import { ServerConnection } from "./connection.ts";
import type { ConnectionHost, ConnectionParts } from "./connection_host.ts";
import { Gauges } from "./gauges.ts";
import { Handshake } from "./handshake.ts";
import type { HandshakeOwner } from "./handshake_owner.ts";
import { toMount } from "./mount.ts";
import { ObservedHandshakes } from "./observed_handshakes.ts";
import type { ServerConfig } from "./options.ts";
import { Registry } from "./registry.ts";
import type { ServerEars } from "./server_ears.ts";
import type { Farewell } from "./stop_options.ts";
import { Topics } from "./topics.ts";
import type { WebSocketMount, WebSocketServerEvents } from "./types.ts";

/**
 * How long a client that is let in may take to be open, in ms. One runtime says nothing when it has
 * disconnected meanwhile.
 */
const OPEN_DEADLINE_MS = 2000;

/**
 * How long `stop` waits for peers to take what was sent and to answer, in ms; it takes 5 s at the
 * most.
 */
const STOP_PEERS_MS = 4000;

/** How long it waits for answers to requests, from its beginning as well. */
const STOP_ANSWERS_MS = 4400;

/** How long it waits for the broker to take what is left to tell, from its beginning as well. */
const STOP_BROKER_MS = 4800;

/** What a listening server is made of, beside its configuration. */
export interface ListeningServerParts {
  listeners: Listeners<keyof WebSocketServerEvents>;
  clock: Clock;
  runtime: ServerRuntime;
  schema: StandardSchema | undefined;
  binaryType: AcceptOptions["binaryType"];
  observing: Observing | undefined;
  /** What hears what no event tells. */
  ears: readonly ServerEars[];
  /** Its place among other servers, where it has one. */
  clustered?: Clustered;
}

/** Everything that is there while a server runs, and gone when it has stopped. */
export class ListeningServer implements ConnectionHost, HandshakeOwner {
  // What each message needs stands together: it is in the same lines of the processor's cache.
  readonly maxBufferedAmount: number;
  /** The largest message that can be sent with no look at the queue, in bytes; -1 for none. */
  readonly maxAtOnce: number;
  readonly looksFrom: number;
  readonly observing: Observing | undefined;
  /** As connections call them. */
  readonly listeners: ConnectionHost["listeners"];
  readonly calling: ConnectionHost["calling"];
  readonly messages: ListenerList;
  readonly config: ServerConfig;
  readonly maxPayload: number;
  readonly maxPendingAmount: number;
  readonly refusesSlow: boolean;
  readonly draining: DrainWatch<ServerConnection>;
  readonly canPing: boolean;
  readonly checksPayload: boolean;
  readonly clock: Clock;
  readonly heartbeat: Heartbeat;
  readonly opening: TimeoutQueue<ServerConnection>;
  readonly closing: ClosingDeadlines<ServerConnection>;
  readonly paused: TimeoutQueue<ServerConnection>;
  readonly registry = new Registry();
  readonly topics: Topics;
  readonly #listeners: Listeners<keyof WebSocketServerEvents>;
  /** Whether something may happen between letting a client in and its being open. */
  readonly #opensLater: boolean;
  readonly #connects: ListenerList;
  readonly #closes: ListenerList;
  readonly schema: StandardSchema | undefined;
  /** How much is queued, and who is paused, at this moment. */
  readonly gauges: Gauges = new Gauges(this);
  /** The handshakes, where an observer is told of them. */
  readonly #handshakes: ObservedHandshakes<ServerConnection> | undefined;
  /** The connections that the observer is told of, and nobody else yet. */
  readonly #announced = new Set<ServerConnection>();
  readonly #runtime: ServerRuntime;
  readonly #handshake: Handshake;
  /** Seconds of silence after which a connection counts as dead. */
  readonly #deadAfter: number;
  /** Where connections come from: a port, or a host. */
  #listener!: TcpListener | Acceptor;
  readonly #pingInterval: number;
  /** As what bytes are given to listeners, where that was asked for. */
  readonly #bytes: Pick<AcceptOptions, "binaryType">;
  /** What hears what no event tells: the same list in every run of a server, and in no other's. */
  readonly ears: readonly ServerEars[];
  #stopping = false;
  /** What a peer is told that opens while the server stops. */
  farewell: Farewell = () => GOING_AWAY;
  readonly clustered: Clustered | undefined;
  #onEmpty: () => void = () => {};

  constructor(config: ServerConfig, parts: ListeningServerParts) {
    const { binaryType, clock, ears, listeners, observing, runtime, schema } = parts;
    this.#bytes = binaryType === undefined ? {} : { binaryType };
    this.ears = ears;
    this.clustered = parts.clustered;
    this.config = config;
    this.clock = clock;
    this.observing = observing;
    this.schema = schema;
    this.maxPayload = config.maxPayload;
    this.maxBufferedAmount = config.maxBufferedAmount;
    this.maxPendingAmount = config.maxPendingAmount;
    this.refusesSlow = config.slowPeer === "refuse";
    this.maxAtOnce = this.refusesSlow ? -1 : config.maxPayload;
    this.draining = new DrainWatch({ clock, isTold: runtime.tellsDrain === true });
    this.canPing = runtime.canPing;
    this.checksPayload = runtime.checksPayload;
    const looksAtAll = observing !== undefined || schema !== undefined;
    this.looksFrom = looksAtAll ? -1 : runtime.checksPayload ? Infinity : config.maxPayload;
    this.heartbeat = new Heartbeat(config as HeartbeatOptions, clock, true);
    this.opening = new TimeoutQueue({
      clock,
      keepsTimer: true,
      ms: OPEN_DEADLINE_MS,
      expired: (connection, late) =>
        late > STALL_MS ? this.opening.add(connection) : this.#neverOpened(connection),
    });
    this.closing = new ClosingDeadlines(clock);
    const { pingInterval, pongTimeout } = heartbeatPolicy(config as HeartbeatOptions);
    this.#pingInterval = pingInterval;
    this.#deadAfter = pingInterval + pongTimeout;
    this.paused = new TimeoutQueue({
      clock,
      keepsTimer: true,
      ms: this.#deadAfter * 1000,
      expired: (connection) => connection.dropTooFast(),
    });
    this.#listeners = listeners;
    this.#connects = listeners.list("connect");
    this.#closes = listeners.list("close");
    const handling = observing?.handling;
    this.listeners = listeners;
    this.calling = handling === undefined ? listeners : handled(listeners, handling);
    this.messages = listeners.list("messageReceive");
    this.#handshakes = observing && new ObservedHandshakes(observing, clock);
    this.#runtime = runtime;
    const { authorize, clientAddress, protocols } = config;
    this.#opensLater = runtime.opensAtOnce !== true || authorize !== undefined ||
      clientAddress !== undefined || typeof protocols === "function";
    this.#handshake = new Handshake(this, config);
    const { maxBufferedAmount, refusesSlow } = this;
    this.topics = new Topics({
      maxBufferedAmount,
      refusesSlow,
      observing,
      listener: () => this.#listener,
    });
  }

  /** Where it listens; that of a host is the host's affair. */
  get address(): Address | undefined {
    return "address" in this.#listener ? this.#listener.address : undefined;
  }

  /** What the runtime is asked for. */
  listenOptions(hostname: string, identity: Identity | undefined): ListenOptions {
    const { compression, maxPayload, port, reusePort, unixPath: path } = this.config;
    const deadAfter = this.#deadAfter;
    const own = { hostname, port, path, reusePort, compression, maxPayload, identity, deadAfter };
    return { ...own, ...this.#bytes };
  }

  /** Listens; throws what the runtime throws. */
  listen(hostname: string, identity: Identity | undefined): void {
    this.#listener = this.#runtime.listen(this.listenOptions(hostname, identity), this.#handshake);
  }

  /** Gets ready for what comes from a host; throws what the runtime throws. */
  mount(): WebSocketMount {
    const { compression, maxBufferedAmount, maxPayload } = this.config;
    const acceptor = this.#runtime.mount({
      maxPayload,
      compression,
      maxBufferedAmount,
      deadAfter: this.#deadAfter,
      pingInterval: this.#pingInterval,
      ...this.#bytes,
    }, this.#handshake);
    this.#listener = acceptor;
    return toMount(acceptor, this.#handshake);
  }

  /**
   * Closes all connections and stops listening. Settles within five seconds.
   */
  async stop(farewell: Farewell): Promise<void> {
    this.farewell = farewell;
    this.#stopping = true;
    const began = this.clock.now();
    this.clustered?.depart();
    this.#handshake.close();
    if ("retire" in this.#listener) this.#listener.retire?.();
    for (const connection of this.registry.known()) {
      if (connection.state === "open") connection.close(farewell());
    }
    await new Promise<void>((resolve) => {
      const deadline = this.clock.setTimer(() => {
        for (const connection of this.registry.attached()) connection.cut();
        resolve();
      }, STOP_PEERS_MS);
      this.#onEmpty = () => {
        this.clock.clearTimer(deadline);
        resolve();
      };
      this.#checkEmpty();
    });
    for (const timers of [this.heartbeat, this.opening, this.closing, this.paused]) {
      timers.close();
    }
    await this.#listener.close(STOP_ANSWERS_MS - (this.clock.now() - began));
    this.gauges.stop();
    await this.clustered?.close(STOP_BROKER_MS - (this.clock.now() - began));
  }

  asked(request: Request, peer: { ip: string; port: number }): ServerHandshake | undefined {
    return this.#handshakes?.asked(request, peer);
  }

  admit(
    parts: ConnectionParts,
    request: Request,
    seen: ServerHandshake | undefined,
  ): ServerConnection {
    const connection = new ServerConnection(this, parts);
    for (const one of this.ears) one.request(connection, request);
    this.#handshakes?.admitted(connection, seen);
    if (this.#opensLater) {
      this.registry.attach(connection);
      this.opening.add(connection);
    }
    return connection;
  }

  admits(): boolean {
    return !this.#stopping;
  }

  connected(connection: ServerConnection): void {
    this.registry.add(connection);
    this.topics.add(connection);
    if (this.#handshakes !== undefined) {
      this.#announced.add(connection);
      this.#handshakes.opened(connection);
      this.#announced.delete(connection);
    }
    this.#listeners.emitTo(this.#connects, connection.handle);
  }

  leaveTopics(connection: ServerConnection): void {
    this.topics.remove(connection);
    this.clustered?.remove(connection);
  }

  refused(status: number, why: string, reason: RefusalReason, seen?: ServerHandshake): void {
    this.#handshakes?.refused(status, why, reason, seen);
  }

  abandoned(seen: ServerHandshake | undefined): void {
    this.#handshakes?.abandoned(seen);
  }

  failed(error: BusinessError): void {
    this.#listeners.emit("error", error);
  }

  fault(error: BusinessError): void {
    this.#listeners.fault(error);
  }

  closed(connection: ServerConnection, close: CloseResult): void {
    // It has ended as an observer that hears that it is open sends to it: 'connect' comes first.
    if (this.#announced.has(connection)) afterTurn(this.#ended.bind(this, connection, close));
    else this.#ended(connection, close);
  }

  #ended(connection: ServerConnection, close: CloseResult): void {
    this.registry.remove(connection);
    this.#handshake.release(connection.handle.clientIP);
    this.observing?.closed?.(connection.handle, { ...close });
    if (this.#closes.items.length > 0) {
      this.#listeners.emitTo(this.#closes, connection.handle, { ...close });
    }
    this.#checkEmpty();
  }

  detached(connection: ServerConnection): void {
    this.opening.delete(connection);
    if (!this.registry.detach(connection)) return;
    this.#handshakes?.detached(connection);
    if (connection.state === "admitted") this.#handshake.release(connection.handle.clientIP);
    this.#checkEmpty();
  }

  /** A client was let in, and its connection did not open in time. */
  #neverOpened(connection: ServerConnection): void {
    if (this.address !== undefined) return connection.cut();
    const seen = this.#handshakes?.take(connection);
    connection.cut();
    this.#handshake.hostFault(
      `${connection.handle} was let in and did not open: it has left, or the host did not answer ` +
        "with the Response of 'fetch'",
      undefined,
      seen,
      connection.handle,
    );
  }

  #checkEmpty(): void {
    if (this.#stopping && this.registry.isEmpty) this.#onEmpty();
  }
}

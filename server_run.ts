/** A server between `start` and `stop`: who is let in, and who is there. Not part of the public API. */

import type { BusinessError } from "./errors.ts";
import { type Clock, Heartbeat, type HeartbeatOptions, heartbeatPolicy } from "./heartbeat.ts";
import type { Close } from "./internal/close_codes.ts";
import type { ListenerList, Listeners } from "./internal/listeners.ts";
import type { Observing } from "./internal/observer.ts";
import type { StandardSchema } from "./internal/schema.ts";
import type { ServerConfig } from "./internal/server_config.ts";
import { TimeoutQueue } from "./internal/timeout_queue.ts";
import type { Address, Listener, ServerRuntime } from "./runtime/mod.ts";
import type { Identity } from "./runtime/pem.ts";
import { Door, type DoorOwner } from "./server_door.ts";
import {
  GOING_AWAY,
  Peer,
  type PeerHost,
  type PeerParts,
  type ServerConnection,
} from "./server_peer.ts";
import { Rooms } from "./server_rooms.ts";
import type { WebSocketServerEvents } from "./server_types.ts";

/** How long a peer may take to answer a Close frame, in ms. */
const CLOSE_DEADLINE_MS = 5000;

/**
 * How long a client that is let in may take to be open, in ms. One runtime says nothing when it has
 * left meanwhile.
 */
const OPEN_DEADLINE_MS = 2000;

/** How late that verdict may be, in ms, before this process is taken to have been blocked. */
const STALL_MS = 100;

/** How long `stop` waits for the peers to answer, in ms, and then for the listener: 5 s in all. */
const STOP_PEERS_MS = 3000;
const STOP_LISTENER_MS = 1500;

/** What a run is made of, beside its configuration. */
export interface RunParts {
  listeners: Listeners<keyof WebSocketServerEvents>;
  clock: Clock;
  runtime: ServerRuntime;
  schema: StandardSchema | undefined;
  observing: Observing | undefined;
}

/** Everything that is there while a server runs, and gone when it has stopped. */
export class ServerRun implements PeerHost, DoorOwner {
  readonly config: ServerConfig;
  readonly maxPayload: number;
  readonly maxBufferedAmount: number;
  readonly canPing: boolean;
  readonly checksPayload: boolean;
  readonly looksAtMessages: boolean;
  readonly clock: Clock;
  readonly observing: Observing | undefined;
  readonly heartbeat: Heartbeat;
  readonly opening: TimeoutQueue<Peer>;
  readonly lingering: TimeoutQueue<Peer>;
  readonly paused: TimeoutQueue<Peer>;
  readonly rooms: Rooms;
  readonly listeners: Listeners<keyof WebSocketServerEvents>;
  readonly schema: StandardSchema | undefined;
  readonly messages: ListenerList;
  readonly #runtime: ServerRuntime;
  readonly #door: Door;
  /** The connections the user knows of. */
  readonly #peers = new Set<Peer>();
  /**
   * The newest of them at each address: behind two proxies two may have the same. Made when the first
   * copy of a connection is looked up.
   */
  #byKey: Map<string, Peer> | undefined;
  /** The connections the runtime has: before 'connect', and while a Close frame is unanswered. */
  readonly #wires = new Set<Peer>();
  /** Seconds of silence after which a peer is dead. */
  readonly #deadAfter: number;
  #listener!: Listener;
  #stopping = false;
  #emptied: () => void = () => {};

  constructor(config: ServerConfig, parts: RunParts) {
    const { clock, listeners, observing, runtime, schema } = parts;
    this.config = config;
    this.clock = clock;
    this.observing = observing;
    this.schema = schema;
    this.maxPayload = config.maxPayload;
    this.maxBufferedAmount = config.maxBufferedAmount;
    this.canPing = runtime.canPing;
    this.checksPayload = runtime.checksPayload;
    this.looksAtMessages = !runtime.checksPayload || observing !== undefined ||
      schema !== undefined;
    this.heartbeat = new Heartbeat(config as HeartbeatOptions, clock, true);
    this.opening = new TimeoutQueue({
      clock,
      lingers: true,
      ms: OPEN_DEADLINE_MS,
      expired: (peer, late) => late > STALL_MS ? this.opening.add(peer) : peer.terminate(),
    });
    this.lingering = new TimeoutQueue({
      clock,
      lingers: true,
      ms: CLOSE_DEADLINE_MS,
      expired: (peer) => peer.terminate(),
    });
    const { pingInterval, pongTimeout } = heartbeatPolicy(config as HeartbeatOptions);
    this.#deadAfter = pingInterval + pongTimeout;
    this.paused = new TimeoutQueue({
      clock,
      lingers: true,
      ms: this.#deadAfter * 1000,
      expired: (peer) => peer.overflow(),
    });
    this.listeners = listeners;
    this.messages = listeners.list("messageReceive");
    this.#runtime = runtime;
    this.#door = new Door(this, config);
    this.rooms = new Rooms(config.maxBufferedAmount, observing, () => this.#listener);
  }

  get address(): Address {
    return this.#listener.address;
  }

  /** Listens; throws what the runtime throws. */
  listen(hostname: string, identity: Identity | undefined): void {
    const { port, maxPayload } = this.config;
    const options = { hostname, port, maxPayload, identity, deadAfter: this.#deadAfter };
    this.#listener = this.#runtime.listen(options, this.#door);
  }

  find(key: string): Peer | undefined {
    this.#byKey ??= new Map(Array.from(this.#peers, (peer) => [String(peer.connection), peer]));
    return this.#byKey.get(key);
  }

  /** The connections there are, oldest first; some may be closing. */
  peers(): Iterable<Peer> {
    return this.#peers;
  }

  connections(): ServerConnection[] {
    return Array.from(this.#peers, (peer) => peer.connection);
  }

  /** Sends everybody away and stops listening; settles within five seconds. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#door.close();
    for (const peer of this.#peers) {
      if (peer.state === "open") peer.close(GOING_AWAY);
    }
    await new Promise<void>((resolve) => {
      const deadline = this.clock.setTimer(() => {
        for (const peer of this.#wires) peer.terminate();
        resolve();
      }, STOP_PEERS_MS);
      this.#emptied = () => {
        this.clock.clearTimer(deadline);
        resolve();
      };
      this.#checkEmpty();
    });
    for (const timers of [this.heartbeat, this.opening, this.lingering, this.paused]) {
      timers.close();
    }
    await this.#listener.close(STOP_LISTENER_MS);
  }

  admit(parts: PeerParts): Peer {
    const peer = new Peer(this, parts);
    this.#wires.add(peer);
    this.opening.add(peer);
    return peer;
  }

  welcomes(): boolean {
    return !this.#stopping;
  }

  connected(peer: Peer): void {
    this.#peers.add(peer);
    this.#byKey?.set(String(peer.connection), peer);
    this.rooms.welcome(peer);
    this.observing?.opened?.(peer.connection);
    this.listeners.emit("connect", peer.connection);
  }

  forget(peer: Peer): void {
    this.rooms.forget(peer);
  }

  refused(status: number, why: string): void {
    this.observing?.refused?.(status, why);
  }

  failed(error: BusinessError): void {
    this.listeners.emit("error", error);
  }

  ended(peer: Peer, close: Close): void {
    this.#peers.delete(peer);
    if (this.#byKey !== undefined) {
      const key = String(peer.connection);
      if (this.#byKey.get(key) === peer) this.#byKey.delete(key);
    }
    this.#door.leave(peer.connection.clientIP);
    this.observing?.closed?.(peer.connection, { ...close });
    this.listeners.emit("close", peer.connection, { ...close });
    this.#checkEmpty();
  }

  gone(peer: Peer): void {
    this.opening.delete(peer);
    if (!this.#wires.delete(peer)) return;
    if (peer.state === "admitted") this.#door.leave(peer.connection.clientIP);
    this.#checkEmpty();
  }

  #checkEmpty(): void {
    if (this.#stopping && this.#peers.size === 0 && this.#wires.size === 0) this.#emptied();
  }
}

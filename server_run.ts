/** A server between `start` and `stop`: who is let in, and who is there. Not part of the public API. */

import { type BusinessError, businessError } from "./errors.ts";
import { type Clock, Heartbeat, type HeartbeatOptions, heartbeatPolicy } from "./heartbeat.ts";
import { Admissions } from "./internal/admission.ts";
import { connectionKey, plainAddress } from "./internal/connection.ts";
import { type HandshakeFault, handshakeFault, isUpgrade, offers } from "./internal/handshake.ts";
import type { Close } from "./internal/close_codes.ts";
import type { Listeners } from "./internal/listeners.ts";
import type { ServerConfig } from "./internal/server_config.ts";
import { TimeoutQueue } from "./internal/timeout_queue.ts";
import type { Address, Admission, Listener, ListenerEvents, ServerRuntime } from "./runtime/mod.ts";
import { GOING_AWAY, Peer, type PeerHost } from "./server_peer.ts";
import type { WebSocketConnection, WebSocketServerEvents } from "./types.ts";

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

/** Everything that is there while a server runs, and gone when it has stopped. */
export class ServerRun implements PeerHost, ListenerEvents {
  readonly config: ServerConfig;
  readonly maxPayload: number;
  readonly canPing: boolean;
  readonly heartbeat: Heartbeat;
  readonly opening: TimeoutQueue<Peer>;
  readonly lingering: TimeoutQueue<Peer>;
  readonly #listeners: Listeners<keyof WebSocketServerEvents>;
  readonly #clock: Clock;
  readonly #runtime: ServerRuntime;
  readonly #admissions: Admissions;
  /** The connections the user knows of, by `ip:port`. */
  readonly #peers = new Map<string, Peer>();
  /** The connections the runtime has: before 'connect', and while a Close frame is unanswered. */
  readonly #wires = new Set<Peer>();
  #listener!: Listener;
  #stopping = false;
  #emptied: () => void = () => {};

  constructor(
    config: ServerConfig,
    listeners: Listeners<keyof WebSocketServerEvents>,
    clock: Clock,
    runtime: ServerRuntime,
  ) {
    this.config = config;
    this.maxPayload = config.maxPayload;
    this.canPing = runtime.canPing;
    this.heartbeat = new Heartbeat(config as HeartbeatOptions, clock);
    this.opening = new TimeoutQueue({
      clock,
      ms: OPEN_DEADLINE_MS,
      expired: (peer, late) => late > STALL_MS ? this.opening.add(peer) : peer.terminate(),
    });
    this.lingering = new TimeoutQueue({
      clock,
      ms: CLOSE_DEADLINE_MS,
      expired: (peer) => peer.terminate(),
    });
    this.#listeners = listeners;
    this.#clock = clock;
    this.#runtime = runtime;
    this.#admissions = new Admissions(config.maxClients, config.maxPerClient);
  }

  get address(): Address {
    return this.#listener.address;
  }

  /** Listens; throws what the runtime throws. */
  listen(hostname: string): void {
    const { port, maxPayload } = this.config;
    const { pingInterval, pongTimeout } = heartbeatPolicy(this.config as HeartbeatOptions);
    const deadAfter = pingInterval + pongTimeout;
    this.#listener = this.#runtime.listen({ hostname, port, maxPayload, deadAfter }, this);
  }

  find(key: string): Peer | undefined {
    return this.#peers.get(key);
  }

  connections(): WebSocketConnection[] {
    return Array.from(this.#peers.values(), (peer) => peer.connection);
  }

  /** Sends everybody away and stops listening; settles within five seconds. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const peer of this.#peers.values()) {
      if (peer.state === "open") peer.close(GOING_AWAY);
    }
    await new Promise<void>((resolve) => {
      const deadline = this.#clock.setTimer(() => {
        for (const peer of this.#wires) peer.terminate();
        resolve();
      }, STOP_PEERS_MS);
      this.#emptied = () => {
        this.#clock.clearTimer(deadline);
        resolve();
      };
      this.#checkEmpty();
    });
    await this.#listener.close(STOP_LISTENER_MS);
  }

  request(request: Request, address: Address): Admission | Response {
    if (!isUpgrade(request)) return refusal({ status: 426, why: "This port speaks WebSocket" });
    const ip = plainAddress(address.hostname);
    const fault = this.#fault(request, ip);
    if (fault !== undefined) {
      const { status, why } = fault;
      const who = connectionKey(ip, address.port);
      this.failed(businessError("connectFailed", `${who} was refused with ${status}: ${why}`, {
        data: String(status),
        cause: new Error(why),
      }));
      return refusal(fault);
    }
    const peer = new Peer(this, ip, address.port, this.config.protocol);
    this.#wires.add(peer);
    this.opening.add(peer);
    return peer;
  }

  welcomes(): boolean {
    return !this.#stopping;
  }

  connected(peer: Peer): void {
    this.#peers.set(String(peer.connection), peer);
    this.#listeners.emit("connect", peer.connection);
  }

  message(clientConnection: WebSocketConnection, data: string | ArrayBuffer): void {
    this.#listeners.emit("messageReceive", { clientConnection, data });
  }

  failed(error: BusinessError): void {
    this.#listeners.emit("error", error);
  }

  ended(peer: Peer, close: Close): void {
    this.#peers.delete(String(peer.connection));
    this.#admissions.leave(peer.connection.clientIP);
    this.#listeners.emit("close", peer.connection, { ...close });
    this.#checkEmpty();
  }

  gone(peer: Peer): void {
    this.opening.delete(peer);
    if (!this.#wires.delete(peer)) return;
    if (peer.state === "admitted") this.#admissions.leave(peer.connection.clientIP);
    this.#checkEmpty();
  }

  /** Why a handshake is refused, if it is. A peer that is not refused has entered. */
  #fault(request: Request, ip: string): HandshakeFault | undefined {
    if (this.#stopping) return { status: 503, why: "the server is going away" };
    const fault = handshakeFault(request);
    if (fault !== undefined) return fault;
    const { protocol } = this.config;
    if (protocol !== "" && !offers(request, protocol)) {
      return { status: 400, why: `the subprotocol ${protocol} is not offered` };
    }
    const status = this.#admissions.enter(ip);
    if (status === undefined) return undefined;
    const why = status === 503 ? "too many clients" : "too many connections of this client";
    return { status, why, headers: { "retry-after": "1" } };
  }

  #checkEmpty(): void {
    if (this.#stopping && this.#peers.size === 0 && this.#wires.size === 0) this.#emptied();
  }
}

function refusal({ status, why, headers }: HandshakeFault): Response {
  const upgrade: Record<string, string> = status === 426 ? { upgrade: "websocket" } : {};
  return new Response(`${why}\n`, { status, headers: { ...upgrade, ...headers } });
}

/**
 * What a server that is one of several takes and tells. Re-exported by `server/types.ts`, where
 * everybody imports it from.
 *
 * @module
 */

import type { Broker, LostReason } from "../cluster/broker.ts";
import type { WebSocketConnection } from "./connection_types.ts";

export type { Broker, LostReason };

/**
 * The options of a server that is one of several.
 *
 * @typeParam Context What `authorize` finds out about a client.
 */
export interface ClusterOptions<Context extends object | undefined = object | undefined> {
  /**
   * The log that this server shares with others: `publish` and `broadcast` then reach the connections
   * of all of them. `memoryBroker()` of `./cluster`, or that of `./redis` or `./nats`. It stays the
   * caller's: close it when no server needs it any more.
   */
  broker?: Broker | undefined;
  /**
   * Whether it is to be known who is in which topic, on all servers. Where there is no broker it is
   * those of this one.
   */
  presence?: boolean | PresenceOptions<Context> | undefined;
  /**
   * Whether the recent past of each topic is kept, so that clients which were away are told what
   * they missed: those of `createWebSocket({ reconnect: true, resume: true })`. Where there is no
   * broker it is that of this server. See `docs/resume.md`.
   *
   * @default {false}
   */
  history?: boolean | HistoryOptions | undefined;
  /**
   * What this server is called among the others: 1 to 100 characters. Each start adds random characters.
   *
   * @default {"node"}
   */
  node?: string | undefined;
}

/**
 * How presence is kept.
 *
 * @typeParam Context What `authorize` finds out about a client.
 */
export interface PresenceOptions<Context extends object | undefined = object | undefined> {
  /**
   * Seconds, from 1 to 3,600, that a server may give no sign of life before its members are taken to
   * have left. Only those count in which this server hears itself through the broker.
   *
   * @default {15}
   */
  lease?: number | undefined;
  /**
   * What a connection is shown with to everybody who asks: an object that can be JSON, of at most 16,384
   * characters; no promise. Called at each `join`. With `undefined` it is shown with no context. So it is
   * where this fails, or answers with anything else, and 'error' is told with 2302999.
   *
   * @param connection Which.
   */
  member?: ((connection: WebSocketConnection<Context>) => object | undefined) | undefined;
}

/** How much of the past is kept. Who was away for longer than that is told so. */
export interface HistoryOptions {
  /**
   * Messages of one topic, an integer above 0.
   *
   * @default {1000}
   */
  maxMessages?: number | undefined;
  /**
   * Bytes of memory of all topics together, about: an integer above 0.
   *
   * @default {16777216}
   */
  maxBytes?: number | undefined;
  /**
   * Seconds, from 1 to 86,400.
   *
   * @default {300}
   */
  maxAge?: number | undefined;
}

/** What `join` has come to, where there is a `history`. */
export interface JoinResult {
  /**
   * Whether the client now has all that was published to the topic since it was there; left out where
   * it was not there before the break, is there already, or cannot resume.
   */
  recovered?: boolean;
  /** How many messages it had missed and has been sent. */
  missed: number;
}

/** Somebody who is in a topic, on whichever server. */
export interface ClusterMember {
  /** The server: its name and the characters of this start of it. */
  readonly node: string;
  /** The client's IP address. */
  readonly clientIP: string;
  /** What `member` has shown of it. It is frozen, with all that is in it. */
  readonly context?: object;
}

/** What 'presence' tells: what has changed in a topic, at one place in the log. */
export interface PresenceEvent {
  /** The topic. */
  topic: string;
  /** Who is in it now. */
  joined: ClusterMember[];
  /** Who is in it no more. */
  left: ClusterMember[];
  /**
   * Whether those left with a server that is gone: it has given no sign of life for a lease. They may be
   * on another one by now. Left out where they, or their server, have left as they should.
   */
  gone?: true;
}

/** What 'broker' tells. */
export interface BrokerEvent {
  /** Whether the broker can be read. While it cannot, what is published waits, for 5 s at the most. */
  up: boolean;
  /** Why it cannot. */
  cause?: unknown;
  /** What became of entries that this server may not have read. */
  lost?: LostReason;
}

/** The calls of a server that is one of several. */
export interface ClusterCalls {
  /**
   * Who is in a topic, on all servers, as far as this one has read the log: at once, from memory.
   *
   * @param topic The topic's name.
   * @returns An array of one's own; empty while the server is not running.
   * @throws {BusinessError} 401 where the topic is no text, 2302999 where the option `presence` was
   * not given.
   *
   * @example Two servers of one process
   * ```ts
   * import { createWebSocket, createWebSocketServer } from "@netkit/websocket";
   * import { memoryBroker } from "@netkit/websocket/cluster";
   * import { assertEquals } from "@std/assert";
   *
   * const broker = memoryBroker();
   * const [one, other] = ["one", "other"].map((node) =>
   *   createWebSocketServer({ broker, presence: true, node })
   * );
   * for (const server of [one!, other!]) {
   *   server.on("connect", (connection) => server.join(connection, "chess"));
   *   await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
   * }
   * const seen = new Promise((resolve) => other!.on("presence", resolve));
   * const ws = createWebSocket();
   * await ws.connect(`ws://127.0.0.1:${one!.address!.port}/`);
   * await seen;
   * assertEquals(other!.presence("chess").map(({ clientIP }) => clientIP), ["127.0.0.1"]);
   *
   * const heard = new Promise((resolve) => ws.on("message", (_, data) => resolve(data)));
   * await other!.publish("chess", "e4");
   * assertEquals(await heard, "e4");
   * await ws.close();
   * await Promise.all([one!.stop(), other!.stop()]);
   * ```
   */
  presence(topic: string): ClusterMember[];
}

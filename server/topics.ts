/** Topics and the connections in them: one message to many. Not part of the public API. */

import type { WebSocketData } from "../client/types.ts";
import { TOO_SLOW } from "../internal/close_codes.ts";
import type { Observing } from "../internal/observer.ts";
import { byteLength, mostBytes } from "../internal/payload.ts";
import type { TcpListener } from "../runtime/contract.ts";
import type { ServerConnection } from "./connection.ts";
import type { PublishResult } from "./types.ts";

/** One topic, and the connections in it. */
class Topic {
  /** The user's name for it. The topic that all connections are in has none. */
  readonly name: string | undefined;
  /**
   * The runtime's name for it. It is not the user's text: runtimes make UTF-8 of it, in which all lone
   * surrogates are the same.
   */
  readonly runtimeName: string;
  readonly members = new Set<ServerConnection>();

  constructor(runtimeName: string, name?: string) {
    this.name = name;
    this.runtimeName = runtimeName;
  }
}

/**
 * The queues are measured when this part of `maxBufferedAmount` may have been sent to each
 * connection.
 */
const MEASURE_AT = 1 / 4;

/** What the topics of a server need. */
export interface TopicsParts {
  maxBufferedAmount: number;
  /** Whether a peer over it stays, and is left out. */
  refusesSlow: boolean;
  observing: Observing | undefined;
  listener: () => Pick<TcpListener, "publish">;
}

/** The topics of a running server. A topic exists as long as a connection is in it. */
export class Topics {
  readonly #listener: () => Pick<TcpListener, "publish">;
  readonly #maxBufferedAmount: number;
  readonly #refusesSlow: boolean;
  readonly #observing: Observing | undefined;
  readonly #topics = new Map<string, Topic>();
  /** The topics of each connection that is in any. */
  readonly #topicsOf = new Map<ServerConnection, Set<Topic>>();
  #everybody: Topic | undefined;
  /** How many topics the user has made so far. */
  #made = 0;
  /** An upper limit for the bytes sent to topics since the queues were last measured. */
  #unmeasured = 0;

  constructor({ maxBufferedAmount, refusesSlow, observing, listener }: TopicsParts) {
    this.#maxBufferedAmount = maxBufferedAmount;
    this.#refusesSlow = refusesSlow;
    this.#observing = observing;
    this.#listener = listener;
  }

  /** How many topics there are that the user has made. */
  get size(): number {
    return this.#topics.size;
  }

  /** Adds a new connection. */
  add(connection: ServerConnection): void {
    if (this.#everybody !== undefined) this.#add(connection, this.#everybody);
  }

  /** Removes a connection that closes or is lost from all topics. */
  remove(connection: ServerConnection): void {
    const topics = this.#topicsOf.get(connection);
    if (topics === undefined) return;
    for (const topic of topics) this.#remove(connection, topic);
  }

  join(connection: ServerConnection, name: string): void {
    let topic = this.#topics.get(name);
    if (topic === undefined) {
      topic = new Topic(`topic ${++this.#made}`, name);
      this.#topics.set(name, topic);
    }
    this.#add(connection, topic);
  }

  leave(connection: ServerConnection, name: string): void {
    const topic = this.#topics.get(name);
    if (topic?.members.has(connection)) this.#remove(connection, topic);
  }

  /** Sends a message to all connections in a topic. */
  publish(name: string, data: WebSocketData, except: ReadonlySet<ServerConnection>): PublishResult {
    const topic = this.#topics.get(name);
    return topic === undefined ? { sent: 0, tooSlow: 0 } : this.#send(topic, data, except);
  }

  /** Sends a message to all connections. The first time, they are put into a topic for that. */
  broadcast(
    connections: Iterable<ServerConnection>,
    data: WebSocketData,
    except: ReadonlySet<ServerConnection>,
  ): PublishResult {
    if (this.#everybody === undefined) {
      this.#everybody = new Topic("everybody");
      for (const connection of connections) {
        if (connection.state === "open") this.#add(connection, this.#everybody);
      }
    }
    return this.#send(this.#everybody, data, except);
  }

  #add(connection: ServerConnection, topic: Topic): void {
    topic.members.add(connection);
    const topics = this.#topicsOf.get(connection);
    if (topics === undefined) this.#topicsOf.set(connection, new Set([topic]));
    else topics.add(topic);
    connection.socket?.subscribe?.(topic.runtimeName);
  }

  #remove(connection: ServerConnection, topic: Topic): void {
    topic.members.delete(connection);
    const topics = this.#topicsOf.get(connection)!;
    topics.delete(topic);
    if (topics.size === 0) this.#topicsOf.delete(connection);
    connection.socket?.unsubscribe?.(topic.runtimeName);
    if (topic.members.size === 0 && topic.name !== undefined) this.#topics.delete(topic.name);
  }

  #send(topic: Topic, data: WebSocketData, except: ReadonlySet<ServerConnection>): PublishResult {
    return this.#refusesSlow
      ? this.#sendToQuick(topic, data, except)
      : this.#sendToAll(topic, data, except);
  }

  /** Leaves out the connections whose queue has no room for it. */
  #sendToQuick(
    topic: Topic,
    data: WebSocketData,
    except: ReadonlySet<ServerConnection>,
  ): PublishResult {
    const bytes = byteLength(data);
    const slow = Array.from(topic.members).filter((connection) =>
      !except.has(connection) && connection.bufferedAmount + bytes > this.#maxBufferedAmount
    );
    const { sent } = this.#sendToAll(topic, data, new Set([...except, ...slow]));
    return { sent, tooSlow: slow.length };
  }

  #sendToAll(
    topic: Topic,
    data: WebSocketData,
    except: ReadonlySet<ServerConnection>,
  ): PublishResult {
    const { publish } = this.#listener();
    const excepted = Array.from(except).filter((connection) => topic.members.has(connection));
    const size = topic.members.size - excepted.length;
    if (publish === undefined || excepted.length > 1) return this.#sendEach(topic, data, except);
    const [one] = excepted;
    if (one === undefined) publish(topic.runtimeName, data);
    else one.socket?.publish?.(topic.runtimeName, data);
    if (this.#observing?.sent !== undefined) {
      const bytes = byteLength(data); // once for all of them
      for (const connection of [...topic.members]) {
        if (!except.has(connection)) this.#observing.sent(connection.handle, data, bytes);
      }
    }
    this.#unmeasured += mostBytes(data);
    if (this.#unmeasured <= this.#maxBufferedAmount * MEASURE_AT) return { sent: size, tooSlow: 0 };
    this.#unmeasured = 0;
    let tooSlow = 0;
    for (const connection of this.#topicsOf.keys()) {
      const isMeant = topic.members.has(connection) && !except.has(connection);
      connection.dropIfTooSlow();
      if (isMeant && connection.state !== "open") tooSlow++;
    }
    return { sent: size, tooSlow };
  }

  #sendEach(
    topic: Topic,
    data: WebSocketData,
    except: ReadonlySet<ServerConnection>,
  ): PublishResult {
    const most = mostBytes(data);
    const { sent } = this.#observing ?? {};
    const result = { sent: 0, tooSlow: 0 };
    const isForAll = except.size === 0;
    const overdue: ServerConnection[] = [];
    const told: ServerConnection[] = [];
    for (const connection of topic.members) {
      if (!isForAll && except.has(connection)) continue;
      result.sent++;
      if (connection.hand(data, most)) overdue.push(connection);
      if (sent !== undefined) told.push(connection);
    }
    // When all have it: whoever is told of one of them may publish, or send to others, what comes after it.
    const bytes = told.length === 0 ? 0 : byteLength(data);
    for (const { handle } of told) sent!(handle, data, bytes);
    for (const connection of overdue) {
      connection.dropIfTooSlow();
      if (connection.end === TOO_SLOW) result.tooSlow++; // an observer may have closed it for a reason of its own
    }
    return result;
  }
}

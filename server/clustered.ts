/**
 * A running server's place among others. Loaded only where there is a broker. Not part of the public
 * API.
 */

import type { WebSocketData } from "../client/types.ts";
import { loneBroker } from "../cluster/brokers/memory.ts";
import type { HistoryLimits } from "../cluster/history.ts";
import type { MessagePosition } from "../cluster/log.ts";
import { ClusterNode, type NodeOwner } from "../cluster/node.ts";
import type { Member, PresenceChange } from "../cluster/presence.ts";
import { Resume } from "../cluster/resume.ts";
import { type BusinessError, businessError } from "../errors.ts";
import { describe } from "../internal/describe.ts";
import { placeText } from "../internal/resume_frame.ts";
import type { Traffic } from "../internal/stats.ts";
import type { ServerConnection } from "./connection.ts";
import { aborted } from "./listen.ts";
import type { ListeningServer, ListeningServerParts } from "./listening_server.ts";
import { sendOut } from "./publishing.ts";
import { Resuming } from "./resuming.ts";
import { readStopOptions } from "./stop_options.ts";
import type { Subscribers } from "./subscribers.ts";
import type {
  ClusterMember,
  ClusterOptions,
  HistoryOptions,
  JoinResult,
  LostReason,
  PresenceOptions,
  PublishResult,
  WebSocketConnection,
} from "./types.ts";

/** The lease of members, in seconds, and how long a server may be cut off without presence. */
const DEFAULT_LEASE_S = 15;

/** Over how many seconds peers that are sent away are spread, when they come back to other servers. */
const RETRY_AFTER_S = 10;

/** The longest that `member` of `presence` may be, in characters of JSON. */
const MAX_MEMBER = 16 * 1024;

/** The longest name of a topic that other servers are told of, in characters. */
const MAX_TOPIC = 64 * 1024;

type Except = ReadonlySet<ServerConnection>;

/** A connection that has been in a topic: its number on this server, and its topics, with a `join` that waits for the log. */
interface Place {
  readonly id: number;
  readonly topics: Map<string, Promise<JoinResult> | undefined>;
}

/** A server among others, from `start` to `stop`. */
export class Clustered implements NodeOwner<Except, PublishResult> {
  /** What the server is made of, beside its configuration. */
  readonly parts: ListeningServerParts;
  readonly #parts: ListeningServerParts;
  /** Whether the log is its own: it has no broker that could be told of. */
  readonly #isAlone: boolean;
  readonly #resuming: Resuming | undefined;
  readonly #subscribers: Subscribers;
  readonly #member: PresenceOptions["member"];
  readonly #leaseMs: number;
  readonly #node: ClusterNode<Except, PublishResult>;
  /** The open connections that have been in a topic: nobody takes one that comes back for another. */
  readonly #places = new Map<ServerConnection, Place>();
  #ids = 0;
  #listening: ListeningServer | undefined;
  /** The timer at whose end this server counts as cut off. */
  #cutOff: unknown;
  #isUp: boolean | undefined;

  private constructor(
    options: ClusterOptions,
    parts: ListeningServerParts,
    subscribers: Subscribers,
  ) {
    const { broker = loneBroker(), history, presence, node: name = "node" } = options;
    const { lease, member } = typeof presence === "object" ? presence : {};
    const isAlone = this.#isAlone = options.broker === undefined;
    const { clock } = parts;
    this.#parts = parts;
    this.parts = { ...parts, clustered: this };
    if (history) {
      const limits = limitsOf(history === true ? {} : history);
      const resume = new Resume(limits, clock, isAlone);
      this.#resuming = new Resuming(resume, clock, limits.age);
      this.parts = { ...this.parts, runtime: this.#resuming.runtime(parts.runtime) };
    }
    this.#subscribers = subscribers;
    this.#member = member;
    this.#leaseMs = (lease ?? DEFAULT_LEASE_S) * 1000;
    const leaseMs = presence ? this.#leaseMs : undefined;
    this.#node = new ClusterNode({ broker, isAlone, name, leaseMs, clock }, this);
  }

  /** Takes a place among the others; gives an error where the broker cannot be read. */
  static async enter(
    call: string,
    signal: AbortSignal | undefined,
    options: ClusterOptions,
    parts: ListeningServerParts,
    subscribers: Subscribers,
  ): Promise<Clustered | BusinessError> {
    const clustered = new Clustered(options, parts, subscribers);
    const error = await clustered.#node.open(call, signal);
    if (error === undefined) return clustered;
    clustered.#parts.clock.clearTimer(clustered.#cutOff);
    return signal?.aborted ? aborted(call, signal) : error;
  }

  /** The server listens, so that there may be connections. */
  attach(listening: ListeningServer): void {
    this.#listening = listening;
  }

  /** How much waits for the broker, in characters, and for clients to acknowledge it. */
  get waiting(): { queued: number; unacknowledged: Traffic | undefined } {
    return { queued: this.#node.queued, unacknowledged: this.#resuming?.unacknowledged };
  }

  /** Sends a message that the client is to acknowledge; nothing where there is no history. */
  acknowledge(
    connection: ServerConnection,
    data: WebSocketData,
  ): Promise<boolean> | BusinessError | undefined {
    return this.#resuming?.acknowledge(connection, data);
  }

  publish(
    call: string,
    topic: string | null,
    data: WebSocketData,
    except: Except,
  ): Promise<PublishResult> {
    return this.#node.publish(call, topic, data, except);
  }

  /** Takes a connection into a topic; `enter` has the runtime do it. */
  join(
    connection: ServerConnection,
    topic: string,
    enter: () => void,
  ): BusinessError | JoinResult | Promise<JoinResult> | undefined {
    if (topic.length > MAX_TOPIC) {
      const what =
        `join: topic must have at most ${MAX_TOPIC} characters with a broker, a history or presence`;
      return businessError("argument", `${what}: current value has ${topic.length}`);
    }
    let place = this.#places.get(connection);
    if (place === undefined) {
      place = { id: ++this.#ids, topics: new Map() };
      this.#places.set(connection, place);
    }
    const { topics } = place;
    if (topics.has(topic)) return topics.get(topic) ?? (this.#resuming && { missed: 0 });
    topics.set(topic, undefined);
    const { handle } = connection;
    const shown = this.#show(connection);
    // Functions of the user's are called meanwhile, which may close it, or have it leave.
    const isIn = () => this.#places.get(connection)?.topics.has(topic) === true;
    if (!isIn()) return businessError("notOpen", `join: ${handle} has left, or is closing`);
    this.#node.join([topic, place.id, handle.clientIP, shown]);
    const joined = this.#resuming?.join(connection, topic, () => isIn() && enter());
    if (joined === undefined) enter();
    if (joined instanceof Promise) {
      topics.set(topic, joined);
      void joined.then(() => topics.get(topic) === joined && topics.set(topic, undefined));
    }
    return joined ?? (this.#resuming && { missed: 0 });
  }

  leave(connection: ServerConnection, topic: string): void {
    const place = this.#places.get(connection);
    if (!place?.topics.delete(topic)) return;
    this.#node.leave(topic, place.id);
    this.#resuming?.leave(connection, topic);
  }

  /** A connection closes, or is lost. */
  remove(connection: ServerConnection): void {
    this.#resuming?.remove(connection);
    const place = this.#places.get(connection);
    if (place === undefined) return;
    this.#places.delete(connection);
    for (const topic of place.topics.keys()) this.#node.leave(topic, place.id);
  }

  members(topic: string): ClusterMember[] {
    return this.#node.members(topic).map(toPublic);
  }

  /** The server stops: its members have left. */
  depart(): void {
    this.#resuming?.depart();
    this.#node.depart();
  }

  /** The server has stopped. What is left to tell may take so many milliseconds at the most. */
  async close(ms = Infinity): Promise<void> {
    this.#resuming?.resume.close();
    await this.#node.close(ms);
    // The broker may have gone away while this server told what it had to tell.
    this.#parts.clock.clearTimer(this.#cutOff);
  }

  deliver(
    topic: string | null,
    data: WebSocketData,
    except: Except | undefined,
    isLocal: boolean,
    position: MessagePosition,
  ): PublishResult {
    // What comes before the server listens is the past: it was for those who were there.
    const listening = this.#listening;
    if (listening === undefined) return { sent: 0, tooSlow: 0 };
    const out = () => sendOut(listening, topic, data, except ?? NOBODY);
    const send = () => this.#resuming?.at(placeText(position), data, out) ?? out();
    return topic === null ? send() : this.#subscribers.publish(topic, data, isLocal, send);
  }

  readonly read = (
    position: MessagePosition,
    topic?: string,
    data?: string | Uint8Array<ArrayBuffer>,
  ): void => this.#resuming?.resume.read(position, topic, data);

  again(position: MessagePosition): void {
    this.#resuming?.resume.again(position);
  }

  isNowhere(): boolean {
    return this.#resuming?.resume.isNowhere === true;
  }

  presence({ joined, left, ...change }: PresenceChange): void {
    const members = { joined: joined.map(toPublic), left: left.map(toPublic) };
    this.#parts.listeners.emit("presence", { ...change, ...members });
  }

  state(up: boolean, cause: unknown): void {
    if (this.#isAlone) return;
    const { clock, listeners, observing } = this.#parts;
    this.#isUp = up;
    clock.clearTimer(this.#cutOff);
    if (!up) this.#cutOff = clock.setTimer(this.#sendAway, this.#leaseMs);
    observing?.broker?.(up, undefined);
    listeners.emit("broker", up ? { up } : { up, cause });
  }

  lost(why: LostReason): void {
    const up = this.#isUp === true;
    this.#resuming?.resume.lost(why);
    this.#parts.observing?.broker?.(up, why);
    this.#parts.listeners.emit("broker", { up, lost: why });
  }

  entry(length: number, lag: number | undefined): void {
    this.#resuming?.resume.caughtUp();
    if (!this.#isAlone) this.#parts.observing?.entry?.(length, lag);
  }

  fault(error: BusinessError): void {
    this.#parts.listeners.fault(error);
  }

  /** The broker was silent for a whole lease: peers in topics are sent to other servers, with 1012. */
  readonly #sendAway = (): void => {
    const farewell = readStopOptions({ retryAfter: RETRY_AFTER_S }) as () => {
      code: number;
      reason: string;
    };
    for (const [connection, { topics }] of [...this.#places]) {
      if (topics.size > 0) connection.close(farewell());
    }
    this.#cutOff = this.#parts.clock.setTimer(this.#sendAway, this.#leaseMs);
  };

  /** What others see of a connection, beside its address: what `member` answers. */
  #show({ handle }: ServerConnection): Record<string, unknown> | undefined {
    if (this.#member === undefined) return undefined;
    let why: string;
    let cause: unknown;
    try {
      const shown = this.#member(handle as WebSocketConnection);
      if (shown === undefined) return undefined;
      const isPromise = shown instanceof Promise;
      if (isPromise) shown.catch(() => {}); // nobody waits for it
      const text = isPromise ? "" : JSON.stringify(shown) ?? "";
      if (text.startsWith("{") && text.length <= MAX_MEMBER) return JSON.parse(text);
      why = text.startsWith("{")
        ? `has ${text.length} characters of JSON, and may have ${MAX_MEMBER}`
        : `must be an object that can be JSON: current value is ${describe(shown)}`;
    } catch (error) {
      why = `failed: ${describe(error)}`;
      cause = error;
    }
    const what = `'member' of 'presence' ${why}`;
    this.#parts.listeners.fault(businessError("hookFailed", what, { cause }));
    return undefined;
  }
}

function limitsOf({ maxMessages, maxBytes, maxAge }: HistoryOptions): HistoryLimits {
  return {
    messages: maxMessages ?? 1000,
    bytes: maxBytes ?? 16 * 1024 * 1024,
    age: (maxAge ?? 300) * 1000,
  };
}

const NOBODY: Except = new Set();

function toPublic({ node, clientIP, member }: Member): ClusterMember {
  return member === undefined ? { node, clientIP } : { node, clientIP, context: member };
}

/**
 * A server's runtime, with clients that can resume: what is sent to those begins with a line that says
 * where it stands. The rest of the server sees ordinary connections. Loaded only where there is a
 * history. Not part of the public API.
 */

import type { WebSocketData } from "../client/types.ts";
import type { Joined, Resume } from "../cluster/resume.ts";
import type { BusinessError } from "../errors.ts";
import type { Clock } from "../internal/clock.ts";
import { frame, MAX_HEADER, MAX_LIST, resumable } from "../internal/resume_frame.ts";
import type { Traffic } from "../internal/stats.ts";
import { cannotAcknowledge } from "../internal/unacknowledged.ts";
import type {
  Acceptor,
  ListenerEvents,
  RequestResult,
  ServerRuntime,
  TcpListener,
} from "../runtime/contract.ts";
import { ServerConnection } from "./connection.ts";
import { Peer, PlainPeer, withHeaders } from "./resuming_peers.ts";
import { Sessions } from "./sessions.ts";

/** All clients of a server that can resume. */
export class Resuming {
  readonly resume: Resume;
  readonly clock: Clock;
  /** Whose messages were acknowledged. */
  readonly sessions: Sessions;
  readonly #peers = new Map<ServerConnection, Peer>();
  /** Those that are to say where they were. */
  readonly #waiting = new Set<Peer>();
  /** What is being sent, and its header. */
  #header = "";
  #data: WebSocketData | undefined;
  #framed: WebSocketData | undefined;
  /** The only one whom that header is for, where it is not for all. */
  #only: Peer | undefined;

  /** @param maxAge How long it is known of a client that is away what it has sent, in ms. */
  constructor(resume: Resume, clock: Clock, maxAge: number) {
    this.resume = resume;
    this.clock = clock;
    this.sessions = new Sessions(maxAge, clock);
  }

  /** The runtime as a server with such clients needs it. */
  runtime(runtime: ServerRuntime): ServerRuntime {
    return {
      name: runtime.name,
      canPing: runtime.canPing,
      checksPayload: false, // it cannot know how long a header is
      opensAtOnce: false, // one that resumes says first where it was
      tellsDrain: runtime.tellsDrain === true,
      unsupported: (wishes) => runtime.unsupported?.(wishes),
      fault: (error) => runtime.fault(error),
      listen: (options, events) => {
        const more = { maxPayload: roomFor(options.maxPayload) };
        const listener = runtime.listen({ ...options, ...more }, {
          failed: (cause) => events.failed(cause),
          lost: (cause) => events.lost(cause),
          request: this.#deciding(events),
        });
        const { address } = listener;
        return {
          address,
          retire: () => listener.retire?.(),
          close: (ms) => listener.close(ms),
          ...this.#publishing(listener),
        };
      },
      mount: (options, events) => {
        const more = { maxPayload: roomFor(options.maxPayload) };
        const acceptor = runtime.mount({ ...options, ...more }, {
          hostFault: (why, cause) => events.hostFault(why, cause),
          request: this.#deciding(events),
        });
        return {
          accept: (request, info) => acceptor.accept(request, info),
          get websocket() {
            return acceptor.websocket;
          },
          websocketWith: (other) => acceptor.websocketWith(other),
          close: (ms) => acceptor.close(ms),
          ...this.#publishing(acceptor),
        };
      },
    };
  }

  /**
   * Sends what is published, with its place as the header; or a message to one client alone, with a
   * header of its own.
   */
  at<T>(header: string, data: WebSocketData, send: () => T, only?: Peer): T {
    const outer = [this.#header, this.#data, this.#framed, this.#only] as const;
    [this.#header, this.#data, this.#framed, this.#only] = [header, data, undefined, only];
    try {
      return send();
    } finally {
      [this.#header, this.#data, this.#framed, this.#only] = outer;
    }
  }

  /** A message with its header, which is the empty one unless `at` has another. */
  framed(data: WebSocketData, peer?: Peer): WebSocketData {
    // An observer that is told of it may send the same text, to others or to the same one.
    const isOther = data !== this.#data || (this.#only !== undefined && this.#only !== peer);
    if (isOther) return frame("", data);
    if (this.#only !== undefined) this.#data = undefined; // it is sent once
    return this.#framed ??= frame(this.#header, data);
  }

  /** Sends a message that the client is to acknowledge. */
  acknowledge(
    connection: ServerConnection,
    data: WebSocketData,
  ): Promise<boolean> | BusinessError {
    return this.#peers.get(connection)?.acknowledge(data) ??
      cannotAcknowledge(`the client cannot resume, as that of ${connection.handle}`);
  }

  /** What waits to be acknowledged, of all clients. */
  get unacknowledged(): Traffic {
    const all = { messages: 0, bytes: 0 };
    this.#peers.forEach(({ unacknowledged: { size, bytes } }) => {
      all.messages += size;
      all.bytes += bytes;
    });
    return all;
  }

  /** What `join` does beyond `enter`; nothing where the client cannot resume. */
  join(
    connection: ServerConnection,
    topic: string,
    enter: () => void,
  ): Joined | Promise<Joined> | undefined {
    const peer = this.#peers.get(connection);
    return peer && this.resume.join(peer, topic, enter);
  }

  leave(connection: ServerConnection, topic: string): void {
    const peer = this.#peers.get(connection);
    if (peer !== undefined) this.resume.leave(peer, topic);
  }

  /** A connection closes. */
  remove(connection: ServerConnection): void {
    const peer = this.#peers.get(connection);
    if (peer === undefined) return;
    this.#peers.delete(connection);
    this.resume.remove(peer);
    peer.left();
  }

  /** The server stops: nobody is waited for any more. */
  depart(): void {
    for (const peer of [...this.#waiting]) peer.enter();
  }

  /** A client is greeted: from now on it is told where the log stands. */
  waits(peer: Peer): void {
    this.#waiting.add(peer);
    this.resume.add(peer);
  }

  /** A client has said where it was, or nobody waits for that. */
  enters(peer: Peer, connection: ServerConnection): void {
    this.#waiting.delete(peer);
    this.#peers.set(connection, peer);
  }

  /** A client has left before that. */
  gone(peer: Peer): void {
    if (this.#waiting.delete(peer)) this.resume.remove(peer);
  }

  #deciding(events: ListenerEvents): ListenerEvents["request"] {
    return (request, address) => {
      const offered = request.headers.get("sec-websocket-protocol") ?? "";
      const result = events.request(request, address);
      return result instanceof Promise
        ? result.then((result) => this.#decided(result, offered))
        : this.#decided(result, offered);
    };
  }

  #decided(result: RequestResult, offered: string): RequestResult {
    if (!(result instanceof ServerConnection)) return result;
    const protocol = resumable(result.protocol);
    const resumes = offered.split(",").some((name) => name.trim() === protocol);
    return resumes ? new Peer(this, result, protocol) : new PlainPeer(this, result);
  }

  #publishing(to: TcpListener | Acceptor): Pick<TcpListener, "publish"> {
    if (to.publish === undefined) return {};
    return {
      publish: (topic, data) => {
        to.publish!(topic, data);
        to.publish!(withHeaders(topic), this.framed(data));
      },
    };
  }
}

/** The largest message that the runtime must let in. */
function roomFor(maxPayload: number): number {
  return Math.max(maxPayload, 3 * MAX_LIST.characters) + MAX_HEADER;
}

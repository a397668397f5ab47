/**
 * A server's runtime, with clients that can resume: what is sent to those begins with a line that says
 * where it stands. The rest of the server sees ordinary connections. Loaded only where there is a
 * history. Not part of the public API.
 */

import type { WebSocketData } from "../client/types.ts";
import type { Joined, Resume, ResumingPeer } from "../cluster/resume.ts";
import type { Clock } from "../internal/clock.ts";
import { type Incoming, mostBytes } from "../internal/payload.ts";
import {
  control,
  frame,
  MAX_HEADER,
  MAX_LIST,
  type Place,
  readHello,
  resumable,
  unframe,
} from "../internal/resume_frame.ts";
import type {
  Acceptor,
  Admission,
  End,
  ListenerEvents,
  RequestResult,
  ServerRuntime,
  Socket,
  TcpListener,
} from "../runtime/contract.ts";
import { ServerConnection } from "./connection.ts";

/** How long a client may take to say where it was, in ms. */
const HELLO_MS = 10_000;

/** What the runtime's topic of those with headers is called. */
const withHeaders = (topic: string) => `${topic} with headers`;

/** What a client that breaks the rules is told. */
const PROTOCOL_ERROR = { code: 1002, reason: "no header" } as const;

/** All clients of a server that can resume. */
export class Resuming {
  readonly resume: Resume;
  readonly clock: Clock;
  readonly #peers = new Map<ServerConnection, Peer>();
  /** Those that are to say where they were. */
  readonly #waiting = new Set<Peer>();
  /** What is being sent, and its place. */
  #place = "";
  #data: WebSocketData | undefined;
  #framed: WebSocketData | undefined;

  constructor(resume: Resume, clock: Clock) {
    this.resume = resume;
    this.clock = clock;
  }

  /** The runtime as a server with such clients needs it. */
  runtime(runtime: ServerRuntime): ServerRuntime {
    return {
      name: runtime.name,
      canPing: runtime.canPing,
      checksPayload: false, // it cannot know how long a header is
      tellsDrain: runtime.tellsDrain === true,
      unsupported: (wishes) => runtime.unsupported?.(wishes),
      fault: (error) => runtime.fault(error),
      listen: (options, events) => {
        const more = { maxPayload: roomFor(options.maxPayload) };
        const listener = runtime.listen({ ...options, ...more }, {
          failed: (cause) => events.failed(cause),
          request: this.#deciding(events),
        });
        const { address } = listener;
        return { address, close: (ms) => listener.close(ms), ...this.#publishing(listener) };
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

  /** Sends what is published; its place goes with it. */
  at<T>(place: string, data: WebSocketData, send: () => T): T {
    this.#place = place;
    this.#data = data;
    this.#framed = undefined;
    try {
      return send();
    } finally {
      this.#data = undefined;
    }
  }

  /** A message with its header: that of its place, or the empty one. */
  framed(data: WebSocketData): WebSocketData {
    if (data !== this.#data) return frame("", data);
    return this.#framed ??= frame(this.#place, data);
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
  }

  /** The server stops: nobody is waited for any more. */
  depart(): void {
    for (const peer of [...this.#waiting]) peer.enter();
  }

  waits(peer: Peer): void {
    this.#waiting.add(peer);
  }

  /** A client has said where it was, or nobody waits for that. */
  enters(peer: Peer, connection: ServerConnection): void {
    this.#waiting.delete(peer);
    this.#peers.set(connection, peer);
    this.resume.add(peer);
  }

  /** A client has left before that. */
  gone(peer: Peer): void {
    this.#waiting.delete(peer);
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

/** A client that cannot resume. */
class PlainPeer implements Admission {
  readonly protocol: string;
  readonly #connection: ServerConnection;
  readonly #owner: Resuming;

  constructor(owner: Resuming, connection: ServerConnection) {
    this.#owner = owner;
    this.#connection = connection;
    this.protocol = connection.protocol;
  }

  get headers(): Headers | undefined {
    return this.#connection.headers;
  }

  open(socket: Socket): void {
    this.#connection.open(wrap(socket, {
      send: (data) => socket.send(data),
      publish: (topic, data) => publishTo(socket, this.#owner, topic, data),
    }));
  }

  message(data: Incoming): void {
    this.#connection.message(data);
  }

  alive(): void {
    this.#connection.alive();
  }

  drained(): void {
    this.#connection.drained();
  }

  closed(end: End): void {
    this.#connection.closed(end);
  }
}

/** A client that can resume. */
class Peer implements Admission, ResumingPeer {
  readonly protocol: string;
  since: Map<string, Place> = new Map();
  epoch: string | undefined;
  readonly #connection: ServerConnection;
  readonly #owner: Resuming;
  #socket: Socket | undefined;
  #isIn = false;
  #timer: unknown;

  constructor(owner: Resuming, connection: ServerConnection, protocol: string) {
    this.#owner = owner;
    this.#connection = connection;
    this.protocol = protocol;
  }

  get headers(): Headers | undefined {
    return this.#connection.headers;
  }

  open(socket: Socket): void {
    const { clock, resume } = this.#owner;
    this.#connection.host.opening.delete(this.#connection);
    this.#socket = socket;
    socket.send(control(resume.hello));
    this.#owner.waits(this);
    this.#timer = clock.setTimer(() => this.#refuse(), HELLO_MS);
  }

  message(data: Incoming): void {
    if (this.#socket === undefined) return;
    if (!this.#isIn) {
      const hello = readHello(data);
      if (hello === undefined) return this.#refuse();
      this.epoch = hello.epoch;
      this.since = hello.at;
      return this.enter();
    }
    const message = unframe(data);
    if (message?.header === "") return this.#connection.message(message.data);
    if (this.#connection.state === "open") this.#connection.close(PROTOCOL_ERROR);
  }

  alive(): void {
    this.#connection.alive();
  }

  drained(): void {
    this.#connection.drained();
  }

  closed(end: End): void {
    this.#owner.clock.clearTimer(this.#timer);
    this.#owner.gone(this);
    this.#socket = undefined;
    this.#connection.closed(end);
  }

  /** Lets the server know of it. */
  enter(): void {
    const socket = this.#socket!;
    this.#owner.clock.clearTimer(this.#timer);
    this.#isIn = true;
    this.#owner.enters(this, this.#connection);
    this.#connection.open(wrap(socket, {
      send: (data) => socket.send(this.#owner.framed(data)),
      subscribe: (topic) => socket.subscribe!(withHeaders(topic)),
      unsubscribe: (topic) => socket.unsubscribe!(withHeaders(topic)),
      publish: (topic, data) => publishTo(socket, this.#owner, topic, data),
    }));
  }

  tell(message: object): void {
    this.#socket?.send(control(message));
  }

  send(place: string, data: string | Uint8Array<ArrayBuffer>): void {
    this.#owner.at(place, data, () => this.#connection.send(data, mostBytes(data)));
  }

  hasRoomFor(bytes: number): boolean {
    return this.#connection.hasRoomFor(bytes);
  }

  /** It offered to say where it was, and says something else, or nothing. */
  #refuse(): void {
    this.#socket?.terminate();
    this.closed({ code: 1002, reason: "" });
  }
}

function publishTo(socket: Socket, owner: Resuming, topic: string, data: WebSocketData): void {
  socket.publish!(topic, data);
  socket.publish!(withHeaders(topic), owner.framed(data));
}

/** A socket with some of its functions replaced; what the runtime does not have stays away. */
function wrap(socket: Socket, own: Pick<Socket, "send"> & Partial<Socket>): Socket {
  const { subscribe, publish, pause, resume } = socket;
  return {
    get bufferedAmount() {
      return socket.bufferedAmount;
    },
    send: own.send,
    ping: () => socket.ping(),
    close: (code, reason) => socket.close(code, reason),
    terminate: () => socket.terminate(),
    ...(pause && { pause: () => socket.pause!() }),
    ...(resume && { resume: () => socket.resume!() }),
    ...(subscribe && {
      subscribe: own.subscribe ?? ((topic: string) => socket.subscribe!(topic)),
      unsubscribe: own.unsubscribe ?? ((topic: string) => socket.unsubscribe!(topic)),
    }),
    ...(publish && { publish: own.publish! }),
  };
}

/** The clients of a server that has a history. Not part of the public API. */

import type { WebSocketData } from "../client/types.ts";
import type { ResumingPeer } from "../cluster/resume.ts";
import { type BusinessError, businessError } from "../errors.ts";
import { NO_HEADER } from "../internal/close_codes.ts";
import { byteLength, DEFAULT_MAX_PAYLOAD, type Incoming, mostBytes } from "../internal/payload.ts";
import type { Refused } from "../internal/receipt.ts";
import {
  control,
  type Place,
  readHello,
  readNumber,
  readObject,
  unframe,
} from "../internal/resume_frame.ts";
import { errorOf, Unacknowledged, unacknowledged } from "../internal/unacknowledged.ts";
import type { Admission, ControlEvents, End, Socket } from "../runtime/contract.ts";
import type { ServerConnection } from "./connection.ts";
import type { Resuming } from "./resuming.ts";
import { readIntroduction, Session, type SessionPeer } from "./sessions.ts";

/** How long a client may take to say where it was, in ms. */
const HELLO_MS = 10_000;

/** After how many bytes of the module's own it is looked at whether they are taken. */
const LOOK_BYTES = 16 * 1024;

/**
 * How many bytes of the module's own may be queued beyond `maxBufferedAmount` where `slowPeer` is 'refuse', which
 * refuses none of them: about as many answers as a client can ask for before it hears any.
 */
const OWN_ROOM = 1024 * 1024;

/** What the runtime's topic of those with headers is called. */
export const withHeaders = (topic: string): string => `${topic} with headers`;

/** A client that cannot resume. */
export class PlainPeer implements Admission {
  readonly protocol: string;
  readonly offers: boolean;
  readonly #connection: ServerConnection;
  readonly #owner: Resuming;

  constructor(owner: Resuming, connection: ServerConnection) {
    this.#owner = owner;
    this.#connection = connection;
    this.protocol = connection.protocol;
    this.offers = connection.offers;
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
export class Peer implements Admission, ResumingPeer, SessionPeer {
  readonly protocol: string;
  readonly offers = true;
  since: Map<string, Place> = new Map();
  epoch: string | undefined;
  readonly #connection: ServerConnection;
  readonly #owner: Resuming;
  #socket: Socket | undefined;
  #isIn = false;
  #timer: unknown;
  /** What the client is to acknowledge. */
  readonly unacknowledged: Unacknowledged = new Unacknowledged();
  /** What is known of the messages that it wants to have acknowledged. */
  #session: Session | undefined;
  /** What the client calls that. */
  #id = "";
  /** How many bytes of the module's own it was told since it was looked last, at the most. */
  #told = 0;

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
    const { host, state } = this.#connection;
    if (state !== "admitted") return socket.terminate(); // it opened too late
    host.opening.delete(this.#connection);
    this.#socket = socket;
    const { maxPayload } = host;
    const max = maxPayload === DEFAULT_MAX_PAYLOAD ? undefined : maxPayload;
    socket.send(control({ ...resume.hello, max }));
    this.#owner.waits(this);
    if (!host.admits()) return this.enter(); // it is told that the server stops
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
    if (this.#connection.state !== "open") return;
    if (message === undefined || !this.#read(message)) this.#connection.close(NO_HEADER);
  }

  /** Reads a message that has a header. Returns whether it is one. */
  #read({ header, data }: { header: string; data: Incoming }): boolean {
    const number = readNumber(header);
    if (number !== undefined) {
      const receipt = (this.#session ??= this.#anonymous()).take(number);
      if (receipt === undefined) this.alive();
      else this.#connection.receive(data, receipt);
      return true;
    }
    const told = readObject(header);
    if (told === undefined) return false;
    this.alive();
    if (told.ack !== undefined) {
      this.unacknowledged.settle(told.ack as number, errorOf(told.refused));
    } else if (told.session !== undefined) {
      const introduction = readIntroduction(told);
      if (introduction === undefined || this.#session !== undefined) return false;
      this.#id = introduction.id;
      this.#session = this.#owner.sessions.enter(this, introduction);
    }
    return true;
  }

  /** What is known of a client that does not say who it is lasts as long as its connection. */
  #anonymous(): Session {
    const session = new Session();
    session.peer = this;
    return session;
  }

  /** Tells the client what has become of a message. */
  answer(number: number, refused: Refused | undefined): void {
    this.tell({ ack: number, refused });
  }

  /** Sends a message that the client is to acknowledge. */
  acknowledge(data: WebSocketData): Promise<boolean> | BusinessError {
    const { maxBufferedAmount } = this.#connection.host;
    const bytes = byteLength(data);
    if (this.unacknowledged.isFull(bytes, maxBufferedAmount)) {
      const { size, bytes } = this.unacknowledged;
      const what = `send: 'maxBufferedAmount' is ${maxBufferedAmount}, and ${bytes} bytes in ` +
        `${size} messages wait to be acknowledged by ${this.#connection.handle}`;
      return businessError("queueFull", what);
    }
    const { number, answer } = this.unacknowledged.add(bytes);
    const send = () => this.#connection.send(data, mostBytes(data));
    this.#owner.at(`#${number}`, data, send, this);
    return answer;
  }

  /** The connection closes. */
  left(): void {
    if (this.#session !== undefined) this.#owner.sessions.leave(this, this.#session, this.#id);
    this.unacknowledged.end(() => unacknowledged("the connection is over"));
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
      send: (data) => socket.send(this.#owner.framed(data, this)),
      subscribe: (topic) => socket.subscribe!(withHeaders(topic)),
      unsubscribe: (topic) => socket.unsubscribe!(withHeaders(topic)),
      publish: (topic, data) => publishTo(socket, this.#owner, topic, data),
    }));
  }

  tell(message: object): void {
    const text = control(message);
    this.#socket?.send(text);
    this.#told += mostBytes(text);
    if (this.#told < LOOK_BYTES) return;
    this.#told = 0;
    this.#connection.dropIfTooSlow(OWN_ROOM);
  }

  send(place: string, data: string | Uint8Array<ArrayBuffer>): void {
    if (this.#connection.state !== "open") return; // an observer of the message before has closed it
    this.#owner.at(place, data, () => this.#connection.send(data, mostBytes(data)), this);
  }

  hasRoomFor(bytes: number): boolean {
    return this.#connection.hasRoomFor(bytes);
  }

  /** It offered to say where it was, and says something else, or nothing. */
  #refuse(): void {
    this.#socket?.terminate();
    this.closed({ ...NO_HEADER });
  }
}

function publishTo(socket: Socket, owner: Resuming, topic: string, data: WebSocketData): void {
  socket.publish!(topic, data);
  socket.publish!(withHeaders(topic), owner.framed(data));
}

/** A socket with some of its functions replaced; what the runtime does not have stays away. */
function wrap(
  socket: Socket,
  own: Required<Pick<Socket, "send" | "publish">> & Partial<Socket>,
): Socket {
  const { giveControls, subscribe, pause, resume } = socket;
  return {
    get bufferedAmount() {
      return socket.bufferedAmount;
    },
    send: own.send,
    publish: own.publish, // which is asked for only where the runtime has one
    ping: () => socket.ping(),
    close: (code, reason) => socket.close(code, reason),
    terminate: () => socket.terminate(),
    ...(pause && { pause: () => socket.pause!() }),
    ...(resume && { resume: () => socket.resume!() }),
    ...(giveControls && {
      control: (what: "ping" | "pong", data: Uint8Array) => socket.control!(what, data),
      giveControls: (to: ControlEvents) => socket.giveControls!(to),
    }),
    ...(subscribe && {
      subscribe: own.subscribe ?? ((topic: string) => socket.subscribe!(topic)),
      unsubscribe: own.unsubscribe ?? ((topic: string) => socket.unsubscribe!(topic)),
    }),
  };
}

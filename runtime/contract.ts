/**
 * What a runtime must provide: two contracts, one for clients and one for servers.
 *
 * This file has only types. The rest of the module knows a runtime by these alone;
 * `runtime/select_client.ts` and `runtime/select_server.ts` choose the one that the program runs on.
 */

import type {
  ProxyConfiguration,
  ResponseHeaders,
  TextOrBytes,
  WebSocketData,
} from "../client/types.ts";
import type { HostWebSocketHandler } from "../server/types.ts";
import type { Identity } from "./pem.ts";

/** One open connection, as either side holds it. No method throws in any state. */
export interface Socket {
  /** Bytes that were sent and that the system has not taken yet; 0 when the connection has ended. */
  readonly bufferedAmount: number;
  /** Sends one message. Ignored unless open. */
  send(data: WebSocketData): void;
  /** Sends a Ping frame. Ignored unless open, and while it cannot be written. */
  ping(): void;
  /**
   * Starts the closing handshake; `closed` follows if the peer answers. A client's 1005 sends a Close
   * frame with no code, as `End` has one.
   */
  close(code: number, reason: string): void;
  /** Stops reading, where the runtime can. TCP then holds the peer back. */
  pause?: (() => void) | undefined;
  /** Reads on. */
  resume?(): void;
  /** Adds the connection to a topic of `TcpListener.publish`, where the runtime has topics. */
  subscribe?(topic: string): void;
  /** Removes the connection from a topic. */
  unsubscribe?(topic: string): void;
  /** Sends one message to all others in a topic. */
  publish?(topic: string, data: WebSocketData): void;
  /**
   * Gives bytes that come in to this from now on, and not to `message`: as Node's Buffers, each the whole of its
   * memory. With nothing they go to `message` again. Where the runtime makes Buffers for less than ArrayBuffers.
   */
  giveBuffers?(to: BufferEvents | undefined): void;
  /** Tells this of Pings and Pongs that come in from now on, where the runtime shows what is in them. */
  giveControls?(to: ControlEvents): void;
  /** Sends a Ping or a Pong with data, where the runtime can. Ignored unless open. */
  control?(what: "ping" | "pong", data: Uint8Array): void;
  /** Drops the connection at once, whatever is queued. `closed` may follow, or never come. */
  terminate(): void;
}

/** What takes bytes as Node's Buffers. */
export interface BufferEvents {
  /** A message of bytes came in. */
  buffer(data: Uint8Array<ArrayBuffer>): void;
}

/** What hears of the frames that are no messages. */
export interface ControlEvents {
  /** A Ping came in, which the runtime has answered; or a Pong, whatever it answers. */
  control(what: "ping" | "pong", data: Uint8Array<ArrayBuffer> | ArrayBuffer): void;
}

/** What a socket tells its owner. After `closed` it tells nothing more. */
export interface SocketEvents {
  /**
   * A message came in: text, or bytes that nobody else has: in an ArrayBuffer, or in a Uint8Array that is the
   * whole of its buffer, where that was asked for.
   */
  message(data: TextOrBytes | ArrayBuffer): void;
  /** A Pong came in. May be told before a message, too. */
  alive(): void;
  /** The connection has ended, in whatever way. Called once. */
  closed(end: End): void;
}

/** How a connection ended. */
export interface End {
  /**
   * The code of the peer's Close frame, 1005 where it has none. A code that no frame can have: no
   * frame came.
   */
  code: number;
  /** The reason of the peer's Close frame. */
  reason: string;
  /** Bytes that were still queued and are lost, as far as the runtime knows. */
  unsent?: number;
  /** What the runtime said went wrong, if it did. */
  failure?: Failure;
  /** The runtime closed with 1009 by itself, as a message was over `maxPayload`. */
  tooBig?: boolean;
}

/** Why a connection failed, in words that are the same on every runtime. */
export interface Failure {
  /** A short phrase: "connection refused". */
  what: string;
  /** The HTTP status of a refused handshake, "0" where there is none or the runtime hides it. */
  status: string;
  /** The error of the runtime itself. */
  cause?: unknown;
}

/** What to dial. */
export interface DialRequest {
  /** A URL whose scheme is `ws` or `wss`. */
  url: string;
  /** Names in lower case. */
  headers: Record<string, string>;
  /** Subprotocols to offer. */
  protocols: string[];
  /** How to do TLS, for `wss`. */
  tls: ClientTls;
  /** Which proxy to go through. */
  proxy: ProxyConfiguration;
  /** Whether to offer compression. */
  compression?: boolean | undefined;
  /** As what bytes are to come: "arraybuffer" where it is left out. */
  binaryType?: "arraybuffer" | "uint8array" | undefined;
  /** Who hears what the server answers. */
  answer?: AnswerEvents | undefined;
}

/** Who hears what a server has answered to a handshake. */
export interface AnswerEvents {
  /** Whether anybody listens. */
  readonly isWanted: boolean;
  /** The headers of the answer, where the runtime shows them and they are wanted: right before `open`. */
  headers(headers: ResponseHeaders): void;
}

/** How the user wants TLS to be done. */
export interface ClientTls {
  /** The certificate authorities to trust, PEM. */
  ca?: string;
  /** The client's own certificate. */
  identity?: Identity;
  /** Whether to take any certificate. */
  insecure: boolean;
  /** The oldest version to accept, as a `TlsProtocol`. */
  minVersion: number;
}

/** A client's connection. */
export interface ClientSocket extends Socket {
  /** The subprotocol the server chose, "" for none. */
  readonly protocol: string;
  /** The extensions the server chose, "" for none. */
  readonly extensions: string;
  /** Whether the server has said Close and the end is still to be told, where that takes time. */
  readonly isEnding?: boolean;
}

/** What a client's connection tells its owner. */
export interface ClientEvents extends SocketEvents {
  /** The handshake is done. */
  open(): void;
}

/** What a runtime must provide for clients. */
export interface ClientRuntime {
  /** For messages: "Deno 2.9.6". */
  readonly name: string;
  /** Whether it can send Ping frames. */
  readonly canPing: boolean;
  /** Whether it shows the headers of a server's answer. */
  readonly showsHeaders?: boolean | undefined;
  /** The reason why the program may not connect to a URL, if it may not. May ask the user. */
  denied(url: string): unknown;
  /** The option of a request that this runtime cannot honour, and why, if there is one. */
  unsupported(request: DialRequest): { option: string; why: string } | undefined;
  /**
   * Tells whenever the network may be there again, where the runtime knows: a page is online again, or
   * shown again. Returns what ends that.
   */
  woken?(wake: () => void): () => void;
  /**
   * Starts a connection; throws what the runtime throws for a URL it cannot take. The end may be told before this
   * returns, and nothing else.
   */
  dial(request: DialRequest, events: ClientEvents): ClientSocket;
}

/** An address of one end of a connection. */
export interface Address {
  /** A literal IPv4 or IPv6 address, the latter with no brackets. */
  hostname: string;
  /** A TCP port. */
  port: number;
  /** The path of a Unix socket; the host name is "unix" then. */
  path?: string;
}

/** A client that is accepted: its connection, before and after it is open. */
export interface Admission extends SocketEvents {
  /** The subprotocol to answer with, "" for none. */
  readonly protocol: string;
  /** Whether the client has offered any; its request says so where this is left out. */
  readonly offers?: boolean | undefined;
  /** More headers of the 101. */
  readonly headers?: Headers | undefined;
  /** The queue has got shorter, where the runtime hears of that. */
  drained?(): void;
  /**
   * The handshake is done, and messages can be sent. Where the handshake failed only `closed` is
   * called.
   */
  open(socket: Socket): void;
}

/** The result of a request: the client is accepted, or gets a response. */
export type RequestResult = Admission | Response;

/** What a `TcpListener` asks its owner. */
export interface ListenerEvents {
  /** Decides on a request. Must neither throw nor reject. */
  request(request: Request, peer: Address): RequestResult | Promise<RequestResult>;
}

/** What the owner of a port is asked and told. */
export interface PortEvents extends ListenerEvents {
  /** An answer could not be sent, or not to its end, for a fault of its own. Must not throw. */
  failed(cause: unknown): void;
  /** The port is not listened on, as it could take no connection, or cannot be again. Must not throw. */
  lost(cause: unknown): void;
}

/** What the connections of a server have in common, whoever owns the port. */
export interface AcceptOptions {
  /** The largest message a peer may send, in bytes. */
  maxPayload: number;
  /** Seconds of silence after which a peer is dead, for a runtime that cannot send Pings for us. */
  deadAfter: number;
  /** Whether to compress messages for the clients that can. */
  compression?: boolean | undefined;
  /** As what bytes are to come: "arraybuffer" where it is left out. */
  binaryType?: "arraybuffer" | "uint8array" | undefined;
}

/** Where and how to listen. */
export interface ListenOptions extends AcceptOptions {
  /** The address to listen on. */
  hostname: string;
  /** The port to listen on; 0 takes a free one. */
  port: number;
  /** The path of a Unix socket to listen on, instead of an address and a port. */
  path?: string | undefined;
  /** Whether other processes may listen on the port, too. */
  reusePort?: boolean | undefined;
  /** The server's certificate, for `wss`. */
  identity: Identity | undefined;
}

/** How to accept connections at a port of a host's, beside others of its own. */
export interface MountOptions extends AcceptOptions {
  /** Bytes that may be queued to one peer. */
  maxBufferedAmount: number;
  /** Seconds between two Pings. */
  pingInterval: number;
}

/** What an acceptor asks its owner. */
export interface AcceptorEvents extends ListenerEvents {
  /**
   * The host was set up wrongly: the request is answered 500, and whoever set it up should hear
   * why.
   */
  hostFault(why: string, cause?: unknown): void;
}

/**
 * Turns requests into connections where the port is a host's: all of `listen` but the listening.
 * Neither `accept` nor `close` throws.
 */
export interface Acceptor {
  /** Answers a request; `info` is what the host hands its handler beside it. */
  accept(request: Request, info: unknown): Response | Promise<Response>;
  /** What the host must be given to tell of the connections, where it has one handler for all. */
  readonly websocket: HostWebSocketHandler;
  /**
   * One for these and for another stack's connections; throws a BusinessError where what the other
   * wants of all connections cannot be had together with these.
   */
  websocketWith(other: object): HostWebSocketHandler;
  /** Sends one message to all connections in a topic, in order with other messages. Optional. */
  publish?(topic: string, data: WebSocketData): void;
  /** Lets go. Connections must be gone by then; never takes longer than `ms`. */
  close(ms: number): Promise<void>;
}

/** A port being listened on. */
export interface TcpListener {
  /** Where it listens. */
  readonly address: Address;
  /** Sends one message to all connections in a topic, in order with other messages. Optional. */
  publish?(topic: string, data: WebSocketData): void;
  /**
   * Leaves new connections to others that share the port, where there may be any and the runtime can do that;
   * those that are there stay. `close` follows.
   */
  retire?(): void;
  /**
   * Stops listening. Connections must be gone by then; answers under way may take so many ms, and are cut
   * off then: their streams are cancelled.
   */
  close(ms: number): Promise<void>;
}

/** What not every runtime can do. */
export type ServerWishes = Pick<ListenOptions, "reusePort" | "compression">;

/** Why a port cannot be listened on. */
export type ListenFault = "denied" | "occupied" | "notPermitted" | "notHere" | "other";

/** What a runtime must provide for servers. */
export interface ServerRuntime {
  /** For messages: "Deno 2.9.6". */
  readonly name: string;
  /** Whether it can send Ping frames. Where it cannot, it finds dead peers by `deadAfter`. */
  readonly canPing: boolean;
  /** Whether it refuses messages over `maxPayload` by itself, so that none comes in. */
  readonly checksPayload: boolean;
  /** Whether a client that is let in is open, or gone, before anything else happens. */
  readonly opensAtOnce?: boolean;
  /** Whether `drained` is told whenever a queue has got shorter; where not, it is looked at. */
  readonly tellsDrain?: boolean;
  /** The option of `start` that cannot be had here, and why, if there is one. */
  unsupported?(options: ServerWishes): { option: string; why: string } | undefined;
  /** Starts listening; throws what the runtime throws. */
  listen(options: ListenOptions, events: PortEvents): TcpListener;
  /** Gets ready to accept connections at a port of a host's; throws where there are no servers. */
  mount(options: MountOptions, events: AcceptorEvents): Acceptor;
  /** Sorts what `listen` threw. */
  fault(error: unknown): ListenFault;
}

/**
 * The options, results and listener types, under the names of the OpenHarmony reference.
 *
 * @module
 */

import type { AsyncCallback, Callback, ErrorCallback } from "./errors.ts";
import type { Clock, HeartbeatOptions } from "./heartbeat.ts";

/** What can be sent: text, or bytes in an ArrayBuffer or a view of one such as a Uint8Array. */
export type WebSocketData = string | ArrayBuffer | ArrayBufferView;

/** What `createWebSocket` takes. */
export interface WebSocketClientOptions {
  /**
   * The largest message to send or receive, in bytes, an integer above 0. One more byte to send is
   * refused with 401; one more received closes the connection with 1009.
   *
   * @default {5242864}
   */
  maxPayload?: number;
  /** Where time comes from; a fake one in tests. The system's where it is left out. */
  clock?: Clock;
}

/** What `connect` takes beside the URL. */
export interface WebSocketRequestOptions extends HeartbeatOptions {
  /**
   * Headers of the handshake. Names are lower-cased, of two that are the same the later wins, and
   * values that are not text are dropped. `host`, `connection`, `upgrade` and `sec-websocket-*` are
   * the protocol's own and refused; `sec-websocket-protocol` is taken as `protocol`.
   */
  header?: object;
  /** The subprotocol to ask for, or several, separated by commas. */
  protocol?: string;
  /** Path of a PEM file of the certificate authorities to trust. */
  caPath?: string;
  /** The client's own certificate. */
  clientCert?: ClientCert;
  /**
   * Whether to take any certificate of the server's.
   *
   * @default {false}
   */
  skipServerCertVerification?: boolean;
  /** The oldest version of TLS to accept. */
  minSupportTlsProtocol?: TlsProtocol;
  /**
   * The HTTP proxy to go through.
   *
   * @default {"system"}
   */
  proxy?: ProxyConfiguration;
  /**
   * Seconds until the connection must be open, above 0 and at most 2,147,483.
   *
   * @default {20}
   */
  connectTimeout?: number;
  /** Closes the connection when it aborts, as `close()` would. */
  signal?: AbortSignal;
}

/** A client's certificate and its private key. */
export interface ClientCert {
  /** Path of the certificate, PEM. */
  certPath: string;
  /** Path of the private key, PEM. */
  keyPath: string;
  /** The passphrase of the private key, if it has one. */
  keyPassword?: string;
}

/** A server's certificate and its private key. */
export interface ServerCert {
  /** Path of the certificate, PEM. */
  certPath: string;
  /** Path of the private key, PEM. */
  keyPath: string;
}

/** Which proxy to use: the environment's, none, or this one. */
export type ProxyConfiguration = "system" | "no-proxy" | HttpProxy;

/** An HTTP proxy. */
export interface HttpProxy {
  /** Its host name. */
  host: string;
  /** Its port. */
  port: number;
  /** The user to name to it. */
  username?: string;
  /** The user's password. */
  password?: string;
  /** Host names to reach without it. */
  exclusionList?: string[];
}

/** Versions of TLS, with the numbers of the OpenHarmony reference. */
export const TlsProtocol: {
  readonly TLS_V_1_0: 0;
  readonly TLS_V_1_1: 1;
  readonly TLS_V_1_2: 2;
  readonly TLS_V_1_3: 3;
} = { TLS_V_1_0: 0, TLS_V_1_1: 1, TLS_V_1_2: 2, TLS_V_1_3: 3 };

/** A version of TLS. */
export type TlsProtocol = (typeof TlsProtocol)[keyof typeof TlsProtocol];

/** What `close` takes. */
export interface WebSocketCloseOptions {
  /**
   * The code to send. 1000 to 1015 are the protocol's and 3000 to 4999 the application's; any other
   * becomes 1000. 1004, 1005, 1006 and 1015 must not be sent (RFC 6455 §7.4.1): the peer sees 1000.
   *
   * @default {1000}
   */
  code?: number;
  /**
   * The reason to send. The peer sees at most its first 123 bytes, cut between two characters.
   *
   * @default {"CLOSE_NORMAL"}
   */
  reason?: string;
}

/** How a connection ended. */
export interface CloseResult {
  /** The close code (RFC 6455 §7.4), never 0; 1006 where the peer vanished. */
  code: number;
  /** The reason, '' where the peer gave none. */
  reason: string;
}

/** What 'open' tells. */
export interface OpenResult {
  /** The HTTP status of the handshake: 101. */
  status: number;
  /** Its text. */
  message: string;
}

/** What 'openInfo' tells. */
export interface WebSocketOpenInfo extends OpenResult {
  /** The subprotocol the server chose; left out where it chose none. */
  protocol?: string;
}

/** The headers of the server's answer, names in lower case, `set-cookie` an array. */
export type ResponseHeaders = { [name: string]: string | string[] | undefined };

/** The state of a client: what may be done in each is a table in `client.ts`. */
export type WebSocketState = "idle" | "connecting" | "open" | "closing";

/** The listeners of a client, by event. */
export interface WebSocketEvents {
  /** The connection is open. */
  open: AsyncCallback<OpenResult>;
  /** Right after 'open'. */
  openInfo: AsyncCallback<WebSocketOpenInfo>;
  /** Before 'open', where the runtime shows the headers of the server's answer. */
  headerReceive: Callback<ResponseHeaders>;
  /** A message came in. */
  message: AsyncCallback<string | ArrayBuffer>;
  /** After the listeners of each 'message'. */
  dataEnd: () => unknown;
  /** The connection is over: once per 'open', and once for an attempt that was closed. */
  close: AsyncCallback<CloseResult>;
  /** An attempt failed, a connection was lost, or a listener failed. */
  error: ErrorCallback;
}

/** What `createWebSocketServer` takes. */
export interface WebSocketServerOptions {
  /** Where time comes from; a fake one in tests. The system's where it is left out. */
  clock?: Clock;
}

/** What `start` takes. */
export interface WebSocketServerConfig extends HeartbeatOptions {
  /** The port to listen on, 0 to 65535; 0 takes a free one, which `address` tells. */
  serverPort: number;
  /** The literal IPv4 or IPv6 address to listen on. All of the machine's where it is left out. */
  serverIP?: string;
  /** How many client addresses may be connected at once, above 0. No limit where left out. */
  maxConcurrentClientsNumber?: number;
  /** How many connections one client address may have, above 0. No limit where left out. */
  maxConnectionsForOneClient?: number;
  /** The server's certificate, for `wss`. */
  serverCert?: ServerCert;
  /** The subprotocol to speak. A client that does not offer it is refused with 400. */
  protocol?: string;
  /**
   * The largest message to receive or send, in bytes, an integer above 0. One more byte received
   * closes the connection with 1009; one more to send is refused with 401.
   *
   * @default {5242864}
   */
  maxPayload?: number;
  /** Bytes that may be queued to one peer before it is dropped as too slow. */
  maxBufferedAmount?: number;
  /** Which web pages may connect, by their `Origin`. */
  allowedOrigins?: "same-host" | "*" | string[];
  /** Asked before each upgrade: `true`, or the `Response` to refuse with. */
  authorize?: (request: Request) => true | Response | Promise<true | Response>;
  /** Answers requests that are no upgrade. 426 where it is left out. */
  fetch?: (request: Request) => Response | Promise<Response>;
  /** Stops the server when it aborts. */
  signal?: AbortSignal;
}

/**
 * One connection of a server: the same frozen object in every event, so that it can be the key of
 * a Map. As text it is `ip:port`, `[ip]:port` for IPv6.
 */
export interface WebSocketConnection {
  /** The client's IP address; an IPv4 client is plain IPv4 on a dual-stack socket, too. */
  readonly clientIP: string;
  /** The client's port. */
  readonly clientPort: number;
}

/** What 'messageReceive' tells. */
export interface WebSocketMessage {
  /** Who sent it. */
  clientConnection: WebSocketConnection;
  /** What was sent. */
  data: string | ArrayBuffer;
}

/** Where a server listens. */
export interface ServerAddress {
  /** The address; `::` or `0.0.0.0` for all of the machine's. */
  hostname: string;
  /** The port. */
  port: number;
}

/** A listener of the server's 'close'. */
export type ClientConnectionCloseCallback = {
  bivariant(clientConnection: WebSocketConnection, closeReason: CloseResult): unknown;
}["bivariant"];

/** The listeners of a server, by event. */
export interface WebSocketServerEvents {
  /** A peer is connected; it can be sent to at once. */
  connect: Callback<WebSocketConnection>;
  /** A message came in. */
  messageReceive: Callback<WebSocketMessage>;
  /** A connection is over: exactly once for each 'connect'. */
  close: ClientConnectionCloseCallback;
  /** A peer was refused or lost, or a listener failed. */
  error: ErrorCallback;
}

/**
 * What a client can be asked for: the options of `createWebSocket`, `connect`, `close` and
 * `reconnect`. An option that is `undefined` is one that is left out.
 *
 * @module
 */

import type { Clock, HeartbeatOptions } from "../heartbeat.ts";
import type { WebSocketObserver } from "../internal/observer.ts";
import type { StandardSchema } from "../internal/schema.ts";
import type { ClientRuntime } from "../runtime/contract.ts";
import type { Interruption } from "./reconnect_policy.ts";
import type { WebSocketClient } from "./types.ts";

/** Where to connect: a URL, or, where a client reconnects, a function that knows it. */
export type WebSocketAddress = string | (() => string | Promise<string>);

/** What messages are where `binaryType` is 'uint8array'. */
export type TextOrBytes = string | Uint8Array<ArrayBuffer>;

/**
 * What `binaryType` may be.
 *
 * @typeParam Data What messages are.
 */
export type BinaryType<Data> = [Data] extends [string] ? "arraybuffer" | "uint8array"
  : [Data] extends [TextOrBytes] ? "uint8array"
  : "arraybuffer";

/**
 * What `createWebSocket` takes.
 *
 * @typeParam Data What 'message' tells.
 */
export interface WebSocketClientOptions<Data = string | ArrayBuffer> {
  /**
   * The largest message to send or receive, in bytes, from 1 to 2,147,483,647. One more byte to send is
   * refused with 401; one more received closes the connection with 1009.
   *
   * @default {5242864}
   */
  maxPayload?: number | undefined;
  /**
   * How many bytes may be queued, an integer above 0; any number unless it is given. A `send` that would
   * go beyond is refused with 2302999.
   *
   * @default {Infinity}
   */
  maxBufferedAmount?: number | undefined;
  /**
   * As what bytes come in: 'arraybuffer', or 'uint8array' for a Uint8Array that is the whole of its
   * buffer. On Bun that costs less: there an ArrayBuffer is what is made of the other.
   *
   * @default {"arraybuffer"}
   */
  binaryType?: BinaryType<Data> | undefined;
  /**
   * Connects again, by itself, when an attempt fails or a connection is lost: see
   * {@linkcode ReconnectOptions}.
   *
   * @default {false}
   */
  reconnect?: boolean | ReconnectOptions | undefined;
  /**
   * Has a server with a `history` send what was missed between two connections, in the topics that it
   * has the client join again: 'recovered' tells. Needs `reconnect`. With any other server nothing
   * changes but the subprotocols that are offered: see `docs/resume.md`.
   *
   * @default {false}
   */
  resume?: boolean | undefined;
  /**
   * What messages must be: JSON that this accepts. 'message' and `for await` then tell what it makes of
   * them. Anything else closes the connection, after 'error' 200 whose `cause` says what is
   * wrong: bytes with 1003, text that is no JSON with 1007, JSON that is not accepted with 1008. A
   * validator that fails, or that answers with a promise, closes it with 1011.
   */
  schema?: StandardSchema<Data> | undefined;
  /** Functions to call at each step of a connection. */
  observer?: WebSocketObserver<WebSocketClient<Data>> | undefined;
  /**
   * Whether to count, for `stats()`.
   *
   * @default {false}
   */
  stats?: boolean | undefined;
  /** Where time comes from; a fake one in tests. The system's where it is left out. */
  clock?: Clock | undefined;
  /**
   * What connects; `MemoryNetwork` of `./testing` in tests. The runtime this program runs on where it
   * is left out.
   */
  runtime?: ClientRuntime | undefined;
}

/** What `connect` takes beside the URL. */
export interface WebSocketRequestOptions extends HeartbeatOptions {
  /**
   * Headers of the handshake. Names are lower-cased, of two that are the same the later wins, and a
   * value that is no text is refused with 401. `host`, `connection`, `upgrade`, `sec-websocket-*` and
   * what announces a body (`content-length`, `transfer-encoding`) are the protocol's own and refused,
   * unless they say what the handshake says anyway; `sec-websocket-protocol` is taken as `protocol`.
   *
   * Where the client reconnects it may be a function, which is asked before each attempt. An answer
   * that is wrong is a failed attempt.
   */
  header?: object | (() => object | Promise<object>) | undefined;
  /** The subprotocol to ask for, or several, separated by commas. */
  protocol?: string | undefined;
  /** Path of a PEM file of the certificate authorities to trust; '' is none. */
  caPath?: string | undefined;
  /** The client's own certificate; none where both its paths are ''. */
  clientCert?: ClientCert | undefined;
  /**
   * Whether to take any certificate of the server's.
   *
   * @default {false}
   */
  skipServerCertVerification?: boolean | undefined;
  /** The oldest version of TLS to accept. */
  minSupportTlsProtocol?: TlsProtocol | undefined;
  /**
   * The HTTP proxy to go through.
   *
   * @default {"system"}
   */
  proxy?: ProxyConfiguration | undefined;
  /**
   * Whether to offer compression (permessage-deflate, RFC 7692). On Deno, which has none, it is refused
   * with 2302999; in a page and on Node it says nothing: what is there offers it by itself, or does not.
   *
   * @default {false}
   */
  compression?: boolean | undefined;
  /**
   * Seconds until the connection must be open, above 0 and at most 2,147,483.
   *
   * @default {20}
   */
  connectTimeout?: number | undefined;
  /**
   * Closes the connection when it aborts, as `close()` would. Its reason is the `cause` of what `opened`
   * then rejects with, and of an 'error' 'unsent'.
   */
  signal?: AbortSignal | undefined;
}

/** A client's certificate and its private key. */
export interface ClientCert {
  /** Path of the certificate, PEM. */
  certPath: string;
  /** Path of the private key, PEM. */
  keyPath: string;
  /** The passphrase of the private key, if it has one. */
  keyPassword?: string | undefined;
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
  username?: string | undefined;
  /** The user's password. */
  password?: string | undefined;
  /** Host names to reach without it. */
  exclusionList?: string[] | undefined;
}

/** Versions of TLS, with the numbers of the OpenHarmony reference. */
export const TlsProtocol: {
  readonly TLS_V_1_0: 0;
  readonly TLS_V_1_1: 1;
  readonly TLS_V_1_2: 2;
  readonly TLS_V_1_3: 3;
} = Object.freeze({ TLS_V_1_0: 0, TLS_V_1_1: 1, TLS_V_1_2: 2, TLS_V_1_3: 3 });

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
  code?: number | undefined;
  /**
   * The reason to send. The peer sees at most its first 123 bytes, cut between two characters.
   *
   * @default {"CLOSE_NORMAL"}
   */
  reason?: string | undefined;
}

/**
 * When a client connects again, and how often. Between two connections its state is `reconnecting`.
 *
 * The n-th attempt in a row comes after a random time of up to `minDelay * factor ** (n - 1)` seconds,
 * and at most `maxDelay`: clients that were cut off together do not come back together. A server that
 * closes with 1012 or 1013 and the reason `n` or `retry after n`, with `ms`, `s` or `min` or none of
 * them, is left alone for so long first, an hour at the most. When the machine has slept the next
 * attempt is made at once, and an open connection is pinged.
 */
export interface ReconnectOptions {
  /**
   * The longest wait before the first attempt, in seconds above 0 and at most 86,400. It must not be over
   * `maxDelay`, also where that is left out.
   *
   * @default {1}
   */
  minDelay?: number | undefined;
  /**
   * The longest wait before any attempt, in seconds above 0 and at most 86,400. Where it is less than 1,
   * `minDelay` must be given, too.
   *
   * @default {30}
   */
  maxDelay?: number | undefined;
  /**
   * By how much the longest wait grows from one attempt to the next, from 1 on.
   *
   * @default {2}
   */
  factor?: number | undefined;
  /**
   * How many attempts in a row there are, an integer above 0, before it is given up. That of `connect`
   * itself does not count.
   *
   * @default {Infinity}
   */
  attempts?: number | undefined;
  /**
   * How many seconds a connection must have been open for the count to begin anew, above 0 and at most
   * 86,400.
   *
   * @default {5}
   */
  stableAfter?: number | undefined;
  /**
   * How many bytes `send` may queue while there is no connection, an integer from 0 on. One more is
   * refused with 2302999.
   *
   * @default {1048576}
   */
  maxQueued?: number | undefined;
  /**
   * Whether to go on after an end or a failed attempt. Unless it is given: not after the close codes
   * 1000, 1002, 1003, 1007 to 1010 and 4400 to 4499, whoever sent them, nor after a handshake that
   * was refused with a status of 400 to 499 other than 408, 425 and 429. It must answer at once: where
   * the answer is no boolean, 'error' tells 2302999 and it does not go on.
   */
  shouldReconnect?: ((end: Interruption) => boolean) | undefined;
  /**
   * Where chance comes from: a number from 0 up to 1. Where it fails, or answers with no number, 'error'
   * is told and the wait is the longest.
   *
   * @default {Math.random}
   */
  random?: (() => number) | undefined;
}

/**
 * What `start` takes. Re-exported by `server/types.ts`, where everybody imports it from.
 *
 * @module
 */

import type { ServerCert } from "../client/types.ts";
import type { HeartbeatOptions } from "../heartbeat.ts";
import type { ConnectionAddress } from "./types.ts";

/**
 * What `start` takes.
 *
 * @typeParam Context What `authorize` finds out about a client.
 */
export interface WebSocketServerConfig<Context extends object | undefined = object | undefined>
  extends HeartbeatOptions {
  /** The port to listen on, 0 to 65535; 0 takes a free one, which `address` tells. */
  serverPort: number;
  /** The literal IPv4 or IPv6 address to listen on. All of the machine's where it is left out or ''. */
  serverIP?: string | undefined;
  /**
   * Whether other processes of this machine may listen on the port, too, where all of them say so: the
   * system spreads the connections among them. On Deno it needs `--unstable-net`, else it is refused with
   * 2302999.
   *
   * @default {false}
   */
  reusePort?: boolean | undefined;
  /**
   * Whether to compress messages for the clients that offer it (permessage-deflate, RFC 7692).
   * `maxPayload` then bounds what a message inflates to. On Deno, which has none, it is refused with
   * 2302999.
   *
   * @default {false}
   */
  compression?: boolean | undefined;
  /** A Unix socket instead of a port: see {@linkcode WebSocketUnixConfig}. */
  unixPath?: undefined | undefined;
  /** How many client addresses may be connected at once, an integer above 0. No limit where left out. */
  maxConcurrentClientsNumber?: number | undefined;
  /** How many connections one client address may have, an integer above 0. No limit where left out. */
  maxConnectionsForOneClient?: number | undefined;
  /**
   * How many connections there may be in all, an integer above 0; one more is answered 503. No limit where
   * left out.
   */
  maxConnections?: number | undefined;
  /** The server's certificate, for `wss`; none where both its paths are ''. */
  serverCert?: ServerCert | undefined;
  /**
   * The subprotocol to speak, or several in the order in which they are preferred: the first that a
   * client offers is chosen, and one that offers none of them is refused with 400. Or a function that
   * chooses among those a client offers, in the client's order: `undefined` for none, which the client
   * itself then takes for a failure (WHATWG). One that was not offered is answered 500 and told to
   * 'error'. Without this option none is chosen; the first time that a client offers some 'error' says
   * which.
   */
  protocol?:
    | string
    | readonly string[]
    | ((offered: string[], request: Request) => string | undefined)
    | undefined;
  /**
   * Where the WebSocket is: a path such as `/chat`, a `URLPattern`, or several. A handshake elsewhere
   * goes to `fetch`, and is answered 404 without it. A path is compared with the URL's as the URL
   * parser leaves it: case counts, and so does a slash at its end. One with `*` or `:name` in it is
   * refused: that is a pattern, `new URLPattern({ pathname: "/rooms/:room" })`. Everywhere where it is
   * left out.
   */
  path?: string | PathPattern | readonly (string | PathPattern)[] | undefined;
  /**
   * The largest message to receive or send, in bytes, from 1 to 2,147,483,647. One more byte received
   * closes the connection with 1009; one more to send is refused with 401.
   *
   * @default {5242864}
   */
  maxPayload?: number | undefined;
  /**
   * How many bytes may be queued to one peer, an integer above 0. A peer that reads so slowly that
   * there are more is dropped with 1013, after 'error', unless `slowPeer` is `'refuse'`.
   *
   * @default {16777216}
   */
  maxBufferedAmount?: number | undefined;
  /**
   * How many bytes of one peer's messages may be at work in listeners that have returned a promise, an
   * integer above 0. Text counts one byte a character, and each message 1,024 bytes more. With more,
   * reading pauses on Bun; on Deno, which cannot do that, the peer is dropped with 1008. The promise of
   * work that goes on for as long as the connection is not to be returned.
   *
   * @default {16777216}
   */
  maxPendingAmount?: number | undefined;
  /**
   * What becomes of a peer that reads too slowly: `'drop'` closes it with 1013; `'refuse'` lets it
   * stay. Then a `send` that would queue more than `maxBufferedAmount` bytes is refused with
   * 2302999 (kind `queueFull`), and `publish` and `broadcast` leave it out and count it as `tooSlow`.
   *
   * @default {"drop"}
   */
  slowPeer?: "drop" | "refuse" | undefined;
  /**
   * Which web pages may connect, by the `Origin` that browsers send: those of the host name they
   * connect to, whatever the port, those of a list, or all. Others are refused with 403. An entry of the
   * list is an origin, where case, a default port and a slash at the end make no difference, or
   * `https://*.example.com` for the subdomains of a host; `start` refuses one that could never match.
   *
   * `'same-host'` lets in pages on any port of the same host, and a page whose name leads to this
   * server's address by its owner's doing (DNS rebinding): against that there is `allowedHosts`.
   *
   * @default {"same-host"}
   */
  allowedOrigins?: "same-host" | "*" | string[] | undefined;
  /**
   * By which names the server may be called, in the `Host` of a request: names, `.example.com` for the
   * subdomains of one, and addresses. Any other request is answered 403. By any where it is left out.
   */
  allowedHosts?: readonly string[] | undefined;
  /**
   * Asked before each upgrade, once everything else is in order. `true` lets the client in, an object
   * does, too, and becomes `connection.context`; a `Response` refuses it. Anything else, as an
   * error, an array or the Response of another library, is answered 500 and told to 'error'. On Deno the
   * request has no headers any more once it is answered: what is needed of them belongs into the context.
   */
  authorize?:
    | ((request: Request, info: HandshakeInfo) => Verdict<Context> | Promise<Verdict<Context>>)
    | undefined;
  /**
   * How many seconds `authorize` and `clientAddress` may take each, above 0 and at most 30,000. Then the
   * client is answered 503, and 'error' is told.
   *
   * @default {10}
   */
  authorizeTimeout?: number | undefined;
  /**
   * Says who a client is, where a proxy stands between: its IP address, from a header that the proxy
   * sets and clients cannot, or `peer.clientIP` where there is none. The limits count it, and `clientIP`
   * is it. Where it fails, or what it answers is no address, the client is answered 500, and 'error' is
   * told.
   */
  clientAddress?:
    | ((request: Request, peer: ConnectionAddress) => string | Promise<string>)
    | undefined;
  /**
   * Answers requests that are no handshake for this server: those that are none at all, and those for
   * another `path`. 426 and 404 where it is left out.
   */
  fetch?: ((request: Request, info: HttpRequestInfo) => Response | Promise<Response>) | undefined;
  /** Stops the server when it aborts. */
  signal?: AbortSignal | undefined;
}

/**
 * What `start` takes to listen on a Unix socket, behind a proxy on the same machine. `clientIP` is then
 * `'unix'`, unless `clientAddress` says more, and `clientPort` a running number. The file must not exist,
 * and is gone when the server has stopped.
 *
 * @typeParam Context What `authorize` finds out about a client.
 */
export interface WebSocketUnixConfig<Context extends object | undefined = object | undefined>
  extends
    Omit<
      WebSocketServerConfig<Context>,
      "serverPort" | "serverIP" | "serverCert" | "reusePort" | "unixPath"
    > {
  /** The path of the socket; at most 107 bytes on Linux. */
  unixPath: string;
}

/** What `authorize` says of a client. */
export type Verdict<Context extends object | undefined> =
  | Response
  | ([keyof NonNullable<Context>] extends [never] ? true | object
    : Context extends undefined ? true
    : Context);

/**
 * What `start` and `mount` take of a server whose connections have a context for certain: nobody but
 * `authorize` can say it, so it must be there. A context with no keys asks for nothing: without
 * `strictNullChecks` it is what a server has that was given no type.
 *
 * @typeParam Context What `authorize` finds out about a client.
 * @typeParam Config What `start` or `mount` takes where there may be none.
 */
export type WithAuthorize<Context extends object | undefined, Config> =
  [keyof NonNullable<Context>] extends [never] ? Config
    : [Context] extends [object]
      ? Config & { authorize: NonNullable<WebSocketServerConfig<Context>["authorize"]> }
    : Config;

/** What a `URLPattern` is to `path`. */
export interface PathPattern {
  /** The pattern of the path, such as `/rooms/:id`. */
  readonly pathname: string;
  /** Whether a URL matches. */
  test(url: string): boolean;
}

/** What `authorize` is told beside the request. */
export interface HandshakeInfo extends ConnectionAddress {
  /** Headers that go out with the 101 where the client is let in, such as `set-cookie`. */
  readonly headers: Headers;
}

/**
 * What `fetch` is told beside the request: who asks. It is also what Hono's `getConnInfo` reads, of
 * `hono/deno` and of `hono/bun`; h3's `getRequestIP` reads `request.ip`, which is there, too.
 */
export interface HttpRequestInfo extends ConnectionAddress {
  /** The same as Deno has it. */
  readonly remoteAddr: {
    readonly transport: "tcp" | "unix";
    readonly hostname: string;
    readonly port: number;
  };
  /** The same as Bun has it. */
  requestIP(request?: Request): { address: string; family: "IPv4" | "IPv6"; port: number };
}

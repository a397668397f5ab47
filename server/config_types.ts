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
export interface WebSocketServerConfig<Context extends object | undefined = undefined>
  extends HeartbeatOptions {
  /** The port to listen on, 0 to 65535; 0 takes a free one, which `address` tells. */
  serverPort: number;
  /** The literal IPv4 or IPv6 address to listen on. All of the machine's where it is left out or ''. */
  serverIP?: string;
  /** How many client addresses may be connected at once, above 0. No limit where left out. */
  maxConcurrentClientsNumber?: number;
  /** How many connections one client address may have, above 0. No limit where left out. */
  maxConnectionsForOneClient?: number;
  /** The server's certificate, for `wss`; none where both its paths are ''. */
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
  /**
   * How many bytes may be queued to one peer, an integer above 0. A peer that reads so slowly that
   * there are more is dropped with 1013, after 'error'. As many bytes of its messages may be at work
   * in asynchronous listeners: then reading pauses on Bun, and on Deno, which cannot, the peer is
   * dropped with 1008.
   *
   * @default {16777216}
   */
  maxBufferedAmount?: number;
  /**
   * Which web pages may connect, by the `Origin` that browsers send: those of the host name they
   * connect to, those of a list of origins, or all. Others are refused with 403.
   *
   * @default {"same-host"}
   */
  allowedOrigins?: "same-host" | "*" | string[];
  /**
   * Asked before each upgrade, once everything else is in order. `true` lets the client in, an object
   * does, too, and becomes `connection.context`; a `Response` refuses it. Anything else, as an error, an array
   * or the Response of another library, is answered 500 and told to 'error'.
   */
  authorize?: (request: Request) => Verdict<Context> | Promise<Verdict<Context>>;
  /**
   * Says who a client is, where a proxy stands between: its IP address, from a header that the proxy
   * sets and clients cannot. The limits count it, and `clientIP` is it.
   */
  clientAddress?: (request: Request, peer: ConnectionAddress) => string;
  /** Answers requests that are no upgrade. 426 where it is left out. */
  fetch?: (request: Request) => Response | Promise<Response>;
  /** Stops the server when it aborts. */
  signal?: AbortSignal;
}

/** What `authorize` says of a client. */
export type Verdict<Context extends object | undefined> =
  | Response
  | ([Context] extends [undefined] ? true : Context);

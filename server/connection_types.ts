/**
 * A connection of a server, and what a server tells of its connections. Re-exported by
 * `server/types.ts`, where everybody imports it from.
 *
 * @module
 */

import type { CloseResult } from "../client/types.ts";
import type { Callback, ErrorCallback } from "../errors.ts";
import type { BrokerEvent, PresenceEvent } from "./cluster_types.ts";

/** The address of a connection: what `send` and `close` need to know of one. */
export interface ConnectionAddress {
  /** The client's IP address; an IPv4 client is plain IPv4 on a dual-stack socket, too. */
  readonly clientIP: string;
  /** The client's port. */
  readonly clientPort: number;
}

/**
 * One connection of a server: the same frozen object in every event, so that it can be the key of
 * a Map. As text it is `ip:port`, `[ip]:port` for IPv6.
 *
 * @typeParam Context What `authorize` found out about the client.
 */
export type WebSocketConnection<Context extends object | undefined = object | undefined> =
  & ConnectionAddress
  & {
    /** The path and the query that the client asked for, as the URL parser leaves them. */
    readonly url: string;
    /** The subprotocol, "" for none. */
    readonly protocol: string;
  }
  & ([keyof NonNullable<Context>] extends [never] ? { readonly context?: unknown } : {
    /** What `authorize` found out about the client. */
    readonly context: Context;
  });

/**
 * What 'messageReceive' tells.
 *
 * @typeParam Context What `authorize` found out about the client.
 * @typeParam Data What was sent, or what `schema` makes of it.
 */
export interface WebSocketMessage<
  Context extends object | undefined = object | undefined,
  Data = string | ArrayBuffer,
> {
  /** Who sent it. */
  clientConnection: WebSocketConnection<Context>;
  /** What was sent, or what `schema` makes of it. */
  data: Data;
  /**
   * There where a client has sent it to be acknowledged, once more after a break, and this server cannot
   * know whether it has been seen: by another one, or before `history.maxAge`.
   */
  mayRepeat?: true;
}

/** What `send` takes beside the data. */
export interface SendOptions {
  /**
   * Whether the other side is to say when its listeners have done with the message.
   *
   * @default {false}
   */
  acknowledge?: boolean | undefined;
}

/** What `broadcast` and `publish` take beside the data. */
export interface PublishOptions {
  /** Whom not to send to: one connection, or several; copies do as well. */
  except?: ConnectionAddress | readonly ConnectionAddress[] | undefined;
}

/** What `broadcast` and `publish` have come to; with a broker, in this server. */
export interface PublishResult {
  /** To how many connections the message was handed. */
  sent: number;
  /**
   * How many of them were found to have more than `maxBufferedAmount` bytes queued, and dropped. On
   * Bun the queues are looked at each time a quarter of that may have gone to anybody. With `slowPeer:
   * 'refuse'`: how many had no room for it and were left out, and are not among those `sent`.
   */
  tooSlow: number;
}

/** What `subscribe` tells. */
export interface PublishedMessage {
  /** The topic. */
  topic: string;
  /** What was published: text, or an ArrayBuffer of its own. */
  data: string | ArrayBuffer;
  /** Whether this server published it, and no other node. */
  local: boolean;
}

/** What `stop` takes: what the peers are told. */
export interface StopOptions {
  /**
   * The code: 1000 to 1014 but 1004 to 1006, or 3000 to 4999; with `retryAfter` 1012 or 1013.
   *
   * @default {1001}, with `retryAfter` {1012}
   */
  code?: number | undefined;
  /**
   * The reason. Must be left out beside `retryAfter`.
   *
   * @default {"server is going away"}
   */
  reason?: string | undefined;
  /**
   * In how many whole seconds, above 0, the peers may come back at the latest: each is told the next
   * of those seconds, and the first again after the last, by `retry after 7` as the reason, so that they
   * do not come back all at once. A client of this module that reconnects does as it is told, up to an hour.
   */
  retryAfter?: number | undefined;
}

/** Where a server listens. */
export interface ServerAddress {
  /** The address; `::` or `0.0.0.0` for all of the machine's. */
  hostname: string;
  /** The port. */
  port: number;
  /** The path of the Unix socket it listens on; `hostname` is `unix` then, and `port` 0. */
  path?: string;
}

/** A listener of the server's 'close'. */
export type ClientConnectionCloseCallback<Context extends object | undefined = object | undefined> =
  {
    bivariant(clientConnection: WebSocketConnection<Context>, closeReason: CloseResult): unknown;
  }["bivariant"];

/**
 * The listeners of a server, by event.
 *
 * @typeParam Context What `authorize` found out about a client.
 * @typeParam Data What 'messageReceive' tells.
 */
export interface WebSocketServerEvents<
  Context extends object | undefined = object | undefined,
  Data = string | ArrayBuffer,
> {
  /** A peer is connected; it can be sent to at once. */
  connect: Callback<WebSocketConnection<Context>>;
  /** A message came in. */
  messageReceive: Callback<WebSocketMessage<Context, Data>>;
  /** A connection is closed: exactly once for each 'connect'. */
  close: ClientConnectionCloseCallback<Context>;
  /** A peer was refused or lost, or a listener failed. */
  error: ErrorCallback;
  /** The broker can be read or cannot, or entries were lost to this server. */
  broker: Callback<BrokerEvent>;
  /** Who came into a topic or left it, on whichever server. */
  presence: Callback<PresenceEvent>;
}

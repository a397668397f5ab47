/** What a connection needs of its server, and what it is made of. Not part of the public API. */

import type { CloseResult } from "../client/types.ts";
import type { BusinessError } from "../errors.ts";
import type { Heartbeat } from "../heartbeat.ts";
import type { DrainWatch } from "../internal/drain_watch.ts";
import type { ListenerList, Listeners } from "../internal/listeners.ts";
import type { Observing } from "../internal/observer.ts";
import type { StandardSchema } from "../internal/schema.ts";
import type { TimeoutQueue } from "../internal/timeout_queue.ts";
import type { ClosingDeadlines } from "./closing_deadlines.ts";
import type { ServerConnection } from "./connection.ts";

/** What all connections of a server share. */
export interface ConnectionHost {
  /** Whether the runtime can send Pings. Where it cannot, it finds dead peers by itself. */
  readonly canPing: boolean;
  /** Whether the runtime itself refuses messages over `maxPayload`. */
  readonly checksPayload: boolean;
  /** The largest message that can be sent with no look at the queue, in bytes; -1 for none. */
  readonly maxAtOnce: number;
  /** A message of more bytes than this is checked before the listeners get it; with -1 each is. */
  readonly looksFrom: number;
  readonly schema: StandardSchema | undefined;
  readonly listeners: Pick<Listeners<string>, "emitTo" | "join" | "report">;
  /** What calls those of a message: the observer, where it has `handling`. */
  readonly calling: Pick<Listeners<string>, "emitTo">;
  /** The listeners of 'messageReceive'. */
  readonly messages: ListenerList;
  readonly observing: Observing | undefined;
  readonly heartbeat: Heartbeat;
  readonly maxPayload: number;
  /** Bytes that may wait for a peer. */
  readonly maxBufferedAmount: number;
  /** Bytes of a peer's messages that may wait for their listeners. */
  readonly maxPendingAmount: number;
  /** Whether a peer that reads too slowly stays: then a message that has no room is refused. */
  readonly refusesSlow: boolean;
  /** The connections for whose queue somebody waits, until it is shorter. */
  readonly draining: DrainWatch<ServerConnection>;
  /** Connections that are accepted and must open in time. */
  readonly opening: TimeoutQueue<ServerConnection>;
  /** Connections whose peer must answer a Close frame in time. */
  readonly closing: ClosingDeadlines<ServerConnection>;
  /**
   * Connections that are not read. No Pong can come from them, so they have a time limit of their
   * own.
   */
  readonly paused: TimeoutQueue<ServerConnection>;
  /** The connection closes, or is lost: it is removed from all topics. */
  leaveTopics(connection: ServerConnection): void;
  /** What is told to one that is not welcome any more. */
  farewell(): CloseResult;
  /** Whether new connections are accepted. */
  admits(): boolean;
  connected(connection: ServerConnection): void;
  /** The connection is lost, or dropped; `closed` follows. */
  failed(error: BusinessError): void;
  /** The connection is closed for the user. Called once for each that `connected` was called for. */
  closed(connection: ServerConnection, close: CloseResult): void;
  /** The runtime has no part of the connection any more. */
  detached(connection: ServerConnection): void;
}

/** What a connection is made of. */
export interface ConnectionParts {
  ip: string;
  port: number;
  /** The path and the query of the handshake. */
  url: string;
  /** The subprotocol, "" for none. */
  protocol: string;
  /** What the client has offered, as it stands in its request. */
  offer: string | null;
  /** More headers of the 101. */
  headers?: Headers | undefined;
  /** What `authorize` has answered, where it is an object. */
  context?: unknown;
}

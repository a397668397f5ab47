/** What a connection needs of its server. Not part of the public API. */

import type { CloseResult } from "../client/types.ts";
import type { BusinessError } from "../errors.ts";
import type { Heartbeat } from "../heartbeat.ts";
import type { ClosingDeadlines } from "./closing_deadlines.ts";
import type { DrainWatch } from "../internal/drain_watch.ts";
import type { ListenerList, Listeners } from "../internal/listeners.ts";
import type { Observing } from "../internal/observer.ts";
import type { StandardSchema } from "../internal/schema.ts";
import type { TimeoutQueue } from "../internal/timeout_queue.ts";
import type { ServerConnection } from "./connection.ts";

/** What all connections of a server share. */
export interface ConnectionHost {
  /** Whether the runtime can send Pings; where not, it watches the peers itself. */
  readonly canPing: boolean;
  /** Whether the runtime lets no message in that is over `maxPayload`. */
  readonly checksPayload: boolean;
  /** Whether a message must be looked at before the listeners get it. */
  readonly looksAtMessages: boolean;
  readonly schema: StandardSchema | undefined;
  readonly listeners: Pick<Listeners<string>, "emitTo" | "join" | "report">;
  /** Those of its messages. */
  readonly messages: ListenerList;
  readonly observing: Observing | undefined;
  readonly heartbeat: Heartbeat;
  readonly maxPayload: number;
  /** Bytes that may wait for a peer. */
  readonly maxBufferedAmount: number;
  /** Bytes of a peer's messages that may wait for their listeners. */
  readonly maxPendingAmount: number;
  /** Whether a peer over it stays, and what would go beyond is refused. */
  readonly refusesSlow: boolean;
  /** Those whose queues somebody waits for. */
  readonly draining: DrainWatch<ServerConnection>;
  /** Connections that are let in and must open. */
  readonly opening: TimeoutQueue<ServerConnection>;
  /** Connections whose peer must answer a Close frame. */
  readonly closing: ClosingDeadlines<ServerConnection>;
  /** Connections that are not read from, as no Pong is heard from them either. */
  readonly paused: TimeoutQueue<ServerConnection>;
  /** The connection closes, or is lost: it is in no room any more. */
  leaveTopics(connection: ServerConnection): void;
  /** What is told to one that is not welcome any more. */
  farewell(): CloseResult;
  /** Whether a new connection is welcome still. */
  admits(): boolean;
  connected(connection: ServerConnection): void;
  /** The connection is lost, or closed for a fault of the peer's; `closed` follows. */
  failed(error: BusinessError): void;
  /** The connection is over for the user. Told of each that was told to `connected`. */
  closed(connection: ServerConnection, close: CloseResult): void;
  /** Nothing is left of the connection in the runtime. */
  detached(connection: ServerConnection): void;
}

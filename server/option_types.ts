/** What `createWebSocketServer` takes. */

import type { BinaryType } from "../client/types.ts";
import type { Clock } from "../heartbeat.ts";
import type { WebSocketObserver } from "../internal/observer.ts";
import type { StandardSchema } from "../internal/schema.ts";
import type { ServerRuntime } from "../runtime/contract.ts";
import type { ClusterOptions } from "./cluster_types.ts";
import type { WebSocketConnection } from "./connection_types.ts";

/**
 * What `createWebSocketServer` takes.
 *
 * @typeParam Context What `authorize` finds out about a client.
 * @typeParam Data What 'messageReceive' tells.
 */
export interface WebSocketServerOptions<
  Context extends object | undefined = object | undefined,
  Data = string | ArrayBuffer,
> extends ClusterOptions<Context> {
  /**
   * What messages must be: JSON that this accepts. 'messageReceive' then tells what it makes of them.
   * Anything else closes the connection, after 'error' 200 whose `cause` says what is wrong: bytes with
   * 1003, text that is no JSON with 1007, JSON that is not accepted with 1008. A validator that
   * fails, or that answers with a promise, closes it with 1011.
   */
  schema?: StandardSchema<Data> | undefined;
  /**
   * As what bytes come in: 'arraybuffer', or 'uint8array' for a Uint8Array that is the whole of its
   * buffer. On Bun that costs less: there an ArrayBuffer is what is made of the other.
   *
   * @default {"arraybuffer"}
   */
  binaryType?: BinaryType<Data> | undefined;
  /** Functions to call at each step of each connection. */
  observer?: WebSocketObserver<WebSocketConnection<Context>> | undefined;
  /**
   * Whether to count, for `stats()`.
   *
   * @default {false}
   */
  stats?: boolean | undefined;
  /** Where time comes from; a fake one in tests. The system's where it is left out. */
  clock?: Clock | undefined;
  /**
   * What listens; `MemoryNetwork` of `./testing` in tests. The runtime this program runs on where it
   * is left out.
   */
  runtime?: ServerRuntime | undefined;
}

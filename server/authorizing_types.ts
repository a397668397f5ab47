/**
 * A server that is given `authorize` when it is made. Re-exported by `server/types.ts`, where everybody
 * imports it from.
 *
 * @module
 */

import type {
  HandshakeInfo,
  WebSocketMount,
  WebSocketMountConfig,
  WebSocketServer,
  WebSocketServerConfig,
  WebSocketUnixConfig,
} from "./types.ts";

/**
 * What `createWebSocketServer` takes beside its other options, so that `authorize` says what a context
 * is: its type is that of what this answers.
 *
 * @typeParam Context What `authorize` finds out about a client.
 */
export interface AuthorizeOption<Context extends object> {
  /** `authorize` of `start` and of `mount`, where their config has none. */
  authorize: (
    request: Request,
    info: HandshakeInfo,
  ) => Response | Context | Promise<Response | Context>;
}

/**
 * A server that was given `authorize` when it was made, so `start` and `mount` need none.
 *
 * @typeParam Context What `authorize` finds out about a client.
 * @typeParam Data What 'messageReceive' tells.
 */
export interface AuthorizingWebSocketServer<Context extends object, Data = string | ArrayBuffer>
  extends WebSocketServer<Context, Data> {
  /**
   * Starts to listen: see {@linkcode WebSocketServer}.
   *
   * @param config An `authorize` in it goes before the other.
   * @returns As that of every server.
   */
  start(config: WebSocketServerConfig<Context> | WebSocketUnixConfig<Context>): Promise<boolean>;

  /**
   * Gets ready for a host: see {@linkcode WebSocketServer}.
   *
   * @param config An `authorize` in it goes before the other.
   * @returns As that of every server.
   */
  mount(config?: WebSocketMountConfig<Context>): Promise<WebSocketMount>;
}

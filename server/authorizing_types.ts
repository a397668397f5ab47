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
  ) => Response | (Context & NoPromise) | Promise<Response | Context>;
}

/** Any object but a promise, which would else be taken for a context where it is one of no object. */
export interface NoPromise {
  /** What a promise has. */
  readonly then?: never;
}

/**
 * What `createWebSocketServer` takes beside its other options where `authorize`, if it is there, says
 * nothing of a client but that it may enter.
 *
 * @typeParam Context What a connection has for a context.
 */
export interface MaybeAuthorizeOption<Context extends object | undefined> {
  /** `authorize` of `start` and of `mount`, where their config has none. */
  authorize?:
    | ((
      request: Request,
      info: HandshakeInfo,
    ) => Admission<Context> | Promise<Admission<Context>>)
    | undefined;
}

/** What such an `authorize` answers: `true` lets in who has no context. */
export type Admission<Context extends object | undefined> =
  | Response
  | (NonNullable<Context> & NoPromise)
  | ([Context] extends [object] ? never : true);

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

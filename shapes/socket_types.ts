/**
 * The types of the sockets in the WHATWG's shape.
 *
 * @module
 */

import type {
  RecoveredInfo,
  WebSocketClientOptions,
  WebSocketRequestOptions,
} from "../client/types.ts";
import type { WebSocketObserver } from "../internal/observer.ts";
import type { WebSocket } from "./web_socket.ts";

/** The events of a socket, by name. */
export interface WebSocketEventMap {
  /** The connection is open. */
  open: Event;
  /** A message came in: text, a Blob or an ArrayBuffer. */
  message: MessageEvent;
  /** An attempt failed, or the connection was lost; a non-enumerable `error` says what it was. */
  error: Event;
  /** The connection, or the attempt, is over. */
  close: CloseEvent;
  /** With `resume`: it is in a topic again, or some of it is lost; `detail` is what the client is told. */
  recovered: CustomEvent<RecoveredInfo>;
}

/** What hears any event. */
export type AnyEventListener =
  | ((event: Event) => unknown)
  | {
    /** Is called with the event. */
    handleEvent(event: Event): unknown;
  };

/** What can be sent; shared memory, which the types of others have in it, is refused with TypeError. */
export type StandardData = string | ArrayBufferLike | ArrayBufferView | Blob;

/** What headers of a handshake may be given as. */
export type WebSocketHeaders = object | (() => object | Promise<object>);

/**
 * What a socket takes beyond the standard: the options of our client, from the heartbeat to the proxy.
 *
 * Where a socket reconnects by itself (`reconnect`) there is an 'open' and a 'close' for each
 * connection, and an 'error' and a 'close' for each attempt that fails. In between `readyState` is
 * CONNECTING, and `send` keeps what it is given, up to `reconnect.maxQueued` bytes.
 */
export interface WebSocketInit extends
  Omit<WebSocketRequestOptions, "header" | "protocol">,
  Pick<
    WebSocketClientOptions,
    "clock" | "maxBufferedAmount" | "maxPayload" | "reconnect" | "resume" | "runtime"
  > {
  /**
   * Headers of the handshake: an object of text values, a `Headers`, or, where the socket reconnects, a
   * function that is asked before each attempt. `host`, `connection`, `upgrade`, `sec-websocket-*` and what
   * announces a body are the handshake's own.
   */
  headers?: WebSocketHeaders | undefined;
  /** The same, by the name that the client's `connect` has for it. */
  header?: WebSocketHeaders | undefined;
  /** Functions to call at each step of a connection. */
  observer?: WebSocketObserver<WebSocket> | undefined;
}

/** What a socket takes in one object, as the classes of Deno and Bun do. */
export interface WebSocketInitWithProtocols extends WebSocketInit {
  /** The subprotocol to ask for, or several. */
  protocols?: string | string[] | undefined;
}

/** What makes a socket: the class, as libraries that call `new` take it. */
export interface WebSocketConstructor {
  /**
   * Connects.
   *
   * @param url A `ws:`, `wss:`, `http:` or `https:` URL with no fragment.
   * @param protocols The subprotocol to ask for, or several.
   * @param options See {@linkcode WebSocketInit}.
   * @throws {DOMException} `SyntaxError` for a URL or subprotocols that cannot be.
   * @throws {BusinessError} 401 for wrong options; 201, 2302002 or 2302999 where what they ask for may
   * not, or cannot, be had.
   */
  new (url: string | URL, protocols?: string | string[], options?: WebSocketInit): WebSocket;
  /** The same, with subprotocols and options in one object. */
  new (url: string | URL, options: WebSocketInitWithProtocols): WebSocket;
  /** The same, as the classes of Deno and Bun have it: what is none of our options is refused with 401. */
  new (url: string | URL, protocolsOrOptions?: string | string[] | object): WebSocket;
  /** What sockets inherit. */
  readonly prototype: WebSocket;
  /** 0. */
  readonly CONNECTING: 0;
  /** 1. */
  readonly OPEN: 1;
  /** 2. */
  readonly CLOSING: 2;
  /** 3. */
  readonly CLOSED: 3;
}

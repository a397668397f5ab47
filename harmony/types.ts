/** The client and the server with listeners and callbacks of the types that the device declares. */

import type {
  CloseResult,
  OpenResult,
  ReconnectInfo,
  RecoveredInfo,
  ResponseHeaders,
  WebSocketAddress,
  WebSocketClient,
  WebSocketCloseOptions,
  WebSocketData,
  WebSocketOpenInfo,
  WebSocketRequestOptions as StrictRequestOptions,
} from "../client/types.ts";
import type {
  BrokerEvent,
  PresenceEvent,
  SendOptions,
  WebSocketServer as StrictServer,
} from "../server/types.ts";
import type { AsyncCallback, Callback, ErrorCallback } from "./base.ts";

/** What `connect` takes beside the URL: what the device takes, and what the main entry does. */
export interface WebSocketRequestOptions extends Omit<StrictRequestOptions, "header"> {
  /**
   * Headers of the handshake, in an object. Text is left out, as on the device; a Map, a `Headers`, an
   * array and a promise are refused with 401. A function, where the client reconnects: see the main entry.
   */
  header?: object | string | undefined;
  /**
   * Whether to send an `Origin` of the URL's host and port, as the device does. Here none is sent unless
   * this is true or `header` has one.
   *
   * @default {false}
   */
  supportOriginPort?: boolean | undefined;
}

/** The listeners of a client, by event. */
export interface WebSocketEvents {
  /** The connection is open. */
  open: AsyncCallback<OpenResult>;
  /** Right after 'open'. */
  openInfo: AsyncCallback<WebSocketOpenInfo>;
  /** Before 'open', where the runtime shows the headers of the server's answer. */
  headerReceive: Callback<ResponseHeaders>;
  /** A message came in. */
  message: AsyncCallback<string | ArrayBuffer>;
  /** After the listener of each 'message'. */
  dataEnd: () => void;
  /** The connection is over. */
  close: AsyncCallback<CloseResult>;
  /** An attempt failed, a connection was lost, or a listener failed. */
  error: ErrorCallback;
  /** With `reconnect`: before the next attempt. */
  reconnecting: Callback<ReconnectInfo>;
  /** With `resume`: the client is in a topic again, or the servers have lost some of it. */
  recovered: Callback<RecoveredInfo>;
}

/** A client with one listener for each event: the last that was added. */
export interface WebSocket
  extends Omit<WebSocketClient, "connect" | "send" | "close" | "on" | "once" | "off"> {
  /**
   * Starts to connect. `true` means the request was started: 'open' or 'error' tells how it went.
   *
   * @param url A `ws://` or `wss://` URL.
   * @param options See {@linkcode WebSocketRequestOptions}. What is not known is said once on the console.
   * @returns `true`, or rejects as the main entry's client does.
   */
  connect(url: WebSocketAddress, options?: WebSocketRequestOptions): Promise<boolean>;
  /** The same, answering to a callback. */
  connect(url: WebSocketAddress, callback: AsyncCallback<boolean>): void;
  /** The same, answering to a callback. */
  connect(
    url: WebSocketAddress,
    options: WebSocketRequestOptions,
    callback: AsyncCallback<boolean>,
  ): void;

  /**
   * Sends a message.
   *
   * @param data Text, an ArrayBuffer or a view of one.
   * @returns `true`, or rejects, as the main entry's client does.
   */
  send(data: WebSocketData): Promise<boolean>;
  /** The same, answering to a callback. */
  send(data: WebSocketData, callback: AsyncCallback<boolean>): void;
  /** The same, with the server to acknowledge it: see the main entry's client. Needs the option `resume`. */
  send(data: WebSocketData, options: SendOptions | undefined): Promise<boolean>;
  /** The same, answering to a callback. */
  send(
    data: WebSocketData,
    options: SendOptions | undefined,
    callback: AsyncCallback<boolean>,
  ): void;

  /**
   * Starts to close.
   *
   * @param options A code that is no number and a reason that is no text are left out.
   * @returns `true`, or rejects with 401 (a wrong argument) or 2302999 (nothing to close).
   */
  close(options?: WebSocketCloseOptions): Promise<boolean>;
  /** The same, answering to a callback. */
  close(callback: AsyncCallback<boolean>): void;
  /** The same, answering to a callback. */
  close(options: WebSocketCloseOptions, callback: AsyncCallback<boolean>): void;

  /**
   * Sets the listener of an event; one that was there is replaced.
   *
   * @param type The event.
   * @param listener What to call.
   * @throws {BusinessError} 401 where an argument is of the wrong type.
   */
  on<K extends keyof WebSocketEvents>(type: K, listener: WebSocketEvents[K]): void;

  /**
   * Sets a listener that is removed when it is called.
   *
   * @param type The event.
   * @param listener What to call.
   * @throws {BusinessError} 401 where an argument is of the wrong type.
   */
  once<K extends keyof WebSocketEvents>(type: K, listener: WebSocketEvents[K]): void;

  /**
   * Removes the listener of an event, if it is this one.
   *
   * @param type The event.
   * @param listener Which; whatever it is where this is left out.
   * @throws {BusinessError} 401 where an argument is of the wrong type.
   */
  off<K extends keyof WebSocketEvents>(type: K, listener?: WebSocketEvents[K]): void;
}

/** A client's address, which means its connection. */
export interface WebSocketConnection {
  /** The client's IP address. */
  clientIP: string;
  /** The client's port. */
  clientPort: number;
  /** The path and the query that were asked for, where an event told of the connection. */
  readonly url?: string | undefined;
  /** The subprotocol, '' for none, where an event told of the connection. */
  readonly protocol?: string | undefined;
  /** What `authorize` has found out about the client, where an event told of the connection. */
  readonly context?: object | undefined;
}

/** What 'messageReceive' tells. */
export interface WebSocketMessage {
  /** What was sent. */
  data: string | ArrayBuffer;
  /** Who sent it. */
  clientConnection: WebSocketConnection;
  /** There where it may have been seen before: it was to be acknowledged, and is sent once more. */
  mayRepeat?: true;
}

/** A listener of the server's 'close'. */
export type ClientConnectionCloseCallback = {
  bivariant(clientConnection: WebSocketConnection, closeReason: CloseResult): void;
}["bivariant"];

/** The listeners of a server, by event. */
export interface WebSocketServerEvents {
  /** A peer is connected. */
  connect: Callback<WebSocketConnection>;
  /** A message came in. */
  messageReceive: Callback<WebSocketMessage>;
  /** A connection is over. */
  close: ClientConnectionCloseCallback;
  /** A peer was refused or lost, or a listener failed. */
  error: ErrorCallback;
  /** The broker can be read or cannot, or entries were lost to this server. */
  broker: Callback<BrokerEvent>;
  /** Who came into a topic or left it, on whichever server. */
  presence: Callback<PresenceEvent>;
}

/** A server with one listener for each event: the last that was added. */
export interface WebSocketServer
  extends Omit<StrictServer, "listAllConnections" | "on" | "once" | "off"> {
  /** The connections there are, oldest first: an array of one's own, which may be awaited as well. */
  listAllConnections(): WebSocketConnection[];

  /**
   * Sets the listener of an event; one that was there is replaced.
   *
   * @param type The event.
   * @param listener What to call.
   * @throws {BusinessError} 401 where an argument is of the wrong type.
   */
  on<K extends keyof WebSocketServerEvents>(type: K, listener: WebSocketServerEvents[K]): void;

  /**
   * Sets a listener that is removed when it is called.
   *
   * @param type The event.
   * @param listener What to call.
   * @throws {BusinessError} 401 where an argument is of the wrong type.
   */
  once<K extends keyof WebSocketServerEvents>(type: K, listener: WebSocketServerEvents[K]): void;

  /**
   * Removes the listener of an event, if it is this one.
   *
   * @param type The event.
   * @param listener Which; whatever it is where this is left out.
   * @throws {BusinessError} 401 where an argument is of the wrong type.
   */
  off<K extends keyof WebSocketServerEvents>(type: K, listener?: WebSocketServerEvents[K]): void;
}

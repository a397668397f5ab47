/**
 * The one error type of this module, its codes, and the callback types of the HarmonyOS kit.
 *
 * @module
 */

/** What is not enumerable, so that an error prints as on HarmonyOS. */
const DETAILS = ["kind", "reason", "clientIP", "clientPort"] as const;

/** What a {@linkcode BusinessError} may carry beside its code and message. */
export interface BusinessErrorOptions<T> {
  /** Machine-readable detail, e.g. the HTTP status of a refused handshake as text. */
  data?: T;
  /** What led to this error. */
  cause?: unknown;
  /** What exactly went wrong, where one code means several things. */
  kind?: ErrorKind | undefined;
  /** Why a server did not let a client in. */
  reason?: RefusalReason | undefined;
  /** The address of the peer whom it is about, on a server. */
  clientIP?: string | undefined;
  /** Its port. */
  clientPort?: number | undefined;
}

/**
 * Why a server did not let a client in. The word is the same on the 'error', at the observer, and as
 * `error.type` in OpenTelemetry's metrics.
 *
 * | reason | status | what happened |
 * | --- | --- | --- |
 * | origin_not_allowed | 403 | `allowedOrigins` does not name the page's origin |
 * | host_not_allowed | 403 | `allowedHosts` does not name the `Host` |
 * | invalid_handshake | 400, 405, 426 | the request is no handshake of RFC 6455 |
 * | path_not_found | 404 | `path` does not name the path; told to the observer alone |
 * | subprotocol_not_offered | 400 | the client does not offer the server's subprotocol |
 * | subprotocol_failed | 500 | the function `protocol` failed |
 * | client_address_failed | 500 | `clientAddress` failed |
 * | max_clients | 503 | `maxConcurrentClientsNumber` |
 * | max_connections | 503 | `maxConnections` |
 * | max_connections_per_client | 429 | `maxConnectionsForOneClient` |
 * | server_stopping | 503 | the server is going away |
 * | authorize_rejected | its own | `authorize` answered with a Response |
 * | authorize_failed | 500 | `authorize` failed |
 * | authorize_timeout | 503 | `authorize` or `clientAddress` gave no answer in time |
 * | client_left | none | the client was gone before it was let in; told to the observer alone |
 * | upgrade_failed | 500 | the host or the runtime did not upgrade it |
 */
export type RefusalReason =
  | "origin_not_allowed"
  | "host_not_allowed"
  | "invalid_handshake"
  | "path_not_found"
  | "subprotocol_not_offered"
  | "subprotocol_failed"
  | "client_address_failed"
  | "max_clients"
  | "max_connections"
  | "max_connections_per_client"
  | "server_stopping"
  | "authorize_rejected"
  | "authorize_failed"
  | "authorize_timeout"
  | "client_left"
  | "upgrade_failed";

/**
 * The error of every call and event of this module, as in HarmonyOS' `BasicServicesKit`.
 *
 * `code` and `message` are own enumerable properties, so that `JSON.stringify(err)` shows both.
 * The codes and the opening words of the messages are stable; what follows a colon is for people.
 *
 * | code | message begins with |
 * | --- | --- |
 * | 201 | Permission denied |
 * | 401 | Parameter error |
 * | -1 | Websocket connect failed, Websocket Unknown Other Error |
 * | 200 | Websocket connect failed ('error' event only) |
 * | 2302001 | Websocket url error |
 * | 2302002 | Websocket certificate file does not exist |
 * | 2302003 | Websocket connection already exist |
 * | 2302004 | Can't listen to the given NIC |
 * | 2302005 | Can't listen to the given Port |
 * | 2302006 | websocket connection does not exist |
 * | 2302007 | Websocket port already occupied |
 * | 2302999 | Websocket Unknown Other Error |
 *
 * @example Read a refused call
 * ```ts
 * import { BusinessError, createWebSocket } from "@netkit/websocket";
 * import { assertEquals, assertInstanceOf } from "@std/assert";
 *
 * const error = await createWebSocket().send("too early").catch((error) => error);
 * assertInstanceOf(error, BusinessError);
 * assertEquals(error.code, -1);
 * ```
 *
 * @typeParam T The type of `data`.
 */
export class BusinessError<T = string> extends Error {
  /** The stable number of what went wrong; see the table above. */
  declare readonly code: number;
  /** Machine-readable detail; present only where the code's documentation says so. */
  declare readonly data?: T;
  /**
   * What exactly went wrong; one code may mean several things. Not enumerable, so that
   * `JSON.stringify(err)` prints what it prints on HarmonyOS. Every error of this module has one.
   */
  declare readonly kind?: ErrorKind;
  /** Why a server did not let a client in. Not enumerable. */
  declare readonly reason?: RefusalReason;
  /** On a server, the address of the peer whom it is about. Not enumerable. */
  declare readonly clientIP?: string;
  /** On a server, the port of the peer whom it is about. Not enumerable. */
  declare readonly clientPort?: number;

  /**
   * Makes an error. The module makes its own; this is for code that stands in for it in tests.
   *
   * @param code The number of what went wrong.
   * @param message What went wrong, for people.
   * @param options Detail and cause.
   */
  constructor(code: number, message: string, options: BusinessErrorOptions<T> = {}) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    // An error has its message before anything else; HarmonyOS prints the code first.
    delete (this as { message?: string }).message;
    this.code = code;
    const shown = { value: message, enumerable: true, writable: true, configurable: true };
    Object.defineProperty(this, "message", shown);
    if (options.data !== undefined) this.data = options.data;
    for (const name of DETAILS) {
      const value = options[name];
      if (value !== undefined) Object.defineProperty(this, name, { value });
    }
  }

  static {
    Object.defineProperty(this.prototype, "name", { value: "BusinessError", writable: true });
  }
}

/**
 * A node-style callback: `err` is `undefined` on success.
 *
 * Parameters are compared bivariantly, so that both `(err: BusinessError, …)`, as HarmonyOS
 * programs write it, and `(err: BusinessError | undefined, …)` are accepted.
 *
 * @typeParam T The type of the result.
 */
export type AsyncCallback<T> = {
  bivariant(err: BusinessError | undefined, data: T): unknown;
}["bivariant"];

/**
 * A listener that takes a value.
 *
 * @typeParam T The type of the value.
 */
export type Callback<T> = { bivariant(data: T): unknown }["bivariant"];

/** A listener that takes an error. */
export type ErrorCallback = Callback<BusinessError>;

/** The words that the message of a code begins with. */
const CONNECT_FAILED = "Websocket connect failed";
const UNKNOWN_OTHER = "Websocket Unknown Other Error";

/** Every kind of error of this module: its code and the words its message begins with. */
const KINDS = {
  permission: [201, "Permission denied"],
  argument: [401, "Parameter error"],
  noHost: [-1, CONNECT_FAILED],
  notOpen: [-1, UNKNOWN_OTHER],
  connectFailed: [200, CONNECT_FAILED],
  handshakeRefused: [200, CONNECT_FAILED],
  lost: [200, CONNECT_FAILED],
  heartbeatTimeout: [200, CONNECT_FAILED],
  tooBig: [200, CONNECT_FAILED],
  tooSlow: [200, CONNECT_FAILED],
  tooFast: [200, CONNECT_FAILED],
  unacceptable: [200, CONNECT_FAILED],
  url: [2302001, "Websocket url error"],
  noFile: [2302002, "Websocket certificate file does not exist"],
  alreadyConnected: [2302003, "Websocket connection already exist"],
  nic: [2302004, "Can't listen to the given NIC"],
  port: [2302005, "Can't listen to the given Port"],
  noConnection: [2302006, "websocket connection does not exist"],
  portOccupied: [2302007, "Websocket port already occupied"],
  noSubprotocol: [2302999, UNKNOWN_OTHER],
  notConnected: [2302999, UNKNOWN_OTHER],
  closing: [2302999, UNKNOWN_OTHER],
  aborted: [2302999, UNKNOWN_OTHER],
  queueFull: [2302999, UNKNOWN_OTHER],
  unsent: [2302999, UNKNOWN_OTHER],
  unacknowledged: [2302999, UNKNOWN_OTHER],
  refusedByPeer: [2302999, UNKNOWN_OTHER],
  unread: [2302999, UNKNOWN_OTHER],
  unsupported: [2302999, UNKNOWN_OTHER],
  listenerFailed: [2302999, UNKNOWN_OTHER],
  hookFailed: [2302999, UNKNOWN_OTHER],
  alreadyRunning: [2302999, UNKNOWN_OTHER],
  notRunning: [2302999, UNKNOWN_OTHER],
  listenFailed: [2302999, UNKNOWN_OTHER],
  hostFault: [2302999, UNKNOWN_OTHER],
  brokerDown: [2302999, UNKNOWN_OTHER],
  unconfirmed: [2302999, UNKNOWN_OTHER],
  foreignEntry: [2302999, UNKNOWN_OTHER],
} as const satisfies Record<ErrorKind, readonly [number, string]>;

/**
 * What exactly went wrong, as {@linkcode BusinessError.kind} says it.
 *
 * | kind | code | when |
 * | --- | --- | --- |
 * | permission | 201 | the runtime refused a host or a file |
 * | argument | 401 | an argument or an option is wrong |
 * | noHost | -1 | `connect` to a URL that names no host |
 * | notOpen | -1 | `send` while there is no open connection; `join` or `leave` of one that is closing |
 * | connectFailed | 200 | a client's attempt failed: refused, DNS, TLS, HTTP status, time-out |
 * | handshakeRefused | 200 | a server refused a client; `data` is the HTTP status |
 * | lost | 200 | a connection ended without a Close frame, or with one that is not valid |
 * | heartbeatTimeout | 200 | a peer gave no sign of life after a Ping |
 * | tooBig | 200 | a peer sent a message over `maxPayload` |
 * | tooSlow | 200 | a peer read too slowly, over `maxBufferedAmount` |
 * | tooFast | 200 | a peer sent faster than the listeners or a `for await` could follow |
 * | unacceptable | 200 | a peer sent a message that `schema` does not accept |
 * | url | 2302001 | the URL is wrong |
 * | noFile | 2302002 | a certificate or key file does not exist |
 * | alreadyConnected | 2302003 | `connect` while there is a connection |
 * | nic | 2302004 | the address cannot be listened on |
 * | port | 2302005 | the port cannot be listened on |
 * | noConnection | 2302006 | there is no such connection |
 * | portOccupied | 2302007 | the port is taken |
 * | noSubprotocol | 2302999 | a client offers subprotocols and the server speaks none; told once after each `start` |
 * | notConnected | 2302999 | `close` with nothing to close; `reconnect` while idle or closing, or without that option |
 * | closing | 2302999 | `close` of a connection that is closing |
 * | aborted | 2302999 | ended on purpose before it could begin |
 * | queueFull | 2302999 | more would be queued than the limit allows |
 * | unsent | 2302999 | what was accepted could not be sent; on 'error', `data` is how many bytes |
 * | unacknowledged | 2302999 | a message was not acknowledged before the end; it may have been seen |
 * | refusedByPeer | 2302999 | the peer's listeners failed with a message, or it does not accept it |
 * | unread | 2302999 | messages wait before a `for await` that is too slow |
 * | unsupported | 2302999 | this runtime cannot do it; `presence` without that option |
 * | listenerFailed | 2302999 | a listener or a callback threw or rejected |
 * | hookFailed | 2302999 | a function given as an option threw, rejected, or answered wrongly |
 * | alreadyRunning | 2302999 | `start` or `mount` while running |
 * | notRunning | 2302999 | the server is not running |
 * | listenFailed | 2302999 | listening failed for another reason, at `start` or later |
 * | hostFault | 2302999 | the host that a server is mounted in was set up wrongly |
 * | brokerDown | 2302999 | the broker takes nothing: not published; `start` or `mount` cannot read it; or it reads on after `stop` |
 * | unconfirmed | 2302999 | nobody knows whether the broker has taken what was published |
 * | foreignEntry | 2302999 | the broker's log has an entry that is none of this module's |
 */
export type ErrorKind =
  | "permission"
  | "argument"
  | "noHost"
  | "notOpen"
  | "connectFailed"
  | "handshakeRefused"
  | "lost"
  | "heartbeatTimeout"
  | "tooBig"
  | "tooSlow"
  | "tooFast"
  | "unacceptable"
  | "url"
  | "noFile"
  | "alreadyConnected"
  | "nic"
  | "port"
  | "noConnection"
  | "portOccupied"
  | "noSubprotocol"
  | "notConnected"
  | "closing"
  | "aborted"
  | "queueFull"
  | "unsent"
  | "unacknowledged"
  | "refusedByPeer"
  | "unread"
  | "unsupported"
  | "listenerFailed"
  | "hookFailed"
  | "alreadyRunning"
  | "notRunning"
  | "listenFailed"
  | "hostFault"
  | "brokerDown"
  | "unconfirmed"
  | "foreignEntry";

/**
 * Makes the error of a kind; not part of the public API.
 *
 * @param kind Which error.
 * @param particulars What follows the opening words.
 * @param options Detail and cause.
 */
export function businessError(
  kind: ErrorKind,
  particulars: string,
  options?: Omit<BusinessErrorOptions<string>, "kind">,
): BusinessError {
  const [code, opening] = KINDS[kind];
  return new BusinessError(code, `${opening}: ${particulars}`, { ...options, kind });
}

/**
 * Makes an error once more; not part of the public API. Whoever gets one may change it.
 *
 * @param error The error.
 */
export function errorLike(error: BusinessError): BusinessError {
  return new BusinessError(error.code, error.message, error);
}

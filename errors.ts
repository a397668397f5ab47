/**
 * The one error type of this module, its codes, and the callback types of the HarmonyOS kit.
 *
 * @module
 */

/** What a {@linkcode BusinessError} may carry beside its code and message. */
export interface BusinessErrorOptions<T> {
  /** Machine-readable detail, e.g. the HTTP status of a refused handshake as text. */
  data?: T;
  /** What led to this error. */
  cause?: unknown;
}

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
  readonly code: number;
  /** Machine-readable detail; present only where the code's documentation says so. */
  declare readonly data?: T;

  /**
   * Makes an error. The module makes its own; this is for code that stands in for it in tests.
   *
   * @param code The number of what went wrong.
   * @param message What went wrong, for people.
   * @param options Detail and cause.
   */
  constructor(code: number, message: string, options: BusinessErrorOptions<T> = {}) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.code = code;
    Object.defineProperty(this, "message", { value: message, enumerable: true });
    if (options.data !== undefined) this.data = options.data;
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

/** Every kind of error of this module: its number and the words its message begins with. */
const KINDS = {
  permission: [201, "Permission denied"],
  argument: [401, "Parameter error"],
  noHost: [-1, "Websocket connect failed"],
  notOpen: [-1, "Websocket Unknown Other Error"],
  connectFailed: [200, "Websocket connect failed"],
  url: [2302001, "Websocket url error"],
  noFile: [2302002, "Websocket certificate file does not exist"],
  alreadyConnected: [2302003, "Websocket connection already exist"],
  nic: [2302004, "Can't listen to the given NIC"],
  port: [2302005, "Can't listen to the given Port"],
  noConnection: [2302006, "websocket connection does not exist"],
  portOccupied: [2302007, "Websocket port already occupied"],
  other: [2302999, "Websocket Unknown Other Error"],
} as const satisfies Record<string, readonly [number, string]>;

/** The name of a kind of error; not part of the public API. */
export type ErrorKind = keyof typeof KINDS;

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
  options?: BusinessErrorOptions<string>,
): BusinessError {
  const [code, opening] = KINDS[kind];
  return new BusinessError(code, `${opening}: ${particulars}`, options);
}

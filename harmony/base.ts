/** The base types of HarmonyOS' `@ohos.base`, as it declares them. */

import {
  BusinessError as StrictBusinessError,
  type BusinessErrorOptions,
  type ErrorKind,
  type RefusalReason,
} from "../errors.ts";

/**
 * The error of every call and event, with the type parameter that the device gives it. The main entry's
 * `BusinessError` is the same class.
 *
 * @typeParam T The type of `data`.
 */
export interface BusinessError<T = void> extends Error {
  /** The stable number of what went wrong. */
  code: number;
  /** Machine-readable detail, where there is some. */
  data?: T | undefined;
  /** What exactly went wrong. */
  readonly kind?: ErrorKind | undefined;
  /** Why a server did not let a client in. */
  readonly reason?: RefusalReason | undefined;
  /** On a server, the address of the peer whom it is about. */
  readonly clientIP?: string | undefined;
  /** On a server, the port of the peer whom it is about. */
  readonly clientPort?: number | undefined;
}

/** Makes an error, or tells one by `instanceof`. */
export const BusinessError: {
  /**
   * @param code The number of what went wrong.
   * @param message What went wrong, for people.
   * @param options Detail and cause.
   */
  new <T = void>(
    code: number,
    message: string,
    options?: BusinessErrorOptions<T>,
  ): BusinessError<T>;
} = StrictBusinessError as unknown as new <T = void>(
  code: number,
  message: string,
  options?: BusinessErrorOptions<T>,
) => BusinessError<T>;

/**
 * A node-style callback. `err` is not possibly undefined, as on the device; on success it is. A listener
 * may say so: parameters are compared bivariantly.
 *
 * @typeParam T The type of the result.
 * @typeParam E The type of the error's `data`.
 */
export type AsyncCallback<T, E = void> = {
  bivariant(err: BusinessError<E>, data: T): void;
}["bivariant"];

/**
 * A listener that takes a value.
 *
 * @typeParam T The type of the value.
 */
export type Callback<T> = { bivariant(data: T): void }["bivariant"];

/**
 * A listener that takes an error.
 *
 * @typeParam T The type of the error.
 */
export type ErrorCallback<T extends Error = BusinessError> = Callback<T>;

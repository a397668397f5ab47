/** What to connect to: a URL and options, or functions of the user's that say so at each attempt. */

import type { BusinessError } from "../errors.ts";
import { argumentError, TEXT } from "../internal/validate.ts";
import type { ClientRuntime, DialRequest } from "../runtime/contract.ts";
import { buildRequest, unsupported } from "./dial.ts";
import { type ConnectOptions, readConnectOptions } from "./options.ts";
import { hasNoHost, noHostFailure, urlError } from "./url.ts";

/** What to connect to, as it was given; where a client reconnects, parts may be asked for each time. */
export interface Target {
  url: string | (() => unknown);
  header: (() => unknown) | undefined;
  /** The options without a `header` that is a function. */
  given: object | undefined;
  options: ConnectOptions;
}

/** Reads the arguments of `connect`. */
export function readTarget(url: unknown, given: unknown, mayAsk: boolean): Target | BusinessError {
  if (typeof url !== "string" && !(mayAsk && typeof url === "function")) {
    return argumentError("connect: the URL", TEXT[1], url);
  }
  let { header } = (mayAsk && given ? given : {}) as { header?: unknown };
  if (typeof header === "function") given = { ...given as object, header: undefined };
  else header = undefined;
  const options = readConnectOptions(given, url);
  if (options instanceof Error) return options;
  return { url, header, given, options } as Target;
}

/** Whether anything has to be asked for. */
export function asks({ url, header }: Target): boolean {
  return typeof url === "function" || header !== undefined;
}

/**
 * Asks for what to dial next. Throws what the user throws, and what is wrong with the answer: that may
 * be better the next time. What is wrong with the options, or with this runtime, is given back.
 */
export async function askTarget(
  runtime: ClientRuntime,
  target: Target,
): Promise<DialRequest | BusinessError> {
  await undefined; // the user is asked when `connect` has done its work
  const { url: ask } = target; // called as a method it would be handed the target
  const url = typeof ask === "function" ? await ask() : ask;
  if (typeof url !== "string") throw argumentError("connect: the URL", TEXT[1], url);
  const { header, given } = target;
  const options = header === undefined
    ? target.options
    : readConnectOptions({ ...given, header: await header() ?? null }, url); // nothing is no header
  if (options instanceof Error) throw options;
  const wrong = urlError(url) ?? (hasNoHost(url) ? noHostFailure() : undefined);
  if (wrong !== undefined) throw wrong;
  const request = buildRequest(runtime, url, options);
  if (request instanceof Error) return request;
  return unsupported(runtime, request, options) ?? request;
}

/** What to connect to: a URL and options, or functions of the user that give them at each attempt. */

import type { BusinessError } from "../errors.ts";
import { type Call, readCall } from "../internal/result.ts";
import { sayOnce } from "../internal/say_once.ts";
import { argumentError, TEXT } from "../internal/validate.ts";
import type { ClientRuntime, DialRequest } from "../runtime/contract.ts";
import { buildRequest, unsupported } from "./dial.ts";
import { type ConnectOptions, readAskingOptions, readConnectOptions } from "./options.ts";
import { hasNoHost, noHostFailure, urlError } from "./url.ts";

/**
 * What to connect to, as it was given. Where a client reconnects, `url` and `header` may be
 * functions.
 */
export interface Target {
  url: string | (() => unknown);
  header: (() => unknown) | undefined;
  /** The options without a `header` that is a function. */
  given: object | undefined;
  options: ConnectOptions;
}

/**
 * Reads the arguments of `connect`. A function that comes first gives the URL where the client
 * reconnects. Where it does not the function is the callback if it is all there is, which is said once,
 * as it may have been meant for the URL: then nobody would hear of the error.
 */
export function readConnect(
  args: unknown[],
  mayAsk: boolean,
): Pick<Call, "callback" | "error"> & { url: unknown; options: unknown } {
  const [first] = args;
  const isFunction = typeof first === "function";
  const { values, callback, error } = readCall(
    "connect",
    isFunction && mayAsk ? ["", ...args.slice(1)] : args,
    ["a URL", "options"],
  );
  const [url, options] = values;
  if (!isFunction) return { url, options, callback, error };
  if (mayAsk) return { url: first, options, callback, error };
  const isAlone = values.length === 0;
  if (isAlone) {
    sayOnce("connect: a function that gives the URL needs 'reconnect': this one is the callback");
  }
  const isCallback = isAlone || callback !== first;
  return { url, options, callback: isCallback ? callback : undefined, error };
}

/** Reads what the arguments of `connect` say. */
export function readTarget(url: unknown, given: unknown, mayAsk: boolean): Target | BusinessError {
  if (typeof url !== "string" && !(mayAsk && typeof url === "function")) {
    const rule = typeof url === "function" ? `${TEXT[1]} unless there is 'reconnect'` : TEXT[1];
    return argumentError("connect: the URL", rule, url);
  }
  let header: unknown;
  if (typeof given === "object") {
    const read = readAskingOptions(given, mayAsk);
    if (read instanceof Error) return read;
    header = typeof read.header === "function" ? read.header : undefined;
    given = header === undefined ? read : { ...read, header: undefined };
  }
  const options = readConnectOptions(given, url);
  if (options instanceof Error) return options;
  return { url, header, given, options } as Target;
}

/** Whether functions of the user must be asked. */
export function asks({ url, header }: Target): boolean {
  return typeof url === "function" || header !== undefined;
}

/**
 * Asks the user what to dial next. Throws what the user throws, and an error where the answer is wrong:
 * the next answer may be right. Returns an error where the options are wrong or cannot be honoured.
 */
export async function askTarget(
  runtime: ClientRuntime,
  target: Target,
): Promise<DialRequest | BusinessError> {
  await undefined; // `connect` returns before the user is asked
  const { url: ask } = target; // so that `this` is not the target
  const url = typeof ask === "function" ? await ask() : ask;
  if (typeof url !== "string") throw argumentError("connect: the URL", TEXT[1], url);
  const { header, given } = target;
  const options = header === undefined
    ? target.options
    : readConnectOptions({ ...given, header: await header() ?? null }, url); // undefined is no header
  if (options instanceof Error) throw options;
  const wrong = urlError(url) ?? (hasNoHost(url) ? noHostFailure() : undefined);
  if (wrong !== undefined) throw wrong;
  const request = buildRequest(runtime, url, options);
  if (request instanceof Error) return request;
  return unsupported(runtime, request, options) ?? request;
}

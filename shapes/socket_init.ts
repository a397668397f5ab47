/** What a `WebSocket` is made with beyond the standard, read. Not part of the public API. */

import { buildRequest, unsupported } from "../client/dial.ts";
import {
  type ClientOptions,
  CONNECT_OPTIONS,
  readClientOptions,
  readConnectOptions,
} from "../client/options.ts";
import { readTarget, type Target } from "../client/target.ts";
import { BusinessError } from "../errors.ts";
import { quote } from "../internal/describe.ts";
import { argumentError, secretArgumentError } from "../internal/validate.ts";
import type { ClientRuntime, DialRequest } from "../runtime/contract.ts";

/** Options that are the client's, not an attempt's. */
const OF_CLIENT = new Set([
  "clock",
  "maxBufferedAmount",
  "maxPayload",
  "observer",
  "reconnect",
  "resume",
  "runtime",
]);

/** What there is beside them, by the names that a socket has for it. */
const OF_CONNECT = ["headers", ...CONNECT_OPTIONS.filter((name) => name !== "protocol")];

/** What is asked for beyond the standard, read. */
export interface ReadInit {
  client: ClientOptions;
  /** What `connect` takes. */
  request: Record<string, unknown>;
  /** The name that headers were given by. */
  headersName: "header" | "headers";
}

/** Reads the options; throws what is wrong with them. */
export function readInit(options: object): ReadInit {
  const client: Record<string, unknown> = {};
  const request: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(options)) {
    if (OF_CLIENT.has(name)) client[name] = value;
    else if (CONNECT_OPTIONS.includes(name)) request[name] = value;
    else if (name !== "headers" && value !== undefined) {
      const rule = `is no option; there are ${[...OF_CONNECT, ...OF_CLIENT].join(", ")}`;
      throw secretArgumentError(`WebSocket: '${quote(name)}'`, rule, value);
    }
  }
  const { headers } = options as { headers?: unknown };
  if (headers !== undefined && request.header !== undefined) {
    const rule = "must be left out where 'headers' is given";
    throw secretArgumentError("WebSocket: 'header'", rule, request.header);
  }
  const headersName = headers === undefined ? "header" : "headers";
  if (headers !== undefined) request.header = headers;
  request.header = readHeaders(request.header, headersName);
  if (request.protocol !== undefined) {
    const rule = "is no option: subprotocols are the second argument";
    throw argumentError("WebSocket: 'protocol'", rule, request.protocol);
  }
  const read = readClientOptions(client);
  if (read.error !== undefined) throw inOwnWords(read.error);
  const init: ReadInit = { client: read.options, request, headersName };
  readAttempt("ws://localhost/", [], init);
  return init;
}

/** A `Headers`, or pairs, as an object. */
function readHeaders(headers: unknown, name: string): unknown {
  const isList = typeof headers === "object" && headers !== null && Symbol.iterator in headers;
  if (!isList) return headers;
  try {
    return Object.fromEntries(headers as Iterable<[string, string]>);
  } catch {
    const rule = "must be a plain object of text values, a Headers, or pairs";
    throw secretArgumentError(`WebSocket: '${name}'`, rule, headers);
  }
}

/** An error of the client's in the words of who makes a socket: by its class, and the name that headers have. */
function inOwnWords(error: BusinessError, headersName = "header"): BusinessError {
  const message = error.message
    .replace(/: (?:connect|createWebSocket): /, ": WebSocket: ")
    .replace(/: WebSocket: 'header'/, `: WebSocket: '${headersName}'`)
    .replace(
      /: 'protocol' must be what 'header' /,
      `: the subprotocols must be what '${headersName}' `,
    );
  return new BusinessError(error.code, message, error);
}

/** Reads what an attempt is to be; throws what is wrong with it. */
export function readAttempt(
  url: string,
  protocols: string[],
  { client, request, headersName }: ReadInit,
): Target {
  const given: Record<string, unknown> = { ...request, protocol: protocols.join(", ") };
  const { header: ask } = request;
  if (typeof ask === "function") {
    given.header = async () => {
      const header = readHeaders(await ask(), headersName) ?? null; // nothing is no header
      const read = readConnectOptions({ ...given, header }, url);
      if (read instanceof Error) throw inOwnWords(read, headersName);
      return header;
    };
  }
  const target = readTarget(url, given, client.policy !== undefined);
  if (target instanceof Error) throw inOwnWords(target, headersName);
  return target;
}

/** What a runtime is to dial; throws what cannot be had. */
export function requestOf(runtime: ClientRuntime, { url, options }: Target): DialRequest {
  const request = buildRequest(runtime, url as string, options);
  const error = request instanceof Error ? request : unsupported(runtime, request, options);
  if (error !== undefined) throw inOwnWords(error);
  return request as DialRequest;
}

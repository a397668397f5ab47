/** What a `WebSocket` is made with beyond the standard, read. Not part of the public API. */

import { buildRequest, unsupported } from "../client/dial.ts";
import { type ClientOptions, readClientOptions } from "../client/options.ts";
import { readTarget, type Target } from "../client/target.ts";
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

/** What is asked for beyond the standard, read. */
export interface ReadInit {
  client: ClientOptions;
  /** What `connect` takes. */
  request: Record<string, unknown>;
}

/** Reads the options; throws what is wrong with them. */
export function readInit(options: object): ReadInit {
  const client: Record<string, unknown> = {};
  const request: Record<string, unknown> = Object.create(null); // a name may be `__proto__`
  for (const [name, value] of Object.entries(options)) {
    if (OF_CLIENT.has(name)) client[name] = value;
    else if (name !== "headers") request[name] = value;
  }
  const { headers } = options as { headers?: unknown };
  if (headers !== undefined && request.header !== undefined) {
    const rule = "must be left out where 'headers' is given";
    throw secretArgumentError("WebSocket: 'header'", rule, request.header);
  }
  if (headers !== undefined) request.header = headers;
  if (request.header !== undefined) request.header = readHeaders(request.header);
  if (request.protocol !== undefined) {
    const rule = "is no option: subprotocols are the second argument";
    throw argumentError("WebSocket: 'protocol'", rule, request.protocol);
  }
  const read = readClientOptions(client);
  if (read.error !== undefined) throw read.error;
  const init = { client: read.options, request };
  readAttempt("ws://localhost/", [], init);
  return init;
}

/** A `Headers`, or pairs, as an object. */
function readHeaders(headers: unknown): unknown {
  const isList = typeof headers === "object" && headers !== null && Symbol.iterator in headers;
  if (!isList) return headers;
  try {
    return Object.fromEntries(headers as Iterable<[string, string]>);
  } catch {
    const rule = "must be a plain object of text values, a Headers, or pairs";
    throw secretArgumentError("WebSocket: 'headers'", rule, headers);
  }
}

/** Reads what an attempt is to be; throws what is wrong with it. */
export function readAttempt(
  url: string,
  protocols: string[],
  { client, request }: ReadInit,
): Target {
  const given = { ...request, protocol: protocols.join(", ") };
  const target = readTarget(url, given, client.policy !== undefined);
  if (target instanceof Error) throw target;
  return target;
}

/** What a runtime is to dial; throws what cannot be had. */
export function requestOf(runtime: ClientRuntime, { url, options }: Target): DialRequest {
  const request = buildRequest(runtime, url as string, options);
  if (request instanceof Error) throw request;
  const error = unsupported(runtime, request, options);
  if (error !== undefined) throw error;
  return request;
}

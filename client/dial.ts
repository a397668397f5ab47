/** What `connect` asks of the runtime, and what the runtime cannot do. Not part of the public API. */

import type { WebSocketClientOptions } from "./types.ts";
import { type BusinessError, businessError } from "../errors.ts";
import { type ConnectOptions, readConnectOptions } from "./options.ts";
import {
  ANY,
  argumentError,
  COUNT,
  FLAG,
  OBJECT,
  OBSERVER,
  readOptions,
  SCHEMA,
  TEXT,
} from "../internal/validate.ts";
import { readReconnectPolicy, type ReconnectPolicy } from "./reconnect_policy.ts";
import { hasNoHost, urlError } from "./url.ts";
import type { ClientRuntime, ClientTls, DialRequest } from "../runtime/contract.ts";
import { readCertificates, readIdentity } from "../runtime/pem.ts";

/** What has been said on the console once and need not be said again. */
const said = new Set<string>();

/** Says something on the console, once. */
export function sayOnce(what: string): void {
  if (said.has(what)) return;
  said.add(what);
  console.warn(what);
}

/** What `createWebSocket` was asked for; nothing where that is wrong. */
export interface ClientOptions extends WebSocketClientOptions {
  policy?: ReconnectPolicy | undefined;
}

/** Reads the options of `createWebSocket`, which never throws: what is wrong, `connect` says. */
export function readClientOptions(
  options: unknown,
): { error: BusinessError | undefined; options: ClientOptions } {
  const given = readOptions("createWebSocket", options, {
    clock: OBJECT,
    maxBufferedAmount: COUNT,
    maxPayload: COUNT,
    observer: OBSERVER,
    reconnect: ANY,
    runtime: OBJECT,
    schema: SCHEMA,
    stats: FLAG,
  }, 1);
  if (given instanceof Error) return { error: given, options: {} };
  const policy = readReconnectPolicy(given.reconnect);
  if (policy instanceof Error) return { error: policy, options: {} };
  return { error: undefined, options: { ...given, policy } };
}

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
  const options = readConnectOptions(given);
  if (options instanceof Error) return options;
  return { url, header, given, options } as Target;
}

/** Whether anything has to be asked for. */
export function asks({ url, header }: Target): boolean {
  return typeof url === "function" || header !== undefined;
}

/** Makes of it what the runtime is to dial; the runtime may refuse, and files may be missing. */
export function buildRequest(
  runtime: ClientRuntime,
  url: string,
  options: ConnectOptions,
): DialRequest | BusinessError {
  const cause = runtime.denied(url);
  if (cause !== undefined) {
    return businessError("permission", "connect: the runtime refused the URL's host", { cause });
  }
  const tls = readTls(options);
  if (tls instanceof Error) return tls;
  const { headers, protocols, proxy } = options;
  return { url, headers, protocols, tls, proxy };
}

/** Asks for what to dial next; throws what the user throws, and gives what is wrong with the answer. */
export async function askTarget(
  runtime: ClientRuntime,
  target: Target,
): Promise<DialRequest | BusinessError> {
  await undefined; // the user is asked when `connect` has done its work
  const url = typeof target.url === "function" ? await target.url() : target.url;
  if (typeof url !== "string") return argumentError("connect: the URL", TEXT[1], url);
  const { header, given } = target;
  const options = header === undefined
    ? target.options
    : readConnectOptions({ ...given, header: await header() });
  if (options instanceof Error) return options;
  const request = buildRequest(runtime, url, options);
  if (request instanceof Error) return request;
  return urlError(url) ?? (hasNoHost(url) ? nowhere() : undefined) ??
    unsupported(runtime, request, options) ?? request;
}

/** What 'error' tells of a URL that names no host. */
export function nowhere(): BusinessError {
  const cause = new Error("the URL has no host");
  return businessError("connectFailed", cause.message, { data: "0", cause });
}

/** Refuses the guide's `ws://`, which names no host. */
export function noHost(url: string): BusinessError | undefined {
  if (!hasNoHost(url)) return undefined;
  const cause = new Error("the URL has no host");
  return businessError("noHost", cause.message, { cause });
}

/** Reads the files that the options name. */
function readTls(
  { caPath, clientCert, insecure, minTls }: ConnectOptions,
): ClientTls | BusinessError {
  const tls: ClientTls = { insecure, minVersion: minTls };
  if (caPath !== "") {
    const ca = readCertificates("connect: 'caPath'", caPath);
    if (ca instanceof Error) return ca;
    tls.ca = ca;
  }
  if (clientCert !== undefined) {
    const identity = readIdentity("connect: 'clientCert'", clientCert);
    if (identity instanceof Error) return identity;
    tls.identity = identity;
  }
  return tls;
}

/** What is asked for and cannot be had here: nothing is ignored. */
export function unsupported(
  runtime: ClientRuntime,
  request: DialRequest,
  options: ConnectOptions,
): BusinessError | undefined {
  const fault = runtime.unsupported(request);
  if (fault !== undefined) {
    const { option, why } = fault;
    return businessError(
      "unsupported",
      `connect: '${option}' cannot be had on ${runtime.name}: ${why}`,
    );
  }
  if (runtime.canPing) return undefined;
  const asked = (["pingInterval", "pongTimeout"] as const).find((name) =>
    options[name] !== undefined
  );
  if (asked !== undefined) {
    return businessError("unsupported", `connect: '${asked}' cannot be had on ${runtime.name}`);
  }
  sayOnce(
    `${runtime.name} lets no client send Ping frames: a dead server is noticed only by the ` +
      "operating system. See docs/heartbeat.md.",
  );
  return undefined;
}

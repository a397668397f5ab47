/** The options of `createWebSocket` and of `connect`: read once, checked, and with their defaults. */

import type { BusinessError } from "../errors.ts";
import {
  ANY,
  argumentError,
  BINARY_TYPE,
  CLOCK,
  COUNT,
  FLAG,
  type Given,
  hasTexts,
  isHeaderValue,
  isNone,
  isOwnRecord,
  isToken,
  MAX_PAYLOAD,
  OBJECT,
  OBSERVER,
  readOptions,
  readProtocols,
  type Rule,
  SCHEMA,
  secretArgumentError,
  SIGNAL,
  TEXT,
  withFunctions,
} from "../internal/validate.ts";
import { readReconnectPolicy, type ReconnectPolicy } from "./reconnect_policy.ts";
import type { ClientCert, ProxyConfiguration, WebSocketClientOptions } from "./types.ts";

/** The options of `createWebSocket`. Empty where they are wrong. */
export interface ClientOptions extends Omit<WebSocketClientOptions, "binaryType"> {
  binaryType?: "arraybuffer" | "uint8array" | undefined;
  policy?: ReconnectPolicy | undefined;
}

/** Reads the options of `createWebSocket`, which never throws: `connect` is refused with the error. */
export function readClientOptions(
  options: unknown,
): { error: BusinessError | undefined; options: ClientOptions } {
  const given = readOptions("createWebSocket", options, {
    binaryType: BINARY_TYPE,
    clock: CLOCK,
    maxBufferedAmount: COUNT,
    maxPayload: MAX_PAYLOAD,
    observer: OBSERVER,
    reconnect: ANY,
    resume: FLAG,
    runtime: withFunctions("denied", "dial", "unsupported"),
    schema: SCHEMA,
    stats: FLAG,
  }, 1);
  if (given instanceof Error) return { error: given, options: {} };
  const policy = readReconnectPolicy(given.reconnect);
  if (policy instanceof Error) return { error: policy, options: {} };
  if (given.resume && policy === undefined) {
    const what = "createWebSocket: 'resume'";
    return { error: argumentError(what, "must have 'reconnect' beside it", true), options: {} };
  }
  return { error: undefined, options: { ...given, policy } };
}

/** The largest delay of a timer, in seconds. */
const MAX_TIMER_SECONDS = 2_147_483;

/** Seconds a connection has to open, unless set otherwise. */
const CONNECT_TIMEOUT = 20;

const RULES: Readonly<Record<string, Rule>> = {
  header: [
    isOwnRecord,
    "must be a plain object of text values",
    "secret",
  ],
  protocol: [
    (value) => typeof value === "string" && readProtocols(value) !== undefined,
    "must be different tokens, separated by commas",
    "secret",
  ],
  caPath: TEXT,
  clientCert: [
    (value) => hasTexts(value, ["certPath", "keyPath"], ["keyPassword"]),
    "must be an object with 'certPath', 'keyPath' and maybe 'keyPassword', all text",
  ],
  skipServerCertVerification: FLAG,
  minSupportTlsProtocol: [
    (value) => [0, 1, 2, 3].includes(value as number),
    "must be one of TlsProtocol",
  ],
  proxy: [
    (value) => value === "system" || value === "no-proxy" || isProxy(value),
    "must be 'system', 'no-proxy' or an object with 'host', 'port' and maybe 'username', " +
    "'password' and 'exclusionList'",
    "url",
  ],
  compression: FLAG,
  pingInterval: ANY,
  pongTimeout: ANY,
  connectTimeout: [
    (value) => typeof value === "number" && value > 0 && value <= MAX_TIMER_SECONDS,
    `must be a number of seconds above 0 and at most ${MAX_TIMER_SECONDS}`,
  ],
  signal: SIGNAL,
};

/** What `connect` knows. */
export const CONNECT_OPTIONS: readonly string[] = Object.keys(RULES);

function isProxy(value: unknown): boolean {
  if (!OBJECT[0](value)) return false;
  const { port, exclusionList = [], ...texts } = value as Record<string, unknown>;
  return hasTexts(texts, ["host"], ["username", "password"]) && isHost(texts.host as string) &&
    Number.isInteger(port) && (port as number) > 0 && (port as number) <= 65535 &&
    Array.isArray(exclusionList) && exclusionList.every((item) => typeof item === "string");
}

/**
 * Whether text is a host's name or address and nothing more. What is quoted here can be in the host of a URL, but
 * Deno takes that for no proxy.
 */
function isHost(host: string): boolean {
  const bare = host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
  return !/[\s/\\?#@"`{}]/.test(host) && URL.canParse(`http://${bare}:1/`);
}

/** What `connect` was asked for, with its defaults. */
export interface ConnectOptions {
  headers: Record<string, string>;
  protocols: string[];
  connectTimeout: number;
  signal: AbortSignal | undefined;
  pingInterval: unknown;
  pongTimeout: unknown;
  /** '' where the system's authorities count. */
  caPath: string;
  clientCert: ClientCert | undefined;
  insecure: boolean;
  minTls: number;
  proxy: ProxyConfiguration;
  compression: boolean;
}

/** The same where `header` may be a function. */
const ASKING: typeof RULES = {
  ...RULES,
  header: [
    (value) => typeof value === "function" || RULES.header![0](value),
    RULES.header![1],
    "secret",
  ],
};

/** Reads the options of a `connect` whose `header` may be a function, which is asked later, if at all. */
export function readAskingOptions(options: object | null, mayAsk = true): Given | BusinessError {
  const given = readOptions("connect", options, ASKING);
  if (mayAsk || given instanceof Error || typeof given.header !== "function") return given;
  const rule = `${RULES.header![1]} unless there is 'reconnect'`;
  return secretArgumentError("connect: 'header'", rule, given.header);
}

/**
 * Reads the options of `connect`; a wrong one is returned as the error it deserves.
 *
 * @param url Where to connect, where that is known: a `host` header may say it, too.
 */
export function readConnectOptions(
  options: unknown,
  url?: unknown,
): ConnectOptions | BusinessError {
  if (options === undefined) options = {};
  if (typeof options === "string") {
    return secretArgumentError("connect: options", OBJECT[1], options);
  }
  const given = readOptions("connect", options, RULES);
  if (given instanceof Error) return given;
  const headers = readHeaders((given.header ?? {}) as Record<string, unknown>, url);
  if (headers instanceof Error) return headers;
  const inHeader = headers["sec-websocket-protocol"];
  delete headers["sec-websocket-protocol"];
  const asked = (given.protocol || inHeader || "") as string;
  const protocols = readProtocols(asked);
  if (protocols === undefined) {
    const what = "connect: 'header' sec-websocket-protocol";
    return secretArgumentError(what, RULES.protocol![1], inHeader);
  }
  if (inHeader && readProtocols(inHeader)?.join() !== protocols.join()) {
    return secretArgumentError("connect: 'protocol'", "must be what 'header' says too", asked);
  }
  return {
    headers,
    protocols,
    connectTimeout: (given.connectTimeout ?? CONNECT_TIMEOUT) as number,
    signal: given.signal as AbortSignal | undefined,
    pingInterval: given.pingInterval,
    pongTimeout: given.pongTimeout,
    caPath: (given.caPath ?? "") as string,
    clientCert: isNone(given.clientCert) ? undefined : given.clientCert as ClientCert | undefined,
    insecure: (given.skipServerCertVerification ?? false) as boolean,
    minTls: (given.minSupportTlsProtocol ?? 0) as number,
    compression: (given.compression ?? false) as boolean,
    proxy: (given.proxy ?? "system") as ProxyConfiguration,
  };
}

/** Names the handshake makes itself (RFC 6455 §4.1): set by hand they would break or forge it. */
const RESERVED =
  /^(host|connection|upgrade|content-length|transfer-encoding|sec-websocket-(?!protocol$).*)$/;

/** What the handshake says under those names by itself: who says it, too, changes nothing. */
const SAID_ANYWAY: Readonly<Record<string, RegExp>> = {
  connection: /^(keep-alive *, *)?upgrade$/i,
  "content-length": /^0$/,
  upgrade: /^websocket$/i,
  "sec-websocket-version": /^13$/,
};

function isSaidAnyway(name: string, value: string, url: unknown): boolean | undefined {
  value = value.trim();
  if (name !== "host") return SAID_ANYWAY[name]?.test(value);
  if (typeof url !== "string" || !URL.canParse(url) || /[\s/\\?#@]/.test(value)) return false;
  const { host, protocol } = new URL(url);
  return URL.canParse(`${protocol}//${value}/`) && new URL(`${protocol}//${value}/`).host === host;
}

function readHeaders(
  header: Record<string, unknown>,
  url: unknown,
): Record<string, string> | BusinessError {
  const headers: Record<string, string> = Object.create(null); // a name may be `__proto__`
  let entries;
  try {
    entries = Object.entries(header);
  } catch (cause) {
    return argumentError("connect: 'header'", "must be one that can be read", cause);
  }
  for (const [key, value] of entries) {
    const name = key.toLowerCase();
    if (!isToken(name)) {
      // What follows may be a value, as in a line of a request's head.
      const start = key.replace(/[^\w-].*/s, "");
      return argumentError("connect: 'header'", "must have tokens as names", `${start}…`);
    }
    const what = `connect: 'header' ${name}`;
    if (typeof value !== "string") return secretArgumentError(what, TEXT[1], value);
    if (RESERVED.test(name)) {
      if (isSaidAnyway(name, value, url)) continue;
      return secretArgumentError(what, "must be left to the handshake", value);
    }
    if (!isHeaderValue(value)) {
      return secretArgumentError(what, "must be one line of Latin-1", value);
    }
    headers[name] = value;
  }
  return headers;
}

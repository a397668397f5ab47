import { type BusinessError, businessError } from "../errors.ts";
import { describe } from "../internal/describe.ts";
import { DEFAULT_MAX_PAYLOAD } from "../internal/payload.ts";
import {
  ANY,
  argumentError,
  COUNT,
  FLAG,
  FUNCTION,
  hasTexts,
  isNone,
  MAX_PAYLOAD,
  NUMBER,
  oneOf,
  readOptions,
  type Rule,
  SIGNAL,
  TEXT,
} from "../internal/validate.ts";
import { UNIX } from "../runtime/unix.ts";
import { isAddress } from "./address.ts";
import { canonicalAddress } from "./handle.ts";
import {
  type AllowedHosts,
  type AllowedOrigins,
  readHost,
  readOrigin,
  readOrigins,
} from "./origin.ts";
import { PATH, readPaths, type Target } from "./routes.ts";
import { PROTOCOL, type Protocols, readServerProtocols } from "./subprotocols.ts";

/** The longest time an option may say, in seconds. */
const MAX_SECONDS = 30_000;

/** Seconds that `authorize` and `clientAddress` may take each, unless set otherwise. */
const DEFAULT_AUTHORIZE_SECONDS = 10;

/** The rules of the options of `start`. */
export const RULES: Readonly<Record<string, Rule>> = {
  serverPort: NUMBER,
  serverIP: TEXT,
  unixPath: [
    (value) => typeof value === "string" && !value.includes("\0"),
    "must be the path of a Unix socket",
  ],
  reusePort: FLAG,
  compression: FLAG,
  // The values of these three are looked at after the address and the port, as on HarmonyOS; a new limit is `COUNT`.
  maxConcurrentClientsNumber: ANY,
  maxConnectionsForOneClient: ANY,
  maxConnections: ANY,
  serverCert: [
    (value) => hasTexts(value, ["certPath", "keyPath"], []),
    "must be an object with 'certPath' and 'keyPath', both text",
  ],
  protocol: PROTOCOL,
  path: PATH,
  pingInterval: ANY,
  pongTimeout: ANY,
  maxPayload: MAX_PAYLOAD,
  maxBufferedAmount: COUNT,
  maxPendingAmount: COUNT,
  slowPeer: oneOf("drop", "refuse"),
  allowedOrigins: [
    (value) => value === "same-host" || value === "*" || Array.isArray(value),
    "must be 'same-host', '*' or an array of origins",
  ],
  allowedHosts: [Array.isArray, "must be an array of host names"],
  authorize: FUNCTION,
  authorizeTimeout: [
    (value) => typeof value === "number" && value > 0 && value <= MAX_SECONDS,
    `must be a number of seconds above 0 and at most ${MAX_SECONDS}`,
  ],
  clientAddress: FUNCTION,
  fetch: FUNCTION,
  signal: SIGNAL,
};

/** What `start` knows. */
export const START_OPTIONS: readonly string[] = Object.keys(RULES);

/** The options that are lists, how each item is read, and what it must be. */
const LISTS = [
  [
    "allowedOrigins",
    readOrigin,
    "must have origins such as 'https://example.com' or 'https://*.example.com'",
  ],
  [
    "allowedHosts",
    readHost,
    "must have names such as 'example.com' or '.example.com', or addresses, with no port",
  ],
] as const;

/** What has no meaning on a Unix socket. */
const TCP_ONLY = ["serverPort", "serverIP", "serverCert", "reusePort"] as const;

const LIMITS = [
  "maxConcurrentClientsNumber",
  "maxConnectionsForOneClient",
  "maxConnections",
] as const;

/** A function of the user that is asked about a request. */
export type Hook = (request: Request, info?: unknown) => unknown;

/** Bytes that may wait for one peer, or for the listeners of its messages, unless set otherwise. */
const DEFAULT_MAX_BUFFERED = 16 * 1024 * 1024;

/** What `start` was asked for, with its defaults. */
export interface ServerConfig {
  /** Where to listen: the first that this machine has. */
  hostnames: string[];
  port: number;
  /** The Unix socket to listen on instead. */
  unixPath: string | undefined;
  reusePort: boolean;
  compression: boolean;
  maxClients: number;
  maxPerClient: number;
  maxConnections: number;
  protocols: Protocols;
  /** Whether a handshake is for us; everywhere where it is left out. */
  isHere: ((target: Target) => boolean) | undefined;
  maxPayload: number;
  signal: AbortSignal | undefined;
  pingInterval: unknown;
  pongTimeout: unknown;
  serverCert: { certPath: string; keyPath: string } | undefined;
  maxBufferedAmount: number;
  maxPendingAmount: number;
  slowPeer: "drop" | "refuse";
  allowedOrigins: AllowedOrigins;
  allowedHosts: AllowedHosts | undefined;
  authorize: Hook | undefined;
  /** In seconds. */
  authorizeTimeout: number;
  clientAddress: Hook | undefined;
  fetch: Hook | undefined;
}

/** Reads the config of `start`. Returns an error where it is wrong. */
export function readServerConfig(config: unknown, call = "start"): ServerConfig | BusinessError {
  const given = readOptions(call, config, RULES);
  if (given instanceof Error) return given;
  const unixPath = (given.unixPath || undefined) as string | undefined;
  const needless = unixPath && TCP_ONLY.find((name) => given[name] !== undefined);
  if (needless) {
    const rule = "must be left out where 'unixPath' is given";
    return argumentError(`start: '${needless}'`, rule, given[needless]);
  }
  const port = (unixPath === undefined ? given.serverPort : 0) as number;
  const ip = (given.serverIP || undefined) as string | undefined;
  if (port === undefined) return argumentError("start: 'serverPort'", NUMBER[1], port);
  for (const [name, read, rule] of LISTS) {
    if (!Array.isArray(given[name])) continue;
    const wrong = given[name].findIndex((item) => read(item) === undefined);
    if (wrong !== -1) return argumentError(`${call}: '${name}'`, rule, given[name][wrong]);
  }
  if (ip !== undefined && !isAddress(ip)) {
    return businessError(
      "nic",
      `start: 'serverIP' must be a literal IPv4 or IPv6 address: current value is ${describe(ip)}`,
    );
  }
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    return businessError(
      "port",
      `start: 'serverPort' must be an integer from 0 to 65535: current value is ${port}`,
    );
  }
  for (const name of LIMITS) {
    if (given[name] !== undefined && !COUNT[0](given[name])) {
      return argumentError(`${call}: '${name}'`, COUNT[1], given[name]);
    }
  }
  const { allowedHosts, allowedOrigins = "same-host" } = given;
  return {
    slowPeer: (given.slowPeer ?? "drop") as ServerConfig["slowPeer"],
    // With no address, both families where the machine has IPv6.
    hostnames: unixPath !== undefined
      ? [UNIX]
      : ip === undefined
      ? ["::", "0.0.0.0"]
      : [canonicalAddress(ip)],
    port,
    unixPath,
    compression: (given.compression ?? false) as boolean,
    reusePort: (given.reusePort ?? false) as boolean,
    maxClients: (given[LIMITS[0]] ?? Infinity) as number,
    maxPerClient: (given[LIMITS[1]] ?? Infinity) as number,
    maxConnections: (given[LIMITS[2]] ?? Infinity) as number,
    protocols: readServerProtocols(given.protocol),
    isHere: readPaths(given.path),
    maxPayload: (given.maxPayload ?? DEFAULT_MAX_PAYLOAD) as number,
    signal: given.signal as AbortSignal | undefined,
    pingInterval: given.pingInterval,
    pongTimeout: given.pongTimeout,
    serverCert: isNone(given.serverCert)
      ? undefined
      : given.serverCert as ServerConfig["serverCert"],
    maxBufferedAmount: (given.maxBufferedAmount ?? DEFAULT_MAX_BUFFERED) as number,
    maxPendingAmount: (given.maxPendingAmount ?? DEFAULT_MAX_BUFFERED) as number,
    allowedOrigins: Array.isArray(allowedOrigins)
      ? readOrigins(allowedOrigins)
      : allowedOrigins as "same-host" | "*",
    allowedHosts: (allowedHosts as string[] | undefined)?.map((host) => readHost(host)!),
    authorize: given.authorize as Hook | undefined,
    authorizeTimeout: (given.authorizeTimeout ?? DEFAULT_AUTHORIZE_SECONDS) as number,
    clientAddress: given.clientAddress as Hook | undefined,
    fetch: given.fetch as Hook | undefined,
  };
}

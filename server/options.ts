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
  NUMBER,
  readOptions,
  type Rule,
  SIGNAL,
  TEXT,
} from "../internal/validate.ts";
import { UNIX } from "../runtime/unix.ts";
import { PATH, readPaths, type Target } from "./routes.ts";
import { PROTOCOL, type Protocols, readServerProtocols } from "./subprotocols.ts";

/** The rules of the options of `start`. */
export const RULES: Readonly<Record<string, Rule>> = {
  serverPort: NUMBER,
  serverIP: TEXT,
  unixPath: [
    (value) => typeof value === "string" && !value.includes("\0"),
    "must be the path of a Unix socket",
  ],
  reusePort: FLAG,
  // The limits' values are looked at after the address and the port.
  maxConcurrentClientsNumber: ANY,
  maxConnectionsForOneClient: ANY,
  serverCert: [
    (value) => hasTexts(value, ["certPath", "keyPath"], []),
    "must be an object with 'certPath' and 'keyPath', both text",
  ],
  protocol: PROTOCOL,
  path: PATH,
  pingInterval: ANY,
  pongTimeout: ANY,
  maxPayload: COUNT,
  maxBufferedAmount: COUNT,
  slowPeer: [
    (value) => value === "drop" || value === "refuse",
    "must be 'drop' or 'refuse'",
  ],
  allowedOrigins: [
    (value) => value === "same-host" || value === "*" || isTextArray(value),
    "must be 'same-host', '*' or an array of origins",
  ],
  authorize: FUNCTION,
  clientAddress: FUNCTION,
  fetch: FUNCTION,
  signal: SIGNAL,
};

/** What `start` knows. */
export const START_OPTIONS: readonly string[] = Object.keys(RULES);

function isTextArray(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

/** What has no meaning on a Unix socket. */
const TCP_ONLY = ["serverPort", "serverIP", "serverCert", "reusePort"] as const;

const LIMITS = ["maxConcurrentClientsNumber", "maxConnectionsForOneClient"] as const;

/** A function of the user that is asked about a request. */
export type Hook = (request: Request, info?: unknown) => unknown;

/** Bytes that may be queued to one peer, unless set otherwise: 16 MiB. */
const DEFAULT_MAX_BUFFERED = 16 * 1024 * 1024;

/** What `start` was asked for, with its defaults. */
export interface ServerConfig {
  /** Where to listen: the first that this machine has. */
  hostnames: string[];
  port: number;
  /** The Unix socket to listen on instead. */
  unixPath: string | undefined;
  reusePort: boolean;
  maxClients: number;
  maxPerClient: number;
  protocols: Protocols;
  /** Whether a handshake is for us; everywhere where it is left out. */
  isHere: ((target: Target) => boolean) | undefined;
  maxPayload: number;
  signal: AbortSignal | undefined;
  pingInterval: unknown;
  pongTimeout: unknown;
  serverCert: { certPath: string; keyPath: string } | undefined;
  maxBufferedAmount: number;
  slowPeer: "drop" | "refuse";
  allowedOrigins: "same-host" | "*" | string[];
  authorize: Hook | undefined;
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
  if (ip !== undefined && !isAddress(ip)) {
    return businessError(
      "nic",
      `'serverIP' must be a literal IPv4 or IPv6 address: current value is ${describe(ip)}`,
    );
  }
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    return businessError(
      "port",
      `'serverPort' must be an integer from 0 to 65535: current value is ${port}`,
    );
  }
  for (const name of LIMITS) {
    if (given[name] !== undefined && !COUNT[0](given[name])) {
      return argumentError(`${call}: '${name}'`, COUNT[1], given[name]);
    }
  }
  return {
    slowPeer: (given.slowPeer ?? "drop") as ServerConfig["slowPeer"],
    // With no address, both families where the machine has IPv6.
    hostnames: unixPath !== undefined ? [UNIX] : ip === undefined ? ["::", "0.0.0.0"] : [ip],
    port,
    unixPath,
    reusePort: (given.reusePort ?? false) as boolean,
    maxClients: (given[LIMITS[0]] ?? Infinity) as number,
    maxPerClient: (given[LIMITS[1]] ?? Infinity) as number,
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
    allowedOrigins: (given.allowedOrigins ?? "same-host") as ServerConfig["allowedOrigins"],
    authorize: given.authorize as Hook | undefined,
    clientAddress: given.clientAddress as Hook | undefined,
    fetch: given.fetch as Hook | undefined,
  };
}

/** Whether text is a literal IPv4 or IPv6 address. */
export function isAddress(text: string): boolean {
  const quad = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (quad) {
    return quad.slice(1).every((part) => Number(part) <= 255 && String(Number(part)) === part);
  }
  return /^[0-9a-f:.]+$/i.test(text) && text.includes(":") && URL.canParse(`http://[${text}]/`);
}

/**
 * Makes of the options of `connect` what the runtime dials: reads files, and refuses what the
 * runtime cannot do.
 */

import { type BusinessError, businessError } from "../errors.ts";
import { sayOnce } from "../internal/say_once.ts";
import type { ClientRuntime, ClientTls, DialRequest } from "../runtime/contract.ts";
import { readCertificates, readIdentity } from "../runtime/pem.ts";
import type { ConnectOptions } from "./options.ts";

/**
 * Makes the request that the runtime dials. An error where the host is not allowed or a file is
 * wrong.
 */
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
  const { compression, headers, protocols, proxy } = options;
  return { url, headers, protocols, tls, proxy, compression };
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

/** The error for an option that this runtime cannot honour, if there is one: no option is ignored. */
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
      "operating system. See docs/heartbeat.md in the package.",
  );
  return undefined;
}

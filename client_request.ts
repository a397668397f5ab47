/** What `connect` asks of the runtime, and what the runtime cannot do. Not part of the public API. */

import { type BusinessError, businessError } from "./errors.ts";
import type { ConnectOptions } from "./internal/connect_options.ts";
import type { ClientRuntime, ClientTls, DialRequest } from "./runtime/mod.ts";
import { readCertificates, readIdentity } from "./runtime/pem.ts";

/** What has been said on the console once and need not be said again. */
const said = new Set<string>();

/** Says something on the console, once. */
export function sayOnce(what: string): void {
  if (said.has(what)) return;
  said.add(what);
  console.warn(what);
}

/** Reads the files that the options name. */
export function readTls(
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
    return businessError("other", `connect: '${option}' cannot be had on ${runtime.name}: ${why}`);
  }
  if (runtime.canPing) return undefined;
  const asked = (["pingInterval", "pongTimeout"] as const).find((name) =>
    options[name] !== undefined
  );
  if (asked !== undefined) {
    return businessError("other", `connect: '${asked}' cannot be had on ${runtime.name}`);
  }
  sayOnce(
    `${runtime.name} lets no client send Ping frames: a dead server is noticed only by the ` +
      "operating system. See docs/heartbeat.md.",
  );
  return undefined;
}

/** What an observer is told of an attempt to connect. Not part of the public API. */

import type { AttemptFailure, ClientHandshake } from "../internal/observer.ts";

/** What an attempt failed of, by the words of `runtime/failures.ts` and `client/connection.ts`. */
const FAILURES: readonly [RegExp, AttemptFailure][] = [
  [/^the server answered with HTTP status/, "http_status"],
  [/^the proxy answered with/, "proxy_refused"],
  [/^connection refused$/, "connection_refused"],
  [/^the host name was not found$/, "host_not_found"],
  [/^the TLS handshake failed$/, "tls_failed"],
  [/^the server('s| did not| does not)/, "invalid_handshake"],
  [/^the connection was reset$/, "connection_reset"],
  [/^timed out after /, "timeout"],
];

/**
 * An attempt that has ended.
 *
 * @param url What was dialled. Only its scheme, host and port are told: the rest may be secret.
 * @param duration How long it took, in ms.
 * @param status The HTTP status as text, "0" where it is not known.
 * @param failure Why it failed, in the words of the error; left out where it is open.
 */
export function attempt(
  url: string,
  duration: number,
  status: string | undefined,
  failure?: string,
): ClientHandshake {
  const { hostname, port, protocol } = new URL(url);
  const scheme = protocol === "wss:" ? "wss" : "ws";
  const code = Number(status ?? "0");
  const reason = failure === undefined
    ? undefined
    : FAILURES.find(([words]) => words.test(failure))?.[1] ?? "connection_failed";
  return {
    scheme,
    host: hostname.replace(/^\[(.*)\]$/, "$1"),
    port: port === "" ? (scheme === "wss" ? 443 : 80) : Number(port),
    duration,
    ...(code > 0 && { status: code }),
    ...(reason !== undefined && { reason }),
  };
}

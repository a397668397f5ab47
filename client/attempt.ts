/** What is told of an attempt to connect that has ended. Not part of the public API. */

import { type BusinessError, businessError, type ErrorKind } from "../errors.ts";
import type { Clock } from "../internal/clock.ts";
import type { AttemptFailure, ClientHandshake, Observing } from "../internal/observer.ts";
import { argumentError } from "../internal/validate.ts";
import type { ClientRuntime, ClientSocket, DialRequest } from "../runtime/contract.ts";
import { type ConnectOptions, readConnectOptions } from "./options.ts";

/** What an attempt failed of, by how `runtime/failures.ts` and `client/connection.ts` begin to say it. */
const FAILURES: readonly [string, AttemptFailure][] = [
  ["the server answered with HTTP status", "http_status"],
  ["the proxy answered with", "proxy_refused"],
  ["connection refused", "connection_refused"],
  ["the host name was not found", "host_not_found"],
  ["the TLS handshake failed", "tls_failed"],
  ["the server's", "invalid_handshake"],
  ["the server did not", "invalid_handshake"],
  ["the server does not", "invalid_handshake"],
  ["the connection was reset", "connection_reset"],
  ["timed out after", "timeout"],
];

/**
 * An attempt that has ended, as an observer is told of it.
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
  const code = Number(status ?? 0);
  const reason = failure === undefined
    ? undefined
    : FAILURES.find(([words]) => failure.startsWith(words))?.[1] ?? "connection_failed";
  return {
    scheme,
    host: hostname.replace(/[[\]]/g, ""),
    port: port === "" ? (scheme === "wss" ? 443 : 80) : Number(port),
    duration,
    ...(code !== 0 && { status: code }),
    ...(reason !== undefined && { reason }),
  };
}

/** What an attempt that is observed has to do with. */
interface AttemptParts {
  runtime: Pick<ClientRuntime, "unsupported">;
  clock: Clock;
  request: DialRequest;
  /** What the observer gets as the connection. */
  who: unknown;
  /** See `ConnectionParts`. */
  attempt?: number;
}

/** Which attempt it is, where a client makes it by itself. */
export function numbered(attempt = 0): Pick<ClientHandshake, "attempt"> {
  return attempt > 0 ? { attempt } : {};
}

/** An attempt that an observer is told of: when it begins, and once when it is over. */
export class ObservedAttempt {
  /** What to dial, with the headers that the observer has added. */
  readonly request: DialRequest;
  readonly #observing: Observing;
  readonly #who: unknown;
  readonly #clock: Clock;
  readonly #began: number;
  readonly #handshake: ClientHandshake;

  constructor(observing: Observing, parts: AttemptParts) {
    const { runtime, clock, request, who } = parts;
    this.#observing = observing;
    this.#who = who;
    this.#clock = clock;
    this.#began = clock.now();
    this.#handshake = { ...attempt(request.url, 0, undefined), ...numbered(parts.attempt) };
    this.request = { ...request, headers: { ...request.headers } };
    observing.dialling?.(who, this.#handshake, headerSetter(runtime, this.request));
  }

  opened(): void {
    this.#observing.opened?.(this.#who, this.#over("101"));
  }

  /** @param failure Why, in the words of the error. */
  failed(status: string | undefined, failure: string): void {
    this.#observing.failed?.(this.#who, this.#over(status, failure));
  }

  gaveUp(): void {
    this.#observing.gaveUp?.(this.#who, this.#over());
  }

  #over(status?: string, failure?: string): ClientHandshake {
    const took = this.#clock.now() - this.#began;
    return Object.assign(this.#handshake, attempt(this.request.url, took, status, failure));
  }
}

/** What adds a header to a request, where the runtime can send one. */
function headerSetter(
  runtime: Pick<ClientRuntime, "unsupported">,
  request: DialRequest,
): ((name: string, value: string) => void) | undefined {
  const { headers, url } = request;
  const probe = { ...request, headers: { ...headers, traceparent: "" } };
  if (runtime.unsupported(probe)?.option === "header") return undefined;
  return (name, value) => {
    const read = readConnectOptions({ header: { [name]: value } }, url);
    if (read instanceof Error) throw read;
    if (read.protocols.length > 0) {
      throw argumentError("setHeader: the name", "must not be the subprotocols'", name);
    }
    Object.assign(headers, { ...read.headers, ...headers });
  };
}

/** Compression, and nothing else (RFC 7692 §7.1). */
const DEFLATE = /^permessage-deflate(;[^,]*)?$/;

/** What is wrong with the server's answer that the runtime has accepted, if anything. */
export function handshakeFault(
  { protocol, extensions }: Pick<ClientSocket, "protocol" | "extensions">,
  { options, request }: { options: ConnectOptions; request: DialRequest },
): string | undefined {
  const offered = request.protocols;
  if (offered.length === 0 ? protocol !== "" : !offered.includes(protocol)) {
    return "the server's subprotocol is none that was offered";
  }
  const isOffered = extensions === "" || (options.compression && DEFLATE.test(extensions));
  return isOffered ? undefined : "the server's extension was not offered";
}

/** The error of a failed attempt or a lost connection. */
export function failure(
  kind: ErrorKind,
  what: string,
  status?: string,
  cause?: unknown,
): BusinessError {
  return businessError(kind, what, {
    data: status ?? "0",
    cause: cause === undefined ? new Error(what) : new Error(what, { cause }),
  });
}

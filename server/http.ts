/**
 * HTTP answers: to requests that are no upgrade, and to handshakes that are refused. Every failure is
 * told. Not part of the public API.
 */

import { type BusinessError, businessError, type RefusalReason } from "../errors.ts";
import { describe } from "../internal/describe.ts";
import { isThenable } from "../internal/listeners.ts";
import type { ServerHandshake } from "../internal/observer.ts";
import { isHeaderValue } from "../internal/validate.ts";
import type { Hook } from "./options.ts";
import { type AllowedHosts, hostAllowed } from "./origin.ts";
import { RequestInfo } from "./request_info.ts";
import { isUrl } from "./routes.ts";
import type { HandshakeFault } from "./upgrade_request.ts";

/** The address of the client that sent a request. */
export interface Peer {
  ip: string;
  port: number;
}

/** What the answers depend on. */
interface HttpConfig {
  allowedHosts: AllowedHosts | undefined;
  fetch: Hook | undefined;
}

/** The server whose port it is. */
export interface HttpOwner {
  /** Whether the server is not stopping. */
  admits(): boolean;
  /** A client is refused. */
  refused(status: number, why: string, reason: RefusalReason, seen?: ServerHandshake): void;
  /** A function of the user failed, or its answer did. */
  failed(error: BusinessError): void;
}

/** The answer while the server stops. */
export const STOPPING: HandshakeFault = {
  status: 503,
  reason: "server_stopping",
  why: "the server is going away",
};

/** The answer to a request whose `Host` is missing or is no host (RFC 9112 §3.2). */
const NO_URL: HandshakeFault = {
  status: 400,
  reason: "invalid_handshake",
  why: "Host and target make no URL",
};

/** The answer to an upgrade with no `Host`: HTTP/1.0 has none, and one runtime accepts HTTP/1.1 without it. */
const NO_HOST: HandshakeFault = {
  status: 400,
  reason: "invalid_handshake",
  why: "Host is missing",
};

/**
 * What may stand in `Host` (RFC 3986 §3.2.2 and §3.2.3). One runtime makes a URL of more, with a path, a query or a
 * user from there (Deno 2.9.6, `tests/server/http_test.ts`).
 */
const HOST = /^[\w.~!$&'()*+,;=%:[\]-]+$/;

/** The answer to a request whose `Host` is none of `allowedHosts`. */
const NOT_THIS_HOST: HandshakeFault = {
  status: 403,
  reason: "host_not_allowed",
  why: "this server may not be called by this name",
};

/** The answer to a request that is no upgrade, where the user has no `fetch`. */
export const NO_UPGRADE: HandshakeFault = {
  status: 426,
  reason: "invalid_handshake",
  why: "This port speaks WebSocket",
};

/** The answer to an upgrade at a path that is not of `path`, where the user has no `fetch`. */
export const ELSEWHERE: HandshakeFault = {
  status: 404,
  reason: "path_not_found",
  why: "There is no WebSocket at this path",
};

/** What an answer says that asks for an upgrade; the first one keeps the other from going beyond a proxy (RFC 9110 §7.8). */
const UPGRADE = { connection: "upgrade", upgrade: "websocket" };

/** The answer to a request that is refused. */
export function toResponse(
  { status, why, headers }: Pick<HandshakeFault, "status" | "why" | "headers">,
): Response {
  return new Response(`${why}\n`, {
    status,
    headers: { ...(status === 426 && UPGRADE), ...headers },
  });
}

/**
 * Looks at headers that are sent. A control character, which may have come in a URL as `%01`, ends the process on Deno
 * (2.9.6, `tests/runtime/server_socket_quirks_test.ts`).
 *
 * @throws {TypeError} where a value is none.
 */
export function checkHeaders(headers: Headers): void {
  headers.forEach((value, name) => { // `for … of` takes five times as long (Deno 2.9.6)
    if (!isHeaderValue(value)) {
      throw new TypeError(`the header ${name} must be one line of Latin-1`);
    }
  });
}

/** Every Response that was sent. */
const used = new WeakSet<Response>();

/**
 * Notes that a Response is sent. A body cannot be sent twice: the runtimes then answer 500, and only
 * their own hook learns of it.
 *
 * @throws {TypeError} where its body was sent already, or its headers cannot be sent.
 */
export function sendable(response: Response): Response {
  if (response.bodyUsed || (used.has(response) && response.body !== null)) {
    throw new TypeError("its Response was used already: make one for each request");
  }
  checkHeaders(response.headers);
  used.add(response);
  return response;
}

/**
 * Objects that are no context: an error, or the Response of another library, does not mean that the
 * client is accepted. Told by their tag, as every realm has its own classes.
 */
const NO_CONTEXT =
  /^(Boolean|Number|String|Symbol|BigInt|Headers)$|(Error|Exception|Request|Response)$/;

/** Whether the answer of `authorize` is the context of a connection. */
export function isContext(verdict: unknown): verdict is object {
  return typeof verdict === "object" && verdict !== null && !Array.isArray(verdict) &&
    !NO_CONTEXT.test(Object.prototype.toString.call(verdict).slice("[object ".length, -1));
}

/** Answers the requests that do not become connections of this server. */
export class Http {
  readonly #owner: HttpOwner;
  readonly #fetch: Hook | undefined;
  readonly #allowedHosts: AllowedHosts | undefined;

  constructor(owner: HttpOwner, { allowedHosts, fetch }: HttpConfig) {
    this.#owner = owner;
    this.#fetch = fetch;
    this.#allowedHosts = allowedHosts;
  }

  /** What is wrong with where a request was sent to, if anything is: asked of handshakes and all others. */
  fault(request: Request, isHandshake = false): HandshakeFault | undefined {
    const host = request.headers.get("host");
    if (isHandshake && !host) return NO_HOST;
    if (host !== null && !HOST.test(host)) return NO_URL;
    if (!isUrl(request.url)) return NO_URL;
    const allowed = this.#allowedHosts;
    return allowed === undefined || hostAllowed(request, allowed) ? undefined : NOT_THIS_HOST;
  }

  /** Answers a request by the user's `fetch`, or with `otherwise`. */
  request(
    request: Request,
    { ip, port }: Peer,
    otherwise: HandshakeFault,
  ): Response | Promise<Response> {
    const fetch = this.#fetch;
    if (!this.#owner.admits()) return toResponse(STOPPING);
    const fault = this.fault(request);
    if (fault !== undefined) return toResponse(fault);
    if (fetch === undefined) {
      if (otherwise === ELSEWHERE) {
        this.#owner.refused(otherwise.status, otherwise.why, otherwise.reason);
      }
      return toResponse(otherwise);
    }
    const info = new RequestInfo(ip, port).markOn(request);
    return ask(() => fetch(request, info), (answer) => {
      if (answer instanceof Response) return sendable(answer);
      throw new TypeError(`it must answer with a Response: current value is ${describe(answer)}`);
    }, (cause) => {
      const particulars = `'fetch' failed: ${describe(cause)}`;
      this.#owner.failed(businessError("hookFailed", particulars, { cause }));
      return new Response(null, { status: 500 });
    });
  }

  /** The runtime could not send an answer to its end. */
  failed(cause: unknown): void {
    const particulars = `an answer could not be sent: ${describe(cause)}`;
    this.#owner.failed(businessError("hookFailed", particulars, { cause }));
  }
}

/** Asks a function of the user's, which may take its time, and may fail. */
export function ask<Answer>(
  call: () => unknown,
  then: (value: unknown) => Answer | Promise<Answer>,
  failed: (cause: unknown) => Answer,
): Answer | Promise<Answer> {
  try {
    const value = call();
    if (!isThenable(value)) return then(value);
    return Promise.resolve(value).then(then).catch(failed);
  } catch (cause) {
    return failed(cause);
  }
}

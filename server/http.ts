/**
 * Answers: to requests that are no upgrade, and to handshakes that are refused. Each is somebody's, and
 * what becomes of none is hidden. Not part of the public API.
 */

import { type BusinessError, businessError } from "../errors.ts";
import { describe } from "../internal/describe.ts";
import type { Hook } from "./options.ts";
import { RequestInfo } from "./request_info.ts";
import type { HandshakeFault } from "./upgrade_request.ts";

/** Who asks. */
export interface Peer {
  ip: string;
  port: number;
}

/** Who is told of answers that fail. */
export interface HttpOwner {
  /** Whether anything is answered but that the server goes. */
  admits(): boolean;
  /** A client is refused. */
  refused(status: number, why: string): void;
  /** A function of the user's failed, or what it has answered with. */
  failed(error: BusinessError): void;
}

/** What is answered while the server stops. */
export const GOING: HandshakeFault = { status: 503, why: "the server is going away" };

/** What is answered to a request that says no host, or one that is none (RFC 9112 §3.2). */
export const NO_URL: HandshakeFault = { status: 400, why: "Host and target make no URL" };

/** What is answered to a request that is no upgrade, unless the user does. */
export const NO_UPGRADE: HandshakeFault = { status: 426, why: "This port speaks WebSocket" };

/** What is answered to an upgrade elsewhere on the port, unless the user does. */
export const ELSEWHERE: HandshakeFault = {
  status: 404,
  why: "There is no WebSocket at this path",
};

/** Whether a request has an address. Not each has, on either runtime, whatever its type says. */
export function hasUrl(request: Request): boolean {
  return URL.canParse(request.url);
}

/** The answer to a request with which something is wrong. */
export function toResponse({ status, why, headers }: HandshakeFault): Response {
  const upgrade: Record<string, string> = status === 426 ? { upgrade: "websocket" } : {};
  return new Response(`${why}\n`, { status, headers: { ...upgrade, ...headers } });
}

/** Every Response with a body that has gone out. */
const used = new WeakSet<Response>();

/**
 * Notes that a Response goes out. One whose body has gone out already cannot: the runtimes answer 500
 * then, and say so to nobody but their own hook.
 *
 * @throws {TypeError} where it cannot.
 */
export function unused(response: Response): Response {
  if (response.bodyUsed || (used.has(response) && response.body !== null)) {
    throw new TypeError("its Response was used already: make one for each request");
  }
  used.add(response);
  return response;
}

/** Answers the requests that are no upgrade of ours. */
export class Http {
  readonly #owner: HttpOwner;
  readonly #fetch: Hook | undefined;

  constructor(owner: HttpOwner, fetch: Hook | undefined) {
    this.#owner = owner;
    this.#fetch = fetch;
  }

  /** Answers a request: the user does, if they will. */
  request(
    request: Request,
    { ip, port }: Peer,
    otherwise: HandshakeFault,
  ): Response | Promise<Response> {
    const fetch = this.#fetch;
    if (!this.#owner.admits()) return toResponse(GOING);
    if (!hasUrl(request)) return toResponse(NO_URL);
    if (fetch === undefined) {
      if (otherwise === ELSEWHERE) this.#owner.refused(otherwise.status, otherwise.why);
      return toResponse(otherwise);
    }
    const info = new RequestInfo(ip, port).markOn(request);
    return ask(() => fetch(request, info), (answer) => {
      if (answer instanceof Response) return unused(answer);
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
    if (typeof (value as PromiseLike<unknown> | null)?.then !== "function") return then(value);
    return Promise.resolve(value).then(then).catch(failed);
  } catch (cause) {
    return failed(cause);
  }
}

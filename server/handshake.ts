/** The door of a server: what becomes of each request to its port. Not part of the public API. */

import { type BusinessError, businessError } from "../errors.ts";
import { describe } from "../internal/describe.ts";
import type { Address, Admission, ListenerEvents, RequestResult } from "../runtime/contract.ts";
import type { ConnectionParts } from "./connection.ts";
import { canonicalAddress, connectionKey, plainAddress } from "./handle.ts";
import { ConnectionLimits } from "./limits.ts";
import { isAddress, type ServerConfig } from "./options.ts";
import { originAllowed } from "./origin.ts";
import { type HandshakeFault, handshakeFault, isUpgrade, offers } from "./upgrade_request.ts";

/** Whose door it is. */
export interface HandshakeOwner {
  /** Whether anybody is let in at all. */
  admits(): boolean;
  /** Takes in a client that has passed. */
  admit(parts: ConnectionParts): Admission;
  /** A client is refused; `failed` follows. */
  refused(status: number, why: string): void;
  /** A client was refused, or a function of the user's failed. */
  failed(error: BusinessError): void;
}

/** Checks handshakes, origins, subprotocols and limits, and asks the user's functions. */
export class Handshake implements ListenerEvents {
  readonly #owner: HandshakeOwner;
  readonly #config: ServerConfig;
  readonly #limits: ConnectionLimits;
  /** Sends away one client that waits to be authorized. */
  readonly #waiting = new Set<() => void>();

  constructor(owner: HandshakeOwner, config: ServerConfig) {
    this.#owner = owner;
    this.#config = config;
    this.#limits = new ConnectionLimits(config.maxClients, config.maxPerClient);
  }

  request(request: Request, { hostname, port }: Address): RequestResult | Promise<RequestResult> {
    const ip = plainAddress(hostname);
    const { clientAddress, fetch } = this.#config;
    if (!isUpgrade(request)) {
      if (fetch === undefined) {
        return toResponse({ status: 426, why: "This port speaks WebSocket" });
      }
      return this.#ask("fetch", () => fetch(request), (answer) => {
        if (answer instanceof Response) return answer;
        throw new TypeError(`it must answer with a Response: current value is ${describe(answer)}`);
      });
    }
    if (clientAddress === undefined) return this.#upgrade(request, ip, port);
    const peer = { clientIP: ip, clientPort: port };
    return this.#ask("clientAddress", () => clientAddress(request, peer), (ip) => {
      if (typeof ip === "string" && isAddress(ip)) {
        return this.#upgrade(request, canonicalAddress(ip), port);
      }
      throw new TypeError(`it must answer with an IP address: current value is ${describe(ip)}`);
    });
  }

  /** Sends away whoever still waits to be authorized. */
  close(): void {
    for (const gone of this.#waiting) gone();
  }

  /** Makes room for one more of an address. */
  release(ip: string): void {
    this.#limits.release(ip);
  }

  #upgrade(request: Request, ip: string, port: number): RequestResult | Promise<RequestResult> {
    const who = { ip, port };
    const fault = this.#fault(request, ip);
    if (fault !== undefined) return this.#refuse(who, toResponse(fault), fault.why);
    const { authorize, protocol } = this.#config;
    const admit = (context: unknown) => this.#owner.admit({ ip, port, protocol, context });
    if (authorize === undefined) return admit(undefined);
    const ask = () => this.#untilGone(request, authorize(request));
    const answer = this.#ask("authorize", ask, (verdict) => {
      if (!this.#owner.admits()) return this.#refuse(who, toResponse(GOING), GOING.why);
      if (verdict === GONE) return new Response(null, { status: 400 });
      if (verdict instanceof Response) return this.#refuse(who, verdict, "by 'authorize'");
      if (verdict !== true && !isContext(verdict)) {
        const rule = "it must answer true, a Response or an object that is meant as a context";
        throw new TypeError(`${rule}: current value is ${describe(verdict)}`, { cause: verdict });
      }
      return admit(verdict === true ? undefined : verdict);
    });
    // Whoever is not let in after all makes room again.
    const decided = (answer: RequestResult) => {
      if (answer instanceof Response) this.release(ip);
      return answer;
    };
    return answer instanceof Promise ? answer.then(decided) : decided(answer);
  }

  /** Why a handshake is refused, if it is. A client that is not refused has entered. */
  #fault(request: Request, ip: string): HandshakeFault | undefined {
    if (!this.#owner.admits()) return GOING;
    const fault = handshakeFault(request);
    if (fault !== undefined) return fault;
    const { allowedOrigins, protocol } = this.#config;
    if (!originAllowed(request, allowedOrigins)) {
      return { status: 403, why: "pages of this origin may not connect" };
    }
    if (protocol !== "" && !offers(request, protocol)) {
      return { status: 400, why: `the subprotocol ${protocol} is not offered` };
    }
    const status = this.#limits.enter(ip);
    if (status === undefined) return undefined;
    const why = status === 503 ? "too many clients" : "too many connections of this client";
    return { status, why, headers: { "retry-after": "1" } };
  }

  #refuse(
    { ip, port }: { ip: string; port: number },
    response: Response,
    why: string,
  ): Response {
    const { status } = response;
    const who = connectionKey(ip, port);
    this.#owner.refused(status, why);
    this.#owner.failed(
      businessError("handshakeRefused", `${who} was refused with ${status}: ${why}`, {
        data: String(status),
        cause: new Error(why),
      }),
    );
    return response;
  }

  /** A verdict, unless the client leaves before it is there, or the server goes. */
  #untilGone(request: Request, verdict: unknown): unknown {
    if (typeof (verdict as PromiseLike<unknown> | null)?.then !== "function") return verdict;
    return new Promise((resolve, reject) => {
      const gone = () => {
        this.#waiting.delete(gone);
        resolve(GONE);
      };
      const decided = (settle: () => void) => {
        this.#waiting.delete(gone);
        settle();
      };
      this.#waiting.add(gone);
      const { signal } = request;
      if (signal.aborted) gone();
      signal.addEventListener("abort", gone);
      Promise.resolve(verdict).then(
        (value) => decided(() => resolve(value)),
        (cause) => decided(() => reject(cause)),
      );
    });
  }

  /** Asks a function of the user's, which may take its time, and may fail. */
  #ask(
    name: string,
    call: () => unknown,
    then: (value: unknown) => RequestResult | Promise<RequestResult>,
  ): RequestResult | Promise<RequestResult> {
    const failed = (cause: unknown) => {
      const particulars = `'${name}' failed: ${describe(cause)}`;
      if (name !== "fetch") this.#owner.refused(500, particulars);
      this.#owner.failed(businessError("hookFailed", particulars, { cause }));
      return new Response(null, { status: 500 });
    };
    try {
      const value = call();
      if (typeof (value as PromiseLike<unknown> | null)?.then !== "function") return then(value);
      return Promise.resolve(value).then(then).catch(failed);
    } catch (cause) {
      return failed(cause);
    }
  }
}

/**
 * What is an object, and says no or is a mistake: whoever returns an error, or the Response of another
 * library, does not mean to let anybody in. By its tag, as every realm has classes of its own.
 */
const NO_CONTEXT =
  /^(Boolean|Number|String|Symbol|BigInt|Headers)$|(Error|Exception|Request|Response)$/;

/** Whether what `authorize` has answered is meant as the context of a connection. */
function isContext(verdict: unknown): verdict is object {
  return typeof verdict === "object" && verdict !== null && !Array.isArray(verdict) &&
    !NO_CONTEXT.test(Object.prototype.toString.call(verdict).slice("[object ".length, -1));
}

const GOING: HandshakeFault = { status: 503, why: "the server is going away" };

const GONE = Symbol("the client left while it was being authorized");

function toResponse({ status, why, headers }: HandshakeFault): Response {
  const upgrade: Record<string, string> = status === 426 ? { upgrade: "websocket" } : {};
  return new Response(`${why}\n`, { status, headers: { ...upgrade, ...headers } });
}

/** The handshakes of a server: which requests become connections. Not part of the public API. */

import { type BusinessError, businessError } from "../errors.ts";
import type { Clock } from "../heartbeat.ts";
import { describe } from "../internal/describe.ts";
import { TimeoutQueue } from "../internal/timeout_queue.ts";
import type {
  AcceptorEvents,
  Address,
  Admission,
  PortEvents,
  RequestResult,
} from "../runtime/contract.ts";
import type { ConnectionParts } from "./connection.ts";
import { canonicalAddress, connectionKey, plainAddress } from "./handle.ts";
import {
  ask,
  ELSEWHERE,
  Http,
  NO_UPGRADE,
  type Peer,
  STOPPING,
  toResponse,
  unused,
} from "./http.ts";
import { ConnectionLimits } from "./limits.ts";
import type { MountOwner } from "./mount.ts";
import { isAddress } from "./address.ts";
import type { ServerConfig } from "./options.ts";
import { originAllowed } from "./origin.ts";
import { targetOf } from "./routes.ts";
import { choose, offeredBy } from "./subprotocols.ts";
import { type HandshakeFault, handshakeFault, isUpgrade } from "./upgrade_request.ts";

/** The server whose handshakes these are. */
export interface HandshakeOwner {
  readonly clock: Clock;
  /** Whether new connections are accepted. */
  admits(): boolean;
  /** Accepts a client, by its request. */
  admit(parts: ConnectionParts, request: Request): Admission;
  /** A client is refused; `failed` follows. */
  refused(status: number, why: string): void;
  /** A client was refused, or a function of the user failed. */
  failed(error: BusinessError): void;
  /** An error that is printed where 'error' has no listener. */
  fault(error: BusinessError): void;
}

/** Checks the handshake, the origin, the subprotocol and the limits, and asks the user's functions. */
export class Handshake implements PortEvents, AcceptorEvents, MountOwner {
  readonly #owner: HandshakeOwner;
  readonly #config: ServerConfig;
  readonly #limits: ConnectionLimits;
  readonly #http: Http;
  /** For each client that waits for a function of the user: a call that refuses it. */
  readonly #waiting = new Set<(why: TooLate) => void>();
  /** The same for those that wait for too long. */
  readonly #late: TimeoutQueue<() => void>;
  /** Whether the hint was told that a client offers subprotocols and the server has none. */
  #hinted = false;

  constructor(owner: HandshakeOwner, config: ServerConfig) {
    this.#owner = owner;
    this.#config = config;
    this.#http = new Http(owner, config);
    this.#limits = new ConnectionLimits(
      config.maxClients,
      config.maxPerClient,
      config.maxConnections,
    );
    this.#late = new TimeoutQueue({
      clock: owner.clock,
      ms: config.authorizeTimeout * 1000,
      expired: (late) => late(),
    });
  }

  request(request: Request, { hostname, port }: Address): RequestResult | Promise<RequestResult> {
    const ip = plainAddress(hostname);
    if (!isUpgrade(request)) return this.#http.request(request, { ip, port }, NO_UPGRADE);
    const fault = this.#http.fault(request);
    if (fault !== undefined) return this.#refuse({ ip, port }, toResponse(fault), fault.why);
    const { clientAddress, isHere } = this.#config;
    const target = targetOf(request);
    if (isHere !== undefined && !isHere(target)) {
      return this.#http.request(request, { ip, port }, ELSEWHERE);
    }
    const { url } = target;
    if (clientAddress === undefined) return this.#upgrade(request, { ip, port, url });
    const peer = { clientIP: ip, clientPort: port };
    const call = () => this.#untilClosed(request, "clientAddress", clientAddress(request, peer));
    return this.#ask("clientAddress", call, (address) => {
      if (address instanceof TooLate) return this.#refuseLate({ ip, port }, address);
      if (typeof address === "string" && isAddress(address)) {
        return this.#upgrade(request, { ip: canonicalAddress(address), port, url });
      }
      const rule = "it must answer with an IP address";
      throw new TypeError(`${rule}: current value is ${describe(address)}`);
    });
  }

  /** Whether a request to a host's port is one of this server's. */
  isOurs(request: Request): boolean {
    const { fetch, isHere } = this.#config;
    if (fetch !== undefined) return true;
    return isUpgrade(request) && (isHere === undefined || isHere(targetOf(request)));
  }

  hostFault(why: string, cause?: unknown): void {
    this.#owner.refused(500, why);
    this.#owner.fault(
      businessError("hostFault", `mount: ${why}`, cause === undefined ? {} : { cause }),
    );
  }

  failed(cause: unknown): void {
    this.#http.failed(cause);
  }

  /** Refuses all clients that wait for a function of the user. */
  close(): void {
    for (const waits of this.#waiting) waits(TOO_LATE.stopping);
    this.#late.close();
  }

  /** Gives the place of a connection back. */
  release(ip: string): void {
    this.#limits.release(ip);
  }

  #upgrade(request: Request, who: Client): RequestResult | Promise<RequestResult> {
    const fault = this.#fault(request);
    if (fault !== undefined) return this.#refuse(who, toResponse(fault), fault.why);
    const { protocols } = this.#config;
    if (typeof protocols !== "function") {
      return this.#enter(request, who, choose(protocols, request));
    }
    return this.#ask(
      "protocol",
      () => choose(protocols, request),
      (chosen) => this.#enter(request, who, chosen as string),
    );
  }

  #enter(
    request: Request,
    who: Client,
    protocol: string | undefined,
  ): RequestResult | Promise<RequestResult> {
    if (protocol === undefined) {
      const why = `the subprotocol ${[this.#config.protocols].flat().join(" or ")} is not offered`;
      return this.#refuse(who, toResponse({ status: 400, why }), why);
    }
    const { ip, port } = who;
    const full = this.#full(ip);
    if (full !== undefined) return this.#refuse(who, toResponse(full), full.why);
    this.#hint(request, who);
    const { authorize } = this.#config;
    const admit = (context: unknown, headers?: Headers) =>
      this.#owner.admit({ ...who, protocol, context, headers }, request);
    if (authorize === undefined) return admit(undefined);
    const headers = new Headers();
    const info = { clientIP: ip, clientPort: port, headers };
    const call = () => this.#untilClosed(request, "authorize", authorize(request, info));
    const answer = this.#ask("authorize", call, (verdict) => {
      if (!this.#owner.admits()) return this.#refuseLate(who, TOO_LATE.stopping);
      if (verdict instanceof TooLate) return this.#refuseLate(who, verdict);
      if (verdict instanceof Response) {
        return this.#refuse(who, unused(verdict), "by 'authorize'");
      }
      if (verdict !== true && !isContext(verdict)) {
        const rule = "it must answer true, a Response or a context";
        throw new TypeError(`${rule}: current value is ${describe(verdict)}`, { cause: verdict });
      }
      const reserved = Array.from(headers.keys()).find((name) => RESERVED.test(name));
      if (reserved !== undefined) {
        throw new TypeError(`it must leave the header ${reserved} to the handshake`);
      }
      return admit(verdict === true ? undefined : verdict, headers);
    });
    // A client that is refused after all gives its place back.
    const decided = (answer: RequestResult) => {
      if (answer instanceof Response) this.release(ip);
      return answer;
    };
    return answer instanceof Promise ? answer.then(decided) : decided(answer);
  }

  /** Why the handshake itself is refused, if it is. */
  #fault(request: Request): HandshakeFault | undefined {
    if (!this.#owner.admits()) return STOPPING;
    const fault = handshakeFault(request);
    if (fault !== undefined) return fault;
    if (originAllowed(request, this.#config.allowedOrigins)) return undefined;
    return { status: 403, why: "pages of this origin may not connect" };
  }

  /** Takes a place for a client. Returns why there is none, if there is none. */
  #full(ip: string): HandshakeFault | undefined {
    const status = this.#limits.enter(ip);
    if (status === undefined) return undefined;
    const why = status === 429
      ? "too many connections of this client"
      : this.#limits.isFull
      ? "too many connections"
      : "too many clients";
    return { status, why, headers: { "retry-after": "1" } };
  }

  /** Tells once that a client offers subprotocols and the server has none: such clients give up. */
  #hint(request: Request, { ip, port }: Client): void {
    const { protocols } = this.#config;
    if (this.#hinted || typeof protocols === "function" || protocols.length > 0) return;
    const offered = offeredBy(request);
    if (offered.length === 0) return;
    this.#hinted = true;
    const more = offered.length > 3 ? ", …" : "";
    const names = offered.slice(0, 3).map(describe).join(", ") + more;
    const what = `${connectionKey(ip, port)} offers the subprotocols ${names}`;
    this.#owner.failed(
      businessError("noSubprotocol", `${what}; this server speaks none: set 'protocol'`),
    );
  }

  #refuse({ ip, port }: Peer, response: Response, why: string): Response {
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

  /** Refuses a client whose answer came too late. */
  #refuseLate(who: Peer, { fault }: TooLate): Response {
    if (fault === undefined) return new Response(null, { status: 400 }); // the client has disconnected
    return this.#refuse(who, toResponse(fault), fault.why);
  }

  /** Waits for an answer, until `authorizeTimeout`, the client disconnects or the server stops. */
  #untilClosed(request: Request, name: string, answer: unknown): unknown {
    if (typeof (answer as PromiseLike<unknown> | null)?.then !== "function") return answer;
    return new Promise((resolve, reject) => {
      const decided = (settle: () => void) => {
        this.#waiting.delete(tooLate);
        this.#late.delete(late);
        settle();
      };
      const tooLate = (why: TooLate) => decided(() => resolve(why));
      const late = () => {
        const why = `'${name}' gave no answer within ${this.#config.authorizeTimeout} s`;
        tooLate(new TooLate({ status: 503, why }));
      };
      this.#waiting.add(tooLate);
      if (this.#owner.admits()) this.#late.add(late);
      else tooLate(TOO_LATE.stopping); // the function has stopped the server
      const { signal } = request;
      const disconnected = () => tooLate(TOO_LATE.disconnected);
      if (signal.aborted) disconnected();
      signal.addEventListener("abort", disconnected);
      Promise.resolve(answer).then(
        (value) => decided(() => resolve(value)),
        (cause) => decided(() => reject(cause)),
      );
    });
  }

  /** Asks a function of the user before an upgrade. */
  #ask(
    name: string,
    call: () => unknown,
    then: (value: unknown) => RequestResult | Promise<RequestResult>,
  ): RequestResult | Promise<RequestResult> {
    return ask(call, then, (cause) => {
      const particulars = `'${name}' failed: ${describe(cause)}`;
      this.#owner.refused(500, particulars);
      this.#owner.failed(businessError("hookFailed", particulars, { cause }));
      return new Response(null, { status: 500 });
    });
  }
}

/** Why nobody waits any more for the answer of a function of the user. */
class TooLate {
  readonly fault: HandshakeFault | undefined;

  constructor(fault?: HandshakeFault) {
    this.fault = fault;
  }
}

const TOO_LATE = { disconnected: new TooLate(), stopping: new TooLate(STOPPING) };

/**
 * Objects that are no context: an error, or the Response of another library, does not mean that the
 * client is accepted. Told by their tag, as every realm has its own classes.
 */
const NO_CONTEXT =
  /^(Boolean|Number|String|Symbol|BigInt|Headers)$|(Error|Exception|Request|Response)$/;

/** Whether the answer of `authorize` is the context of a connection. */
function isContext(verdict: unknown): verdict is object {
  return typeof verdict === "object" && verdict !== null && !Array.isArray(verdict) &&
    !NO_CONTEXT.test(Object.prototype.toString.call(verdict).slice("[object ".length, -1));
}

/** A client that asks for a connection, and the path and query that it asks for. */
interface Client extends Peer {
  url: string;
}

/** Headers of the 101 that only the handshake itself may set (RFC 6455 §4.2.2). */
const RESERVED = /^(connection|upgrade|content-length|transfer-encoding|sec-websocket-.*)$/;

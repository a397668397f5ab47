/** The handshakes of a server: which requests become connections. Not part of the public API. */

import { businessError } from "../errors.ts";
import { describe, describeSubprotocol } from "../internal/describe.ts";
import type { ServerHandshake } from "../internal/observer.ts";
import type { AcceptorEvents, Address, PortEvents, RequestResult } from "../runtime/contract.ts";
import { isAddress } from "./address.ts";
import type { ConnectionParts } from "./connection_host.ts";
import { canonicalAddress, connectionKey, plainAddress } from "./handle.ts";
import type { HandshakeOwner } from "./handshake_owner.ts";
import {
  ask,
  checkHeaders,
  ELSEWHERE,
  Http,
  isContext,
  NO_UPGRADE,
  type Peer,
  sendable,
  STOPPING,
  toResponse,
} from "./http.ts";
import { ConnectionLimits } from "./limits.ts";
import type { MountOwner } from "./mount.ts";
import type { Hook, ServerConfig } from "./options.ts";
import { originAllowed } from "./origin.ts";
import { PendingAnswers, TOO_LATE, TooLate } from "./pending_answers.ts";
import { targetOf } from "./routes.ts";
import { choose, type Protocols, readOffer } from "./subprotocols.ts";
import { type HandshakeFault, handshakeFault, isUpgrade } from "./upgrade_request.ts";

/** Checks the handshake, the origin, the subprotocol and the limits, and asks the user's functions. */
export class Handshake implements PortEvents, AcceptorEvents, MountOwner {
  readonly #owner: HandshakeOwner;
  readonly #config: ServerConfig;
  readonly #limits: ConnectionLimits;
  readonly #http: Http;
  readonly #answers: PendingAnswers;
  /** The request of which a host has just asked whether it is one of this server's, and it is. */
  #ours: Request | undefined;
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
    this.#answers = new PendingAnswers(owner, config.authorizeTimeout);
  }

  request(request: Request, { hostname, port }: Address): RequestResult | Promise<RequestResult> {
    const who = new Client(plainAddress(hostname), port);
    const isOurs = this.#ours === request; // a host has asked already
    this.#ours = undefined;
    if (!isOurs && !isUpgrade(request)) return this.#http.request(request, who, NO_UPGRADE);
    const fault = this.#http.fault(request, true);
    if (fault !== undefined) {
      who.seen = this.#owner.asked(request, who);
      return this.#refuse(who, fault);
    }
    const { clientAddress, isHere } = this.#config;
    const target = targetOf(request);
    if (!isOurs && isHere !== undefined && !isHere(target)) {
      return this.#http.request(request, who, ELSEWHERE);
    }
    who.url = target.url;
    who.seen = this.#owner.asked(request, who);
    return clientAddress === undefined
      ? this.#upgrade(request, who)
      : this.#askAddress(request, who, clientAddress);
  }

  // What asks the user is on its own: else all that a function in it may need would be made for each request.

  #askAddress(
    request: Request,
    who: Client,
    clientAddress: Hook,
  ): RequestResult | Promise<RequestResult> {
    const ask = () => clientAddress(request, { clientIP: who.ip, clientPort: who.port });
    const call = () => this.#answers.wait(request, "clientAddress", ask());
    return this.#ask("clientAddress", call, who, (address) => {
      if (address instanceof TooLate) return this.#refuseLate(who, address);
      if (typeof address === "string" && (address === who.ip || isAddress(address))) {
        who.ip = canonicalAddress(address);
        if (who.seen !== undefined) who.seen.clientIP = who.ip;
        return this.#upgrade(request, who);
      }
      const rule = "it must answer with an IP address";
      throw new TypeError(`${rule}: current value is ${describe(address)}`);
    });
  }

  /** Whether a request to a host's port is one of this server's. */
  isOurs(request: Request): boolean {
    const { fetch, isHere } = this.#config;
    if (fetch !== undefined) return true;
    if (!isUpgrade(request)) return false;
    if (isHere !== undefined && !isHere(targetOf(request))) return false;
    this.#ours = request;
    return true;
  }

  hostFault(
    why: string,
    cause?: unknown,
    seen?: ServerHandshake,
    who?: { clientIP: string; clientPort: number },
  ): void {
    this.#owner.refused(500, why, "upgrade_failed", seen);
    const reason = "upgrade_failed";
    this.#owner.fault(businessError("hostFault", `mount: ${why}`, {
      ...who,
      reason,
      ...(cause === undefined ? {} : { cause }),
    }));
  }

  failed(cause: unknown): void {
    this.#http.failed(cause);
  }

  lost(cause: unknown): void {
    const particulars = `no connection can be taken until the port is listened on again: ${
      describe(cause)
    }`;
    this.#owner.failed(businessError("listenFailed", particulars, { cause }));
  }

  /** Refuses all clients that wait for a function of the user. */
  close(): void {
    this.#answers.close();
  }

  /** Gives the place of a connection back. */
  release(ip: string): void {
    this.#limits.release(ip);
  }

  #upgrade(request: Request, who: Client): RequestResult | Promise<RequestResult> {
    const fault = this.#fault(request);
    if (fault !== undefined) return this.#refuse(who, fault);
    const { protocols } = this.#config;
    const offer = who.offer = request.headers.get("sec-websocket-protocol");
    return typeof protocols === "function"
      ? this.#askProtocol(request, who, protocols)
      : this.#enter(request, who, choose(protocols, offer, request));
  }

  #askProtocol(
    request: Request,
    who: Client,
    protocols: Protocols,
  ): RequestResult | Promise<RequestResult> {
    return this.#ask(
      "protocol",
      () => choose(protocols, who.offer, request),
      who,
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
      return this.#refuse(who, { status: 400, reason: "subprotocol_not_offered", why });
    }
    who.protocol = protocol;
    const full = this.#limits.enter(who.ip);
    if (full !== undefined) return this.#refuse(who, full);
    if (who.offer !== null && !this.#hinted) this.#hint(who);
    if (!this.#owner.admits()) { // `protocol` has stopped it, or who was told the hint has
      this.release(who.ip);
      return this.#refuse(who, STOPPING);
    }
    const { authorize } = this.#config;
    return authorize === undefined
      ? this.#owner.admit(who, request, who.seen)
      : this.#askWhetherToAdmit(request, who, authorize);
  }

  #askWhetherToAdmit(
    request: Request,
    who: Client,
    authorize: Hook,
  ): RequestResult | Promise<RequestResult> {
    const { ip, port } = who;
    const headers = new Headers();
    const info = { clientIP: ip, clientPort: port, headers };
    const call = () => this.#answers.wait(request, "authorize", authorize(request, info));
    const answer = this.#ask("authorize", call, who, (verdict) => {
      if (!this.#owner.admits()) return this.#refuseLate(who, TOO_LATE.stopping);
      if (verdict instanceof TooLate) return this.#refuseLate(who, verdict);
      if (verdict instanceof Response) {
        const { status } = sendable(verdict);
        if (status < 200) throw new TypeError(`it must not refuse with status ${status}`);
        const why = "by 'authorize'";
        return this.#refuse(who, { status, reason: "authorize_rejected", why }, verdict);
      }
      if (verdict !== true && !isContext(verdict)) {
        const rule = "it must answer true, a Response or a context";
        throw new TypeError(`${rule}: current value is ${describe(verdict)}`, { cause: verdict });
      }
      const reserved = Array.from(headers.keys()).find((name) => RESERVED.test(name));
      if (reserved !== undefined) {
        throw new TypeError(`it must leave the header ${reserved} to the handshake`);
      }
      checkHeaders(headers);
      who.context = verdict === true ? undefined : verdict;
      who.headers = headers;
      return this.#owner.admit(who, request, who.seen);
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
    return {
      status: 403,
      reason: "origin_not_allowed",
      why: "pages of this origin may not connect",
    };
  }

  /** Tells once that a client offers subprotocols and the server has none: such clients give up. */
  #hint({ ip, offer, port }: Client): void {
    const { protocols } = this.#config;
    if (typeof protocols === "function" || protocols.length > 0) return;
    const offered = readOffer(offer);
    if (offered.length === 0) return;
    this.#hinted = true;
    const more = offered.length > 3 ? ", …" : "";
    const names = offered.slice(0, 3).map(describeSubprotocol).join(", ") + more;
    const what = `${connectionKey(ip, port)} offers the subprotocols ${names}`;
    this.#owner.failed(
      businessError("noSubprotocol", `${what}; this server speaks none: set 'protocol'`, {
        clientIP: ip,
        clientPort: port,
      }),
    );
  }

  #refuse(
    { ip, port, seen }: Asking,
    fault: HandshakeFault,
    response: Response = toResponse(fault),
  ): Response {
    const { reason, status, why } = fault;
    const who = connectionKey(ip, port);
    this.#owner.refused(status, why, reason, seen);
    this.#owner.failed(
      businessError("handshakeRefused", `${who} was refused with ${status}: ${why}`, {
        data: String(status),
        cause: new Error(why),
        reason,
        clientIP: ip,
        clientPort: port,
      }),
    );
    return response;
  }

  /** Refuses a client whose answer came too late. */
  #refuseLate(who: Asking, { fault }: TooLate): Response {
    if (fault !== undefined) return this.#refuse(who, fault);
    this.#owner.abandoned(who.seen);
    return new Response(null, { status: 400 }); // the client has disconnected
  }

  /** Asks a function of the user before an upgrade. */
  #ask(
    name: keyof typeof FAILED,
    call: () => unknown,
    { ip, port, seen }: Asking,
    then: (value: unknown) => RequestResult | Promise<RequestResult>,
  ): RequestResult | Promise<RequestResult> {
    return ask(call, then, (cause) => {
      const particulars = `'${name}' failed: ${describe(cause)}`;
      const reason = FAILED[name];
      this.#owner.refused(500, particulars, reason, seen);
      const more = { cause, reason, clientIP: ip, clientPort: port };
      this.#owner.failed(businessError("hookFailed", particulars, more));
      return new Response(null, { status: 500 });
    });
  }
}

/** What the failure of a function of the user is called. */
const FAILED = {
  authorize: "authorize_failed",
  clientAddress: "client_address_failed",
  protocol: "subprotocol_failed",
} as const;

/** Who asks for a connection, and what the observer knows of that. */
interface Asking extends Peer {
  seen: ServerHandshake | undefined;
}

/** A client that asks for a connection, and what becomes of its connection. */
class Client implements Asking, ConnectionParts {
  ip: string;
  port: number;
  seen: ServerHandshake | undefined;
  url = "";
  protocol = "";
  offer: string | null = null;
  headers: Headers | undefined;
  context: unknown;

  constructor(ip: string, port: number) {
    this.ip = ip;
    this.port = port;
  }
}

/** Headers of the 101 that only the handshake itself may set (RFC 6455 §4.2.2). */
const RESERVED = /^(connection|upgrade|content-length|transfer-encoding|sec-websocket-.*)$/;

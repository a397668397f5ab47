/** Whom the handshakes of a server are told to. Not part of the public API. */

import type { BusinessError, RefusalReason } from "../errors.ts";
import type { Clock } from "../heartbeat.ts";
import type { ServerHandshake } from "../internal/observer.ts";
import type { Admission } from "../runtime/contract.ts";
import type { ConnectionParts } from "./connection_host.ts";
import type { Peer } from "./http.ts";

/** The server whose handshakes these are. */
export interface HandshakeOwner {
  readonly clock: Clock;
  /** Whether new connections are accepted. */
  admits(): boolean;
  /** Accepts a client, by its request. */
  admit(parts: ConnectionParts, request: Request, seen: ServerHandshake | undefined): Admission;
  /** A client asks for a connection. What the observer knows of it; `undefined` where none is told. */
  asked(request: Request, peer: Peer): ServerHandshake | undefined;
  /** A client is refused; `failed` follows. */
  refused(status: number, why: string, reason: RefusalReason, seen?: ServerHandshake): void;
  /** A client has left before it was let in. */
  abandoned(seen: ServerHandshake | undefined): void;
  /** A client was refused, or a function of the user failed. */
  failed(error: BusinessError): void;
  /** An error that is printed where 'error' has no listener. */
  fault(error: BusinessError): void;
}

import type { HandshakeFault } from "./upgrade_request.ts";

/** Why there is no place, and how a client is told: soon there may be one. */
const FULL = {
  connections: full(503, "max_connections", "too many connections"),
  clients: full(503, "max_clients", "too many clients"),
  perClient: full(429, "max_connections_per_client", "too many connections of this client"),
};

function full(
  status: number,
  reason: HandshakeFault["reason"],
  why: string,
): Readonly<HandshakeFault> {
  return { status, reason, why, headers: { "retry-after": "1" } };
}

/** Counts connections by IP address, and says whether there may be one more. */
export class ConnectionLimits {
  /** How many each address has, where that is limited. */
  readonly #counts: Map<string, number> | undefined;
  readonly #maxClients: number;
  readonly #maxPerClient: number;
  readonly #maxConnections: number;
  #connections = 0;

  constructor(maxClients: number, maxPerClient: number, maxConnections = Infinity) {
    this.#maxClients = maxClients;
    this.#maxPerClient = maxPerClient;
    this.#maxConnections = maxConnections;
    if (maxClients !== Infinity || maxPerClient !== Infinity) this.#counts = new Map();
  }

  /** How many places are taken, and from how many addresses where those are counted. */
  get taken(): { connections: number; clients: number } {
    return { connections: this.#connections, clients: this.#counts?.size ?? 0 };
  }

  /** Takes a place for a connection, or returns why there is none: what concerns all comes first. */
  enter(ip: string): HandshakeFault | undefined {
    if (this.#connections >= this.#maxConnections) return FULL.connections;
    if (this.#counts !== undefined) {
      const count = this.#counts.get(ip) ?? 0;
      if (count === 0 && this.#counts.size >= this.#maxClients) return FULL.clients;
      if (count >= this.#maxPerClient) return FULL.perClient;
      this.#counts.set(ip, count + 1);
    }
    this.#connections++;
    return undefined;
  }

  /** Gives a place back. */
  release(ip: string): void {
    this.#connections--;
    if (this.#counts === undefined) return;
    const count = this.#counts.get(ip)! - 1;
    if (count === 0) this.#counts.delete(ip);
    else this.#counts.set(ip, count);
  }
}

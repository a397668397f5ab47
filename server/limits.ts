/** Counts connections by IP address, and says whether there may be one more. */
export class ConnectionLimits {
  readonly #counts = new Map<string, number>();
  readonly #maxClients: number;
  readonly #maxPerClient: number;

  constructor(maxClients: number, maxPerClient: number) {
    this.#maxClients = maxClients;
    this.#maxPerClient = maxPerClient;
  }

  /** Takes a place for a connection, or returns the HTTP status to refuse it with. */
  enter(ip: string): 503 | 429 | undefined {
    const count = this.#counts.get(ip) ?? 0;
    if (count === 0 && this.#counts.size >= this.#maxClients) return 503;
    if (count >= this.#maxPerClient) return 429;
    this.#counts.set(ip, count + 1);
    return undefined;
  }

  /** Gives a place back. */
  release(ip: string): void {
    const count = this.#counts.get(ip)! - 1;
    if (count === 0) this.#counts.delete(ip);
    else this.#counts.set(ip, count);
  }
}

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

  /** Whether no more connections may be, whoever asks. */
  get isFull(): boolean {
    return this.#connections >= this.#maxConnections;
  }

  /** How many places are taken, and from how many addresses where those are counted. */
  get taken(): { connections: number; clients: number } {
    return { connections: this.#connections, clients: this.#counts?.size ?? 0 };
  }

  /** Takes a place for a connection, or returns the HTTP status to refuse it with. */
  enter(ip: string): 503 | 429 | undefined {
    if (this.isFull) return 503;
    if (this.#counts !== undefined) {
      const count = this.#counts.get(ip) ?? 0;
      if (count === 0 && this.#counts.size >= this.#maxClients) return 503;
      if (count >= this.#maxPerClient) return 429;
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

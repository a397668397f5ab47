/** The address of a connection as text: `ip:port`, `[ip]:port` for IPv6. */
export function connectionKey(ip: string, port: number): string {
  return ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
}

/**
 * The address of a peer in the spelling that the server finds it by; quickly where it is an IPv4 peer of a dual-stack
 * socket, which comes as `::ffff:1.2.3.4`.
 */
export function plainAddress(ip: string): string {
  const ipv4 = ip.startsWith(":") ? /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip)?.[1] : undefined;
  return ipv4 ?? canonicalAddress(ip);
}

/**
 * A literal address in one spelling: IPv6 has many for the same address, and for IPv4 in it, too. Text
 * that is no address stays as it is.
 */
export function canonicalAddress(ip: string): string {
  if (!ip.includes(":") || !URL.canParse(`http://[${ip}]/`)) return ip;
  const plain = new URL(`http://[${ip}]/`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(plain);
  if (mapped === null) return plain;
  const bytes = mapped.slice(1).map((group) => Number.parseInt(group, 16));
  return bytes.flatMap((group) => [group >> 8, group & 255]).join(".");
}

/** What a handshake was for. */
interface Asked {
  readonly url: string;
  readonly protocol: string;
}

/**
 * What the user holds of a connection: its address, and in private the connection itself, so that a
 * message needs no look-up. It is frozen. The server takes a copy of it as well.
 */
export class ConnectionHandle<Connection extends Asked> {
  readonly clientIP: string;
  readonly clientPort: number;
  readonly #connection: Connection;
  readonly #context: unknown;

  constructor(ip: string, port: number, connection: Connection, context?: unknown) {
    this.clientIP = ip;
    this.clientPort = port;
    this.#connection = connection;
    this.#context = context;
    Object.freeze(this);
  }

  /** The connection of a handle. `undefined` for any other value. */
  static connectionOf(value: unknown): unknown {
    const isOne = typeof value === "object" && value !== null && #connection in value;
    return isOne ? (value as ConnectionHandle<Asked>).#connection : undefined;
  }

  /** What `authorize` found out about the client. */
  get context(): unknown {
    return this.#context;
  }

  /** Path and query, as they were asked for. */
  get url(): string {
    return this.#connection.url;
  }

  /** The subprotocol, "" for none. */
  get protocol(): string {
    return this.#connection.protocol;
  }

  toString(): string {
    return connectionKey(this.clientIP, this.clientPort);
  }
}

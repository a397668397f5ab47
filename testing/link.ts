import type { Clock } from "../heartbeat.ts";
import { checkArgument, oneOf } from "../internal/validate.ts";
import type { Address } from "../runtime/contract.ts";
import { MemorySocket, RESET } from "./memory_socket.ts";
import { Pipe } from "./pipe.ts";

/** Which way something goes on a {@linkcode MemoryLink}. */
export type Direction = "toServer" | "toClient" | "both";

const DIRECTION = oneOf("toServer", "toClient", "both");

/** One connection of a `MemoryNetwork`, from the dial to its end, and what can be done to it. */
export interface MemoryLink {
  /** What the client dialled. */
  readonly url: string;
  /** The client's address, as the server sees it. */
  readonly peer: Readonly<Address>;
  /**
   * Cuts the connection: what is under way is lost, and both sides lose it, one latency from
   * now.
   */
  cut(): void;
  /**
   * Lets nothing through, and tells neither side, until `release`.
   *
   * @param direction Which way; both where it is left out.
   * @throws {BusinessError} 401 where it is no direction.
   */
  hold(direction?: Direction): void;
  /**
   * Lets everything through again, first what was held back.
   *
   * @param direction Which way; both where it is left out.
   * @throws {BusinessError} 401 where it is no direction.
   */
  release(direction?: Direction): void;
}

/** What a {@linkcode Link} needs. */
export interface LinkParts {
  clock: Clock;
  latency: number;
  url: string;
  peer: Address;
  /** Called once, when both ends are closed. */
  closed(link: Link): void;
}

/** Two ends, and the two pipes between them. */
export class Link implements MemoryLink {
  readonly url: string;
  readonly peer: Readonly<Address>;
  readonly client: MemorySocket;
  readonly server: MemorySocket;
  readonly #toServer: Pipe;
  readonly #toClient: Pipe;
  readonly #abandoned = new AbortController();
  readonly #parts: LinkParts;

  constructor(parts: LinkParts) {
    const { clock, latency, url, peer } = parts;
    this.url = url;
    this.peer = peer;
    this.#parts = parts;
    const toServer = this.#toServer = new Pipe(clock, latency);
    const toClient = this.#toClient = new Pipe(clock, latency);
    [this.client, this.server] = MemorySocket.pair(
      { out: toServer, in: toClient, closed: () => this.#endClosed(toClient) },
      { out: toClient, in: toServer, closed: () => this.#endClosed(toServer) },
    );
  }

  /** Aborts when the client no longer waits for the server's answer. */
  get abandoned(): AbortSignal {
    return this.#abandoned.signal;
  }

  cut(): void {
    for (
      const [pipe, end] of [[this.#toServer, this.server], [this.#toClient, this.client]] as const
    ) {
      pipe.clear();
      pipe.push(() => end.lose(RESET));
    }
  }

  hold(direction: Direction = "both"): void {
    for (const pipe of this.#pipes(direction)) pipe.stop("link");
  }

  release(direction: Direction = "both"): void {
    for (const pipe of this.#pipes(direction)) pipe.go("link");
  }

  #pipes(direction: Direction): Pipe[] {
    checkArgument("link: direction", DIRECTION, direction);
    if (direction === "both") return [this.#toServer, this.#toClient];
    return [direction === "toServer" ? this.#toServer : this.#toClient];
  }

  /** An end is closed: what is under way to it is thrown away. */
  #endClosed(incoming: Pipe): void {
    incoming.clear();
    if (incoming === this.#toServer) this.#abandoned.abort();
    if (this.client.state !== "closed" || this.server.state !== "closed") return;
    this.#toServer.clear();
    this.#toClient.clear();
    this.#parts.closed(this);
  }
}

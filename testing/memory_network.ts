import { type Clock, systemClock } from "../heartbeat.ts";
import {
  checkArgument,
  CLOCK,
  DURATION,
  FUNCTION,
  readOptions,
  type Rule,
  TEXT,
} from "../internal/validate.ts";
import type {
  Address,
  ClientEvents,
  ClientRuntime,
  ClientSocket,
  DialRequest,
  ListenerEvents,
  ListenFault,
  ListenOptions,
  ServerRuntime,
  TcpListener,
} from "../runtime/contract.ts";
import { UNIX } from "../runtime/unix.ts";
import { withUserAsHeader } from "../runtime/user_header.ts";
import { Link, type MemoryLink } from "./link.ts";
import { Host, MemoryAcceptor, type MemoryHandler, type MemoryHost } from "./memory_host.ts";

/** What a {@linkcode MemoryNetwork} takes. */
export interface MemoryNetworkOptions {
  /** Where time comes from; the clients and servers should have the same. The system's by default. */
  clock?: Clock;
  /**
   * Milliseconds from one end of a connection to the other.
   *
   * @default {1}
   */
  latency?: number;
}

/** The first of the ports that are taken where port 0 is asked for, and how many there are. */
const FIRST_PORT = 49152;
const PORTS = 65536 - FIRST_PORT;

const PORT: Rule = [
  (value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 65535,
  "must be an integer from 0 to 65535",
];

/** The port that was asked for is taken; where it is 0, all ports are. */
class PortTaken extends Error {}

/**
 * A network in memory. Clients and servers take it in place of a runtime. Any host name leads to it,
 * and only the port tells its servers apart. Messages take their time on its clock and keep their
 * order; a Ping is answered as long as anything gets through. Bytes count as buffered until the other
 * end has them.
 *
 * @example Three ways to lose a connection
 * ```ts
 * import { createWebSocket, createWebSocketServer } from "@netkit/websocket";
 * import { FakeClock, MemoryNetwork } from "@netkit/websocket/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const clock = new FakeClock();
 * const network = new MemoryNetwork({ clock });
 * const server = createWebSocketServer({ clock, runtime: network.server });
 * await server.start({ serverPort: 80 });
 *
 * const ws = createWebSocket({ clock, runtime: network.client });
 * const log: string[] = [];
 * ws.on("open", () => log.push("open"));
 * ws.on("error", ({ code }) => log.push(`error ${code}`));
 * ws.on("close", (_, { code }) => log.push(`close ${code}`));
 *
 * await ws.connect("ws://example.com/");
 * await clock.advance(2);
 * network.links[0]!.cut();
 * await clock.advance(1);
 * assertEquals(log.splice(0), ["open", "error 200", "close 1006"]);
 *
 * await ws.connect("ws://example.com/");
 * await clock.advance(2);
 * network.links[0]!.hold(); // nothing gets through, and nobody says so
 * await clock.advance(60_000);
 * assertEquals(log.splice(0), ["open", "error 200", "close 1006"]);
 *
 * await ws.connect("ws://example.com/");
 * await clock.advance(2);
 * await clock.until(server.stop());
 * assertEquals(log, ["open", "close 1001"]);
 * ```
 */
export class MemoryNetwork {
  /** What `createWebSocket` takes as `runtime`: a client at 127.0.0.1. */
  readonly client: ClientRuntime;
  /** What `createWebSocketServer` takes as `runtime`. */
  readonly server: ServerRuntime;
  readonly #clock: Clock;
  readonly #latency: number;
  readonly #links = new Set<Link>();
  readonly #hosts = new Map<number | string, Host[]>();
  /** The ports of the clients, by their addresses. */
  readonly #peerPorts = new Map<string, Set<number>>();
  #lastPort = FIRST_PORT - 1;
  /** How many have come by Unix sockets. */
  #byPath = 0;

  /**
   * Makes a network that has no servers and no clients yet.
   *
   * @param options See {@linkcode MemoryNetworkOptions}.
   * @throws {BusinessError} 401 where an option is wrong.
   */
  constructor(options: MemoryNetworkOptions = {}) {
    const given = readOptions("MemoryNetwork", options, { clock: CLOCK, latency: DURATION }, 1);
    if (given instanceof Error) throw given;
    const { clock = systemClock, latency = 1 }: MemoryNetworkOptions = given;
    this.#clock = clock;
    this.#latency = latency;
    this.client = this.clientAt("127.0.0.1");
    this.server = {
      name: "the memory network",
      canPing: true,
      checksPayload: true,
      opensAtOnce: true,
      listen: (options, events) => this.#listen(options, events),
      mount: (options, events) => new MemoryAcceptor(options, events),
      fault: (error): ListenFault => error instanceof PortTaken ? "occupied" : "other",
    };
  }

  /** The connections there are, those that are not open yet included, oldest first. */
  get links(): MemoryLink[] {
    return [...this.#links];
  }

  /**
   * Makes what `createWebSocket` takes as `runtime`, for a client at another address.
   *
   * @param hostname Its IP address, as the server will see it; or `unix:` and the path of a Unix socket,
   * for a client that comes by that one, whatever the port of its URL.
   * @throws {BusinessError} 401 where it is no text.
   */
  clientAt(hostname: string): ClientRuntime {
    checkArgument("clientAt: the address", TEXT, hostname);
    return {
      name: "the memory network",
      canPing: true,
      showsHeaders: true,
      denied: () => undefined,
      unsupported: ({ proxy }) =>
        typeof proxy === "object" ? { option: "proxy", why: "there is none on it" } : undefined,
      dial: (request, events) => this.#dial(hostname, request, events),
    };
  }

  /**
   * Starts a server that is none of this module's, for servers to be mounted in.
   *
   * @param port The port, 0 to 65535; 0 takes a free one.
   * @param handler Answers each request, as a handler of `Deno.serve` does; where it fails, the client is
   * answered 500, and the console says why. What it answers once a request has become a connection is ignored.
   * @throws {BusinessError} 401 where an argument is wrong. An Error where the port is taken.
   *
   * @example
   * ```ts
   * import { createWebSocket, createWebSocketServer } from "@netkit/websocket";
   * import { FakeClock, MemoryNetwork } from "@netkit/websocket/testing";
   * import { assertEquals } from "@std/assert";
   *
   * const clock = new FakeClock();
   * const network = new MemoryNetwork({ clock });
   * const server = createWebSocketServer({ clock, runtime: network.server });
   * const mount = await server.mount({});
   * const host = network.serve(80, (request, info) =>
   *   mount.fetch(request, info) ?? new Response("the host's"));
   *
   * const ws = createWebSocket({ clock, runtime: network.client });
   * await ws.connect("ws://example.com/");
   * await clock.advance(2);
   * assertEquals(server.listAllConnections().length, 1);
   * await clock.until(server.stop());
   * host.stop();
   * ```
   */
  serve(port: number, handler: MemoryHandler): MemoryHost {
    checkArgument("serve: the port", PORT, port);
    checkArgument("serve: the handler", FUNCTION, handler);
    return this.#serve({ hostname: "127.0.0.1", port }, false, handler);
  }

  #listen(options: ListenOptions, events: ListenerEvents): TcpListener {
    const { identity } = options;
    const acceptor = new MemoryAcceptor(options, events);
    return this.#serve(
      options,
      identity !== undefined,
      (request, info) => acceptor.accept(request, info),
    );
  }

  #serve(
    { hostname, path, port, reusePort = false }: Place,
    secure: boolean,
    handler: MemoryHandler,
  ): Host {
    const address = path !== undefined
      ? { hostname: UNIX, port: 0, path }
      : { hostname, port: port === 0 ? this.#freePort() : port };
    const place = path ?? address.port;
    const others = this.#hosts.get(place) ?? [];
    if (others.some(({ shared }) => !shared || !reusePort)) {
      throw new PortTaken(`${path ?? `port ${address.port}`} is taken`);
    }
    const freePort = () => {
      const left = (this.#hosts.get(place) ?? []).filter((other) => other !== host);
      if (left.length > 0) this.#hosts.set(place, left);
      else this.#hosts.delete(place);
    };
    const shared = reusePort;
    const host = new Host({ clock: this.#clock, address, secure, shared, handler, freePort });
    this.#hosts.set(place, [...others, host]);
    return host;
  }

  /** Who is next to be connected to at a place: those who share a port take turns. */
  #next(place: number | string): Host | undefined {
    const [next, ...others] = this.#hosts.get(place) ?? [];
    if (next !== undefined) this.#hosts.set(place, [...others, next]);
    return next;
  }

  /** Takes a port that no other client of the address has, as long as there are enough. */
  #takePort(hostname: string): number {
    const taken = this.#peerPorts.get(hostname) ?? new Set();
    this.#peerPorts.set(hostname, taken);
    let port = this.#freePort();
    for (let tried = 1; tried < PORTS && taken.size < PORTS && taken.has(port); tried++) {
      port = this.#freePort();
    }
    taken.add(port);
    return port;
  }

  #freePort(): number {
    for (let tried = FIRST_PORT; tried <= 65535; tried++) {
      this.#lastPort = this.#lastPort < 65535 ? this.#lastPort + 1 : FIRST_PORT;
      if (!this.#hosts.has(this.#lastPort)) return this.#lastPort;
    }
    throw new PortTaken("all ports are taken");
  }

  #dial(hostname: string, request: DialRequest, events: ClientEvents): ClientSocket {
    const url = new URL(request.url);
    const secure = url.protocol === "wss:";
    const path = hostname.startsWith(BY_PATH) ? hostname.slice(BY_PATH.length) : undefined;
    const place = path ?? Number(url.port || (secure ? 443 : 80));
    const peer = path === undefined
      ? { hostname, port: this.#takePort(hostname) }
      : { hostname: UNIX, port: ++this.#byPath };
    const link = new Link({
      clock: this.#clock,
      latency: this.#latency,
      url: request.url,
      peer,
      closed: () => {
        this.#links.delete(link);
        this.#peerPorts.get(hostname)?.delete(peer.port);
      },
    });
    this.#links.add(link);
    link.client.dial(events, request, () => {
      const host = this.#next(place);
      if (host === undefined) {
        return link.server.refuse({ what: "connection refused", status: "0" });
      }
      if (host.secure !== secure) {
        const what = secure ? "the TLS handshake failed" : "the server does not speak HTTP";
        return link.server.refuse({ what, status: "0" });
      }
      host.take(link, handshake(withUserAsHeader(request), link.abandoned));
    });
    return link.client;
  }
}

/** Stands before the path of a Unix socket in the address of a client. */
const BY_PATH = "unix:";

/** Where a server is. */
type Place = Omit<Address, "path"> & { reusePort?: boolean | undefined; path?: string | undefined };

/** The request of a client's handshake (RFC 6455 §4.1), the nonce aside, which is no secret here. */
function handshake(request: DialRequest, signal: AbortSignal): Request {
  const { headers, protocols } = request;
  const url = new URL(request.url);
  const offer: Record<string, string> = {};
  if (protocols.length > 0) offer["sec-websocket-protocol"] = protocols.join(", ");
  return new Request(url.href.replace(/^ws/, "http"), {
    signal,
    headers: {
      host: url.host,
      upgrade: "websocket",
      connection: "Upgrade",
      "sec-websocket-version": "13",
      "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
      ...offer,
      ...headers,
    },
  });
}

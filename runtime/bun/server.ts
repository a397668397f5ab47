import type {
  ListenFault,
  ListenOptions,
  PortEvents,
  ServerRuntime,
  TcpListener,
} from "../contract.ts";
import { heard } from "../heard.ts";
import type { Identity } from "../pem.ts";
import { UNIX } from "../unix.ts";
import { BunAcceptor, type BunHost } from "./acceptor.ts";
import { BunMount } from "./mount.ts";

interface BunServer extends BunHost {
  readonly hostname: string;
  readonly port: number;
  /** Requests that are not answered to the end. */
  readonly pendingRequests: number;
  timeout(request: Request, seconds: number): void;
  stop(closeConnections: boolean): Promise<void>;
}

/** The parts of Bun the server uses, so that nothing global need be declared. */
interface BunLike {
  version: string;
  serve(options: {
    hostname?: string;
    port?: number;
    unix?: string;
    reusePort?: boolean;
    tls?: Identity;
    maxRequestBodySize: number;
    fetch(
      request: Request,
      server: BunServer,
    ): Response | undefined | Promise<Response | undefined>;
    error(cause: unknown): Response;
    websocket: object;
  }): BunServer;
}

/** Bun as a server, where this is Bun. */
export function bunServer(): ServerRuntime | undefined {
  const bun = (globalThis as unknown as { Bun?: BunLike }).Bun;
  if (bun === undefined) return undefined;
  return {
    name: `Bun ${bun.version}`,
    canPing: true,
    checksPayload: true,
    tellsDrain: true,
    opensAtOnce: true,
    listen: (options, events) => listen(bun, options, events),
    mount: (options, events) => new BunMount(options, events),
    fault,
  };
}

function listen(bun: BunLike, options: ListenOptions, events: PortEvents): TcpListener {
  const { binaryType, compression, hostname, identity, maxPayload, path, port, reusePort } =
    options;
  const acceptor = new BunAcceptor({
    maxPayload,
    compression,
    binaryType,
    events,
    topicPrefix: "",
    hostFault() {},
  });
  /** How many have come by the Unix socket: they have no address. */
  let count = 0;
  const nameless = path === undefined ? undefined : () => ({ address: UNIX, port: ++count });
  const server = bun.serve({
    ...(path === undefined ? { hostname, port, reusePort: reusePort === true } : { unix: path }),
    ...(identity === undefined ? {} : { tls: identity }),
    // How much to read of a request is up to whoever reads it; Deno sets no limit.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    error(cause) {
      events.failed(cause);
      return new Response(null, { status: 500 });
    },
    fetch(request, server) {
      const answer = acceptor.accept(request, server, nameless?.());
      // Else an answer that is silent for 10 s is cut off (1.4.5, `tests/server/http_test.ts`).
      if (answer !== undefined) server.timeout(request, 0);
      return answer;
    },
    websocket: acceptor.handler(),
  });
  return {
    address: path === undefined
      ? { hostname: server.hostname, port: server.port }
      : { hostname: UNIX, port: 0, path },
    publish: acceptor.publish,
    ...(reusePort === true ? { retire: () => void server.stop(false) } : {}),
    async close(ms) {
      await heard();
      if (server.pendingRequests > 0) await untilAnswered(server, ms);
      await server.stop(true);
    },
  };
}

/** How often to look whether every request is answered, in ms. */
const LOOK_MS = 10;

/** Listens no more, and waits until every request is answered, or so long. */
async function untilAnswered(server: BunServer, ms: number): Promise<void> {
  void server.stop(false); // it waits for connections, too, on which nothing is asked
  const end = performance.now() + ms;
  while (server.pendingRequests > 0 && performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

/** The system's codes, which Bun's errors have (1.4.5, `listen_quirks_test.ts`). */
const FAULTS: Record<string, ListenFault> = {
  EADDRINUSE: "occupied",
  EACCES: "notPermitted",
  EADDRNOTAVAIL: "notHere",
  EAFNOSUPPORT: "notHere",
  EINVAL: "notHere", // a link-local address with no interface named
  ENOTFOUND: "notHere",
};

function fault(error: unknown): ListenFault {
  return FAULTS[(error as { code?: string } | null)?.code ?? ""] ?? "other";
}

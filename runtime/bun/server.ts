import type { WebSocketData } from "../../client/types.ts";
import type {
  Address,
  Admission,
  ListenerEvents,
  ListenFault,
  ListenOptions,
  RequestResult,
  ServerRuntime,
  Socket,
  TcpListener,
} from "../contract.ts";
import type { Identity } from "../pem.ts";

/** A connection of Bun's server; the module's side of it hangs on `data`. */
interface BunServerSocket {
  readonly data: Admission;
  binaryType: "arraybuffer";
  send(data: WebSocketData): number;
  ping(): number;
  close(code: number, reason: string): void;
  pause(): void;
  resume(): void;
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
  publish(topic: string, data: WebSocketData): number;
  terminate(): void;
  getBufferedAmount(): number;
}

interface BunServer {
  readonly hostname: string;
  readonly port: number;
  requestIP(request: Request): { address: string; port: number } | null;
  publish(topic: string, data: WebSocketData): number;
  upgrade(request: Request, options: { data: Admission; headers?: object }): boolean;
  stop(closeConnections: boolean): Promise<void>;
}

/** The parts of Bun the server uses, so that nothing global need be declared. */
interface BunLike {
  version: string;
  serve(options: {
    hostname: string;
    port: number;
    tls?: Identity;
    fetch(
      request: Request,
      server: BunServer,
    ): Response | undefined | Promise<Response | undefined>;
    error(): Response;
    websocket: object;
  }): BunServer;
}

/**
 * What Bun tells its own side when it has closed with 1009 (1.4.5, `server_quirks_test.ts`); no Close
 * frame can say 1006.
 */
const TOO_BIG = "Received too big message";

/** How long a Close frame takes to be heard of in the same process, in ms. */
const HEARD_MS = 5;

/** Bun as a server, where this is Bun. */
export function bunServer(): ServerRuntime | undefined {
  const bun = (globalThis as { Bun?: BunLike }).Bun;
  if (bun === undefined) return undefined;
  return {
    name: `Bun ${bun.version}`,
    canPing: true,
    checksPayload: true,
    listen: (options, events) => listen(bun, options, events),
    fault,
  };
}

function listen(bun: BunLike, options: ListenOptions, events: ListenerEvents): TcpListener {
  const server = bun.serve({
    hostname: options.hostname,
    port: options.port,
    ...(options.identity === undefined ? {} : { tls: options.identity }),
    error: () => new Response(null, { status: 500 }),
    fetch(request, server) {
      // The address must be read before the upgrade: afterwards Bun has forgotten it (1.4.5,
      // `server_quirks_test.ts`).
      const peer = server.requestIP(request);
      if (peer === null) return new Response(null, { status: 400 }); // gone already
      const address: Address = { hostname: peer.address, port: peer.port };
      const answer = events.request(request, address);
      return answer instanceof Promise
        ? answer.then((answer) => respond(server, request, answer))
        : respond(server, request, answer);
    },
    websocket: {
      perMessageDeflate: false,
      maxPayloadLength: options.maxPayload,
      // Bun's own idle timer never sees a peer as dead while this side keeps sending to it
      // (oven-sh/bun#39255; 1.4.5, `server_socket_quirks_test.ts`), and its Pings come every 4 s at
      // the most.
      idleTimeout: 0,
      sendPings: false,
      // At its own limit Bun drops messages and says nothing (1.4.5, `server_quirks_test.ts`).
      backpressureLimit: 0,
      closeOnBackpressureLimit: false,
      open(ws: BunServerSocket) {
        ws.binaryType = "arraybuffer"; // else a Buffer (1.4.5, `server_socket_quirks_test.ts`)
        ws.data.open(new BunSocket(ws));
      },
      message: (ws: BunServerSocket, data: string | ArrayBuffer) => ws.data.message(data),
      drain: closeOnceDrained,
      pong: (ws: BunServerSocket) => ws.data.alive(),
      close: (ws: BunServerSocket, code: number, reason: string) =>
        ws.data.closed({ code, reason, tooBig: code === 1006 && reason === TOO_BIG }),
    },
  });
  const { hostname, port } = server;
  return {
    address: { hostname, port },
    publish: (topic, data) => void server.publish(topic, data),
    async close() {
      // Bun does not wait for the peers' answers (1.4.5, `server_quirks_test.ts`). A client in this
      // very process is to hear of its end before `stop` answers, as it does on Deno.
      await new Promise((resolve) => setTimeout(resolve, HEARD_MS));
      await server.stop(true);
    },
  };
}

function respond(server: BunServer, request: Request, answer: RequestResult): Response | undefined {
  if (answer instanceof Response) return answer;
  // Left alone, Bun answers with the first subprotocol offered (1.4.5, `server_quirks_test.ts`); an
  // empty one sends none (`server_socket_quirks_test.ts`).
  const offered = request.headers.has("sec-websocket-protocol");
  const headers = { "sec-websocket-protocol": answer.protocol };
  const options = offered ? { data: answer, headers } : { data: answer };
  if (server.upgrade(request, options)) return undefined;
  answer.closed({ code: 0, reason: "", failure: { what: "upgrade", status: "400" } });
  return new Response(null, { status: 400 });
}

/** The Close frames that wait for what was sent before them. */
const held = new WeakMap<BunServerSocket, { code: number; reason: string }>();

/**
 * Sends a Close frame when nothing is queued any more. Bun takes a connection for closed when it has
 * queued one, and then stops with the queue unsent (1.4.5, `tests/pair/one_log_test.ts`:
 * send_then_close).
 */
function closeOnceDrained(ws: BunServerSocket): void {
  const close = held.get(ws);
  if (close === undefined || ws.getBufferedAmount() > 0) return;
  held.delete(ws);
  ws.close(close.code, close.reason);
}

class BunSocket implements Socket {
  readonly #ws: BunServerSocket;

  constructor(ws: BunServerSocket) {
    this.#ws = ws;
  }

  get bufferedAmount(): number {
    return this.#ws.getBufferedAmount();
  }

  send(data: WebSocketData): void {
    this.#ws.send(data);
  }

  ping(): void {
    this.#ws.ping();
  }

  close(code: number, reason: string): void {
    held.set(this.#ws, { code, reason });
    closeOnceDrained(this.#ws);
  }

  pause(): void {
    this.#ws.pause();
  }

  resume(): void {
    this.#ws.resume();
  }

  subscribe(topic: string): void {
    this.#ws.subscribe(topic);
  }

  unsubscribe(topic: string): void {
    this.#ws.unsubscribe(topic);
  }

  publish(topic: string, data: WebSocketData): void {
    this.#ws.publish(topic, data);
  }

  terminate(): void {
    this.#ws.terminate();
  }
}

/** Bun's errors carry the system's code (1.4.5, `listen_quirks_test.ts`). */
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

import type {
  Address,
  End,
  ListenerEvents,
  ListenFault,
  ListenOptions,
  RequestResult,
  ServerRuntime,
  TcpListener,
} from "../contract.ts";
import { canPing, DenoSocket, wasTooBig } from "./socket.ts";

interface DenoServer {
  addr: Address;
  shutdown(): Promise<void>;
  unref(): void;
}

/** The parts of Deno the server uses, so that nothing global need be declared. */
interface DenoLike {
  version: { deno: string };
  serve(
    options: {
      hostname: string;
      port: number;
      cert?: string;
      key?: string;
      onListen(): void;
      onError(): Response;
    },
    handler: (
      request: Request,
      info: { remoteAddr: Address },
    ) => Response | Promise<Response>,
  ): DenoServer;
  upgradeWebSocket(
    request: Request,
    options: { idleTimeout: number },
  ): { socket: WebSocket; response: Response };
  errors: Record<string, new () => Error>;
}

/** Deno as a server, where this is Deno. */
export function denoServer(): ServerRuntime | undefined {
  const deno = (globalThis as { Deno?: DenoLike }).Deno;
  if (deno === undefined) return undefined;
  return {
    name: `Deno ${deno.version.deno}`,
    canPing,
    checksPayload: false,
    listen: (options, events) => listen(deno, options, events),
    fault: (error) => fault(deno, error),
  };
}

function listen(deno: DenoLike, options: ListenOptions, events: ListenerEvents): TcpListener {
  const server = deno.serve({
    hostname: options.hostname,
    port: options.port,
    ...options.identity,
    onListen() {},
    onError: () => new Response(null, { status: 500 }),
  }, (request, { remoteAddr }) => {
    // The address must be read before the upgrade: afterwards Deno has forgotten it (2.9.6,
    // `server_quirks_test.ts`).
    const { hostname, port } = remoteAddr;
    const answer = events.request(request, { hostname, port });
    return answer instanceof Promise
      ? answer.then((answer) => respondLater(deno, options, request, answer))
      : respond(deno, options, request, answer);
  });
  const { hostname, port } = server.addr;
  return { address: { hostname, port }, close: (ms) => shutdown(server, ms) };
}

/** How often, and after how many ms each, it is looked whether a client has left while it waited. */
const LOOKS = 4;
const LOOK_MS = 2;

/**
 * A client may have left while it waited. Deno never lets go of one that is upgraded then, and tells
 * of it a moment later, provided that somebody looks at the signal (2.9.6,
 * `leftovers_quirks_test.ts`).
 */
async function respondLater(
  deno: DenoLike,
  options: ListenOptions,
  request: Request,
  answer: RequestResult,
): Promise<Response> {
  if (answer instanceof Response) return answer;
  // Each timer lets the runtime look at its sockets once; on a busy machine once is not enough.
  for (let looks = 0; looks < LOOKS && !request.signal.aborted; looks++) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  if (!request.signal.aborted) return respond(deno, options, request, answer);
  answer.closed({ code: 0, reason: "" });
  return new Response(null, { status: 400 });
}

function respond(
  deno: DenoLike,
  { deadAfter }: ListenOptions,
  request: Request,
  answer: RequestResult,
): Response {
  if (answer instanceof Response) return answer;
  // Deno's own idle timer is off: it sends no Ping while data flows (2.9.6, `server_quirks_test.ts`).
  // Where its internals are gone it is all there is (`deno_fallback_test.ts`).
  const idleTimeout = canPing ? 0 : deadAfter;
  let upgrade;
  try {
    upgrade = deno.upgradeWebSocket(request, { idleTimeout });
  } catch (cause) {
    answer.closed({ code: 0, reason: "", failure: { what: "upgrade", status: "400", cause } });
    return new Response(null, { status: 400 });
  }
  const socket = new DenoSocket(upgrade.socket, answer, readEnd);
  upgrade.socket.onopen = () => answer.open(socket);
  // Set here, as the `protocol` option fails on a list with no blanks in it: `a,b` (2.9.6,
  // `server_quirks_test.ts`).
  if (answer.protocol !== "") {
    upgrade.response.headers.set("sec-websocket-protocol", answer.protocol);
  }
  return upgrade.response;
}

/**
 * Waits for the shutdown, though not for a connection that Deno cannot let go of (2.9.6,
 * `leftovers_quirks_test.ts`).
 */
async function shutdown(server: DenoServer, ms: number): Promise<void> {
  server.unref(); // a shutdown that never comes to its end is not to keep the process
  let timer;
  const late = new Promise<void>((resolve) => timer = setTimeout(resolve, ms));
  await Promise.race([server.shutdown(), late]);
  clearTimeout(timer);
}

function readEnd(end: End, failure: unknown): End {
  if (failure === undefined) return end;
  const { message, error } = failure as ErrorEvent;
  return {
    code: 0,
    tooBig: wasTooBig(failure as ErrorEvent),
    reason: "",
    failure: { what: "connection lost", status: "0", cause: error ?? message },
  };
}

/** Deno sorts by class what listening throws, or not at all (2.9.6, `listen_quirks_test.ts`). */
function fault(deno: DenoLike, error: unknown): ListenFault {
  const { errors } = deno;
  if (error instanceof errors.NotCapable!) return "denied";
  if (error instanceof errors.AddrInUse!) return "occupied";
  if (error instanceof errors.PermissionDenied!) return "notPermitted";
  if (error instanceof errors.AddrNotAvailable!) return "notHere";
  // An address of no family of this machine's has no class of its own.
  return /lookup|os error (22|97)|not supported/.test(String(error)) ? "notHere" : "other";
}

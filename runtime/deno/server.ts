import type {
  Address,
  ListenerEvents,
  ListenFault,
  ListenOptions,
  ServerRuntime,
  TcpListener,
} from "../contract.ts";
import { DenoAcceptor, type DenoUpgrades } from "./acceptor.ts";
import { DenoMount } from "./mount.ts";
import { canPing } from "./socket.ts";

interface DenoServer {
  addr: Address;
  shutdown(): Promise<void>;
  unref(): void;
}

/** The parts of Deno the server uses, so that nothing global need be declared. */
interface DenoLike extends DenoUpgrades {
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
    mount: (options, events) => new DenoMount(deno, options, events),
    fault: (error) => fault(deno, error),
  };
}

function listen(deno: DenoLike, options: ListenOptions, events: ListenerEvents): TcpListener {
  const acceptor = new DenoAcceptor(deno, options, events);
  const server = deno.serve({
    hostname: options.hostname,
    port: options.port,
    ...options.identity,
    onListen() {},
    onError: () => new Response(null, { status: 500 }),
  }, (request, { remoteAddr }) => acceptor.accept(request, remoteAddr));
  const { hostname, port } = server.addr;
  return { address: { hostname, port }, close: (ms) => shutdown(server, ms) };
}

/**
 * Waits for the shutdown, but not for a connection that Deno keeps for ever (2.9.6,
 * `leftovers_quirks_test.ts`).
 */
async function shutdown(server: DenoServer, ms: number): Promise<void> {
  server.unref(); // a shutdown that never ends must not keep the process alive
  let timer;
  const late = new Promise<void>((resolve) => timer = setTimeout(resolve, ms));
  await Promise.race([server.shutdown(), late]);
  clearTimeout(timer);
}

/** Sorts what listening threw: by its class, or by its words (2.9.6, `listen_quirks_test.ts`). */
function fault(deno: DenoLike, error: unknown): ListenFault {
  const { errors } = deno;
  if (error instanceof errors.NotCapable!) return "denied";
  if (error instanceof errors.AddrInUse!) return "occupied";
  if (error instanceof errors.PermissionDenied!) return "notPermitted";
  if (error instanceof errors.AddrNotAvailable!) return "notHere";
  // An address of a family that this machine does not have is a plain error.
  return /lookup|os error (22|97)|not supported/.test(String(error)) ? "notHere" : "other";
}

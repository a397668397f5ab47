import type {
  Address,
  ListenFault,
  ListenOptions,
  PortEvents,
  ServerRuntime,
  TcpListener,
} from "../contract.ts";
import { heard } from "../heard.ts";
import { UNIX } from "../unix.ts";
import { DenoAcceptor, type DenoUpgrades } from "./acceptor.ts";
import { canPing } from "./internals.ts";
import { DenoMount } from "./mount.ts";
import { type DenoServer, Port } from "./port.ts";

/** The parts of Deno the server uses, so that nothing global need be declared. */
interface DenoLike extends DenoUpgrades {
  version: { deno: string };
  serve(
    options: {
      hostname?: string;
      port?: number;
      path?: string;
      reusePort?: boolean;
      cert?: string;
      key?: string;
      signal: AbortSignal;
      onListen(): void;
      onError(cause: unknown): Response;
    },
    handler: (
      request: Request,
      info: { remoteAddr: Address; completed: Promise<void> },
    ) => Response | Promise<Response>,
  ): DenoServer;
  errors: Record<string, new () => Error>;
  listenDatagram?: unknown;
}

/** Deno as a server, where this is Deno. */
export function denoServer(): ServerRuntime | undefined {
  const deno = (globalThis as { Deno?: DenoLike }).Deno;
  if (deno === undefined) return undefined;
  return {
    name: `Deno ${deno.version.deno}`,
    canPing,
    checksPayload: false,
    // Asked for without that flag, it ends the process (2.9.6, `tests/server/reuse_port_test.ts`).
    unsupported({ compression, reusePort }) {
      if (compression) return { option: "compression", why: "it has no permessage-deflate" };
      if (!reusePort || deno.listenDatagram !== undefined) return undefined;
      return { option: "reusePort", why: "it needs --unstable-net" };
    },
    listen: (options, events) => listen(deno, options, events),
    mount: (options, events) => new DenoMount(deno, options, events),
    fault: (error) => fault(deno, error),
  };
}

function listen(deno: DenoLike, options: ListenOptions, events: PortEvents): TcpListener {
  const acceptor = new DenoAcceptor(deno, options, events);
  let answers = new Answers();
  /** How many have come by the Unix socket: they have no address. */
  let count = 0;
  const { path, reusePort } = options;
  const where = path === undefined
    ? { hostname: options.hostname, port: options.port, reusePort: reusePort === true }
    : { path };
  const handler: Parameters<DenoLike["serve"]>[1] = (request, info) => {
    const peer = path === undefined ? info.remoteAddr : { hostname: UNIX, port: ++count };
    const answer = acceptor.accept(request, peer);
    const completed = ({ status }: Response) => status === UPGRADED ? undefined : info.completed;
    answers.add(answer instanceof Promise ? answer.then(completed) : completed(answer));
    return answer;
  };
  const port = new Port((signal) => {
    const server = deno.serve({
      ...where,
      ...options.identity,
      signal,
      onListen() {},
      onError(cause) {
        events.failed(cause);
        return new Response(null, { status: 500 });
      },
    }, handler);
    // Its answers are over with it. One that cannot accept has others, which go on.
    server.finished.then(() => answers = new Answers(), () => {});
    return server;
  }, (cause) => events.lost(cause));
  const { addr } = port.listen();
  if (path === undefined) where.port = addr.port!; // any, at first, and this one from now on
  return {
    address: path === undefined
      ? { hostname: addr.hostname!, port: addr.port! }
      : { hostname: UNIX, port: 0, path },
    async close(ms) {
      const end = performance.now() + ms;
      await heard();
      const areDone = await answers.done(end);
      if (!acceptor.letGo() && areDone) return await within(port.shutdown(), shutdownMs(end));
      // Nothing else ends an answer, or a connection that Deno waits for, and after a shutdown it cannot be done
      // (2.9.6, `tests/server/http_test.ts`).
      await port.abort();
    },
  };
}

/** The status of an answer that is none, but a connection from now on. */
const UPGRADED = 101;

/** The answers that are under way. */
class Answers {
  readonly #underWay = new Set<Promise<void>>();

  /** Takes in an answer, if it is one; it is complete when the promise settles. */
  add(completed: Promise<void> | undefined): void {
    if (completed === undefined) return;
    this.#underWay.add(completed);
    const done = () => void this.#underWay.delete(completed);
    completed.then(done, done);
  }

  /** Waits until then for all to be complete, and says whether they are. */
  async done(end: number): Promise<boolean> {
    while (this.#underWay.size > 0 && performance.now() < end) {
      await within(Promise.allSettled(this.#underWay), end - performance.now());
    }
    return this.#underWay.size === 0;
  }
}

/**
 * How long a shutdown may take with nothing under way, in ms: as long as there is time, within these. It waits for a client
 * that reads no answer, or sends half of what it asks with. It keeps the process until then, and `unref` of the
 * server changes nothing (2.9.6, `tests/server/exit_test.ts`).
 */
const SHUTDOWN_MS = { most: 1000, least: 100 };

/** How long it may take where there is time until then. */
function shutdownMs(end: number): number {
  return Math.min(SHUTDOWN_MS.most, Math.max(SHUTDOWN_MS.least, end - performance.now()));
}

/** Waits for a promise, but not longer than so many ms. */
async function within(promise: Promise<unknown>, ms: number): Promise<void> {
  let timer;
  const late = new Promise<void>((resolve) => timer = setTimeout(resolve, ms));
  await Promise.race([promise, late]);
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

import type { HostWebSocketHandler } from "../../server/types.ts";
import type { Acceptor, AcceptorEvents, Address, MountOptions } from "../contract.ts";
import { heard } from "../heard.ts";
import { UNIX } from "../unix.ts";
import { DenoAcceptor, type DenoUpgrades } from "./acceptor.ts";

/** A server in a server of Deno's. */
export class DenoMount implements Acceptor {
  /** Deno has a handler for each socket: nobody calls this one. */
  readonly websocket: HostWebSocketHandler = { message() {} };
  readonly #acceptor: DenoAcceptor;
  readonly #events: AcceptorEvents;
  /** How many have come by a Unix socket of a host's: they have no address. */
  #nameless = 0;

  constructor(deno: DenoUpgrades, options: MountOptions, events: AcceptorEvents) {
    this.#events = events;
    this.#acceptor = new DenoAcceptor(deno, options, events, (cause) => {
      events.hostFault(USED_UP, cause);
      return 500;
    });
  }

  accept(request: Request, info: unknown): Response | Promise<Response> {
    let address: Address | typeof UNIX | undefined;
    try {
      address = addressOf(request, info);
      if (address === UNIX) address = { hostname: UNIX, port: ++this.#nameless };
    } catch (cause) {
      return this.#fault(USED_UP, cause); // Deno does not tell the address any more
    }
    return address === undefined
      ? this.#fault(NO_ADDRESS)
      : this.#acceptor.accept(request, address);
  }

  websocketWith(other: object): HostWebSocketHandler {
    return other as HostWebSocketHandler;
  }

  async close(): Promise<void> {
    await heard();
    this.#acceptor.letGo();
  }

  #fault(why: string, cause?: unknown): Response {
    this.#events.hostFault(why, cause);
    return new Response(null, { status: 500 });
  }
}

/**
 * Where a client is, or that it has come by a Unix socket: what Deno hands to a handler says it, wherever a framework has put that. Throws
 * where the request is over.
 */
function addressOf(request: Request, info: unknown): Address | typeof UNIX | undefined {
  const { runtime } = request as { runtime?: { deno?: { info?: unknown } } };
  const given = info ?? runtime;
  const { deno } = (given ?? {}) as { deno?: { info?: unknown } };
  for (const found of [given, deno?.info]) {
    const { remoteAddr } = (found ?? {}) as {
      remoteAddr?: Partial<Address> & { transport?: string };
    };
    if (remoteAddr?.transport === "unix") return UNIX;
    if (typeof remoteAddr?.hostname === "string" && typeof remoteAddr.port === "number") {
      return remoteAddr as Address;
    }
  }
  return undefined;
}

const NO_ADDRESS =
  "'fetch' was not given Deno's info, which knows where a client is. Pass on what " +
  "the host was given beside the request: mount.fetch(request, info), or mount.fetch(c.req.raw, " +
  "c.env) in Hono";

const USED_UP =
  "the request is none that waits for an answer: it was answered or upgraded already. " +
  "Pass it to 'fetch' as the host was given it, once";

import type { AcceptOptions, Address, End, ListenerEvents, RequestResult } from "../contract.ts";
import { canPing, forgetSignal, letGo, upgradeWith } from "./internals.ts";
import { DenoSocket, wasTooBig } from "./socket.ts";

/** The part of Deno that upgrades. */
export interface DenoUpgrades {
  upgradeWebSocket(
    request: Request,
    options: { idleTimeout: number },
  ): { socket: WebSocket; response: Response };
}

/** How often to check whether a client has closed while it waited, and the ms before each check. */
const ABORT_CHECKS = 4;
const ABORT_CHECK_MS = 2;

/** Turns requests to a server of Deno into connections. */
export class DenoAcceptor {
  readonly #deno: DenoUpgrades;
  readonly #options: AcceptOptions;
  readonly #events: ListenerEvents;
  readonly #refused: (cause: unknown) => number;
  /** What Deno waits for: connections of requests that were upgraded. */
  readonly #waited = new Set<Promise<unknown>>();

  /** @param refused Told what Deno does not upgrade; says which status that is answered with. */
  constructor(
    deno: DenoUpgrades,
    options: AcceptOptions,
    events: ListenerEvents,
    refused: (cause: unknown) => number = () => 400,
  ) {
    this.#deno = deno;
    this.#options = options;
    this.#events = events;
    this.#refused = refused;
  }

  /**
   * Answers a request. The address must be read before the upgrade: afterwards Deno has forgotten it
   * (2.9.6, `server_quirks_test.ts`).
   */
  accept(request: Request, { hostname, port }: Address): Response | Promise<Response> {
    const answer = this.#events.request(request, { hostname, port });
    return answer instanceof Promise
      ? answer.then((answer) => this.#respondLater(request, answer))
      : this.#respond(request, answer);
  }

  /**
   * Has no connection that Deno still waits for keep the process. It waits for ever for one whose client has left in
   * the instant of its upgrade (2.9.6, `leftovers_quirks_test.ts`).
   *
   * @returns Whether there was any.
   */
  letGo(): boolean {
    for (const connection of this.#waited) letGo(connection);
    return this.#waited.size > 0;
  }

  #wait(connection: Promise<unknown>): void {
    this.#waited.add(connection);
    const over = () => void this.#waited.delete(connection);
    connection.then(over, over);
  }

  /**
   * Answers a request that had to wait. The client may have closed meanwhile. When it is upgraded then,
   * Deno keeps it for ever. Deno aborts the request's signal a moment later, and only if the signal is
   * read (2.9.6, `leftovers_quirks_test.ts`).
   */
  async #respondLater(request: Request, answer: RequestResult): Promise<Response> {
    if (answer instanceof Response) return answer;
    // During each timer the runtime reads its sockets once. On a busy machine once is not enough.
    for (let checks = 0; checks < ABORT_CHECKS && !request.signal.aborted; checks++) {
      await new Promise((resolve) => setTimeout(resolve, ABORT_CHECK_MS));
    }
    if (!request.signal.aborted) return this.#respond(request, answer);
    answer.closed({ code: 0, reason: "" });
    return new Response(null, { status: 400 });
  }

  #respond(request: Request, answer: RequestResult): Response {
    if (answer instanceof Response) return answer;
    // Deno's own idle timer is off: it sends no Ping while data flows (2.9.6, `server_quirks_test.ts`).
    // Without Deno's internals it is the only way to find dead peers (`deno_fallback_test.ts`).
    const idleTimeout = canPing ? 0 : this.#options.deadAfter;
    let upgrade;
    try {
      upgrade = upgradeWith(
        request,
        (connection) => this.#wait(connection),
        () => this.#deno.upgradeWebSocket(request, { idleTimeout }),
      );
    } catch (cause) {
      const status = this.#refused(cause);
      const failure = { what: "upgrade", status: String(status), cause };
      answer.closed({ code: 0, reason: "", failure });
      return new Response(null, { status });
    }
    forgetSignal(request);
    const socket = new DenoSocket(upgrade.socket, answer, readEnd, this.#options);
    upgrade.socket.addEventListener("open", () => answer.open(socket));
    // Set here, as the `protocol` option fails on a list with no blanks in it: `a,b` (2.9.6,
    // `server_quirks_test.ts`).
    if (answer.protocol !== "") {
      upgrade.response.headers.set("sec-websocket-protocol", answer.protocol);
    }
    for (const [name, value] of answer.headers ?? []) upgrade.response.headers.append(name, value);
    return upgrade.response;
  }
}

function readEnd(end: End, failure: unknown): End {
  if (failure === undefined) return end;
  const { message, error } = failure as ErrorEvent;
  return {
    ...end,
    code: 0,
    tooBig: wasTooBig(failure as ErrorEvent),
    reason: "",
    failure: { what: "connection lost", status: "0", cause: error ?? message },
  };
}

import type { Clock } from "../heartbeat.ts";
import type {
  AcceptOptions,
  Acceptor,
  Address,
  ListenerEvents,
  RequestResult,
  TcpListener,
} from "../runtime/contract.ts";
import type { HostWebSocketHandler } from "../server/types.ts";
import type { Link } from "./link.ts";

/** What a handler on the network is told beside the request. */
export interface MemoryInfo {
  /** Where the client is. */
  readonly remoteAddr: Readonly<Address>;
}

/** Answers the requests to a {@linkcode MemoryHost}. */
export type MemoryHandler = (request: Request, info: MemoryInfo) => Response | Promise<Response>;

/** A server on a `MemoryNetwork` that is none of this module's. */
export interface MemoryHost {
  /** Where it is. */
  readonly address: Readonly<Address>;
  /** Stops it and drops all its connections. */
  stop(): void;
}

/** A request that came over a link; with it, and only with it, the request can become a connection. */
class LinkInfo implements MemoryInfo {
  readonly remoteAddr: Readonly<Address>;
  readonly link: Link;

  constructor(link: Link) {
    this.remoteAddr = link.peer;
    this.link = link;
  }
}

/** What a {@linkcode Host} needs. */
export interface HostParts {
  clock: Clock;
  address: Address;
  /** Whether it speaks TLS. */
  secure: boolean;
  /** Whether others may be at the same place. */
  shared: boolean;
  handler: MemoryHandler;
  /** Gives the port back. */
  freePort(): void;
}

/** A port of the network's, and who answers there. */
export class Host implements MemoryHost, TcpListener {
  readonly #parts: HostParts;
  readonly #links = new Set<Link>();
  /** Requests that are not answered yet. */
  readonly #waiting = new Set<Promise<void>>();

  constructor(parts: HostParts) {
    this.#parts = parts;
  }

  get address(): Address {
    return this.#parts.address;
  }

  get shared(): boolean {
    return this.#parts.shared;
  }

  get secure(): boolean {
    return this.#parts.secure;
  }

  take(link: Link, request: Request): void {
    this.#links.add(link);
    link.abandoned.addEventListener("abort", () => this.#links.delete(link));
    const answer = this.#ask(request, new LinkInfo(link));
    if (!(answer instanceof Promise)) return answerTo(link, answer);
    const answered = answer.catch(failed).then((answer) => {
      this.#waiting.delete(answered);
      answerTo(link, answer);
    });
    this.#waiting.add(answered);
  }

  stop(): void {
    this.#parts.freePort();
    for (const link of this.#links) link.cut(); // whose connection it is must hear of it
  }

  async close(ms: number): Promise<void> {
    this.#parts.freePort();
    if (this.#waiting.size > 0) await this.#untilAnswered(ms);
    for (const { server } of this.#links) server.terminate();
  }

  #ask(request: Request, info: MemoryInfo): Response | Promise<Response> {
    try {
      return this.#parts.handler(request, info);
    } catch (cause) {
      return failed(cause);
    }
  }

  /** Whoever still waits gets an answer, unless that takes too long. */
  async #untilAnswered(ms: number): Promise<void> {
    const { clock } = this.#parts;
    let timer: unknown;
    const late = new Promise<void>((resolve) => timer = clock.setTimer(resolve, ms));
    await Promise.race([Promise.all(this.#waiting), late]);
    clock.clearTimer(timer);
  }
}

/** Answers a request that has not become a connection. */
function answerTo({ server }: Link, answer: Response | undefined): void {
  if (server.state !== "connecting") return;
  const { status } = answer ?? failed(new TypeError("the handler has given no Response"));
  server.refuse({
    what: `the server answered with HTTP status ${status}`,
    status: String(status),
  });
}

/** What a handler has failed with is printed, and the client answered, as the runtimes do. */
function failed(cause: unknown): Response {
  console.error(cause);
  return new Response(null, { status: 500 });
}

const NO_LINK = "'fetch' was not given what the memory network tells of a request";

const USED_UP =
  "the request is none that waits for an answer: it was upgraded already. Pass it to " +
  "'fetch' once";

/** Whether the request that came over a link has become a connection. */
const isUsedUp = ({ server }: Link) => server.state === "open" || server.state === "closing";

/** Turns requests on the network into connections. */
export class MemoryAcceptor implements Acceptor {
  readonly websocket: HostWebSocketHandler = { message() {} };
  readonly #options: AcceptOptions;
  readonly #events: ListenerEvents & { hostFault?(why: string): void };

  constructor(
    options: AcceptOptions,
    events: ListenerEvents & { hostFault?(why: string): void },
  ) {
    this.#options = options;
    this.#events = events;
  }

  accept(request: Request, info: unknown): Response | Promise<Response> {
    if (!(info instanceof LinkInfo)) return this.#fault(NO_LINK);
    if (isUsedUp(info.link)) return this.#fault(USED_UP);
    const answer = this.#events.request(request, info.remoteAddr);
    return answer instanceof Promise
      ? answer.then((answer) => this.#answer(info.link, answer))
      : this.#answer(info.link, answer);
  }

  websocketWith(other: object): HostWebSocketHandler {
    return other as HostWebSocketHandler;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #answer(link: Link, answer: RequestResult): Response {
    if (answer instanceof Response) return answer;
    const isFirst = link.server.state === "connecting";
    if (isFirst) link.server.accept(answer, this.#options);
    else answer.closed({ code: 0, reason: "" }); // the client has closed meanwhile, or this is the second
    return isFirst || !isUsedUp(link) ? new Response(null) : this.#fault(USED_UP);
  }

  #fault(why: string): Response {
    this.#events.hostFault?.(why);
    return new Response(null, { status: 500 });
  }
}

import type { WebSocketData } from "../client/types.ts";
import { TOO_BIG } from "../internal/close_codes.ts";
import { asView, byteLength, exceeds, snapshot } from "../internal/payload.ts";
import { responseHeaders } from "../runtime/answer_headers.ts";
import type {
  AcceptOptions,
  Admission,
  ClientEvents,
  ClientSocket,
  DialRequest,
  End,
  Failure,
  SocketEvents,
} from "../runtime/contract.ts";
import type { Pipe } from "./pipe.ts";

/** What an end of a connection needs. */
export interface MemorySocketParts {
  /** From this end to the other. */
  out: Pipe;
  /** From the other end to this one. */
  in: Pipe;
  /** Called once, when this end is closed. */
  closed(): void;
}

/** One end of a connection in memory. Its state goes one way: connecting, open, closing, closed. */
export class MemorySocket implements ClientSocket {
  readonly extensions = "";
  state: "connecting" | "open" | "closing" | "closed" = "connecting";
  protocol = "";
  readonly #parts: MemorySocketParts;
  #other!: MemorySocket;
  #owner: SocketEvents | undefined;
  #opened = (_headers: Iterable<[string, string]>): void => {};
  #maxPayload = Infinity;
  #binaryType: AcceptOptions["binaryType"];

  constructor(parts: MemorySocketParts) {
    this.#parts = parts;
  }

  /** Makes two ends one connection. */
  static pair(one: MemorySocketParts, two: MemorySocketParts): [MemorySocket, MemorySocket] {
    const [a, b] = [new MemorySocket(one), new MemorySocket(two)];
    a.#other = b;
    b.#other = a;
    return [a, b];
  }

  get bufferedAmount(): number {
    return this.state === "closed" ? 0 : this.#parts.out.bytes;
  }

  /** At the client's end: sends the handshake. */
  dial(
    owner: ClientEvents,
    { answer, binaryType }: Pick<DialRequest, "answer" | "binaryType">,
    request: () => void,
  ): void {
    this.#owner = owner;
    this.#binaryType = binaryType;
    this.#opened = (headers) => {
      if (answer?.isWanted) answer.headers(responseHeaders(headers));
      owner.open();
    };
    this.#parts.out.push(request);
  }

  /** At the server's end: accepts the client. */
  accept(owner: Admission, { binaryType, maxPayload }: AcceptOptions): void {
    this.#owner = owner;
    this.#binaryType = binaryType;
    this.#maxPayload = maxPayload;
    this.state = "open";
    const { protocol, headers = new Headers() } = owner; // it lets go of them as it opens
    this.#tell((client) => client.#accepted(protocol, headers));
    owner.open(this);
  }

  /** At the server's end: refuses the client. */
  refuse(failure: Failure): void {
    if (this.state === "closed") return; // the client has closed meanwhile
    this.#tell((client) => client.lose(failure));
    this.#finish();
  }

  send(data: WebSocketData): void {
    if (this.state !== "open") return;
    const copy = received(data);
    this.#tell((other) => other.#message(copy), byteLength(copy));
  }

  ping(): void {
    if (this.state === "open") this.#tell((other) => other.#pinged());
  }

  close(code: number, reason: string): void {
    if (this.state !== "open") return;
    this.state = "closing";
    this.#tell((other) => other.#closed(code, reason));
  }

  pause(): void {
    if (this.state !== "closed") this.#parts.in.stop("reader");
  }

  resume(): void {
    this.#parts.in.go("reader");
  }

  terminate(): void {
    if (this.state === "closed") return;
    // A pipe that is stopped stays stopped: a peer that nothing reaches does not learn of the end
    // either.
    this.#tell((other) => other.lose(RESET));
    this.#finish();
  }

  /** Loses the connection, as this end sees it. */
  lose(failure: Failure): void {
    this.#end({ code: 0, reason: "", failure });
  }

  // Nothing of what follows comes to an end that is closed.

  #accepted(protocol: string, headers: Headers): void {
    this.state = "open";
    this.protocol = protocol;
    const chosen = protocol === ""
      ? []
      : [["sec-websocket-protocol", protocol] as [string, string]];
    this.#opened([["upgrade", "websocket"], ["connection", "Upgrade"], ...chosen, ...headers]);
  }

  #message(data: string | ArrayBuffer): void {
    if (!exceeds(data, this.#maxPayload)) {
      return this.#owner!.message(this.#binaryType === "uint8array" ? asView(data) : data);
    }
    if (this.state === "open") this.#tell((other) => other.#closed(TOO_BIG.code, TOO_BIG.reason));
    this.#end({ code: 1006, reason: "", tooBig: true });
  }

  #pinged(): void {
    this.#tell((other) => other.#ponged());
  }

  #ponged(): void {
    this.#owner?.alive();
  }

  /** A Close frame came in: it is answered with the same, unless it is an answer itself. */
  #closed(code: number, reason: string): void {
    if (this.state === "open") this.#tell((other) => other.#closed(code, reason));
    this.#end({ code, reason });
  }

  #tell(what: (other: MemorySocket) => void, bytes?: number): void {
    this.#parts.out.push(() => {
      if (this.#other.state !== "closed") what(this.#other);
    }, bytes);
  }

  #end(end: End): void {
    if (this.state === "closed") return;
    this.#finish();
    this.#owner?.closed(end);
  }

  #finish(): void {
    this.state = "closed";
    this.#parts.closed();
  }
}

/** How the other end sees a connection that was dropped. */
export const RESET: Failure = { what: "the connection was reset", status: "0" };

/** The data as the other end gets it: a copy, and text well-formed, as UTF-8 can carry no other. */
function received(data: WebSocketData): string | ArrayBuffer {
  if (typeof data === "string") return data.toWellFormed();
  const copy = snapshot(data);
  return (copy instanceof ArrayBuffer ? copy : (copy as Uint8Array).buffer) as ArrayBuffer;
}

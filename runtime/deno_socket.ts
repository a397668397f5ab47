import type { Payload } from "../internal/payload.ts";
import type { End, Socket, SocketEvents } from "./mod.ts";

/**
 * What a Deno socket can do only through its internals: send a Ping, notice a Pong, drop the
 * connection, send any close code. Seen unchanged in Deno 1.46 to 2.9.6; where a later one lacks
 * them, `canPing` is false and `tests/runtime/deno_internals_test.ts` turns red.
 */
interface Internals {
  /** The symbol of the prototype's method that arms a timer for a Ping, and hears of each Pong. */
  handleIdle: symbol;
  /** The symbol of an instance's idle time, in seconds. */
  idleTime: symbol;
  /** The symbol of an instance's resource id. */
  rid: symbol;
  /** The symbol of an instance's role. */
  role: symbol;
}

type Inner = WebSocket & Record<symbol, unknown>;

/** As short an idle time as there is: the timer fires at once. Zero would mean none. */
const AT_ONCE = 1e-6;

/** So long an idle time, in seconds, that its timer never fires. Over 4.29e6 Deno pings for ever. */
const NEVER = 2e6;

/** How long to watch a queue before taking it for stalled, in ms. */
const STALL_MS = 25;

function symbolOf(object: object, description: string): symbol | undefined {
  return Object.getOwnPropertySymbols(object).find((symbol) => symbol.description === description);
}

const handleIdle = symbolOf(WebSocket.prototype, "[[serverHandleIdleTimeout]]");
const arm = handleIdle && (WebSocket.prototype as Inner)[handleIdle];

/** Whether this Deno lets us send Ping frames. */
export const canPing: boolean = typeof arm === "function" && String(arm).includes("ping frame");

let internals: Internals | undefined;

function internalsOf(ws: WebSocket): Internals | undefined {
  if (internals === undefined && canPing) {
    const [idleTime, rid, role] = ["[[idleTimeout]]", "[[rid]]", "[[role]]"].map((description) =>
      symbolOf(ws, description)
    );
    if (idleTime && rid && role) internals = { handleIdle: handleIdle!, idleTime, rid, role };
  }
  return internals;
}

/** Drops the connection below a WebSocket; `close` alone waits for the peer for ever. */
function dropResource(rid: unknown): boolean {
  // deno-lint-ignore no-explicit-any -- Deno's internals have no types
  const { Deno } = globalThis as any;
  const tryClose = Deno?.[Deno.internal]?.core?.tryClose;
  if (typeof tryClose !== "function" || typeof rid !== "number") return false;
  tryClose(rid);
  return true;
}

/** A WebSocket of Deno's, of either role, with the runtime's quirks taken away. */
export class DenoSocket implements Socket {
  readonly #ws: Inner;
  readonly #events: SocketEvents;
  #failure: unknown;
  #over = false;
  /** Bytes handed over, at least: text is counted by its length. */
  #sent = 0;

  constructor(ws: WebSocket, events: SocketEvents, end: (end: End, failure: unknown) => End) {
    this.#ws = ws as Inner;
    this.#events = events;
    ws.binaryType = "arraybuffer";
    this.#hearPongs();
    ws.onmessage = ({ data }) => events.message(data);
    ws.onerror = (event) => {
      this.#failure = event;
    };
    ws.onclose = ({ code, reason }) => {
      if (this.#over) return; // 2.9.6 tells of some ends twice
      this.#leave();
      events.closed(end({ code, reason }, this.#failure));
    };
  }

  get bufferedAmount(): number {
    return this.#ws.bufferedAmount;
  }

  get protocol(): string {
    return this.#ws.protocol;
  }

  get extensions(): string {
    return this.#ws.extensions;
  }

  send(data: Payload): void {
    this.#sent += typeof data === "string" ? data.length : data.byteLength;
    this.#ws.send(data as string | ArrayBuffer);
  }

  ping(): void {
    const buffered = this.bufferedAmount;
    if (buffered === 0) return this.#ping();
    // A Ping behind a stalled write would wait with it, and keep the process alive when all else
    // is gone. So it waits until it is seen that the queue moves.
    const drained = this.#sent - buffered;
    setTimeout(() => {
      const left = this.bufferedAmount;
      if (left === 0 || this.#sent - left > drained) this.#ping();
    }, STALL_MS);
  }

  close(code: number, reason: string): void {
    const ws = this.#ws;
    const symbols = internalsOf(ws);
    const role = symbols && ws[symbols.role];
    // A client may send 1000 and 3000 to 4999 by the WHATWG's rule; one in another role may send all.
    if (symbols) ws[symbols.role] = undefined;
    try {
      ws.close(code, reason);
    } catch {
      ws.close(1000, reason);
    } finally {
      if (symbols) ws[symbols.role] = role;
    }
  }

  terminate(): void {
    if (this.#over) return;
    const symbols = internalsOf(this.#ws);
    const rid = symbols && this.#ws[symbols.rid];
    this.#leave();
    if (!dropResource(rid)) this.close(1000, "");
  }

  /** Arms Deno's own idle timer so that it sends a Ping now, and never comes to its verdict. */
  #ping(): void {
    const symbols = internalsOf(this.#ws);
    if (this.#over || symbols === undefined || this.#ws.readyState !== WebSocket.OPEN) return;
    this.#ws[symbols.idleTime] = AT_ONCE;
    (arm as () => void).call(this.#ws);
    this.#ws[symbols.idleTime] = NEVER;
  }

  /** Deno calls the method that arms its idle timer for each Pong and before each message. */
  #hearPongs(): void {
    if (canPing) this.#ws[handleIdle!] = () => this.#events.alive();
  }

  /** Hears no more, and ends the timer that a Ping has left behind: it would keep the process. */
  #leave(): void {
    this.#over = true;
    const ws = this.#ws;
    ws.onmessage = null;
    const symbols = internalsOf(ws);
    if (symbols === undefined) return;
    ws[symbols.idleTime] = AT_ONCE;
    (arm as () => void).call(ws);
  }
}

import type { WebSocketData } from "../../client/types.ts";
import { asView, byteLength, snapshot } from "../../internal/payload.ts";
import type { DialRequest, End, Socket, SocketEvents } from "../contract.ts";

/**
 * The internals of a Deno socket. Only through them can it send a Ping, notice a Pong, drop the
 * connection, and send any close code. They were the same from Deno 1.46 to 2.9.6. When a later Deno
 * changes one of them, `deno_internals_test.ts` turns red and none of them is used: half of them would
 * find peers dead that were never asked. Only `[[readyState]]` may be missing: a count of bytes is then
 * less exact. The tests that comments in `runtime/` name are in `tests/runtime/`; the names also stand in
 * `deno_fallback_test.ts` and `bare.ts` there.
 */
interface Internals {
  /**
   * The symbol of the prototype's method that sets the timer for a Ping. It is called for each
   * Pong, too.
   */
  handleIdle: symbol;
  /** The symbol of an instance's idle time, in seconds. */
  idleTime: symbol;
  /** The symbol of an instance's resource id. */
  rid: symbol;
  /** The symbol of an instance's role. */
  role: symbol;
  /** The method of `handleIdle`. */
  arm: () => void;
  /** The symbol of an instance's `readyState`, where it is as we know it. */
  state: symbol | undefined;
}

type Inner = WebSocket & Record<symbol, unknown>;

/**
 * As short an idle time as there is: the timer fires at once (2.9.6, `deno_internals_test.ts`). Zero
 * would mean none (`close_quirks_test.ts`).
 */
const AT_ONCE = 1e-6;

/**
 * So long an idle time, in seconds, that its timer never fires. Over 4.29e6 Deno pings for ever
 * (2.9.6, `close_quirks_test.ts`).
 */
const NEVER = 2e6;

/** The roles of a socket, as Deno counts them. */
const SERVER = 0;
const CLIENT = 1;

/** How often to check whether a queue has drained, in ms: at first, and later. */
const DRAIN_CHECK_MS = { first: 1, most: 25 };

/** The longest time from setting the timer to its Ping, in ms. */
const PING_MS = 5;

function symbolOf(object: object, description: string): symbol | undefined {
  return Object.getOwnPropertySymbols(object).find((symbol) => symbol.description === description);
}

// deno-lint-ignore no-explicit-any -- Deno's internals have no types
const { Deno } = globalThis as any;

/** What of a request makes Deno give a WebSocket for it, whoever has made the request. */
const UPGRADE = {
  "connection": "Upgrade",
  "upgrade": "websocket",
  "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
  "sec-websocket-version": "13",
};

/** Finds all of the internals, in a WebSocket that has no connection and never will have. */
function findInternals(): Internals | undefined {
  const tryClose = Deno?.[Deno.internal]?.core?.tryClose;
  if (typeof tryClose !== "function") return undefined; // no Deno, or another than we know
  try {
    const request = new Request("http://localhost/", { headers: UPGRADE });
    const ws: Inner = Deno.upgradeWebSocket(request).socket;
    const prototype: Inner = WebSocket.prototype as Inner;
    const handleIdle = symbolOf(prototype, "[[serverHandleIdleTimeout]]")!;
    const idleTime = symbolOf(ws, "[[idleTimeout]]")!;
    const role = symbolOf(ws, "[[role]]")!;
    const rid = symbolOf(ws, "[[rid]]");
    const readyState = symbolOf(ws, "[[readyState]]");
    const state = readyState && ws[readyState] === ws.readyState ? readyState : undefined;
    const arm = prototype[handleIdle];
    const isKnown = typeof arm === "function" && String(arm).includes("ping frame") &&
      typeof ws[idleTime] === "number" && ws[role] === SERVER && rid !== undefined;
    return isKnown ? { handleIdle, idleTime, role, rid, arm: arm as () => void, state } : undefined;
  } catch {
    return undefined;
  }
}

const internals = findInternals();

/** In the place of Deno's own method it keeps a timer that never fires from being set anew. */
const nothing = (): void => {};

/** Whether this Deno lets us send Ping frames, notice Pongs and drop connections. */
export const canPing: boolean = internals !== undefined;

/**
 * Drops the connection below a WebSocket (2.9.6, `deno_internals_test.ts`); `close` alone waits for the
 * peer for ever (`close_quirks_test.ts`).
 */
function dropResource(ws: Inner): boolean {
  const rid = internals && ws[internals.rid];
  if (typeof rid !== "number") return false;
  Deno[Deno.internal].core.tryClose(rid);
  return true;
}

/**
 * How many bytes Deno has not written when it tells that a WebSocket is closed, and is about to let it
 * go. `bufferedAmount` says 0 then, whatever it is, as it says so in any state but open (2.9.6,
 * `close_quirks_test.ts`).
 */
function leftIn(ws: Inner): number | undefined {
  const state = internals?.state;
  if (state === undefined || typeof ws[internals!.rid] !== "number") return undefined;
  const { [state]: before } = ws;
  ws[state] = ws.OPEN;
  const left = ws.bufferedAmount;
  ws[state] = before;
  return left;
}

/**
 * Whether Deno refused a frame by itself, as it does from 64 MiB on, with no Close frame (2.9.6,
 * `close_quirks_test.ts`).
 */
export function wasTooBig(failure: ErrorEvent): boolean {
  return /^frame too large/i.test(failure.message ?? "");
}

/** What a {@linkcode DenoSocket} may be told. */
export interface DenoSocketOptions extends Pick<DialRequest, "binaryType"> {
  /** Called where it was dropped. */
  dropped?: () => void;
}

/** A WebSocket of Deno, as client or as server, without Deno's quirks. */
export class DenoSocket implements Socket {
  readonly #ws: Inner;
  readonly #events: SocketEvents;
  readonly #dropped: () => void;
  #failure: unknown;
  #closed = false;
  /**
   * The code that was sent. Deno tells 1005 where none came after that, as where the peer's answer has
   * none (2.9.6, `close_quirks_test.ts`); but an answer has the code that it answers (RFC 6455 §5.5.1).
   */
  #closedWith: number | undefined;
  /** How many bytes the Close frame waits for, as it was when that was last looked at. */
  #closeWaitsFor = 0;
  /** What is held back while a Ping or a Close frame waits for the queue to drain. */
  #held: WebSocketData[] | undefined;
  #heldBytes = 0;
  /** Whether a Ping is being sent and no longer waits. */
  #armed = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    ws: WebSocket,
    events: SocketEvents,
    end: (end: End, failure: unknown) => End,
    { dropped = () => {}, binaryType }: DenoSocketOptions = {},
  ) {
    this.#dropped = dropped;
    this.#ws = ws as Inner;
    this.#events = events;
    ws.binaryType = "arraybuffer"; // else a Blob (2.9.6, `client_quirks_test.ts`)
    ws.onmessage = binaryType === "uint8array"
      ? ({ data }) => events.message(asView(data))
      : ({ data }) => events.message(data);
    ws.onerror = (event) => {
      this.#failure = event;
    };
    ws.onclose = ({ code, reason }) => {
      // Deno tells of some ends twice (2.9.6, `server_quirks_test.ts`), and of a connection that we
      // have dropped with 1005 (`client_quirks_test.ts`).
      if (this.#closed) return;
      const unsent = (leftIn(this.#ws) ?? this.#closeWaitsFor) + this.#heldBytes;
      this.#detach();
      const none = code === 1005 && this.#closedWith !== 1005 && this.#closedWith !== undefined;
      events.closed(end({ code: none ? 0 : code, reason, unsent }, this.#failure));
    };
  }

  get bufferedAmount(): number {
    // Asked for it when the connection has been dropped, Deno ends the process (2.9.6,
    // `close_quirks_test.ts`).
    return this.#closed ? 0 : this.#ws.bufferedAmount + this.#heldBytes;
  }

  get protocol(): string {
    return this.#ws.protocol;
  }

  get extensions(): string {
    return this.#ws.extensions;
  }

  send(data: WebSocketData): void {
    if (this.#held === undefined) return this.#ws.send(data as string | ArrayBuffer);
    this.#held.push(snapshot(data));
    this.#heldBytes += byteLength(data);
  }

  ping(): void {
    this.#hearPong();
    if (this.#held !== undefined && !this.#armed) return; // a Ping waits already
    clearTimeout(this.#timer);
    this.#release();
    this.#onceDrained(() => {
      this.#armPing();
      this.#armed = true;
      this.#timer = setTimeout(() => this.#release(), PING_MS);
    });
  }

  close(code: number, reason: string): void {
    clearTimeout(this.#timer);
    this.#release();
    this.#onceDrained(
      () => this.#close(code, reason),
      (bytes) => this.#closeWaitsFor = bytes,
    );
  }

  terminate(): void {
    if (this.#closed) return;
    this.#detach();
    if (!dropResource(this.#ws)) this.#close(1000, "");
    this.#dropped();
  }

  /**
   * Runs a task when Deno's queue is empty, so that Deno writes its frame at once. A Ping or a Close
   * frame that waits behind a stalled write keeps the process alive, even after the connection was
   * dropped (2.9.6, `client_quirks_test.ts`). So it waits here, and so does what is sent after it. If
   * the queue never drains, the frame is never sent.
   */
  #onceDrained(
    task: () => void,
    waits: (bytes: number) => void = () => {},
    ms: number = DRAIN_CHECK_MS.first,
  ): void {
    if (this.#closed) return;
    this.#held ??= [];
    const { bufferedAmount } = this.#ws;
    waits(bufferedAmount);
    if (bufferedAmount === 0) return task();
    this.#timer = setTimeout(() => {
      this.#onceDrained(task, waits, Math.min(ms * 2, DRAIN_CHECK_MS.most));
    }, ms);
  }

  /** Sends what was held back, and holds nothing back any more. */
  #release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    this.#heldBytes = 0;
    this.#armed = false;
    for (const data of held) this.#ws.send(data as string | ArrayBuffer);
  }

  #close(code: number, reason: string): void {
    this.#closedWith = code;
    const ws = this.#ws;
    // A client may send 1000 and 3000 to 4999 by the WHATWG's rule, a server any code (2.9.6,
    // `client_quirks_test.ts`). But a server that closes is dropped with the next message that comes
    // in, which takes the Close frame along (`close_quirks_test.ts`).
    if (internals) ws[internals.role] = SERVER;
    try {
      if (code === 1005) ws.close();
      else ws.close(code, reason);
    } catch {
      ws.close(1000, reason);
    } finally {
      if (internals) ws[internals.role] = CLIENT;
    }
  }

  /**
   * Sets Deno's own idle timer so that it sends a Ping now, and never ends the connection (2.9.6,
   * `deno_internals_test.ts`, `close_quirks_test.ts`).
   */
  #armPing(): void {
    if (this.#closed || internals === undefined || this.#ws.readyState !== this.#ws.OPEN) return;
    this.#ws[internals.idleTime] = AT_ONCE;
    internals.arm.call(this.#ws);
    this.#ws[internals.idleTime] = NEVER;
  }

  /**
   * Deno calls the method that sets its idle timer for each Pong and before each message (2.9.6,
   * `deno_internals_test.ts`). One that tells of life stands in its place until there is some, and one
   * that does nothing after that: most messages come while no Ping waits.
   */
  #hearPong(): void {
    if (internals === undefined || this.#closed) return;
    const { handleIdle } = internals;
    const ws = this.#ws;
    ws[handleIdle] = () => {
      ws[handleIdle] = nothing;
      this.#events.alive();
    };
  }

  /**
   * Takes no more events, and ends the timer that a Ping has set: it would keep the process alive
   * (2.9.6, `leftovers_quirks_test.ts`).
   */
  #detach(): void {
    this.#closed = true;
    this.#held = undefined;
    this.#heldBytes = 0;
    clearTimeout(this.#timer);
    const ws = this.#ws;
    ws.onmessage = null;
    if (internals === undefined || ws[internals.idleTime] !== NEVER) return; // no Ping has gone out
    ws[internals.idleTime] = AT_ONCE;
    internals.arm.call(ws);
  }
}

import type { WebSocketData } from "../../client/types.ts";
import { asView, byteLength } from "../../internal/payload.ts";
import type { DialRequest, End, Socket, SocketEvents } from "../contract.ts";
import {
  AT_ONCE,
  CLIENT,
  dropResource,
  type Inner,
  internals,
  leftIn,
  NEVER,
  SERVER,
} from "./internals.ts";
import { DRAIN_CHECK_MS, WaitingPing } from "./waiting_ping.ts";

/**
 * Stands before Deno where nothing more is to be sent. For a connection that was dropped, Deno would end the process
 * (2.9.6).
 */
const NO_MORE = { bytes: 0 };

/** In the place of Deno's own method it keeps a timer that never fires from being set anew. */
const nothing = (): void => {};

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
  /** Bytes that were sent after the end, by one who was not told of it yet, and are not in what was told. */
  late = 0;
  readonly #ws: Inner;
  /** What is sent goes by this first: a Ping that waits, or `NO_MORE` as it closes and when it is over. Mostly nothing. */
  #before: WaitingPing | typeof NO_MORE | undefined;
  readonly #events: SocketEvents;
  readonly #givesViews: boolean;
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
  /** The timer by which it looks again whether the Close frame can go out. */
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
    this.#givesViews = binaryType === "uint8array";
    ws.addEventListener("message", this);
    ws.addEventListener("error", (event) => {
      this.#failure = event;
    });
    ws.addEventListener("close", ({ code, reason }) => {
      // Deno tells of some ends twice (2.9.6, `server_quirks_test.ts`), and of a connection that we
      // have dropped with 1005 (`client_quirks_test.ts`).
      if (this.#closed) return;
      const left = (leftIn(this.#ws) ?? this.#closeWaitsFor) + (this.#before?.bytes ?? 0);
      const unsent = left + this.late;
      this.late = 0;
      this.#detach();
      const none = code === 1005 && this.#closedWith !== 1005 && this.#closedWith !== undefined;
      events.closed(end({ code: none ? 0 : code, reason, unsent }, this.#failure));
    });
  }

  /** A message has come. V8 inlines a method that all sockets share, and no function that each has. */
  handleEvent({ data }: MessageEvent): void {
    this.#events.message(this.#givesViews ? asView(data) : data);
  }

  get bufferedAmount(): number {
    // Asked for it when the connection has been dropped, Deno ends the process (2.9.6,
    // `close_quirks_test.ts`).
    return this.#closed ? 0 : this.#ws.bufferedAmount + (this.#before?.bytes ?? 0) + this.late;
  }

  /**
   * Deno closes when it has the peer's Close frame and has answered it, and tells of that a turn later. Meanwhile it
   * lets go of what is sent without a word (2.9.6, `close_quirks_test.ts`).
   */
  get isEnding(): boolean {
    return this.#closed || this.#ws.readyState === this.#ws.CLOSED;
  }

  get protocol(): string {
    return this.#ws.protocol;
  }

  get extensions(): string {
    return this.#ws.extensions;
  }

  send(data: WebSocketData): void {
    const before = this.#before;
    if (before === NO_MORE || this.isEnding) this.late += byteLength(data);
    else if (before instanceof WaitingPing) before.send(data);
    else this.#ws.send(data as string | ArrayBuffer);
  }

  ping(): void {
    this.#hearPong();
    if (this.#before !== undefined) return; // one waits already, or there is nothing more to send
    this.#before = new WaitingPing(this.#ws, () => this.#before = undefined);
  }

  close(code: number, reason: string): void {
    if (this.isEnding) return;
    this.#end()?.giveUp();
    this.#closeOnceDrained(code, reason);
  }

  terminate(): void {
    if (this.#closed) return;
    this.#detach();
    if (!dropResource(this.#ws)) this.#close(1000, "");
    this.#dropped();
  }

  /** Lets nothing more be sent. Returns the Ping that waits, if one does. */
  #end(): WaitingPing | undefined {
    clearTimeout(this.#timer);
    const before = this.#before;
    this.#before = NO_MORE;
    return before instanceof WaitingPing ? before : undefined;
  }

  /**
   * Sends the Close frame when Deno's queue is empty: like a Ping, it must not wait behind a stalled write (see
   * {@linkcode WaitingPing}). If the queue never drains, it is never sent.
   */
  #closeOnceDrained(code: number, reason: string, ms: number = DRAIN_CHECK_MS.first): void {
    this.#closeWaitsFor = this.#ws.bufferedAmount;
    if (this.#closeWaitsFor === 0) return this.#close(code, reason);
    const next = Math.min(ms * 2, DRAIN_CHECK_MS.most);
    this.#timer = setTimeout(() => this.#closeOnceDrained(code, reason, next), ms);
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
    this.#end()?.end();
    const ws = this.#ws;
    ws.removeEventListener("message", this);
    if (internals === undefined || ws[internals.idleTime] !== NEVER) return; // no Ping has gone out
    ws[internals.idleTime] = AT_ONCE;
    internals.arm.call(ws);
  }
}

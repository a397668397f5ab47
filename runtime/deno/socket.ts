import type { WebSocketData } from "../../client/types.ts";
import { asView, byteLength, snapshot } from "../../internal/payload.ts";
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

/** How often to check whether a queue has drained, in ms: at first, and later. */
const DRAIN_CHECK_MS = { first: 1, most: 25 };

/** How often a Ping is tried beside what is being sent, before that is held back for it. */
const TRIES = 5;

/** So many bytes, sent since nothing was queued, do not stall: a Ping may go out behind them. */
const FRESH_BYTES = 65_536;

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
  /** Bytes that were sent after the end, by one who was not told of it yet. */
  late = 0;
  readonly #ws: Inner;
  /** What is held back while a Ping or a Close frame waits for the queue to drain. */
  #held: WebSocketData[] | undefined;
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
  #heldBytes = 0;
  /** Whether a Ping waits, and what is sent meanwhile is not held back. */
  #passes = false;
  /** How often it is still to be tried. */
  #tries = 0;
  /** Whether Deno's timer is set for it. */
  #isArmed = false;
  /** Sends the Ping that waits for the queue to drain. */
  #pingOnceDrained: (() => void) | undefined;
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
      const unsent = (leftIn(this.#ws) ?? this.#closeWaitsFor) + this.#heldBytes;
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
    return this.#closed ? 0 : this.#ws.bufferedAmount + this.#heldBytes;
  }

  get isEnding(): boolean {
    return this.#closed;
  }

  get protocol(): string {
    return this.#ws.protocol;
  }

  get extensions(): string {
    return this.#ws.extensions;
  }

  send(data: WebSocketData): void {
    if (this.#held === undefined) return this.#ws.send(data as string | ArrayBuffer);
    if (this.#closed) return void (this.late += byteLength(data));
    if (this.#ws.bufferedAmount === 0) this.#lookAtEmptyQueue();
    if (this.#passes) return this.#ws.send(data as string | ArrayBuffer);
    this.#held.push(snapshot(data));
    this.#heldBytes += byteLength(data);
  }

  ping(): void {
    this.#hearPong();
    if (this.#held !== undefined || this.#closed) return; // one waits already, or the Close frame
    this.#held = [];
    this.#passes = true;
    this.#tries = TRIES;
    this.#try();
  }

  close(code: number, reason: string): void {
    if (this.#closed) return;
    clearTimeout(this.#timer);
    this.#disarm();
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
    this.#held ??= [];
    const { bufferedAmount } = this.#ws;
    waits(bufferedAmount);
    if (bufferedAmount === 0) return task();
    this.#timer = setTimeout(() => {
      this.#onceDrained(task, waits, Math.min(ms * 2, DRAIN_CHECK_MS.most));
    }, ms);
  }

  /**
   * Sends a Ping as soon as nothing is queued, and looks at that with each message, too. A peer that keeps
   * up is sent everything without delay. Where something is always queued, what is sent is held back in the end.
   */
  #try(): void {
    if (this.#ws.bufferedAmount === 0) return this.#arm();
    this.#timer = setTimeout(() => this.#check(), AT_ONCE);
  }

  /**
   * Sets Deno's timer for a Ping, and one that looks once more. Set in a timer, as the heartbeat does,
   * that mostly fires right before Deno's own (2.9.6, `deno_internals_test.ts`). Where it does not, the
   * Ping waits behind what was sent in these few milliseconds, and a second one may follow.
   */
  #arm(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#check(), AT_ONCE);
    this.#isArmed = true;
    this.#armPing();
  }

  #check(): void {
    if (this.#isArmed && this.#ws.bufferedAmount <= FRESH_BYTES) {
      this.#isArmed = false; // it leaves
      return this.#release();
    }
    this.#disarm();
    if (--this.#tries > 0) return this.#try();
    this.#passes = false;
    this.#onceDrained(this.#pingOnceDrained = () => this.#pingNow());
  }

  /** What waits for the queue to be empty need not wait for the next look. */
  #lookAtEmptyQueue(): void {
    if (this.#passes && !this.#isArmed) return this.#arm();
    if (this.#pingOnceDrained === undefined) return;
    clearTimeout(this.#timer);
    this.#pingOnceDrained();
  }

  /** Sends a Ping when nothing is queued, and holds back what is sent until it has left. */
  #pingNow(): void {
    this.#pingOnceDrained = undefined;
    this.#armPing();
    this.#timer = setTimeout(() => this.#release(), AT_ONCE); // right after Deno's own timer
  }

  /** Takes back a Ping that has not gone out. */
  #disarm(): void {
    if (this.#isArmed) internals?.arm.call(this.#ws);
    this.#isArmed = false;
  }

  /** Sends what was held back, and holds nothing back any more. */
  #release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    this.#heldBytes = 0;
    this.#passes = false;
    this.#pingOnceDrained = undefined;
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
    // What is sent now goes nowhere: for a connection that was dropped, Deno would end the process (2.9.6).
    this.#held = [];
    this.#heldBytes = 0;
    clearTimeout(this.#timer);
    const ws = this.#ws;
    ws.removeEventListener("message", this);
    if (internals === undefined || ws[internals.idleTime] !== NEVER) return; // no Ping has gone out
    ws[internals.idleTime] = AT_ONCE;
    internals.arm.call(ws);
  }
}

/** A client's connection that is made anew when it is lost. Not part of the public API. */

import { BusinessError, businessError } from "../errors.ts";
import type { Clock } from "../heartbeat.ts";
import { NORMAL } from "../internal/close_codes.ts";
import { describe, withoutSecrets } from "../internal/describe.ts";
import { afterTurn } from "../internal/result.ts";
import type { DialRequest, End } from "../runtime/contract.ts";
import { ClientConnection, type ConnectionOwner, type ConnectionParts } from "./connection.ts";
import { backoff, type Interruption, type ReconnectPolicy } from "./reconnect_policy.ts";
import { SendQueue } from "./send_queue.ts";
import type { CloseResult, WebSocketData } from "./types.ts";

/** What a connection is made of that is made more than once. */
export interface ReconnectParts extends Omit<ConnectionParts, "request"> {
  policy: ReconnectPolicy;
  /** What to dial next; a promise where the user is asked: what they throw, or what is wrong. */
  request: () => DialRequest | Promise<DialRequest | BusinessError>;
}

/** How often to look whether the machine has slept, in ms. */
const LOOK_MS = 2000;

/** By how much more than that the calendar must have moved on, in ms. */
const SLEPT_MS = 5000;

/** What it tells its client: as any connection does, and what becomes of it between two of them. */
export interface ReconnectOwner extends ConnectionOwner {
  /** An attempt failed, or a connection ended; another attempt follows. */
  interrupted(end: { error: BusinessError } | { close: CloseResult; end?: End | undefined }): void;
  reconnecting(info: { attempt: number; delay: number }): void;
  /** A function of the user's failed, or messages were never sent. */
  report(error: BusinessError): void;
}

/** Connections, one after the other, with pauses between them. */
export class ReconnectingConnection implements ConnectionOwner {
  readonly #owner: ReconnectOwner;
  readonly #parts: ReconnectParts;
  readonly #clock: Clock;
  /** What was sent while there was no connection. */
  readonly #queue = new SendQueue();
  #connection: ClientConnection | undefined;
  /** What is done while there is no connection. */
  #between: "preparing" | "waiting" | "closing" = "preparing";
  /** Whether the user is being asked if it goes on: then its end is on the way. */
  #deciding = false;
  /** How often was asked for what to dial: a late answer counts no more. */
  #asked = 0;
  /** How many attempts have followed each other without a stable connection. */
  #attempt = 0;
  #last: Interruption = { code: 1006, reason: "" };
  /** The timer that runs: until the next attempt, or until the connection is stable. */
  #timer: unknown;
  #look: unknown;
  #looked = 0;

  /** Makes the first attempt; throws what the runtime throws. */
  constructor(owner: ReconnectOwner, parts: ReconnectParts) {
    const { options: { signal } } = parts;
    this.#owner = owner;
    this.#parts = parts;
    this.#clock = parts.clock;
    this.#dial();
    signal?.addEventListener("abort", this.#abort);
    this.#looked = this.#clock.wall?.() ?? 0;
    this.#watch();
    if (signal?.aborted) this.#abort();
  }

  get state(): "connecting" | "open" | "closing" | "reconnecting" | "idle" {
    const state = this.#connection?.state;
    // One that closes by itself is no reason to refuse anything: another may follow.
    if (state === "closing" && this.#between !== "closing") return "reconnecting";
    if (state !== undefined) return state;
    const between = {
      preparing: "connecting",
      waiting: "reconnecting",
      closing: "closing",
    } as const;
    return between[this.#between];
  }

  get protocol(): string {
    return this.#connection?.protocol ?? "";
  }

  get bufferedAmount(): number {
    const connection = this.#connection;
    const lives = connection?.state === "open" || connection?.state === "connecting";
    return lives ? connection.bufferedAmount : this.#queue.bytes;
  }

  /** Bytes that may be queued now. */
  get maxQueued(): number {
    return this.state === "open" ? Infinity : this.#parts.policy.maxQueued;
  }

  /** Sends, or keeps until open and answers `false`. */
  send(data: WebSocketData): boolean {
    if (this.#connection?.state === "open") return this.#connection.send(data);
    this.#queue.push(data);
    return false;
  }

  /** Closes the connection there is; the policy says whether it goes on. */
  drop(close: CloseResult): void {
    this.#connection?.close(close);
  }

  /** Ends it for good. */
  close(asked: CloseResult, wire?: CloseResult): void {
    this.#between = "closing";
    const state = this.#connection?.state;
    if (this.#deciding || state === "closing") return; // its end is on the way
    if (state !== undefined) return this.#connection!.close(asked, wire);
    this.#clock.clearTimer(this.#timer);
    afterTurn(() => this.#give(() => this.#owner.closed(asked)));
  }

  opened(): void {
    const { stableAfter } = this.#parts.policy;
    this.#timer = this.#clock.setTimer(() => this.#attempt = 0, stableAfter * 1000);
    this.#owner.opened();
  }

  message(data: string | ArrayBuffer): void {
    this.#owner.message(data);
  }

  failed(error: BusinessError): void {
    const status = Number(error.data);
    this.#interrupted({ code: 1006, reason: "", ...(status > 0 && { status }) }, { error });
  }

  lost(error: BusinessError): void {
    this.#owner.lost(error);
  }

  closed(close: CloseResult, end?: End): void {
    this.#interrupted({ ...close }, { close, end });
  }

  #dial(): void {
    this.#between = "preparing";
    const request = this.#parts.request();
    if (!(request instanceof Promise)) return this.#connect(request);
    const { connectTimeout } = this.#parts.options;
    const asked = ++this.#asked;
    const answered = (then: () => void) => {
      if (this.#between !== "preparing" || asked !== this.#asked) return;
      this.#asked++;
      this.#clock.clearTimer(this.#timer);
      then();
    };
    const late = new Error(`no answer within ${connectTimeout} s`);
    this.#timer = this.#clock.setTimer(
      () => answered(() => this.#unprepared(late)),
      connectTimeout * 1000,
    );
    request.then(
      (request) =>
        answered(() =>
          request instanceof BusinessError
            ? this.#give(() => this.#owner.failed(request))
            : this.#redial(() => this.#connect(request))
        ),
      (cause) => answered(() => this.#unprepared(cause)),
    );
  }

  /** Does what may throw where a runtime has run out of something: that attempt has failed. */
  #redial(dial: () => void): void {
    try {
      dial();
    } catch (cause) {
      const what = "the runtime refused to dial";
      this.failed(
        businessError("connectFailed", what, { data: "0", cause: withoutSecrets(cause) }),
      );
    }
  }

  /** The user does not say what to dial. */
  #unprepared(cause: unknown): void {
    const what = `'url' or 'header' failed: ${describe(cause)}`;
    this.failed(businessError("connectFailed", what, { data: "0", cause }));
  }

  #connect(request: DialRequest): void {
    const options = { ...this.#parts.options, signal: undefined };
    const parts = { ...this.#parts, request, options, queue: this.#queue };
    this.#connection = new ClientConnection(this, parts);
  }

  #interrupted(
    last: Interruption,
    end: { error: BusinessError } | { close: CloseResult; end?: End | undefined },
  ): void {
    const closing = this.#between === "closing";
    this.#clock.clearTimer(this.#timer);
    this.#connection = undefined;
    this.#between = "waiting";
    this.#attempt++;
    this.#last = last;
    const goesOn = !closing && this.#attempt <= this.#parts.policy.attempts && this.#wanted(last);
    if (!goesOn || (this.#between as string) === "closing") {
      return this.#give(() =>
        "error" in end ? this.#owner.failed(end.error) : this.#owner.closed(end.close, end.end)
      );
    }
    this.#owner.interrupted(end);
    if (this.#between === "waiting") this.#wait();
  }

  #wanted(last: Interruption): boolean {
    this.#deciding = true;
    const { shouldReconnect } = this.#parts.policy;
    const ask = () => shouldReconnect({ ...last });
    const wanted = this.#ask("shouldReconnect", ask, false);
    this.#deciding = false;
    return wanted;
  }

  /** Asks a function of the user's; one that fails, or answers with anything else, is reported. */
  #ask<T>(name: string, ask: () => T, otherwise: T): T {
    let what;
    let options = {};
    try {
      const answer: unknown = ask();
      if (typeof answer === typeof otherwise) return answer as T;
      what = `'${name}' must answer with a ${typeof otherwise}: current value is ${
        describe(answer)
      }`;
      // It is not waited for, and what becomes of it must not end the process.
      void Promise.resolve(answer).catch(() => {});
    } catch (cause) {
      what = `'${name}' failed: ${describe(cause)}`;
      options = { cause };
    }
    this.#owner.report(businessError("hookFailed", what, options));
    return otherwise;
  }

  #wait(): void {
    const { policy } = this.#parts;
    const chance = this.#ask("random", policy.random, 1);
    if (this.#between !== "waiting") return; // the report's listener has closed
    const ms = backoff(policy, this.#attempt, this.#last, chance);
    this.#timer = this.#clock.setTimer(this.#again, ms);
    this.#owner.reconnecting({ attempt: this.#attempt, delay: ms / 1000 });
  }

  readonly #again = (): void => this.#redial(() => this.#dial());

  /** Looks whether the machine has slept: what was connected then is hardly connected now. */
  #watch(): void {
    const { wall } = this.#clock;
    if (wall === undefined) return;
    const now = wall();
    const slept = now - this.#looked > LOOK_MS + SLEPT_MS;
    this.#looked = now;
    this.#look = this.#clock.setTimer(() => this.#watch(), LOOK_MS);
    if (!slept) return;
    if (this.state === "open") this.#connection!.probe();
    // One that is closing by itself comes to its end first.
    if (this.#between !== "waiting" || this.#connection !== undefined) return;
    this.#clock.clearTimer(this.#timer);
    this.#again();
  }

  readonly #abort = (): void => {
    if (this.#between !== "closing") this.close(NORMAL);
  };

  /** It is over for good. */
  #give(tell: () => void): void {
    this.#between = "closing";
    this.#clock.clearTimer(this.#timer);
    this.#clock.clearTimer(this.#look);
    this.#parts.options.signal?.removeEventListener("abort", this.#abort);
    const unsent = this.#queue.take().length;
    if (unsent > 0) {
      this.#owner.report(
        businessError("unsent", `send: ${unsent} queued messages were never sent`),
      );
    }
    tell();
  }
}

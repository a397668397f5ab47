/** The connections of a client that reconnects, one after the other. Not part of the public API. */

import { BusinessError, businessError } from "../errors.ts";
import type { Clock } from "../heartbeat.ts";
import { NORMAL } from "../internal/close_codes.ts";
import { causeOf } from "../internal/close_deadline.ts";
import { describe, withoutSecrets } from "../internal/describe.ts";
import type { AttemptFailure } from "../internal/observer.ts";
import type { Incoming } from "../internal/payload.ts";
import type { Receipt } from "../internal/receipt.ts";
import { afterTurn } from "../internal/result.ts";
import type { NumberedMessage } from "../internal/unacknowledged.ts";
import type { DialRequest, End } from "../runtime/contract.ts";
import type { Outbox } from "./acknowledged.ts";
import { numbered } from "./attempt.ts";
import { ClientConnection } from "./connection.ts";
import type { ConnectionOwner, ConnectionParts } from "./connection_types.ts";
import { backoff, type Interruption, type ReconnectPolicy } from "./reconnect_policy.ts";
import { SendQueue } from "./send_queue.ts";
import { SleepWatch } from "./sleep_watch.ts";
import type { CloseResult, WebSocketData } from "./types.ts";

/** What all attempts of a client that reconnects share. */
export interface ReconnectParts extends Omit<ConnectionParts, "request"> {
  policy: ReconnectPolicy;
  /** What the server is to acknowledge, where it can. */
  outbox?: Outbox | undefined;
  /** What to dial, if anybody waits for it. A promise where the user is asked: it rejects with what that throws. */
  request: (isWanted: () => boolean) => DialRequest | Promise<DialRequest | BusinessError>;
}

/** What a client is told: what any connection tells, and what happens between two connections. */
export interface ReconnectOwner extends ConnectionOwner {
  /** An attempt failed, or a connection ended; another attempt follows. */
  interrupted(end: { error: BusinessError } | { close: CloseResult; end?: End | undefined }): void;
  reconnecting(info: { attempt: number; delay: number }): void;
}

/** Connections, one after the other, with pauses between them. */
export class ReconnectingConnection implements ConnectionOwner {
  readonly #owner: ReconnectOwner;
  readonly #parts: ReconnectParts;
  readonly #clock: Clock;
  /** What was sent while there was no connection. */
  readonly queue = new SendQueue();
  #connection: ClientConnection | undefined;
  /**
   * The state while there is no connection: it is not known yet what to dial, `shouldReconnect` is being asked, it
   * waits for the next attempt, or it ends.
   */
  #between: "connecting" | "asking" | "reconnecting" | "closing" = "connecting";
  /** What `close` was asked for. */
  #close: CloseResult | undefined;
  /** How often the user was asked what to dial. The answer to an earlier question comes too late. */
  #asked = 0;
  /** How many attempts there were since the last stable connection. */
  #attempt = 0;
  /** The timer that runs: until the next attempt, or until the connection is stable. */
  #timer: unknown;
  /** Bytes that were lost with the last connection, or with what was queued for another. */
  unsent = 0;
  readonly #sleep: SleepWatch;
  /** Call it to hear no more that the network is back. */
  #deaf: (() => void) | undefined;

  constructor(owner: ReconnectOwner, parts: ReconnectParts) {
    this.#owner = owner;
    this.#parts = parts;
    this.#clock = parts.clock;
    this.#sleep = new SleepWatch(parts.clock, this.hasten);
  }

  /** Makes the first attempt; throws what the runtime throws. */
  start(): void {
    const { options: { signal }, runtime } = this.#parts;
    try {
      this.#dial();
    } catch (cause) {
      this.#finish(() => {});
      throw cause;
    }
    signal?.addEventListener("abort", this.#abort);
    this.#sleep.start();
    this.#deaf = runtime.woken?.(this.hasten);
    if (signal?.aborted) this.#abort();
  }

  get state(): "connecting" | "open" | "closing" | "reconnecting" | "idle" {
    const between = this.#between;
    const state = this.#connection?.state ?? between;
    // A connection that closes by itself is no reason to refuse a call: another may follow.
    const goesOn = state === "asking" || (state === "closing" && between !== "closing");
    return goesOn ? "reconnecting" : state;
  }

  get protocol(): string | undefined {
    return this.#connection?.protocol;
  }

  /** Those of the connection. Only while open. */
  get extensions(): string {
    return this.#connection!.extensions;
  }

  get bufferedAmount(): number {
    const { state } = this;
    if (state === "open") return this.#connection!.bufferedAmount;
    return this.queue.bytes + (state === "closing" ? this.#connection?.bufferedAmount ?? 0 : 0);
  }

  /** Bytes that may be queued now. */
  get maxQueued(): number {
    return this.takes ? Infinity : this.#parts.policy.maxQueued;
  }

  /** Whether there is a connection that takes messages: none whose server has said Close. */
  get takes(): boolean {
    return this.#connection?.takes === true;
  }

  /** Sends and returns `true`, or queues the message and returns `false`. */
  send(data: WebSocketData): boolean {
    if (this.takes) return this.#connection!.send(data);
    this.queue.push(data);
    return false;
  }

  /** Sends a message that is to be acknowledged, now or on the next connection. */
  acknowledge(message: NumberedMessage): void {
    if (this.takes) this.#connection!.acknowledge(message);
    else this.queue.push(message);
  }

  /** Closes the present connection. The policy decides whether another follows. */
  drop(close: CloseResult): void {
    this.#connection?.close(close);
  }

  /** Drops the connection there is, and ends it for good. */
  terminate(): void {
    this.#between = "closing";
    this.#connection?.terminate();
  }

  /** Asks for a sign of life now. Only while open. */
  probe(): void {
    this.#connection!.probe();
  }

  /** See {@linkcode ClientConnection.pause}. */
  pause(expired: () => void): (() => void) | undefined {
    return this.#connection?.pause(expired);
  }

  /** Closes, and does not connect again. */
  close(asked: CloseResult, wire?: CloseResult): void {
    const between = this.#between;
    this.#between = "closing";
    this.#close = asked;
    const state = this.#connection?.state;
    if (between === "asking" || state === "closing") return; // its end is being handled
    if (state !== undefined) return this.#connection!.close(asked, wire);
    this.#clock.clearTimer(this.#timer);
    afterTurn(() => this.#finish(() => this.#owner.closed(asked)));
  }

  opened(): void {
    const { stableAfter } = this.#parts.policy;
    this.#timer = this.#clock.setTimer(() => this.#attempt = 0, stableAfter * 1000);
    this.#owner.opened();
  }

  message(data: Incoming, receipt?: Receipt): void {
    this.#owner.message(data, receipt);
  }

  failed(error: BusinessError): void {
    const status = Number(error.data);
    this.#interrupted({ code: 1006, reason: "", ...(status > 0 && { status }) }, { error });
  }

  report(error: BusinessError): void {
    this.#owner.report(error);
  }

  lost(error: BusinessError): void {
    this.#owner.lost(error);
  }

  closed(close: CloseResult, end?: End): void {
    this.#interrupted(close, { close, end });
  }

  #dial(): void {
    this.#between = "connecting";
    const asked = ++this.#asked;
    const isWanted = () => this.#between === "connecting" && asked === this.#asked;
    const request = this.#parts.request(isWanted);
    if (!(request instanceof Promise)) return this.#connect(request);
    const { connectTimeout } = this.#parts.options;
    const began = this.#clock.now();
    const answered = (then: () => void) => {
      if (!isWanted()) return;
      this.#clock.clearTimer(this.#timer);
      then();
    };
    const failed = (reason: AttemptFailure, what: string, cause?: unknown) =>
      answered(() => this.#failPreparing(this.#clock.now() - began, reason, what, cause));
    const late = `timed out after ${connectTimeout} s, with nothing to dial yet`;
    this.#timer = this.#clock.setTimer(() => failed("timeout", late), connectTimeout * 1000);
    request.then(
      (request) =>
        answered(() =>
          request instanceof BusinessError
            ? this.#finish(() => this.#owner.failed(request))
            : this.#redial(() => this.#connect(request, this.#clock.now() - began))
        ),
      (cause) => failed("hook_failed", `'url' or 'header' failed: ${describe(cause)}`, cause),
    );
  }

  /** Dials again. Where the runtime throws, that attempt has failed. */
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

  /** It is not known what to dial: a function of the user has failed, or it takes too long. */
  #failPreparing(duration: number, reason: AttemptFailure, what: string, given?: unknown): void {
    const { observing, who } = this.#parts;
    observing?.failed?.(who, { duration, reason, ...numbered(this.#attempt) });
    if (this.#between === "closing") return; // the observer has closed: that tells the end
    const cause = given ?? new Error(what);
    this.failed(businessError("connectFailed", what, { data: "0", cause }));
  }

  /** @param spent How many ms of the attempt's time are over. */
  #connect(request: DialRequest, spent = 0): void {
    const parts = { ...this.#parts, request, queue: this.queue, spent, attempt: this.#attempt };
    this.#connection = new ClientConnection(this, parts);
    this.#connection.start();
  }

  #interrupted(last: Interruption, end: Parameters<ReconnectOwner["interrupted"]>[0]): void {
    const closing = this.#between === "closing";
    this.#clock.clearTimer(this.#timer);
    this.unsent = this.#connection?.unsent ?? 0;
    this.#connection = undefined;
    const attempt = ++this.#attempt;
    if (closing || attempt > this.#parts.policy.attempts || !this.#wanted(last)) {
      return this.#finish(() => {
        if ("error" in end) this.#owner.failed(end.error, this.#close);
        else this.#owner.closed(end.close, end.end);
      });
    }
    this.queue.putBack(this.#parts.outbox?.waiting ?? []);
    this.#owner.interrupted(end);
    if (this.#waitsFor(attempt)) this.#wait(last, attempt);
  }

  /** Whether it still waits for an attempt: whoever was told may have closed, or have made it. */
  #waitsFor(attempt: number): boolean {
    return this.#between === "reconnecting" && this.#attempt === attempt;
  }

  #wanted(last: Interruption): boolean {
    this.#between = "asking";
    const { shouldReconnect } = this.#parts.policy;
    const wanted = this.#ask("shouldReconnect", () => shouldReconnect({ ...last }), false);
    if (this.#between as string === "closing") return false;
    this.#between = "reconnecting";
    return wanted;
  }

  /** Calls a function of the user. One that fails, or answers with another type, is reported. */
  #ask<T>(name: string, ask: () => T, otherwise: T): T {
    let what;
    let options = {};
    try {
      const answer: unknown = ask();
      if (typeof answer === typeof otherwise) return answer as T;
      what = `'${name}' must answer with a ${typeof otherwise}: current value is ${
        describe(answer)
      }`;
      // It may be a promise: nobody waits for it, and its rejection must not end the process.
      void Promise.resolve(answer).catch(() => {});
    } catch (cause) {
      what = `'${name}' failed: ${describe(cause)}`;
      options = { cause };
    }
    this.#owner.report(businessError("hookFailed", what, options));
    return otherwise;
  }

  #wait(last: Interruption, attempt: number): void {
    const { policy } = this.#parts;
    const chance = this.#ask("random", policy.random, 1);
    if (!this.#waitsFor(attempt)) return;
    const ms = backoff(policy, attempt, last, chance);
    this.#timer = this.#clock.setTimer(this.#again, ms);
    const info = { attempt, delay: ms / 1000 };
    const { observing, who } = this.#parts;
    observing?.reconnecting?.(who, { ...info });
    if (this.#waitsFor(attempt)) this.#owner.reconnecting(info);
  }

  readonly #again = (): void => this.#redial(() => this.#dial());

  /**
   * There may be a network again: makes the next attempt now, and asks an open connection for a sign
   * of life. Returns whether an attempt is made.
   */
  readonly hasten = (): boolean => {
    if (this.state === "open") this.probe();
    if (this.#between !== "reconnecting") return false;
    this.#clock.clearTimer(this.#timer);
    this.#again();
    return true;
  };

  readonly #abort = (): void => {
    if (this.#between !== "closing") this.close(NORMAL);
  };

  /** Ends everything, and tells the client why. */
  #finish(tell: () => void): void {
    this.#between = "closing";
    this.#clock.clearTimer(this.#timer);
    this.#sleep.end();
    this.#deaf?.();
    this.#parts.options.signal?.removeEventListener("abort", this.#abort);
    const { observing, options: { signal }, outbox, who } = this.#parts;
    const { count, bytes } = this.queue.drop();
    this.unsent += bytes;
    outbox?.end(causeOf(signal));
    if (count > 0) {
      observing?.unsent?.(who, bytes);
      const what = `send: ${count} queued messages were never sent, of ${bytes} bytes`;
      this.#owner.report(businessError("unsent", what, { ...causeOf(signal), data: `${bytes}` }));
    }
    tell();
  }
}

/** What a connection of a client needs, and what it tells. Not part of the public API. */

import type { BusinessError } from "../errors.ts";
import type { Clock, Heartbeat } from "../heartbeat.ts";
import type { Observing } from "../internal/observer.ts";
import type { Incoming } from "../internal/payload.ts";
import type { Receipt } from "../internal/receipt.ts";
import type { AnswerEvents, DialRequest, End } from "../runtime/contract.ts";
import type { ConnectOptions } from "./options.ts";
import type { Wires } from "./resuming_runtime.ts";
import type { SendQueue } from "./send_queue.ts";
import type { CloseResult } from "./types.ts";

/** What a connection tells its client; each end is told once. */
export interface ConnectionOwner {
  opened(): void;
  message(data: Incoming, receipt?: Receipt): void;
  /** The attempt failed: nothing was open. Where it was closed as that was found out, with what it was closed with. */
  failed(error: BusinessError, close?: CloseResult): void;
  /** The connection is lost; `closed` follows. */
  lost(error: BusinessError): void;
  /** Messages were accepted and are lost, or a function of the user failed. */
  report(error: BusinessError): void;
  /** `end` is how the runtime told it, where it did: with the code that came, 1005 for none. */
  closed(close: CloseResult, end?: End): void;
}

/** What a connection needs. */
export interface ConnectionParts {
  runtime: Wires;
  clock: Clock;
  heartbeat: Heartbeat;
  maxPayload: number;
  request: DialRequest;
  options: ConnectOptions;
  /** The messages that wait until it is open. Its own, unless one is given: then others may follow it. */
  queue?: SendQueue;
  /** How many ms of `connectTimeout` are over: it took so long to find out what to dial. */
  spent?: number;
  /** Which attempt in a row it is of those that nobody has asked for; 0 where `connect` was called. */
  attempt?: number;
  /** As what bytes are to come. */
  binaryType?: DialRequest["binaryType"];
  /** Who hears what the server answers. */
  answer?: AnswerEvents | undefined;
  /** What an observer gets as the connection. */
  who: unknown;
  observing: Observing | undefined;
}

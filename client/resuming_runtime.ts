/** Loads what a client needs to resume, where it is to. Not part of the public API. */

import type { Clock } from "../internal/clock.ts";
import { loading } from "../internal/loading.ts";
import type { Incoming } from "../internal/payload.ts";
import type { Receipt } from "../internal/receipt.ts";
import type { NumberedMessage } from "../internal/unacknowledged.ts";
import type {
  ClientEvents,
  ClientRuntime,
  ClientSocket,
  DialRequest,
} from "../runtime/contract.ts";
import { Outbox } from "./acknowledged.ts";
import type { ResumeSession, SessionOwner } from "./resume.ts";

/** A connection of a runtime, or of one whose connections resume. */
export interface Wire extends ClientSocket {
  /**
   * Sends a message that is to be acknowledged, where connections resume. Returns whether it was sent:
   * where it cannot be, it has been refused.
   */
  acknowledge?(message: NumberedMessage): boolean;
}

/** What it tells. */
export interface WireEvents extends ClientEvents {
  /** Where there is a receipt, the server wants to hear what becomes of the message. */
  message(data: Incoming, receipt?: Receipt): void;
}

/** What connections need of a runtime, or of one whose connections resume. */
export interface Wires extends Pick<ClientRuntime, "canPing" | "unsupported" | "woken"> {
  dial(request: DialRequest, events: WireEvents): Wire;
}

/** A runtime whose connections resume, from when it is loaded. */
export interface ResumingRuntime {
  runtime: Wires;
  /** What the server is to acknowledge. */
  outbox: Outbox;
  /** Makes of what says what to dial one that waits until it is loaded, and is not asked if nobody waits by then. */
  after<T>(request: () => T | Promise<T>): (isWanted: () => boolean) => Promise<T>;
}

let loads: Promise<typeof import("./resume.ts")> | undefined;

/** Loads what resumes; for all who ask meanwhile at once, as they then dial in the order in which they have connected. */
function load(): Promise<typeof import("./resume.ts")> {
  return loads ??= loading(import("./resume.ts").finally(() => loads = undefined));
}

/**
 * Makes of a runtime one whose connections resume.
 *
 * @param limit How many bytes may wait to be acknowledged.
 */
export function resumingRuntime(
  runtime: ClientRuntime,
  clock: Clock,
  owner: SessionOwner,
  limit: number,
): ResumingRuntime {
  const outbox = new Outbox(limit);
  let session: ResumeSession | undefined;
  return {
    outbox,
    runtime: {
      canPing: runtime.canPing,
      unsupported: (request) => runtime.unsupported(request),
      ...(runtime.woken && { woken: (wake: () => void) => runtime.woken!(wake) }),
      dial: (request, events) => session!.dial(request, events),
    },
    after: (request) => async (isWanted) => {
      const { ResumeSession } = await load();
      session ??= new ResumeSession(runtime, clock, owner, outbox);
      return await (isWanted() ? request() : new Promise<never>(() => {}));
    },
  };
}

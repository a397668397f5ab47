/** Loads what a client needs to resume, where it is to. Not part of the public API. */

import type { Clock } from "../internal/clock.ts";
import type { ClientRuntime } from "../runtime/contract.ts";
import type { ResumeSession, SessionOwner } from "./resume.ts";

/** A runtime whose connections resume, from when it is loaded. */
export interface ResumingRuntime {
  runtime: ClientRuntime;
  loaded(): Promise<void>;
}

/** Makes of a runtime one whose connections resume. */
export function resumingRuntime(
  runtime: ClientRuntime,
  clock: Clock,
  owner: SessionOwner,
): ResumingRuntime {
  let session: ResumeSession | undefined;
  return {
    runtime: {
      name: runtime.name,
      canPing: runtime.canPing,
      denied: (url) => runtime.denied(url),
      unsupported: (request) => runtime.unsupported(request),
      ...(runtime.woken && { woken: (wake: () => void) => runtime.woken!(wake) }),
      dial: (request, events) => session!.dial(request, events),
    },
    async loaded() {
      const { ResumeSession } = await import("./resume.ts");
      session ??= new ResumeSession(runtime, clock, owner);
    },
  };
}

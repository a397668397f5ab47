/** What the contract of `runtime/contract.ts` lets a runtime do, and not all of them do. */

import type { Clock } from "../../heartbeat.ts";
import type {
  Admission,
  ClientEvents,
  ClientRuntime,
  End,
  ServerRuntime,
  Socket,
  SocketEvents,
} from "../../runtime/contract.ts";

/**
 * - `plain` tells nothing of a connection that was dropped, and why one was lost;
 * - `late` tells a server a moment later that a connection is open, and a moment after one was
 *   dropped what had come in, and that it is closed; of a loss it says 1006;
 * - `at once` tells within `close` and `terminate` of a server that it is closed; of a loss it says
 *   nothing at all.
 */
export type Timing = "plain" | "late" | "at once";

const LATE_MS = 2;

/** A client's runtime with another timing. No runtime's client closes "at once". */
export function timedClient(runtime: ClientRuntime, clock: Clock, timing: Timing): ClientRuntime {
  if (timing === "plain") return runtime;
  return {
    ...runtime,
    dial(request, events) {
      const told = once(events, timing);
      const open = () => {
        told.opened = true;
        events.open();
      };
      const socket = runtime.dial(request, { ...told, open } as ClientEvents);
      if (timing === "late") afterwards(socket, clock, { ...told, open: events.open.bind(events) });
      return socket;
    },
  };
}

/** A server's runtime with another timing. */
export function timedServer(runtime: ServerRuntime, clock: Clock, timing: Timing): ServerRuntime {
  if (timing === "plain") return runtime;
  return {
    ...runtime,
    listen: (options, events) =>
      runtime.listen(options, {
        failed: (cause) => events.failed(cause),
        lost: (cause) => events.lost(cause),
        request(request, peer) {
          const moody = <T>(answer: T): T => {
            if (answer instanceof Response) return answer;
            const admission = answer as Admission;
            const told = once(admission, timing);
            const { protocol } = admission;
            const open = (socket: Socket) => {
              told.opened = true;
              if (timing === "at once") {
                atOnce(socket, told);
                return admission.open(socket);
              }
              afterwards(socket, clock, told);
              clock.setTimer(() => told.over || admission.open(socket), LATE_MS);
            };
            return { ...told, protocol, open } as T;
          };
          const answer = events.request(request, peer);
          return answer instanceof Promise ? answer.then(moody) : moody(answer);
        },
      }),
  };
}

type Told = SocketEvents & { opened: boolean; over: boolean; open?(): void };

/** Tells everything on, until it has told that the connection is closed. */
function once(events: SocketEvents, timing: Timing): Told {
  const told: Told = {
    opened: false,
    over: false,
    message: (data) => told.over || events.message(data),
    alive: () => told.over || events.alive(),
    closed(end) {
      if (told.over) return;
      told.over = true;
      const lost = told.opened && end.failure !== undefined;
      const bare: End = { code: timing === "late" ? 1006 : 0, reason: "" };
      events.closed(lost ? bare : end);
    },
  };
  return told;
}

/** A dropped connection is told of a little later, and what had come in before that. */
function afterwards(socket: Socket, clock: Clock, told: Told): void {
  const terminate = socket.terminate.bind(socket);
  let dropped = false;
  socket.terminate = () => {
    terminate();
    if (dropped) return;
    dropped = true;
    clock.setTimer(() => {
      told.open?.();
      told.alive();
      told.message("from before it was dropped");
      told.closed({ code: 1000, reason: "" });
    }, LATE_MS);
  };
}

function atOnce(socket: Socket, told: Told): void {
  const close = socket.close.bind(socket);
  const terminate = socket.terminate.bind(socket);
  socket.close = (code, reason) => {
    close(code, reason);
    told.closed({ code, reason });
  };
  socket.terminate = () => {
    terminate();
    told.closed({ code: 1006, reason: "" });
  };
}
